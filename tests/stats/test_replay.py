from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.boundaries import boundary
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest, replay, result_at

PLAN = boundary(alpha=0.05, max_blocks=20, min_blocks=10)
SHORT = boundary(alpha=0.3, max_blocks=12, min_blocks=3)
NONE = (0.0, 0.0)
REGION = (-0.75, 0.5)
TESTS: list[PairedTest] = ["signed-rank", "t"]

BLOCK = st.one_of(
    st.tuples(st.integers(-6, 6).map(lambda k: k / 4), st.just(True)),
    st.tuples(st.integers(-1, 6).map(lambda k: k / 4), st.just(True)),
    st.tuples(st.floats(-2, 2).map(lambda x: round(x, 12)), st.just(True)),
    st.tuples(st.sampled_from([1e6, -1e6]), st.just(False)),
)
BLOCKS = st.lists(BLOCK, max_size=12)
GOOD = st.sampled_from([1, -1])


def run(
    blocks: list[tuple[float, bool]],
    test: PairedTest,
    *,
    good: int = -1,
    region: tuple[float, float] = REGION,
) -> tuple[Look, ...]:
    d, ok = [x for x, _ in blocks], [y for _, y in blocks]
    return replay(d, ok, test=test, boundary=SHORT, region=region, good=good)


def mirrored(look: Look) -> dict[str, Any]:
    return {
        "n": look.n,
        "used": look.used,
        "crossed": -look.crossed,
        "p_value": look.p_value,
        "reaches": look.reaches,
        "inside": look.inside,
    }


def shown(look: Look) -> dict[str, Any]:
    return {**mirrored(look), "crossed": look.crossed}


@pytest.mark.parametrize("test", TESTS)
@given(blocks=BLOCKS, more=BLOCKS, good=GOOD)
def test_later_blocks_never_change_earlier_looks(
    test: PairedTest, blocks: list[tuple[float, bool]], more: list[tuple[float, bool]], good: int
) -> None:
    before = run(blocks, test, good=good)
    after = run([*blocks, *more][:12], test, good=good)
    assert after[: len(before)] == before


@pytest.mark.parametrize("test", TESTS)
@given(blocks=BLOCKS, good=GOOD)
def test_swapping_the_arms_mirrors_every_look(
    test: PairedTest, blocks: list[tuple[float, bool]], good: int
) -> None:
    low, high = REGION
    looks = run(blocks, test, good=good)
    swapped = run([(-x, ok) for x, ok in blocks], test, good=-good, region=(-high, -low))
    assert [shown(look) for look in swapped] == [mirrored(look) for look in looks]


@given(blocks=BLOCKS)
def test_looks_of_the_signed_rank_test_agree_with_its_full_result(
    blocks: list[tuple[float, bool]],
) -> None:
    low, high = REGION
    d, ok = [x for x, _ in blocks], [y for _, y in blocks]
    for look in run(blocks, "signed-rank"):
        result = result_at(d, ok, test="signed-rank", used=look.used, level=look.nominal)
        assert result.p_value == look.p_value
        assert (look.crossed != 0) == (0.0 not in result.interval)
        if look.p_value is None:
            assert (look.crossed, look.reaches, look.inside) == (0, False, False)
            continue
        assert result.estimate is not None
        if look.crossed:
            assert look.reaches == (
                result.estimate >= high if look.crossed > 0 else result.estimate <= low
            )
        interval = result.interval
        above = interval.low > low or (interval.low == low and not interval.low_included)
        below = interval.high < high or (interval.high == high and not interval.high_included)
        empty = interval.low == interval.high and not interval.low_included
        assert empty or look.inside == (above and below)


@given(blocks=st.lists(st.floats(-2, 2), min_size=3, max_size=12))
def test_looks_of_the_t_test_agree_with_its_full_result(blocks: list[float]) -> None:
    low, high = REGION
    ok = [True] * len(blocks)
    for look in replay(blocks, ok, test="t", boundary=SHORT, region=REGION, good=1):
        result = result_at(blocks, ok, test="t", used=look.used, level=look.nominal)
        assert result.p_value == pytest.approx(look.p_value)
        if look.p_value is None or look.p_value == pytest.approx(look.nominal, rel=1e-9):
            continue
        assert (look.crossed != 0) == (0.0 not in result.interval)
        if all(
            abs(end - edge) > 1e-9
            for end in (result.interval.low, result.interval.high)
            for edge in REGION
        ):
            assert look.inside == (low < result.interval.low and result.interval.high < high)


def test_a_look_falls_at_every_complete_block_from_the_first_planned_one() -> None:
    rng = np.random.default_rng(1)
    looks = replay(rng.normal(size=13), [True] * 13, test="t", boundary=PLAN, region=NONE, good=-1)
    assert [look.n for look in looks] == [10, 11, 12, 13]
    assert [look.nominal for look in looks] == list(PLAN.nominal[:4])
    assert replay([], [], test="t", boundary=PLAN, region=NONE, good=-1) == ()


def test_a_small_effect_crosses_without_reaching_what_was_asked() -> None:
    d = np.linspace(-0.03, -0.01, 12)
    ok = [True] * 12
    for test in TESTS:
        asked = replay(d, ok, test=test, boundary=PLAN, region=(-0.05, 0.05), good=-1)
        assert [(look.crossed, look.reaches) for look in asked] == [(-1, False)] * 3
        assert all(look.inside for look in asked)
        free = replay(d, ok, test=test, boundary=PLAN, region=NONE, good=-1)
        assert [(look.crossed, look.reaches, look.inside) for look in free] == [
            (-1, True, False)
        ] * 3


