from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from gitexp.stats import mann_whitney as module
from gitexp.stats.mann_whitney import (
    mann_whitney,
    p_value,
    pair_counts,
    rejection_count,
    shift_at_least,
    shift_at_most,
)
from tests.stats.reference import CASES, agrees, arms

LEVELS = st.sampled_from([0.002, 0.01, 0.05, 0.1, 0.3])
COARSE = st.integers(-6, 6).map(lambda k: k / 4)
FINE = st.floats(-4, 4, allow_nan=False)
FAILED = st.sampled_from([math.inf, -math.inf])
VALUE = st.one_of(COARSE, COARSE, FINE, FAILED)
ARM = st.one_of(
    st.lists(COARSE, min_size=1, max_size=15),
    st.lists(FINE, min_size=1, max_size=15),
    st.lists(VALUE, min_size=1, max_size=15),
)
SEQUENCE = st.lists(st.tuples(VALUE, st.booleans()), min_size=1, max_size=20)


def brute_g(control: list[float], treatment: list[float], theta: float) -> float:
    g = 0.0
    for c, t in itertools.product(control, treatment):
        difference = theta if math.isinf(c) and c == t else t - c
        g += (difference < theta) + (difference == theta) / 2
    return g


def test_shift_interval_and_p_without_ties() -> None:
    case = CASES["mw_exact_DS1"]
    result = mann_whitney(*arms(case), level=0.05)
    expected = case["expected"]
    assert result.estimate is not None
    assert result.statistic is not None
    assert result.p_value is not None
    agrees(
        case,
        [result.statistic, result.p_value, result.estimate],
        [expected["U_treatment"], expected["p"], expected["hl_shift"]],
    )
    agrees(case, [result.interval.low, result.interval.high], expected["hl_ci"])


def test_complete_separation() -> None:
    case = CASES["benchstat_mw"]
    separated = {
        name: mann_whitney(*case["inputs"][name], level=0.05).p_value for name in ("sep3", "sep4")
    }
    assert None not in separated.values()
    expected = case["expected"]
    agrees(
        case,
        [p for p in separated.values() if p is not None],
        [expected["p_sep3"], expected["p_sep4"]],
    )
    agrees(case, [p_value(n, n, 0.0) for n in range(1, 10)], expected["min_p"])
    assert next(n for n in range(1, 10) if rejection_count(n, n, 0.05)) == 4
    assert next(n for n in range(1, 10) if rejection_count(n, n, 0.01)) == 5


