from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from gitexp.stats.proportions import (
    PairedCounts,
    clopper_pearson,
    newcombe,
    newcombe_paired,
    wilson,
)
from tests.stats.reference import CASES, agrees


@pytest.mark.parametrize(
    ("treatment", "control", "ends"),
    [
        # Newcombe (1998) table II, method 10
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_published_intervals_of_a_difference(
    treatment: tuple[int, int], control: tuple[int, int], ends: tuple[float, float]
) -> None:
    interval = newcombe(control, treatment, level=0.05)
    assert (interval.low, interval.high) == pytest.approx(ends, abs=5e-5)


COUNTS = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS, st.sampled_from([0.0, 0.003, 0.05, 0.5]))
def test_swapping_the_arms_mirrors_the_interval(
    control: tuple[int, int], treatment: tuple[int, int], level: float
) -> None:
    interval = newcombe(control, treatment, level=level)
    swapped = newcombe(treatment, control, level=level)
    assert (swapped.low, swapped.high) == pytest.approx((-interval.high, -interval.low))
    assert -1.0 - 1e-12 <= interval.low <= interval.high <= 1.0 + 1e-12


def test_no_failure_in_forty_still_allows_several_percent() -> None:
    assert newcombe((0, 40), (0, 40), level=0.1).high > 0.06


def test_an_arm_without_trials_says_nothing() -> None:
    interval = newcombe((0, 0), (0, 0), level=0.05)
    assert (interval.low, interval.high) == (-1.0, 1.0)


def test_impossible_counts_are_quoted() -> None:
    with pytest.raises(ValueError, match="7"):
        wilson(7, 5, level=0.05)


def test_the_exact_interval_of_a_rate() -> None:
    case = CASES["binom_ci"]
    interval = clopper_pearson(case["inputs"]["x"], case["inputs"]["n"], level=0.05)
    agrees(case, [interval.low, interval.high], case["expected"]["clopper"])


@given(COUNTS, st.sampled_from([1e-6, 0.003, 0.05, 0.5]))
def test_the_exact_interval_is_that_of_scipy(counts: tuple[int, int], level: float) -> None:
    successes, trials = counts
    interval = clopper_pearson(successes, trials, level=level)
    if trials == 0:
        assert (interval.low, interval.high) == (0.0, 1.0)
        return
    other = binomtest(successes, trials).proportion_ci(1.0 - level, method="exact")
    assert (interval.low, interval.high) == pytest.approx((other.low, other.high), rel=1e-6)


def test_published_intervals_of_a_paired_difference() -> None:
    # Newcombe (1998) table III, method 10; the lower limit is printed as 0.8736
    counts = PairedCounts(both=1, only_treatment=97, only_control=1, neither=1)
    assert newcombe_paired(counts, level=0.05).low == pytest.approx(0.873672, abs=5e-7)


PAIRED = st.builds(
    PairedCounts,
    both=st.integers(0, 20),
    only_treatment=st.integers(0, 20),
    only_control=st.integers(0, 20),
    neither=st.integers(0, 20),
)


@given(PAIRED, st.sampled_from([0.0, 0.003, 0.05, 0.5]))
def test_an_interval_of_pairs_holds_their_difference_and_stays_possible(
    counts: PairedCounts, level: float
) -> None:
    interval = newcombe_paired(counts, level=level)
    if counts.n == 0:
        assert (interval.low, interval.high) == (-1.0, 1.0)
        return
    difference = (counts.only_treatment - counts.only_control) / counts.n
    assert -1.0 - 1e-12 <= interval.low <= difference + 1e-12
    assert difference - 1e-12 <= interval.high <= 1.0 + 1e-12
