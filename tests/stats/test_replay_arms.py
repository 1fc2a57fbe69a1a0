from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.boundaries import boundary
from gitexp.stats.looks import Look
from gitexp.stats.replay_arms import (
    replay_mann_whitney,
    replay_welch,
    result_at_mann_whitney,
    result_at_welch,
)
from gitexp.stats.results import BoolArray, FloatArray
from gitexp.stats.stratified import stratified_welch
from gitexp.stats.student import welch

PLAN = boundary(alpha=0.05, max_blocks=20, min_blocks=10)
SHORT = boundary(alpha=0.3, max_blocks=12, min_blocks=3)
NONE = (0.0, 0.0)
REGION = (-0.75, 0.5)


def test_welch_looks_when_the_harmonic_count_first_gets_there() -> None:
    rng = np.random.default_rng(6)
    arm = np.array([False] * 8 + [True] * 30)
    values = rng.normal(size=38)
    looks = replay_welch(values, arm, boundary=PLAN, region=NONE)
    for look in looks:
        n_t = int(arm[: look.used].sum())
        n_c = look.used - n_t
        assert 2 * n_c * n_t / (n_c + n_t) >= look.n
        assert 2 * n_c * (n_t - 1) / (n_c + n_t - 1) < look.n
        result = result_at_welch(values, arm, used=look.used, level=look.nominal)
        assert result.p_value == pytest.approx(look.p_value)
    assert [look.n for look in looks] == [10, 11, 12]


def test_welch_makes_one_look_where_one_value_reaches_two() -> None:
    plan = boundary(alpha=0.3, max_blocks=6, min_blocks=1)
    looks = replay_welch(range(9), [False] * 7 + [True] * 2, boundary=plan, region=NONE)
    # 7 to 1 is 1.75, 7 to 2 is 3.11: the look at 2 never happens
    assert [(look.n, look.used) for look in looks] == [(1, 8), (3, 9)]


@given(st.lists(st.tuples(st.floats(-2, 2), st.booleans()), max_size=40), st.integers(0, 40))
def test_later_values_never_change_earlier_welch_looks(
    values: list[tuple[float, bool]], cut: int
) -> None:
    x, arm = [v for v, _ in values], [a for _, a in values]
    before = replay_welch(x[:cut], arm[:cut], boundary=SHORT, region=REGION)
    after = replay_welch(x, arm, boundary=SHORT, region=REGION)
    assert after[: len(before)] == before


MEASURED = st.one_of(st.integers(-6, 6).map(lambda k: k / 4), st.floats(-2, 2))
TRIALS = st.lists(
    st.tuples(st.one_of(MEASURED, MEASURED, st.just(math.inf)), st.booleans()), max_size=30
)


@given(TRIALS, st.integers(0, 30))
def test_later_values_never_change_earlier_mann_whitney_looks(
    trials: list[tuple[float, bool]], cut: int
) -> None:
    x, arm = [v for v, _ in trials], [a for _, a in trials]
    before = replay_mann_whitney(x[:cut], arm[:cut], boundary=SHORT, region=REGION)
    after = replay_mann_whitney(x, arm, boundary=SHORT, region=REGION)
    assert after[: len(before)] == before


@given(TRIALS)
def test_looks_of_mann_whitney_agree_with_its_full_result(
    trials: list[tuple[float, bool]],
) -> None:
    low, high = REGION
    x, arm = [v for v, _ in trials], [a for _, a in trials]
    for look in replay_mann_whitney(x, arm, boundary=SHORT, region=REGION):
        result = result_at_mann_whitney(x, arm, used=look.used, level=look.nominal)
        assert result.p_value == look.p_value
        interval = result.interval
        assert (look.crossed != 0) == (0.0 not in interval)
        if look.crossed and result.estimate is not None:
            assert look.reaches == (
                result.estimate >= high if look.crossed > 0 else result.estimate <= low
            )
        above = interval.low > low or (interval.low == low and not interval.low_included)
        below = interval.high < high or (interval.high == high and not interval.high_included)
        empty = interval.low == interval.high and not interval.low_included
        assert empty or look.inside == (above and below)


