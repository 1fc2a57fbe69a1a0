from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.ratio import ratio_of_means, ratio_of_paired_means
from gitexp.stats.student import paired_t, student, t_quantile, welch
from tests.stats.reference import CASES, agrees, arms

POSITIVE = st.lists(st.floats(0.5, 20.0), min_size=2, max_size=20)
LEVELS = st.sampled_from([0.001, 0.05, 0.3])


@pytest.mark.parametrize("name", ["fieller_DS1", "fieller_DS2"])
def test_ratios_of_independent_means(name: str) -> None:
    case = CASES[name]
    expected = case["expected"]
    by_welch = ratio_of_means(*arms(case), level=0.05)
    pooled = ratio_of_means(*arms(case), level=0.05, pooled=True)
    assert by_welch.estimate is not None
    agrees(case, [by_welch.estimate], [expected["ratio"]])
    agrees(case, [by_welch.interval.low, by_welch.interval.high], expected["ci_welch"])
    agrees(case, [pooled.interval.low, pooled.interval.high], expected["ci_pooled"])

    p_welch, p_pooled = welch(*arms(case), level=0.05).p_value, pooled.p_value
    assert p_welch is not None
    assert p_pooled is not None
    agrees(case, [p_welch, p_pooled], [expected["p_welch"], expected["p_pooled"]])
    assert by_welch.p_value == pytest.approx(p_welch, rel=0.1)  # other degrees of freedom


@given(POSITIVE, POSITIVE, LEVELS, st.booleans())
def test_a_bounded_interval_excludes_one_exactly_when_its_test_rejects(
    control: list[float], treatment: list[float], level: float, pooled: bool
) -> None:
    result = ratio_of_means(control, treatment, level=level, pooled=pooled)
    if result.p_value is None or result.p_value == pytest.approx(level, rel=1e-6):
        return
    if result.interval.is_bounded:
        assert (1.0 not in result.interval) == (result.p_value <= level)
        assert result.estimate is not None
        assert result.estimate in result.interval
    if pooled:
        assert result.p_value == pytest.approx(
            student(control, treatment, level=level).p_value, rel=1e-6
        )


@given(st.lists(st.tuples(st.floats(0.5, 20.0), st.floats(0.5, 20.0)), max_size=20), LEVELS)
def test_the_test_of_paired_means_is_the_paired_t(
    pairs: list[tuple[float, float]], level: float
) -> None:
    control, treatment = [c for c, _ in pairs], [t for _, t in pairs]
    result = ratio_of_paired_means(control, treatment, level=level)
    if result.p_value is None or max(np.ptp(control), np.ptp(treatment)) < 1e-4:
        return
    by_t = paired_t(np.subtract(treatment, control), level=level)
    assert result.p_value == pytest.approx(by_t.p_value, rel=1e-3, abs=1e-9)
    if result.interval.is_bounded and result.p_value != pytest.approx(level, rel=1e-3):
        assert (1.0 not in result.interval) == (result.p_value <= level)


@given(POSITIVE, POSITIVE, LEVELS)
def test_the_ends_are_ratios_that_t_just_rejects(
    control: list[float], treatment: list[float], level: float
) -> None:
    result = ratio_of_means(control, treatment, level=level, pooled=True)
    if not result.interval.is_bounded or np.ptp(control) + np.ptp(treatment) < 1e-3:
        return
    c, t = np.array(control), np.array(treatment)
    df = c.size + t.size - 2
    variance = ((c - c.mean()) @ (c - c.mean()) + (t - t.mean()) @ (t - t.mean())) / df
    critical = float(t_quantile(level, df))
    for end in (result.interval.low, result.interval.high):
        se = math.sqrt(variance * (1 / t.size + end**2 / c.size))
        assert abs(float(t.mean() - end * c.mean())) == pytest.approx(critical * se, rel=1e-6)


def test_pairs_that_move_together_have_a_short_interval() -> None:
    case = CASES["fieller_DS1"]
    paired = ratio_of_paired_means(*arms(case), level=0.05)
    independent = ratio_of_means(*arms(case), level=0.05)
    assert paired.estimate == independent.estimate
    width = paired.interval.high - paired.interval.low
    assert width < (independent.interval.high - independent.interval.low) / 2


def test_a_control_that_may_be_zero_sets_no_limit() -> None:
    result = ratio_of_means([-1.0, 2.0, 0.5, -0.2], [3.0, 4.0, 5.0], level=0.05)
    assert not result.interval.is_bounded
    assert result.estimate is not None
    assert "no limits" in result.caveats[0]


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, 1.0], [2.0, 2.0]),
        ([-1.0, 1.0], [2.0, 3.0]),
        ([0.0, 0.0], [2.0, 3.0]),
        ([1.0, 2.0], [6.0, 7.0]),
        ([1.0, 2.0], [3.0, 6.0]),
    ],
)
def test_ratios_that_cannot_be_estimated_say_why(
    control: list[float], treatment: list[float]
) -> None:
    result = ratio_of_paired_means(control, treatment, level=0.05)
    assert result.p_value is None
    assert not result.interval.is_bounded
    assert result.caveats[0].startswith("not estimable: ")


def test_arms_that_cannot_be_compared_say_why() -> None:
    for control, treatment in (
        ([], [1.0]),
        ([1.0], [2.0, 3.0]),
        ([1.0, 1.0], [2.0, 2.0]),
        ([-1.0, 1.0], [2.0, 3.0]),
    ):
        result = ratio_of_means(control, treatment, level=0.05)
        assert result.p_value is None
        assert result.caveats[0].startswith("not estimable: ")
    assert not ratio_of_means([1.0, 2.0], [3.0, 4.0], level=0.0).interval.is_bounded


def test_pairs_of_other_lengths_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"\(2,\)"):
        ratio_of_paired_means([1.0, 2.0], [1.0], level=0.05)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(21)
    covered = sum(
        1.2 in ratio_of_means(rng.normal(5, 1, 12), rng.normal(6, 2, 15), level=0.05).interval
        for _ in range(4000)
    )
    assert covered / 4000 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 4000)
