from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.sample_ratio import chi_square, running_sample_ratio, sample_ratio
from gitexp.stats.signals import Signal
from tests.stats.reference import CASES, agrees


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("srm_48_72", "p_exact_binom"),
        ("srm_15752_15257", "p_exact_binom"),
        ("srm_scipy_10_22", "p_exact"),
    ],
)
def test_two_arms(name: str, exact: str) -> None:
    case = CASES[name]
    counts = case["inputs"]["counts"]
    approximate, found = chi_square(counts, [1, 1]), sample_ratio(counts, [1, 1])
    assert found.p_value is not None
    agrees(
        case,
        [approximate.statistic, approximate.p_value, found.p_value],
        [case["expected"][key] for key in ("chi2", "p", exact)],
    )
    assert found.value == counts[0] / sum(counts)


def test_three_arms() -> None:
    case = CASES["srm_3arms"]
    found = chi_square(case["inputs"]["counts"], case["inputs"]["ratio"])
    expected = case["expected"]
    agrees(
        case,
        [found.statistic, found.df, found.p_value],
        [expected["chi2"], expected["df"], expected["p"]],
    )

    case = CASES["gb_srm_130_55_15"]
    check = sample_ratio(case["inputs"]["counts"], case["inputs"]["weights"])
    assert check.p_value is not None
    agrees(case, [check.p_value], [case["expected"]["p"]])
    assert check.signal is Signal.QUIET


def test_only_the_ratio_of_the_shares_matters() -> None:
    assert sample_ratio([30, 60], [1, 2]) == sample_ratio([30, 60], [10, 20])
    assert running_sample_ratio([30, 60], [1, 2]) == running_sample_ratio([30, 60], [10, 20])


def test_a_lost_half_of_an_arm_is_raised() -> None:
    assert sample_ratio([100, 50], [1, 1]).signal is Signal.RAISED
    assert running_sample_ratio([100, 30], [1, 1]).signal is Signal.RAISED
    assert running_sample_ratio([52, 48], [1, 1]).signal is Signal.QUIET
    assert running_sample_ratio([100_000, 0], [1, 1]).e_value == math.inf


def test_few_expected_trials_are_said() -> None:
    assert sample_ratio([3, 2, 1], [1, 1, 1]).caveats == (
        "fewer than 5 trials expected in an arm: p is approximate",
    )


def test_without_trials_there_is_no_ratio() -> None:
    for found in (sample_ratio([0, 0], [1, 1]), running_sample_ratio([0, 0], [1, 1])):
        assert found.signal is Signal.NOT_ESTIMABLE
        assert found.value is None
        assert found.caveats == ("not estimable: no trial yet",)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.floats(0.05, 1.0)), min_size=2, max_size=4).filter(
        lambda arms: sum(count for count, _ in arms) > 0
    )
)
def test_the_next_trial_leaves_the_mean_of_the_e_value_alone(arms: list[tuple[int, float]]) -> None:
    counts, shares = [count for count, _ in arms], [share for _, share in arms]
    now = running_sample_ratio(counts, shares).e_value
    following = 0.0
    for arm, share in enumerate(shares):
        after = [count + (i == arm) for i, count in enumerate(counts)]
        e_value = running_sample_ratio(after, shares).e_value
        assert e_value is not None
        following += share / sum(shares) * e_value
    assert following == pytest.approx(now, rel=1e-9)


def test_looking_after_every_trial_alarms_with_probability_alpha_at_most() -> None:
    going_on, alarmed = np.array([1.0]), 0.0  # of x trials in the first arm, exactly
    first = 0
    for n in range(1, 301):
        going_on = (np.append(going_on, 0.0) + np.append(0.0, going_on)) / 2.0
        while first <= n:  # the first count that is raised never falls
            if 2 * first > n and (
                running_sample_ratio([first, n - first], [1, 1]).signal is Signal.RAISED
            ):
                break
            first += 1
        raised = [x for x in range(n + 1) if max(x, n - x) >= first]
        alarmed += going_on[raised].sum()
        going_on[raised] = 0.0
    assert 0.0003 < alarmed <= 0.001


@pytest.mark.parametrize(
    ("counts", "shares", "quoted"),
    [
        ([1], [1.0], "two or more"),
        ([1, 2], [1.0], "two or more"),
        ([1, -2], [1.0, 1.0], "-2"),
        ([1.5, 2], [1.0, 1.0], r"1\.5"),
        ([1, 2], [1.0, 0.0], r"0\.0"),
    ],
)
def test_bad_arguments_are_quoted(counts: list[int], shares: list[float], quoted: str) -> None:
    for check in (sample_ratio, running_sample_ratio, chi_square):
        with pytest.raises(ValueError, match=quoted):
            check(counts, shares)


def test_bad_levels_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"1\.5"):
        running_sample_ratio([1, 2], [1, 1], alpha=1.5)
    with pytest.raises(ValueError, match="zero"):
        chi_square([0, 0], [1, 1])