@given(TRIALS)
def test_swapping_the_arms_mirrors_every_mann_whitney_look(
    trials: list[tuple[float, bool]],
) -> None:
    low, high = REGION
    x, arm = [v for v, _ in trials], [a for _, a in trials]
    looks = replay_mann_whitney(x, arm, boundary=SHORT, region=REGION)
    swapped = replay_mann_whitney(
        x, [not treated for treated in arm], boundary=SHORT, region=(-high, -low)
    )
    assert [(k.n, k.used, k.p_value, -k.crossed, k.reaches, k.inside) for k in swapped] == [
        (k.n, k.used, k.p_value, k.crossed, k.reaches, k.inside) for k in looks
    ]


def test_failing_trials_of_the_treatment_cannot_make_it_better() -> None:
    rng = np.random.default_rng(8)
    plan = boundary(alpha=0.05, max_blocks=60, min_blocks=10)
    arm = np.arange(120) % 2 == 1
    values = rng.normal(size=120)
    slow = arm & (values > 0.5)
    lost = np.where(slow, math.inf, values)
    kept = replay_welch(values[~slow], arm[~slow], boundary=plan, region=NONE)
    ranked = replay_mann_whitney(lost, arm, boundary=plan, region=NONE)
    assert kept[-1].crossed == -1  # what is left looks faster
    assert {look.crossed for look in ranked} == {0}


def test_two_thousand_values_are_ranked_at_once() -> None:
    plan = boundary(alpha=0.05, max_blocks=1000, min_blocks=10)
    rng = np.random.default_rng(9)
    values, arm = rng.normal(size=2000), np.arange(2000) % 2 == 1
    start = time.process_time()
    looks = replay_mann_whitney(values, arm, boundary=plan, region=REGION)
    result_at_mann_whitney(values, arm, used=2000, level=0.05)
    assert time.process_time() - start < 2.0  # 0.2 s on a quiet machine
    assert len(looks) == 200


HOSTS = ["fast", "slow", "odd"]


def by_hand(values: FloatArray, arm: BoolArray, strata: list[str]) -> tuple[float, float, float]:
    """Difference, its standard error and degrees of freedom."""
    parts = []
    for host in HOSTS:
        here = np.array([name == host for name in strata])
        c, t = values[here & ~arm], values[here & arm]
        a, b = c.var(ddof=1) / c.size, t.var(ddof=1) / t.size
        weight = c.size * t.size / (c.size + t.size)
        parts.append((weight, t.mean() - c.mean(), a, b, c.size - 1, t.size - 1))
    total = sum(part[0] for part in parts)
    effect = sum(w * d for w, d, *_ in parts) / total
    variance = sum((w / total) ** 2 * (a + b) for w, _, a, b, _, _ in parts)
    below = sum((w / total) ** 4 * (a * a / m + b * b / n) for w, _, a, b, m, n in parts)
    return effect, math.sqrt(variance), variance**2 / below


def test_hosts_are_weighted_by_what_they_measured() -> None:
    rng = np.random.default_rng(10)
    strata = [HOSTS[k] for k in rng.integers(0, 3, 60)]
    arm = rng.integers(0, 2, 60) == 1
    values = rng.normal(size=60) + np.array([10.0 * HOSTS.index(host) for host in strata])
    effect, se, df = by_hand(values, arm, strata)
    result = stratified_welch(values, arm, strata, level=0.05)
    assert result.estimate == pytest.approx(effect)
    assert result.df == pytest.approx(df)
    assert result.statistic == pytest.approx(effect / se)
    pooled = welch(values[~arm], values[arm], level=0.05)
    width = result.interval.high - result.interval.low
    assert width < (pooled.interval.high - pooled.interval.low) / 4


