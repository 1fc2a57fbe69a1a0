from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.equivalence import paired_equivalence, welch_equivalence
from gitexp.stats.student import paired_t, welch
from tests.stats.reference import CASES, agrees, arms

VALUES = st.lists(st.floats(-5, 5), min_size=2, max_size=20)


def test_pairs_against_both_ends() -> None:
    case = CASES["tost_paired_DS1"]
    control, treatment = arms(case)
    region = (case["inputs"]["low"], case["inputs"]["upp"])
    found = paired_equivalence(np.subtract(treatment, control), region=region)
    assert found is not None
    expected = case["expected"]
    agrees(
        case,
        [found.p_value, found.t_low, found.p_low, found.t_high, found.p_high],
        [expected[name] for name in ("p", "t_low", "p_low", "t_upp", "p_upp")],
    )


def test_arms_against_both_ends() -> None:
    case = CASES["tost_ind_DS1"]
    region = (case["inputs"]["low"], case["inputs"]["upp"])
    found = welch_equivalence(*arms(case), region=region)
    assert found is not None
    expected = case["expected"]
    agrees(
        case,
        [found.p_value, found.t_low, found.p_low, found.t_high, found.p_high, found.df],
        [expected[name] for name in ("p", "t_low", "p_low", "t_upp", "p_upp", "df")],
    )


@given(VALUES, VALUES, st.sampled_from([0.01, 0.05, 0.2]))
def test_equivalent_is_an_interval_at_twice_the_level_inside_the_region(
    control: list[float], treatment: list[float], level: float
) -> None:
    low, high = region = (-1.5, 1.0)
    for found, result in (
        (paired_equivalence(control, region=region), paired_t(control, level=2 * level)),
        (
            welch_equivalence(control, treatment, region=region),
            welch(control, treatment, level=2 * level),
        ),
    ):
        if found is None or result.p_value is None:
            continue
        if found.p_value != pytest.approx(level, rel=1e-6):
            inside = low < result.interval.low and result.interval.high < high
            assert (found.p_value <= level) == inside


def test_too_little_data_is_not_called_equivalent() -> None:
    assert paired_equivalence([0.1], region=(-1.0, 1.0)) is None
    assert paired_equivalence([0.0] * 20, region=(-1.0, 1.0)) is None
    assert welch_equivalence([1.0], [1.0, 2.0], region=(-1.0, 1.0)) is None


def test_an_empty_region_is_quoted() -> None:
    with pytest.raises(ValueError, match=r"\(1\.0, 1\.0\)"):
        paired_equivalence([1.0, 2.0], region=(1.0, 1.0))
