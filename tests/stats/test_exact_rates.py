from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, boschloo_exact, fisher_exact

from gitexp.stats import exact_rates as module
from gitexp.stats.exact_rates import boschloo, boschloo_p, fisher_p, mcnemar, mcnemar_p
from gitexp.stats.proportions import PairedCounts, newcombe, newcombe_paired
from gitexp.stats.results import Interval
from tests.stats.reference import CASES, agrees

COUNTS = st.integers(1, 15).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
PAIRS = st.builds(
    PairedCounts,
    both=st.integers(0, 20),
    only_treatment=st.integers(0, 20),
    only_control=st.integers(0, 20),
    neither=st.integers(0, 20),
)
LEVELS = st.sampled_from([0.0, 1e-6, 0.003, 0.05, 0.3])


def test_two_rates_of_independent_arms() -> None:
    case = CASES["two_prop_exact"]
    control, treatment = tuple(case["inputs"]["control"]), tuple(case["inputs"]["treatment"])
    by_boschloo, by_fisher = boschloo_p(control, treatment), fisher_p(control, treatment)
    assert by_boschloo is not None
    assert by_fisher is not None
    expected = case["expected"]
    agrees(case, [by_boschloo, by_fisher], [expected["boschloo_p"], expected["fisher_p"]])


@settings(max_examples=30)  # scipy needs a tenth of a second for one
@given(COUNTS, COUNTS)
def test_the_p_of_boschloo_is_that_of_scipy(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    (x_c, n_c), (x_t, n_t) = control, treatment
    other = boschloo_exact([[x_t, x_c], [n_t - x_t, n_c - x_c]])
    if math.isnan(other.pvalue):  # scipy gives none where all came out alike
        assert boschloo_p(control, treatment) == 1.0
    else:
        assert boschloo_p(control, treatment) == pytest.approx(other.pvalue, rel=1e-5)


@given(COUNTS, COUNTS)
def test_the_p_of_fisher_is_that_of_scipy(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    (x_c, n_c), (x_t, n_t) = control, treatment
    other = fisher_exact(np.array([[x_t, x_c], [n_t - x_t, n_c - x_c]]))
    assert fisher_p(control, treatment) == pytest.approx(other[1], rel=1e-9)


@given(COUNTS, COUNTS)
def test_boschloo_never_exceeds_twice_a_tail_of_fisher(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BOSCHLOO_UP_TO", 0)
        doubled = boschloo_p(control, treatment)
    p = boschloo_p(control, treatment)
    assert p is not None
    assert doubled is not None
    assert p <= doubled * (1.0 + 1e-6)


@pytest.mark.parametrize(("n_c", "n_t"), [(8, 8), (5, 12)])
@pytest.mark.parametrize("level", [0.01, 0.05])
def test_boschloo_errs_no_more_often_than_its_level(n_c: int, n_t: int, level: float) -> None:
    rejected = np.array(
        [
            [(boschloo_p((c, n_c), (t, n_t)) or 0.0) <= level for t in range(n_t + 1)]
            for c in range(n_c + 1)
        ]
    )
    for rate in np.linspace(0.01, 0.99, 99):
        chance = float(binomial(n_c, rate) @ rejected @ binomial(n_t, rate))
        assert chance <= level + 1e-12


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_p_of_mcnemar_is_that_of_the_binomial(only_treatment: int, only_control: int) -> None:
    differing = only_treatment + only_control
    expected = binomtest(only_treatment, differing).pvalue if differing else 1.0
    assert mcnemar_p(only_treatment, only_control) == pytest.approx(expected, rel=1e-9)


@given(COUNTS, COUNTS, LEVELS)
def test_the_interval_of_arms_excludes_zero_exactly_when_the_test_rejects(
    control: tuple[int, int], treatment: tuple[int, int], level: float
) -> None:
    result = boschloo(control, treatment, level=level)
    assert result.p_value is not None
    assert (0.0 not in result.interval) == (level > 0.0 and result.p_value <= level)
    assert result.estimate is not None
    assert result.interval.low <= result.estimate <= result.interval.high


@given(PAIRS, LEVELS)
def test_the_interval_of_pairs_excludes_zero_exactly_when_the_test_rejects(
    counts: PairedCounts, level: float
) -> None:
    result = mcnemar(counts, level=level)
    if result.p_value is None:
        assert counts.n == 0
        return
    assert (0.0 not in result.interval) == (level > 0.0 and result.p_value <= level)
    assert result.estimate is not None
    assert result.interval.low - 1e-12 <= result.estimate <= result.interval.high + 1e-12


@given(COUNTS, COUNTS, LEVELS)
def test_swapping_the_arms_mirrors_the_result(
    control: tuple[int, int], treatment: tuple[int, int], level: float
) -> None:
    result, swapped = (
        boschloo(control, treatment, level=level),
        boschloo(treatment, control, level=level),
    )
    assert swapped.p_value == pytest.approx(result.p_value, rel=1e-6)
    assert swapped.interval.low == pytest.approx(-result.interval.high)


@given(PAIRS, LEVELS)
def test_swapping_the_pairs_mirrors_the_result(counts: PairedCounts, level: float) -> None:
    other = PairedCounts(
        both=counts.both,
        only_treatment=counts.only_control,
        only_control=counts.only_treatment,
        neither=counts.neither,
    )
    result, swapped = mcnemar(counts, level=level), mcnemar(other, level=level)
    assert swapped.p_value == result.p_value
    assert swapped.interval.low == pytest.approx(-result.interval.high)


def test_agreeing_with_the_test_costs_arms_no_coverage() -> None:
    n_c, n_t, level = 15, 20, 0.05
    tables = [(c, t) for c in range(n_c + 1) for t in range(n_t + 1)]
    raw = [newcombe((c, n_c), (t, n_t), level=level) for c, t in tables]
    made = [boschloo((c, n_c), (t, n_t), level=level).interval for c, t in tables]
    covered = []
    for p_c in np.linspace(0.02, 0.98, 13):
        for p_t in np.linspace(0.02, 0.98, 13):
            weights = np.outer(binomial(n_c, p_c), binomial(n_t, p_t)).ravel()
            before, after = (coverage(weights, i, float(p_t - p_c)) for i in (raw, made))
            assert after >= (1.0 - level if p_t == p_c else before - 1e-12)
            covered.append(after)
    assert np.mean(covered) >= 0.95


def test_agreeing_with_the_test_costs_pairs_no_coverage() -> None:
    n, level = 12, 0.05
    cells = [
        (a, b, c, n - a - b - c)
        for a in range(n + 1)
        for b in range(n + 1 - a)
        for c in range(n + 1 - a - b)
    ]
    tables = [
        PairedCounts(both=a, only_treatment=b, only_control=c, neither=d) for a, b, c, d in cells
    ]
    raw = [newcombe_paired(counts, level=level) for counts in tables]
    made = [mcnemar(counts, level=level).interval for counts in tables]
    ways = np.array(
        [math.factorial(n) / math.prod(math.factorial(k) for k in cell) for cell in cells]
    )
    covered = []
    for differing in (0.05, 0.2, 0.5):
        for share in (0.5, 0.7, 0.9, 1.0):
            for both in (0.1, 0.5, 0.9):
                rates = [
                    (1 - differing) * both,
                    differing * share,
                    differing * (1 - share),
                    (1 - differing) * (1 - both),
                ]
                weights = ways * np.prod(np.power(rates, np.array(cells)), axis=1)
                truth = differing * (2 * share - 1)
                before, after = (coverage(weights, i, truth) for i in (raw, made))
                assert after >= (1.0 - level if truth == 0.0 else before - 1e-12)
                covered.append(after)
    assert np.mean(covered) >= 0.95


def test_pairs_that_all_agree_leave_room_for_a_difference() -> None:
    result = mcnemar(PairedCounts(both=0, only_treatment=0, only_control=0, neither=20), level=0.05)
    assert (result.estimate, result.p_value) == (0.0, 1.0)
    assert result.interval.low < -0.1
    assert result.interval.high > 0.1


def test_no_pairs_and_no_arms_are_not_estimable() -> None:
    none = PairedCounts(both=0, only_treatment=0, only_control=0, neither=0)
    for result in (mcnemar(none, level=0.05), boschloo((0, 0), (1, 2), level=0.05)):
        assert result.p_value is None
        assert not result.interval.is_bounded
        assert result.caveats[0].startswith("not estimable: ")
    assert fisher_p((0, 0), (1, 2)) is None


def test_many_values_are_left_to_fisher_and_say_so() -> None:
    result = boschloo((3000, 10_000), (3300, 10_000), level=0.05)
    assert result.caveats == ("many values: twice the smaller tail of Fisher's test",)
    assert result.p_value == pytest.approx(
        2 * fisher_exact(np.array([[3300, 3000], [6700, 7000]]), alternative="greater")[1], rel=1e-6
    )


def test_impossible_counts_are_quoted() -> None:
    with pytest.raises(ValueError, match="7"):
        boschloo_p((7, 5), (1, 2))
    with pytest.raises(ValueError, match="-1"):
        fisher_p((1, 5), (-1, 2))


def binomial(n: int, rate: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)])


def coverage(
    weights: np.ndarray[tuple[int], np.dtype[np.float64]], intervals: list[Interval], truth: float
) -> float:
    return float(sum(w for w, i in zip(weights, intervals, strict=True) if truth in i))
