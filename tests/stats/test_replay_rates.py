from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.boundaries import boundary
from gitexp.stats.looks import Look
from gitexp.stats.replay_rates import (
    replay_boschloo,
    replay_mcnemar,
    result_at_boschloo,
    result_at_mcnemar,
)
from gitexp.stats.results import Result

SHORT = boundary(alpha=0.3, max_blocks=30, min_blocks=3)
REGION = (-0.4, 0.3)
ENTRIES = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=50)


def agree(look: Look, result: Result) -> bool:
    """Whether the look shows what the result at its level says."""
    low, high = REGION
    assert result.estimate is not None
    rejects = 0.0 not in result.interval
    reaches = rejects and (result.estimate >= high or result.estimate <= low)
    inside = low < result.interval.low and result.interval.high < high
    return (
        look.p_value == result.p_value
        and (look.crossed != 0) == rejects
        and look.reaches == reaches
        and look.inside == inside
    )


@given(ENTRIES, st.integers(0, 50))
def test_looks_at_pairs_depend_on_earlier_pairs_alone(
    pairs: list[tuple[bool, bool]], cut: int
) -> None:
    control, treatment = [c for c, _ in pairs], [t for _, t in pairs]
    before = replay_mcnemar(control[:cut], treatment[:cut], boundary=SHORT, region=REGION)
    after = replay_mcnemar(control, treatment, boundary=SHORT, region=REGION)
    assert after[: len(before)] == before
    assert [look.n for look in after] == [n for n in SHORT.looks if n <= len(pairs)]
    for look in after:
        result = result_at_mcnemar(control, treatment, used=look.used, level=look.nominal)
        assert agree(look, result)


@given(ENTRIES, st.integers(0, 50))
def test_looks_at_arms_depend_on_earlier_values_alone(
    values: list[tuple[bool, bool]], cut: int
) -> None:
    x, arm = [v for v, _ in values], [a for _, a in values]
    before = replay_boschloo(x[:cut], arm[:cut], boundary=SHORT, region=REGION)
    after = replay_boschloo(x, arm, boundary=SHORT, region=REGION)
    assert after[: len(before)] == before
    for look in after:
        result = result_at_boschloo(x, arm, used=look.used, level=look.nominal)
        assert agree(look, result)


@given(ENTRIES)
def test_swapping_the_arms_mirrors_every_look(entries: list[tuple[bool, bool]]) -> None:
    low, high = REGION
    one, other = [a for a, _ in entries], [b for _, b in entries]
    looks = replay_mcnemar(one, other, boundary=SHORT, region=REGION)
    swapped = replay_mcnemar(other, one, boundary=SHORT, region=(-high, -low))
    assert [(k.p_value, -k.crossed, k.reaches) for k in swapped] == [
        (k.p_value, k.crossed, k.reaches) for k in looks
    ]


def test_a_clear_difference_crosses_and_no_difference_is_equivalent() -> None:
    plan = boundary(alpha=0.05, max_blocks=400, min_blocks=20)
    rng = np.random.default_rng(31)
    control = rng.random(400) < 0.5
    better = control | (rng.random(400) < 0.3)
    looks = replay_mcnemar(control, better, boundary=plan, region=(-0.05, 0.05))
    assert (looks[-1].crossed, looks[-1].reaches) == (1, True)
    same = replay_mcnemar(control, control, boundary=plan, region=(-0.05, 0.05))
    assert {look.crossed for look in same} == {0}
    assert same[-1].inside

    arm = np.arange(400) % 2 == 1
    looks = replay_boschloo(
        np.where(arm, better, control), arm, boundary=plan, region=(-0.05, 0.05)
    )
    assert looks[-1].crossed == 1


def test_looks_without_a_region_are_never_equivalent() -> None:
    looks = replay_mcnemar([1] * 30, [1] * 30, boundary=SHORT, region=(0.0, 0.0))
    assert not any(look.inside for look in looks)


@pytest.mark.parametrize("in_arm", [250, 1000])
def test_two_hundred_looks_are_made_at_once(in_arm: int) -> None:
    plan = boundary(alpha=0.05, max_blocks=in_arm, min_blocks=10)
    rng = np.random.default_rng(32)
    values, arm = rng.random(2 * in_arm) < 0.3, np.arange(2 * in_arm) % 2 == 1
    start = time.process_time()
    looks = replay_boschloo(values, arm, boundary=plan, region=REGION)
    assert time.process_time() - start < 5.0  # 0.9 s on a quiet machine
    assert len(looks) == 200


def test_rates_err_no_more_often_than_planned() -> None:
    plan = boundary(alpha=0.05, max_blocks=40, min_blocks=10)
    rng = np.random.default_rng(33)
    times, paired, independent = 500, 0, 0
    arm = np.arange(80) % 2 == 1
    for _ in range(times):
        control, treatment = rng.random((2, 40)) < 0.4
        looks = replay_mcnemar(control, treatment, boundary=plan, region=(0.0, 0.0))
        paired += any(look.crossed for look in looks)
        values = rng.random(80) < 0.4
        looks = replay_boschloo(values, arm, boundary=plan, region=(0.0, 0.0))
        independent += any(look.crossed for look in looks)
    bound = 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5
    assert paired / times <= bound
    assert independent / times <= bound


def test_other_values_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"0\.5"):
        replay_mcnemar([0.5], [1.0], boundary=SHORT, region=REGION)
    with pytest.raises(ValueError, match="nan"):
        replay_boschloo([float("nan")], [True], boundary=SHORT, region=REGION)
    with pytest.raises(ValueError, match=r"\(2,\)"):
        replay_mcnemar([1.0, 0.0], [1.0], boundary=SHORT, region=REGION)
    with pytest.raises(ValueError, match=r"0\.1"):
        replay_boschloo([1.0], [True], boundary=SHORT, region=(0.1, 0.2))
    with pytest.raises(ValueError, match="3"):
        result_at_mcnemar([1.0], [1.0], used=3, level=0.05)