@given(
    st.lists(FINE, min_size=1, max_size=25),
    st.lists(FINE, min_size=1, max_size=25),
)
def test_p_without_ties_is_that_of_scipy(control: list[float], treatment: list[float]) -> None:
    if len({*control, *treatment}) < len(control) + len(treatment):
        return
    result = mann_whitney(control, treatment, level=0.05)
    other = mannwhitneyu(treatment, control, method="exact")
    assert result.p_value == pytest.approx(other.pvalue, rel=1e-9)
    assert result.statistic == other.statistic


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 7), (3, 3), (4, 3), (5, 4)])
def test_the_null_distribution_is_that_of_all_orders(m: int, n: int) -> None:
    ranks = range(m + n)
    counts = [sum(chosen) - m * (m - 1) // 2 for chosen in itertools.combinations(ranks, m)]
    for u in range(m * n // 2 + 1):
        share = sum(value <= u for value in counts) / len(counts)
        assert p_value(m, n, float(u)) == pytest.approx(min(1.0, 2 * share), rel=1e-12)


def test_the_null_distribution_keeps_its_digits_in_the_tail() -> None:
    assert p_value(100, 100, 0.0) == pytest.approx(2 / math.comb(200, 100), rel=1e-12)
    # ways to write u as a sum: 1, 1, 2, 3, 5, 7 for u = 0 … 5
    assert p_value(100, 100, 5.0) == pytest.approx(38 / math.comb(200, 100), rel=1e-12)


def test_the_normal_null_continues_the_exact_one() -> None:
    for level in (0.002, 0.05):
        exact, normal = rejection_count(100, 100, level), rejection_count(100, 101, level)
        assert normal - exact == pytest.approx(exact / 100, abs=15)
        assert p_value(300, 300, rejection_count(300, 300, level) - 1.0) <= level
        assert p_value(300, 300, float(rejection_count(300, 300, level))) > level


@given(ARM, ARM, LEVELS)
def test_the_interval_excludes_zero_exactly_when_the_test_rejects(
    control: list[float], treatment: list[float], level: float
) -> None:
    result = mann_whitney(control, treatment, level=level)
    rejects = result.p_value is not None and result.p_value <= level
    assert (0.0 not in result.interval) == rejects


@given(ARM, ARM, st.one_of(COARSE, FINE), LEVELS)
def test_the_interval_is_what_a_shifted_test_does_not_reject(
    control: list[float], treatment: list[float], theta: float, level: float
) -> None:
    result = mann_whitney(control, treatment, level=level)
    if result.p_value is None:
        assert not result.interval.is_bounded
        return
    g = brute_g(control, treatment, theta)
    k = rejection_count(len(control), len(treatment), level)
    accepted = k - 1 < g and k - 1 < len(control) * len(treatment) - g
    assert (theta in result.interval) == accepted


@given(ARM, ARM, LEVELS)
def test_swapping_the_arms_mirrors_the_result(
    control: list[float], treatment: list[float], level: float
) -> None:
    result = mann_whitney(control, treatment, level=level)
    mirrored = mann_whitney(treatment, control, level=level)
    assert mirrored.p_value == result.p_value
    assert mirrored.interval.low == -result.interval.high
    assert mirrored.interval.high == -result.interval.low
    assert mirrored.interval.low_included == result.interval.high_included
    if result.estimate is not None:
        assert mirrored.estimate == -result.estimate


@given(SEQUENCE, st.one_of(COARSE, FINE))
def test_counts_of_every_prefix_are_those_of_the_full_table(
    sequence: list[tuple[float, bool]], theta: float
) -> None:
    values = np.array([x for x, _ in sequence])
    arm = np.array([treated for _, treated in sequence])
    counts = pair_counts(values, arm, theta)
    for n in range(1, len(sequence) + 1):
        c, t = values[:n][~arm[:n]].tolist(), values[:n][arm[:n]].tolist()
        assert (counts.n_c[n - 1], counts.n_t[n - 1]) == (len(c), len(t))
        assert counts.g(n) == brute_g(c, t, theta)
        assert len(c) * len(t) - counts.g(n) == pytest.approx(
            counts.above(n) + counts.equal[n - 1] / 2
        )


@given(SEQUENCE, st.one_of(COARSE, FINE))
def test_the_shift_is_compared_by_counting(sequence: list[tuple[float, bool]], x: float) -> None:
    values = np.array([v for v, _ in sequence])
    arm = np.array([treated for _, treated in sequence])
    counts = pair_counts(values, arm, x)
    n = len(sequence)
    c, t = values[~arm].tolist(), values[arm].tolist()
    if not (c and t):
        return
    estimate = mann_whitney(c, t, level=0.05).estimate
    if estimate is not None:
        assert shift_at_least(values, arm, counts, n, x) == (estimate >= x)
        assert shift_at_most(values, arm, counts, n, x) == (estimate <= x)


def test_the_shift_is_the_median_of_all_differences() -> None:
    rng = np.random.default_rng(11)
    control, treatment = rng.normal(size=30), rng.normal(1.0, 1.0, 41)
    result = mann_whitney(control, treatment, level=0.05)
    assert result.estimate == pytest.approx(
        float(np.median(treatment[:, None] - control)), rel=1e-12
    )


def test_failed_trials_are_the_worst_of_all() -> None:
    rng = np.random.default_rng(12)
    control, treatment = rng.normal(size=20), rng.normal(-1.5, 1.0, 20)
    treatment[:8] = math.inf
    result = mann_whitney(control, treatment, level=0.05)
    assert result.p_value is not None
    assert result.p_value > 0.05
    assert result.interval.high == math.inf
    assert math.isfinite(result.interval.low)


def test_as_many_failures_in_both_arms_count_for_neither() -> None:
    control = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, math.inf]
    treatment = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, math.inf]
    result = mann_whitney(control, treatment, level=0.05)
    assert result.statistic == 6.5  # its failure is above six measurements and equal to the other
    assert result.estimate is not None
    assert result.estimate < 0.0


def test_a_treatment_that_always_fails_has_no_finite_shift() -> None:
    result = mann_whitney(range(10), [math.inf] * 10, level=0.05)
    assert result.estimate == math.inf
    assert result.interval.low == math.inf
    assert 0.0 not in result.interval


@pytest.mark.parametrize(
    ("control", "treatment"),
    [([], [1.0]), ([1.0], []), ([], []), ([2.0] * 9, [2.0] * 9), ([math.inf] * 5, [math.inf] * 5)],
)
def test_what_cannot_be_ranked_is_not_estimable(
    control: list[float], treatment: list[float]
) -> None:
    result = mann_whitney(control, treatment, level=0.05)
    assert result.p_value is None
    assert not result.interval.is_bounded
    assert result.caveats[0].startswith("not estimable: ")


def test_too_few_values_leave_the_interval_unbounded() -> None:
    result = mann_whitney([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], level=0.05)
    assert result.p_value == pytest.approx(0.1)
    assert not result.interval.is_bounded
    assert result.caveats == ("too few values for an interval at this level",)
    assert not mann_whitney(range(10), range(20, 30), level=0.0).interval.is_bounded


def test_the_error_rate_given_the_worst_ties_is_the_one_stated() -> None:
    sizes, k = (6, 8, 2), rejection_count(8, 8, 0.05)
    rejected = total = 0
    for treated in itertools.product(*(range(size + 1) for size in sizes)):
        if sum(treated) != 8:
            continue
        ways = math.prod(math.comb(size, x) for size, x in zip(sizes, treated, strict=True))
        control = [size - x for size, x in zip(sizes, treated, strict=True)]
        g = sum(
            treated[i] * control[j] * ((i < j) + (i == j) / 2) for i in range(3) for j in range(3)
        )
        total += ways
        rejected += ways * (min(g, 64 - g) <= k - 1)
    assert total == math.comb(16, 8)
    assert f"{rejected / total:.4f}" in (module.__doc__ or "")


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"1\.5"):
        mann_whitney([1.0], [2.0], level=1.5)
    with pytest.raises(ValueError, match="nan"):
        mann_whitney([math.nan], [2.0], level=0.05)
    with pytest.raises(ValueError, match="treatment"):
        mann_whitney([1.0], [[2.0]], level=0.05)
