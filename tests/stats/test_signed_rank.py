from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats import signed_rank as module
from gitexp.stats.results import FloatArray, Result
from gitexp.stats.signed_rank import (
    coded,
    estimate_at_least,
    estimate_at_most,
    rank_interval,
    rejection_count,
    signed_rank,
    walsh_counts,
)

LEVELS = st.sampled_from([0.002, 0.01, 0.05, 0.1, 0.3])
COARSE = st.integers(-6, 6).map(lambda k: k / 4)
FINE = st.floats(-4, 4, allow_nan=False).map(lambda x: round(x, 12))
FAILED = st.sampled_from([1e6, -1e6, math.inf, -math.inf])


def samples(min_size: int = 1, max_size: int = 25) -> st.SearchStrategy[list[float]]:
    return st.one_of(
        st.lists(COARSE, min_size=min_size, max_size=max_size),
        st.lists(st.one_of(FINE, COARSE), min_size=min_size, max_size=max_size),
        st.lists(st.one_of(COARSE, COARSE, COARSE, FAILED), min_size=min_size, max_size=max_size),
    )


def walsh(d: list[float] | FloatArray) -> FloatArray:
    values = np.asarray(d, dtype=float)
    i, j = np.triu_indices(values.size)
    return np.sort((values[i] + values[j]) / 2)


def brute_g(d: list[float], theta: float) -> float:
    w = walsh(d)
    return float(np.sum(w < theta) + np.sum(w == theta) / 2)


def rejects(result: Result) -> bool:
    return result.p_value is not None and result.p_value <= result.level


def finite(d: list[float]) -> list[float]:
    return [math.copysign(1e6, x) if abs(x) >= 1e6 else x for x in d]