@pytest.mark.parametrize("test", TESTS)
def test_no_difference_at_all_decides_nothing(test: PairedTest) -> None:
    looks = replay([0.0] * 20, [True] * 20, test=test, boundary=PLAN, region=(-1.0, 1.0), good=1)
    assert all(
        (look.p_value, look.crossed, look.reaches, look.inside) == (None, 0, False, False)
        for look in looks
    )


def test_equal_differences_are_decided_by_rank_and_not_by_t() -> None:
    d, ok = [-0.1] * 10, [True] * 10
    (rank,) = replay(d, ok, test="signed-rank", boundary=PLAN, region=NONE, good=-1)
    (t,) = replay(d, ok, test="t", boundary=PLAN, region=NONE, good=-1)
    assert (rank.crossed, rank.reaches) == (-1, True)
    assert (t.crossed, t.p_value) == (0, None)


def test_a_p_value_of_zero_does_not_cross_a_look_with_nothing_to_spend() -> None:
    plan = boundary(alpha=0.05, max_blocks=10_000, min_blocks=10)
    d = -1.0 - 1e-9 * np.arange(400.0)
    looks = replay(d, [True] * 400, test="t", boundary=plan, region=NONE, good=-1)
    assert looks[-1].p_value == 0.0
    assert [look.crossed for look in looks if look.nominal == 0.0] == [0] * sum(
        look.nominal == 0.0 for look in looks
    )


def test_a_failing_treatment_cannot_be_better_by_its_surviving_runs() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(-0.2, 0.05, 20)
    ok = np.ones(20, dtype=bool)
    ok[2:18:2] = False
    harmed = np.where(ok, d, 1e6)

    by_t = replay(harmed, ok, test="t", boundary=PLAN, region=NONE, good=-1)
    by_rank = replay(harmed, ok, test="signed-rank", boundary=PLAN, region=NONE, good=-1)
    control_fails = replay(np.where(ok, d, -1e6), ok, test="t", boundary=PLAN, region=NONE, good=-1)

    assert {look.crossed for look in by_t} == {look.crossed for look in by_rank} == {0}
    assert control_fails[-1].crossed == -1
    assert result_at(harmed, ok, test="t", used=20, level=0.05).n == 12


def test_one_failure_does_not_veto_what_the_ranks_still_show() -> None:
    d = np.r_[1e6, np.random.default_rng(3).normal(-0.2, 0.05, 19)]
    ok = np.r_[False, np.ones(19, dtype=bool)]
    looks = replay(d, ok, test="t", boundary=PLAN, region=NONE, good=-1)
    assert looks[-1].crossed == -1
    assert looks[0].crossed == 0  # t alone would cross; one worst rank of ten is too many
    assert replay(d[1:], ok[1:], test="t", boundary=PLAN, region=NONE, good=-1)[0].crossed == -1


def test_ranks_have_no_say_while_the_control_fails_as_often() -> None:
    measured = np.random.default_rng(3).normal(-0.2, 0.05, 8)
    ok = np.r_[False, False, np.ones(8, dtype=bool)]
    (even,) = replay(np.r_[-1e6, 1e6, measured], ok, test="t", boundary=PLAN, region=NONE, good=-1)
    (lost,) = replay(np.r_[1e6, 1e6, measured], ok, test="t", boundary=PLAN, region=NONE, good=-1)
    assert (even.crossed, lost.crossed) == (-1, 0)


def test_only_failures_are_not_estimable_by_t() -> None:
    looks = replay([1e6] * 12, [False] * 12, test="t", boundary=PLAN, region=NONE, good=-1)
    assert {(look.crossed, look.p_value) for look in looks} == {(0, None)}


def test_a_measured_million_is_not_a_failure() -> None:
    d = np.array([1e6, 2e6, 3e6, 1e6, 5e6, 4e6, 1e6, 2e6, 3e6, 1e6])
    result = result_at(d, [True] * 10, test="signed-rank", used=10, level=0.05)
    assert result.interval.is_bounded
    assert result.estimate == 2e6


def test_ten_thousand_blocks_are_replayed_at_once() -> None:
    plan = boundary(alpha=0.05, max_blocks=10_000, min_blocks=10)
    d = np.random.default_rng(5).normal(size=10_000)
    ok = np.ones(10_000, dtype=bool)
    start = time.process_time()
    looks = replay(d, ok, test="signed-rank", boundary=plan, region=REGION, good=1)
    assert time.process_time() - start < 1.0  # 0.11 s on a quiet machine
    assert len(looks) == 200


def test_bad_arguments_are_quoted() -> None:
    kwargs: dict[str, Any] = {"boundary": PLAN, "region": NONE, "good": -1}
    with pytest.raises(ValueError, match="'sign'"):
        replay([1.0], [True], test="sign", **kwargs)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(2,\)"):
        replay([1.0], [True, False], test="t", **kwargs)
    with pytest.raises(ValueError, match="good"):
        replay([1.0], [True], test="t", boundary=PLAN, region=NONE, good=0)
    with pytest.raises(ValueError, match=r"0\.1"):
        replay([1.0], [True], test="t", boundary=PLAN, region=(0.1, 0.2), good=1)
    with pytest.raises(ValueError, match="sign"):
        replay([0.0], [False], test="t", **kwargs)
    with pytest.raises(ValueError, match="finite"):
        replay([math.inf], [True], test="t", **kwargs)
    with pytest.raises(ValueError, match="3"):
        result_at([1.0], [True], test="t", used=3, level=0.05)
