from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from gitexp.stats.signals import Signal
from gitexp.stats.stability import drift, heterogeneity, order_balance, runs_test
from tests.stats.reference import CASES, agrees


def test_a_trend_is_raised_and_its_direction_told() -> None:
    rising = drift(np.arange(7.0))
    assert (rising.value, rising.signal) == (1.0, Signal.RAISED)
    assert rising.p_value == pytest.approx(2 / math.factorial(7))
    falling = drift(-np.arange(20.0))
    assert (falling.value, falling.signal) == (-1.0, Signal.RAISED)


def test_failed_blocks_take_the_last_ranks() -> None:
    d = [0.3, 0.1, -0.2, 0.4, 0.0, 0.2, -0.1, 0.5]
    coded = drift([*d, 1e6, -1e6])
    assert coded == drift([*d, math.inf, -math.inf])
    assert coded.value == drift([*d, 9.0, -9.0]).value


def test_too_few_or_equal_differences_show_no_drift() -> None:
    assert drift(np.arange(6.0)).caveats == ("not estimable: need at least 7 complete blocks",)
    assert drift(np.zeros(10)).caveats == ("not estimable: no spread in the differences",)
    assert drift([]).signal is Signal.NOT_ESTIMABLE


@pytest.mark.parametrize("levels", [0, 3])
def test_drift_is_found_by_chance_in_one_of_a_thousand(levels: int) -> None:
    experiments, rng = 1_000, np.random.default_rng(27)
    found = 0
    for _ in range(experiments):
        d = rng.normal(size=20) if not levels else rng.integers(0, levels, size=20).astype(float)
        found += drift(d).signal is Signal.RAISED
    assert found / experiments <= 0.001 + 4 * math.sqrt(0.001 / experiments)


def test_the_order_is_balanced_or_not() -> None:
    assert order_balance([True, False] * 10).signal is Signal.QUIET
    always = order_balance([True] * 11)
    assert always.value == 1.0
    assert always.p_value == pytest.approx(2 / 2**11)
    assert always.signal is Signal.RAISED
    assert order_balance([False] * 11).p_value == always.p_value
    assert order_balance([True, False]).p_value == 1.0
    assert order_balance([]).signal is Signal.NOT_ESTIMABLE


def test_two_hosts_are_compared_as_by_welch() -> None:
    rng = np.random.default_rng(28)
    one, other = rng.normal(0, 1, size=6), rng.normal(1, 3, size=9)
    found = heterogeneity([*one, *other], ["a"] * 6 + ["b"] * 9)
    welch = ttest_ind(one, other, equal_var=False)
    assert found.p_value == pytest.approx(welch.pvalue)
    assert found.q == pytest.approx(welch.statistic**2)
    assert found.hosts == ("a", "b")


def test_hosts_that_agree_but_for_chance_have_no_heterogeneity() -> None:
    shape = [-2.0, -1.0, 0.0, 1.0, 2.0]
    found = heterogeneity(shape * 3, [h for h in "abc" for _ in shape])
    assert found.q == pytest.approx(0.0)
    assert found.i_squared == 0.0
    assert found.p_value == pytest.approx(1.0)
    apart = heterogeneity([*shape, *(x + 50.0 for x in shape)], ["a"] * 5 + ["b"] * 5)
    assert apart.signal is Signal.RAISED
    assert apart.q == pytest.approx(50.0**2 / (2 * 2.5 / 5))
    assert apart.i_squared == pytest.approx(1 - 1 / 2500)


def test_failed_blocks_and_small_hosts_do_not_enter() -> None:
    five = [0.1, 0.2, 0.3, 0.4, 0.5]
    d = [*five, *five, 1e6, math.inf, *five[:4], 0.2, 0.2, 0.2, 0.2, 0.2]
    hosts = ["a"] * 5 + ["b"] * 7 + ["c"] * 4 + ["d"] * 5
    found = heterogeneity(d, hosts)
    assert found.hosts == ("a", "b")
    assert found.q == pytest.approx(0.0)
    assert found.caveats == (
        "c: fewer than 5 complete blocks",
        "d: no spread in its differences",
    )