def test_the_null_distribution_is_that_of_all_sign_patterns() -> None:
    n = 9
    sums = [
        sum(rank for rank, positive in enumerate(signs, start=1) if positive)
        for signs in itertools.product([False, True], repeat=n)
    ]
    for level in (0.004, 0.01, 0.05, 0.2, 0.5):
        expected = max(
            k
            for k in range(n * (n + 1) // 2)
            if 2 * sum(v <= k - 1 for v in sums) / len(sums) <= level
        )
        assert rejection_count(n, level) == expected


def test_the_normal_null_continues_the_exact_one() -> None:
    assert abs(rejection_count(201, 0.02) - rejection_count(200, 0.02)) < 201
    exact = rejection_count(200, 0.02)
    mean, sd = 200 * 201 / 4, math.sqrt(200 * 201 * 401 / 24)
    assert exact == pytest.approx(mean - 2.3263 * sd, abs=10)
    k = rejection_count(500, 0.02)
    assert module.p_value(500, k - 1) <= 0.02 < module.p_value(500, k)


@given(samples(), st.one_of(COARSE, FINE))
def test_counts_of_every_prefix_are_those_of_the_full_table(d: list[float], theta: float) -> None:
    counts = walsh_counts(coded(np.array(d)), theta)
    for n in range(1, len(d) + 1):
        assert counts.g(n) == brute_g(finite(d[:n]), theta)


@given(samples(), LEVELS)
def test_the_interval_excludes_zero_exactly_when_the_test_rejects(
    d: list[float], level: float
) -> None:
    result = signed_rank(d, level=level)
    assert (0.0 not in result.interval) == rejects(result)


@given(samples(min_size=6), COARSE, LEVELS)
def test_the_interval_is_what_a_shifted_test_does_not_reject(
    d: list[float], theta: float, level: float
) -> None:
    interval = rank_interval(coded(np.array(d)), level=level)
    crossed = walsh_counts(coded(np.array(d)), theta).crossed(len(d), level)
    assert (theta in interval) == (crossed == 0)


@given(samples(), LEVELS)
def test_swapping_the_arms_mirrors_the_result(d: list[float], level: float) -> None:
    result = signed_rank(d, level=level)
    mirrored = signed_rank([-x for x in d], level=level)
    assert mirrored.p_value == result.p_value
    assert mirrored.interval.low == -result.interval.high
    assert mirrored.interval.high == -result.interval.low
    assert mirrored.interval.low_included == result.interval.high_included
    assert result.estimate is not None
    assert mirrored.estimate == -result.estimate


@given(samples(), LEVELS, st.randoms(use_true_random=False))
def test_the_order_of_blocks_does_not_matter_to_one_look(
    d: list[float], level: float, random: object
) -> None:
    shuffled = list(d)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert signed_rank(shuffled, level=level) == signed_rank(d, level=level)


@given(samples(), st.one_of(COARSE, FINE))
def test_the_estimate_is_compared_by_counting(d: list[float], x: float) -> None:
    values = coded(np.array(d))
    counts = walsh_counts(values, x)
    for n in range(1, len(d) + 1):
        median = float(np.median(walsh(finite(d[:n]))))
        if median != pytest.approx(x, abs=1e-9) or median == x:
            assert estimate_at_least(values, counts, n, x) == (median >= x)
            assert estimate_at_most(values, counts, n, x) == (median <= x)


@given(st.lists(st.one_of(FINE, COARSE), min_size=1, max_size=20), LEVELS)
def test_selection_by_bisection_finds_the_same_ends(d: list[float], level: float) -> None:
    direct = signed_rank(d, level=level)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DIRECT_UP_TO", 0)
        assert signed_rank(d, level=level) == direct


@given(st.lists(FINE, min_size=12, max_size=20), st.integers(1, 4))
def test_many_failures_make_the_bound_they_reach_unbounded(d: list[float], failures: int) -> None:
    result = signed_rank([*d, *[1e6] * failures], level=0.05)
    assert math.isfinite(result.interval.low)
    k = rejection_count(len(d) + failures, 0.05)
    averages_with_a_failure = failures * len(d) + failures * (failures + 1) // 2
    assert math.isinf(result.interval.high) == (averages_with_a_failure >= k)


def test_failures_lie_beyond_measurements_of_any_size() -> None:
    huge = [3e7, -1e7, 2e7, 5e7, 4e7, -2e7, 1e7, 6e7]
    result = signed_rank([*huge, math.inf, math.inf, math.inf], level=0.05)
    assert result.interval.high == math.inf
    assert math.isfinite(result.interval.low)
    assert walsh_counts(np.array([math.inf]), 1e9).g(1) == 0.0


def test_without_any_difference_nothing_is_estimated() -> None:
    result = signed_rank([0.0] * 15, level=0.05)
    assert result.p_value is None
    assert result.estimate == 0.0
    assert not result.interval.is_bounded
    assert "zero" in result.caveats[0]


def test_too_few_blocks_leave_the_interval_unbounded() -> None:
    result = signed_rank([1.0, 2.0, 3.0], level=0.05)
    assert (result.interval.low, result.interval.high) == (-math.inf, math.inf)
    assert result.p_value == 0.25
    assert result.caveats == ("too few blocks for an interval at this level",)


def test_equal_differences_decide_and_say_that_there_is_no_spread() -> None:
    result = signed_rank([0.5] * 10, level=0.05)
    assert result.p_value == 2.0**-9
    assert (result.interval.low, result.interval.high) == (0.5, 0.5)
    assert 0.5 in result.interval
    assert result.caveats == ("no spread: all differences are equal",)


def test_an_interval_emptied_by_ties_says_so() -> None:
    result = signed_rank([0.0] * 79 + [1.0] * 21, level=0.05)
    assert rejects(result)
    assert result.interval.low == result.interval.high == 0.0
    assert 0.0 not in result.interval
    assert "empty" in result.caveats[0]


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"1\.5"):
        signed_rank([1.0], level=1.5)
    with pytest.raises(ValueError, match="nan"):
        signed_rank([math.nan], level=0.05)
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        signed_rank([[1.0, 2.0]], level=0.05)
