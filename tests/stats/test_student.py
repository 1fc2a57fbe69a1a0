from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from gitexp.stats.results import Result
from gitexp.stats.student import (
    Figures,
    figures,
    paired_t,
    running_moments,
    student,
    student_of,
    t_quantile,
    welch,
    welch_of,
)
from tests.stats.reference import CASES, agrees

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)


def is_not_estimable(result: Result) -> bool:
    return (
        result.p_value is None
        and result.statistic is None
        and (result.interval.low, result.interval.high) == (-math.inf, math.inf)
        and result.caveats[0].startswith("not estimable: ")
    )


@given(VALUES)
def test_running_moments_are_those_of_each_prefix(values: list[float]) -> None:
    x = np.array(values)
    moments = running_moments(x)
    for n in range(2, x.size + 1):
        assert moments.mean[n - 1] == pytest.approx(x[:n].mean(), abs=1e-9)
        assert moments.sd[n - 1] == pytest.approx(x[:n].std(ddof=1), rel=1e-6, abs=1e-6)


@given(VALUES, st.sampled_from([0.001, 0.05, 0.3]))
def test_the_interval_excludes_zero_exactly_when_t_rejects(d: list[float], level: float) -> None:
    result = paired_t(d, level=level)
    if result.p_value is not None and result.p_value != pytest.approx(level, rel=1e-9):
        assert (0.0 not in result.interval) == (result.p_value <= level)


@given(VALUES, VALUES)
def test_swapping_the_arms_mirrors_welch(control: list[float], treatment: list[float]) -> None:
    result = welch(control, treatment, level=0.05)
    swapped = welch(treatment, control, level=0.05)
    assert swapped.p_value == result.p_value
    assert swapped.interval.low == -result.interval.high
    assert result.estimate is not None
    assert swapped.estimate == -result.estimate


@pytest.mark.parametrize("level", [0.05, 0.003, 1e-6, 1e-10])
def test_quantiles_invert_probabilities_far_in_the_tail(level: float) -> None:
    result = paired_t([1.0, 2.0, 4.0, 4.5, 7.0, 9.0, 3.0, 1.5, 2.5, 3.5], level=level)
    assert result.estimate is not None
    assert result.df == 9
    assert result.statistic is not None
    radius = result.estimate - result.interval.low
    se = result.estimate / result.statistic
    assert radius == pytest.approx(float(t_quantile(level, 9)) * se)
    shifted = paired_t(
        np.array([1.0, 2.0, 4.0, 4.5, 7.0, 9.0, 3.0, 1.5, 2.5, 3.5]) - result.interval.low,
        level=level,
    )
    assert shifted.p_value == pytest.approx(level, rel=1e-6)


def test_level_zero_has_no_finite_interval() -> None:
    assert not paired_t([1.0, 2.0, 3.0], level=0.0).interval.is_bounded


@pytest.mark.parametrize("d", [[], [0.3], [0.0] * 10, [0.2] * 10, [0.1 + 0.2, 0.3, 0.3]])
def test_what_t_cannot_estimate_it_says_so(d: list[float]) -> None:
    result = paired_t(d, level=0.05)
    assert is_not_estimable(result)
    assert (result.estimate is None) == (not d)


@pytest.mark.parametrize(
    ("control", "treatment"), [([], [1.0]), ([1.0], [2.0, 3.0]), ([1.0, 1.0], [2.0, 2.0])]
)
def test_what_welch_cannot_estimate_it_says_so(
    control: list[float], treatment: list[float]
) -> None:
    assert is_not_estimable(welch(control, treatment, level=0.05))


def test_one_constant_arm_is_no_obstacle() -> None:
    result = welch([1.0, 1.0, 1.0], [2.0, 3.0, 4.0], level=0.05)
    assert result.df == pytest.approx(2.0)
    assert result.statistic == pytest.approx(2.0 / math.sqrt(1 / 3))


def test_the_example_from_its_figures_alone() -> None:
    case = CASES["spec_example_corrected"]
    expected = case["expected"]
    control, treatment = (Figures(**case["inputs"][arm]) for arm in ("control", "treatment"))
    # the case is control minus treatment
    for result, name in (
        (student_of(treatment, control, level=0.05), "student"),
        (welch_of(treatment, control, level=0.05), "welch"),
    ):
        assert result.estimate is not None
        assert result.statistic is not None
        assert result.df is not None
        assert result.p_value is not None
        agrees(
            case,
            [result.estimate, result.statistic, result.df, result.p_value],
            [expected["diff"], expected["t"], expected[f"df_{name}"], expected[f"p_{name}"]],
        )
        agrees(case, [result.interval.low, result.interval.high], expected[f"ci_{name}"])


@given(VALUES, VALUES)
def test_student_of_values_is_that_of_scipy(control: list[float], treatment: list[float]) -> None:
    result = student(control, treatment, level=0.05)
    if result.p_value is None or min(np.ptp(control), np.ptp(treatment)) < 1e-3:
        return  # scipy warns of nearly equal values
    other = ttest_ind(treatment, control)
    assert result.statistic == pytest.approx(other.statistic, rel=1e-6, abs=1e-9)
    assert result.p_value == pytest.approx(other.pvalue, rel=1e-6, abs=1e-9)


@given(VALUES, VALUES, st.sampled_from([0.001, 0.05, 0.3]))
def test_the_intervals_of_arms_exclude_zero_exactly_when_their_tests_reject(
    control: list[float], treatment: list[float], level: float
) -> None:
    for test in (student, welch):
        result = test(control, treatment, level=level)
        if result.p_value is not None and result.p_value != pytest.approx(level, rel=1e-9):
            assert (0.0 not in result.interval) == (result.p_value <= level)


@given(VALUES, VALUES)
def test_arms_of_one_size_have_one_t(control: list[float], treatment: list[float]) -> None:
    n = min(len(control), len(treatment))
    by_student = student(control[:n], treatment[:n], level=0.05)
    by_welch = welch(control[:n], treatment[:n], level=0.05)
    if by_student.statistic is not None and by_welch.statistic is not None:
        assert by_student.statistic == pytest.approx(by_welch.statistic)


@pytest.mark.parametrize(
    ("control", "treatment"), [([], [1.0]), ([1.0], [2.0]), ([1.0, 1.0], [2.0, 2.0])]
)
def test_what_student_cannot_estimate_it_says_so(
    control: list[float], treatment: list[float]
) -> None:
    assert is_not_estimable(student(control, treatment, level=0.05))


def test_one_value_against_many_has_the_variance_of_the_many() -> None:
    result = student([1.0, 2.0, 3.0], [5.0], level=0.05)
    assert result.df == 2.0
    assert result.statistic == pytest.approx(3.0 / math.sqrt(4 / 3))


def test_impossible_figures_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"-0\.1"):
        Figures(n=2, mean=0.0, sd=-0.1)
    with pytest.raises(ValueError, match="-1"):
        Figures(n=-1, mean=0.0, sd=None)
    with pytest.raises(ValueError, match="control must"):
        figures("control", [math.nan])