@given(st.lists(st.tuples(st.floats(-2, 2), st.booleans()), max_size=40))
def test_one_host_is_decided_as_without_hosts(values: list[tuple[float, bool]]) -> None:
    x, arm = [v for v, _ in values], [a for _, a in values]
    plain = replay_welch(x, arm, boundary=SHORT, region=REGION)
    named = replay_welch(x, arm, boundary=SHORT, region=REGION, strata=["here"] * len(x))
    assert named == plain
    for look in plain:
        result = result_at_welch(
            x, arm, used=look.used, level=look.nominal, strata=["here"] * len(x)
        )
        assert result == result_at_welch(x, arm, used=look.used, level=look.nominal)
        assert result.p_value == look.p_value or result.p_value == pytest.approx(look.p_value)


STRATA = st.lists(st.tuples(st.floats(-2, 2), st.booleans(), st.sampled_from(HOSTS)), max_size=40)


@given(STRATA, st.integers(0, 40))
def test_later_values_and_hosts_never_change_earlier_stratified_looks(
    values: list[tuple[float, bool, str]], cut: int
) -> None:
    x, arm, hosts = [v for v, _, _ in values], [a for _, a, _ in values], [h for *_, h in values]

    def looks(n: int) -> tuple[Look, ...]:
        return replay_welch(x[:n], arm[:n], boundary=SHORT, region=REGION, strata=hosts[:n])

    before, after = looks(cut), looks(len(x))
    assert after[: len(before)] == before


@given(STRATA)
def test_stratified_looks_agree_with_their_full_result(
    values: list[tuple[float, bool, str]],
) -> None:
    x, arm, hosts = [v for v, _, _ in values], [a for _, a, _ in values], [h for *_, h in values]
    for look in replay_welch(x, arm, boundary=SHORT, region=REGION, strata=hosts):
        result = result_at_welch(x, arm, used=look.used, level=look.nominal, strata=hosts)
        assert (result.p_value is None) == (look.p_value is None)
        if look.p_value is None or look.p_value == pytest.approx(look.nominal, rel=1e-9):
            continue
        assert result.p_value == pytest.approx(look.p_value)
        assert (look.crossed != 0) == (0.0 not in result.interval)


def test_a_host_without_two_values_in_each_arm_does_not_enter() -> None:
    values = [1.0, 2.0, 4.0, 7.0, 100.0, 0.0]
    arm = [False, False, True, True, True, False]
    result = stratified_welch(values, arm, ["a"] * 4 + ["b"] * 2, level=0.05)
    alone = welch([1.0, 2.0], [4.0, 7.0], level=0.05)
    assert (result.estimate, result.p_value, result.n) == (alone.estimate, alone.p_value, 4)
    assert result.caveats == ("2 of 6 values are of hosts with fewer than 2 values in an arm",)


@pytest.mark.parametrize(
    ("values", "arm", "hosts"),
    [
        ([], [], []),
        ([1.0, 2.0, 3.0], [False] * 3, ["a", "b", "a"]),
        ([1.0, 2.0, 3.0, 4.0], [False, True] * 2, ["a", "a", "b", "b"]),
        ([1.0, 2.0, 1.0, 2.0, 9.0], [False, True] * 2 + [True], ["a"] * 4 + ["b"]),
    ],
)
def test_hosts_that_say_nothing_are_not_estimable(
    values: list[float], arm: list[bool], hosts: list[str]
) -> None:
    result = stratified_welch(values, arm, hosts, level=0.05)
    assert result.p_value is None
    assert not result.interval.is_bounded
    assert result.caveats[0].startswith("not estimable: ")


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match="1 for 2"):
        replay_welch([1.0, 2.0], [True, False], boundary=PLAN, region=NONE, strata=["a"])
    with pytest.raises(ValueError, match=r"\(2,\)"):
        replay_mann_whitney([1.0, 2.0], [True], boundary=PLAN, region=NONE)
    with pytest.raises(ValueError, match="nan"):
        replay_mann_whitney([math.nan], [True], boundary=PLAN, region=NONE)
    with pytest.raises(ValueError, match="inf"):
        replay_welch([math.inf], [True], boundary=PLAN, region=NONE)
    with pytest.raises(ValueError, match="3"):
        result_at_mann_whitney([1.0], [True], used=3, level=0.05)
