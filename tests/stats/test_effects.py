from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.effects import (
    cohens_d,
    cohens_d_interval,
    d_z,
    d_z_interval,
    hedges_g,
    hedges_g_interval,
    summary,
)
from gitexp.stats.student import paired_t, student
from tests.stats.reference import CASES, agrees, arms

VALUES = st.lists(st.integers(-60, 60).map(lambda k: k / 8), min_size=2, max_size=15)
LEVELS = st.sampled_from([0.001, 0.05, 0.3])


def test_pairs_have_another_effect_size_than_arms() -> None:
    control, treatment = [1.0, 2.0, 3.0], [2.0, 3.5, 3.5]
    assert cohens_d(control, treatment) == pytest.approx(1.0 / math.sqrt((1.0 + 0.75) / 2))
    assert d_z([1.0, 1.5, 0.5]) == pytest.approx(2.0)


def test_the_correction_of_hedges_shrinks_small_samples() -> None:
    d, g = cohens_d([1.0, 2.0], [2.0, 4.0]), hedges_g([1.0, 2.0], [2.0, 4.0])
    assert d is not None
    assert g is not None
    assert g / d == pytest.approx(1.0 / math.sqrt(math.pi))  # J(2) = Gamma(1) / Gamma(1/2)


@pytest.mark.parametrize(
    ("control", "treatment"), [([], []), ([1.0], [2.0]), ([1.0, 1.0], [2.0, 2.0]), ([1.0, 2.0], [])]
)
def test_no_spread_has_no_effect_size(control: list[float], treatment: list[float]) -> None:
    assert cohens_d(control, treatment) is None
    assert hedges_g(control, treatment) is None


def test_three_values_are_too_few_to_correct() -> None:
    assert cohens_d([1.0, 2.0], [3.0]) is not None
    assert hedges_g([1.0, 2.0], [3.0]) is None
    assert d_z([1.0]) is None
    assert d_z([1.0, 1.0]) is None


def test_one_value_has_no_standard_deviation() -> None:
    one = summary([4.0])
    assert one is not None
    assert (one.n, one.mean, one.sd, one.median) == (1, 4.0, None, 4.0)
    assert summary([]) is None


@pytest.mark.parametrize("name", ["effsize_DS1", "effsize_DS2", "effsize_SLEEP"])
def test_intervals_of_standardized_effects(name: str) -> None:
    case = CASES[name]
    d = cohens_d_interval(*arms(case), level=0.05)
    g = hedges_g_interval(*arms(case), level=0.05)
    assert d is not None
    assert g is not None
    agrees(case, [d.low, d.high], case["expected"]["d_ci"])
    agrees(case, [g.low, g.high], case["expected"]["g_ci"])


def test_intervals_of_the_example_of_seven_trials_per_arm() -> None:
    case = CASES["spec_example_corrected"]
    shape = np.arange(-3.0, 4.0) / np.arange(-3.0, 4.0).std(ddof=1)
    control, treatment = (
        case["inputs"][arm]["mean"] + case["inputs"][arm]["sd"] * shape
        for arm in ("control", "treatment")
    )
    d = cohens_d_interval(treatment, control, level=0.05)  # the case is control minus treatment
    g = hedges_g_interval(treatment, control, level=0.05)
    assert d is not None
    assert g is not None
    agrees(case, [d.low, d.high], case["expected"]["d_ci"])
    agrees(case, [g.low, g.high], case["expected"]["g_ci"])


@given(VALUES, VALUES, LEVELS)
def test_an_interval_of_d_excludes_zero_exactly_when_t_rejects(
    control: list[float], treatment: list[float], level: float
) -> None:
    p = student(control, treatment, level=level).p_value
    interval = cohens_d_interval(control, treatment, level=level)
    assert (interval is None) == (p is None)
    if interval is not None and p is not None and p != pytest.approx(level, rel=1e-6):
        assert (0.0 not in interval) == (p <= level)
        assert interval.low < interval.high


@given(VALUES, LEVELS)
def test_an_interval_of_d_z_excludes_zero_exactly_when_t_rejects(
    d: list[float], level: float
) -> None:
    p = paired_t(d, level=level).p_value
    interval = d_z_interval(d, level=level)
    assert (interval is None) == (p is None)
    if interval is not None and p is not None and p != pytest.approx(level, rel=1e-6):
        assert (0.0 not in interval) == (p <= level)


@given(VALUES, VALUES, LEVELS)
def test_swapping_the_arms_mirrors_the_interval_of_g(
    control: list[float], treatment: list[float], level: float
) -> None:
    interval = hedges_g_interval(control, treatment, level=level)
    swapped = hedges_g_interval(treatment, control, level=level)
    if interval is None or swapped is None:
        assert interval is swapped
        return
    assert (swapped.low, swapped.high) == pytest.approx((-interval.high, -interval.low))


def test_no_spread_has_no_interval() -> None:
    assert cohens_d_interval([1.0, 1.0], [2.0, 2.0], level=0.05) is None
    assert hedges_g_interval([1.0, 2.0], [3.0], level=0.05) is None
    assert d_z_interval([1.0], level=0.05) is None


def test_a_level_beyond_the_digits_sets_no_limit() -> None:
    for level in (0.0, 1e-12):
        interval = d_z_interval([1.0, 2.0, 3.0], level=level)
        assert interval is not None
        assert not interval.is_bounded


def test_an_effect_of_any_size_has_an_interval() -> None:
    interval = d_z_interval([1e6, 1e6 + 1e-3, 1e6 - 1e-3], level=0.05)
    assert interval is not None
    effect = d_z([1e6, 1e6 + 1e-3, 1e6 - 1e-3])
    assert effect is not None
    assert 0.0 < interval.low < effect < interval.high < 4 * effect