def test_one_host_cannot_disagree() -> None:
    found = heterogeneity([0.1, 0.2, 0.3, 0.4, 0.5], ["a"] * 5)
    assert found.signal is Signal.NOT_ESTIMABLE
    assert found.p_value is None
    assert "need 2 hosts" in found.caveats[0]
    assert heterogeneity([], []).signal is Signal.NOT_ESTIMABLE
    with pytest.raises(ValueError, match="1 for 2"):
        heterogeneity([0.1, 0.2], ["a"])


@pytest.mark.parametrize("hosts", [2, 3, 5])
def test_few_blocks_per_host_do_not_raise_the_error(hosts: int) -> None:
    experiments = 2_000
    names = [str(host) for host in range(hosts) for _ in range(5)]
    rng = np.random.default_rng(29)
    found = [heterogeneity(rng.normal(size=5 * hosts), names) for _ in range(experiments)]
    raised = np.mean([one.signal is Signal.RAISED for one in found])
    textbook = np.mean([one.p_chi_square is not None and one.p_chi_square < 0.01 for one in found])
    assert raised < 0.014 + 4 * math.sqrt(0.01 / experiments)
    assert textbook > 0.02  # why chi-square does not decide


def test_runs_by_the_normal_approximation() -> None:
    case = CASES["runs_test"]
    found = runs_test(case["inputs"]["x"], line=case["inputs"]["cutoff"])
    assert found.z is not None
    assert found.p_normal is not None
    agrees(case, [found.z, found.p_normal], [case["expected"]["z"], case["expected"]["p"]])


@given(st.lists(st.booleans(), min_size=3, max_size=9))
def test_the_exact_runs_test_counts_all_orders(sides: list[bool]) -> None:
    found = runs_test(np.array(sides, dtype=float), line=0.5)
    if len(set(sides)) < 2:
        assert found.signal is Signal.NOT_ESTIMABLE
        return
    counts: dict[int, int] = {}
    for chosen in itertools.combinations(range(len(sides)), sum(sides)):
        order = [i in chosen for i in range(len(sides))]
        runs = 1 + sum(a != b for a, b in itertools.pairwise(order))
        counts[runs] = counts.get(runs, 0) + 1
    as_rare = sum(ways for ways in counts.values() if ways <= counts[found.runs])
    assert found.p_value == pytest.approx(as_rare / sum(counts.values()))


def test_values_on_the_line_are_left_out() -> None:
    found = runs_test([1.0, 0.0, 1.0, -1.0, 0.0, -1.0], line=0.0)
    assert (found.runs, found.above, found.below) == (2, 2, 2)


def test_long_stretches_are_raised() -> None:
    found = runs_test([1.0] * 12 + [-1.0] * 12, line=0.0)
    assert found.signal is Signal.RAISED
    assert found.z is not None
    assert found.z < 0
    alternating = runs_test([1.0, -1.0] * 12, line=0.0)
    assert alternating.signal is Signal.RAISED
    assert alternating.z is not None
    assert alternating.z > 0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, -1.0], [1.0] * 9, [0.0] * 9])
def test_one_side_alone_has_no_order(values: list[float]) -> None:
    found = runs_test(values, line=0.0)
    assert found.signal is Signal.NOT_ESTIMABLE
    assert found.p_value is found.z is None


def test_the_runs_test_errs_with_its_level_at_most() -> None:
    experiments, rng = 3_000, np.random.default_rng(30)
    found = [runs_test(rng.normal(size=30), line=0.0, threshold=0.05) for _ in range(experiments)]
    raised = np.mean([one.signal is Signal.RAISED for one in found])
    assert 0.02 < raised < 0.05 + 4 * math.sqrt(0.05 / experiments)
