"""What a plan can find given the noise, and how many blocks an effect takes."""

from __future__ import annotations

import math

import pytest

from gitexp.model import (
    BUILT_IN_METRICS,
    Direction,
    Guardrail,
    GuardState,
    Metric,
    Plan,
    Scale,
    Stopping,
    TestName,
)
from gitexp.policy import analyse
from gitexp.policy.sizing import blocks_for, detectable, guard_sizes, noise_of, with_max_blocks
from tests.making import COMPARISON, Notebook, plan_with, wobble

TIME = BUILT_IN_METRICS["time"]
SPEED = Metric(name="speed", direction=Direction.HIGHER, unit=None)
FAILURES = BUILT_IN_METRICS["failures"]


@pytest.mark.parametrize("metric", [TIME, SPEED])
def test_blocks_for_an_effect_find_that_effect_and_fewer_do_not(metric: Metric) -> None:
    plan = plan_with(primary=metric)

    needed = blocks_for(plan, 0.15, 0.2)

    assert needed is not None
    found, missed = (detectable(with_max_blocks(plan, n), 0.2) for n in (needed, needed - 1))
    assert found is not None
    assert missed is not None
    assert found <= 0.15 < missed


def test_a_reduction_is_never_more_than_everything() -> None:
    lower = detectable(plan_with(), 2.0)
    higher = detectable(plan_with(primary=SPEED), 2.0)

    assert lower is not None
    assert higher is not None
    assert 0 < lower < 1 < higher
    # the same distance on the scale of the differences
    assert -math.log1p(-lower) == pytest.approx(math.log1p(higher))


def test_differences_are_found_in_their_own_unit_and_in_proportion_to_the_noise() -> None:
    plan = plan_with(scale=Scale.DIFFERENCE, test=TestName.T)

    one, three = detectable(plan, 1.0), detectable(plan, 3.0)

    assert one is not None
    assert three == pytest.approx(3 * one)
    assert blocks_for(plan, one, 1.0) == plan.max_blocks


def test_too_few_blocks_find_nothing_however_large() -> None:
    assert detectable(plan_with(min_blocks=3, max_blocks=3), 0.1) is None


def test_a_rule_for_any_time_takes_more_blocks_and_one_look_takes_fewest() -> None:
    needed = {
        stopping: blocks_for(plan_with(stopping=stopping), 0.1, 0.3) or 0 for stopping in Stopping
    }

    assert needed[Stopping.FIXED] < needed[Stopping.GROUP_SEQUENTIAL]
    assert 1.5 * needed[Stopping.GROUP_SEQUENTIAL] < needed[Stopping.ALWAYS_VALID]


# --- noise ------------------------------------------------------------------------------------


def test_the_noise_is_the_scatter_around_the_effect_whatever_that_is() -> None:
    alike, apart = Notebook(), Notebook()
    alike.blocks(wobble(12, ratio=1.0))
    apart.blocks(wobble(12, ratio=0.5))

    calm = noise_of(alike.experiment(), TIME, Scale.LOG, is_paired=True)
    moved = noise_of(apart.experiment(), TIME, Scale.LOG, is_paired=True)

    assert calm is not None
    assert moved is not None
    assert calm.blocks == 12
    assert moved.sd == pytest.approx(calm.sd)


def test_a_few_blocks_tell_no_noise_and_neither_do_equal_ones() -> None:
    few, equal = Notebook(), Notebook()
    few.blocks(wobble(4, ratio=1.0))
    equal.blocks([(1.0, 0.9)] * 12)

    assert noise_of(few.experiment(), TIME, Scale.LOG, is_paired=True) is None
    assert noise_of(equal.experiment(), TIME, Scale.LOG, is_paired=True) is None


# --- guardrails -------------------------------------------------------------------------------


def state_without_events(plan: Plan, blocks: int) -> GuardState:
    """Of the plan's guardrail, were the plan of so many blocks."""
    notebook = Notebook(with_max_blocks(plan, blocks))
    notebook.blocks([(1.0 + 0.001 * k, 1.0) for k in range(blocks)])
    return analyse(notebook.experiment(), COMPARISON).guardrails[0].state


@pytest.mark.parametrize("stopping", Stopping)
@pytest.mark.parametrize("margin", [0.5, 0.2, 0.05])
def test_a_rate_without_events_is_ok_at_the_number_of_blocks_told(
    margin: float, stopping: Stopping
) -> None:
    guard = Guardrail(metric=FAILURES, margin=margin, is_relative=False)
    plan = plan_with(guardrails=(guard,), stopping=stopping, max_blocks=20, min_blocks=20)

    (size,) = guard_sizes(plan, {})

    assert size.needs is not None
    if stopping is not Stopping.ALWAYS_VALID:  # that one is tuned for the number of blocks
        assert state_without_events(plan, size.needs) is GuardState.OK
        fewer = size.needs - max(1, size.needs // 20)
        assert state_without_events(plan, fewer) is GuardState.UNRESOLVED
    assert size.is_resolvable == (size.needs <= 20)


def test_a_margin_too_narrow_for_any_number_of_blocks_is_told_as_such() -> None:
    guard = Guardrail(metric=FAILURES, margin=1e-9, is_relative=False)

    (size,) = guard_sizes(plan_with(guardrails=(guard,)), {})

    assert (size.needs, size.is_resolvable) == (None, False)


def test_a_guardrail_of_unknown_noise_has_no_size() -> None:
    guard = Guardrail(metric=BUILT_IN_METRICS["maxrss"], margin=0.1, is_relative=True)
    plan = plan_with(guardrails=(guard,))

    assert guard_sizes(plan, {}) == ()
    (size,) = guard_sizes(plan, {"maxrss": 0.1})
    assert size.needs == pytest.approx(9, abs=1)
