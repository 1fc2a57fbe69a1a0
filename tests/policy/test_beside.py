"""What an analysis reports beside the verdict and never decides by."""

from __future__ import annotations

import random

import pytest

from gitexp.decision import Analysis
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    Direction,
    Guardrail,
    Metric,
    Plan,
    Scale,
    TestName,
    Verdict,
    Watch,
)
from gitexp.policy import analyse
from tests.making import COMPARISON, Notebook, plan_with, wobble

SCORE = Metric(name="score", direction=Direction.HIGHER, unit="score")
HAPPY = Metric(name="happy", direction=Direction.HIGHER, unit="bool")
LATENCY = Metric(name="latency", direction=Direction.LOWER, unit="s")


def watching(metric: Metric, floor: float | None, **changes: object) -> Plan:
    return plan_with(watches=(Watch(metric=metric, floor=floor),), **changes)


def notebook_of(plan: Plan, values: list[tuple[float, float]]) -> Notebook:
    """Blocks whose times do not differ, with these values of the watched metric."""
    notebook = Notebook(plan)
    (watch,) = plan.watches
    for number, pair in enumerate(values, 1):
        time = 1.05 if number % 2 else 1 / 1.05
        notebook.block(number, 1.0, time, others={watch.metric.name: pair})
    return notebook


# --- watched metrics --------------------------------------------------------------------------


def test_a_treatment_shown_to_be_below_the_floor_raises_an_alert_and_decides_nothing() -> None:
    plan = watching(SCORE, 0.5)
    values = [(0.8, 0.3 + 0.01 * k) for k in range(12)]

    found = analyse(notebook_of(plan, values).experiment(), COMPARISON)

    (watch,) = found.watches
    assert watch.broken_at == 10
    assert watch.control == pytest.approx(0.8)
    assert watch.treatment == pytest.approx(0.355)
    assert [(alert.check, alert.threshold) for alert in found.alerts] == [("floor", "0.5")]
    assert found.verdict is Verdict.COLLECTING


def test_a_treatment_around_the_floor_raises_none() -> None:
    plan = watching(SCORE, 0.5)
    values = [(0.8, 0.5 + (0.1 if k % 2 else -0.11)) for k in range(20)]

    found = analyse(notebook_of(plan, values).experiment(), COMPARISON)

    assert found.watches[0].broken_at is None
    assert found.alerts == ()


def test_a_floor_once_broken_stays_broken() -> None:
    plan = watching(SCORE, 0.5)
    values = [(0.8, 0.3)] * 10 + [(0.8, 0.9)] * 10

    found = analyse(notebook_of(plan, values).experiment(), COMPARISON)

    assert found.watches[0].broken_at == 10


def test_for_a_metric_that_should_be_low_the_floor_is_what_it_must_not_exceed() -> None:
    plan = watching(LATENCY, 2.0)
    values = [(1.0, 3.0 + 0.1 * k) for k in range(10)]

    found = analyse(notebook_of(plan, values).experiment(), COMPARISON)

    assert found.watches[0].broken_at == 10


def test_a_yes_or_no_metric_is_held_against_its_floor_by_its_share() -> None:
    plan = watching(HAPPY, 0.5)
    unhappy = [(1.0, 0.0)] * 20
    divided = [(1.0, float(k % 2)) for k in range(20)]

    assert analyse(notebook_of(plan, unhappy).experiment(), COMPARISON).watches[0].broken_at
    found = analyse(notebook_of(plan, divided).experiment(), COMPARISON).watches[0]
    assert (found.treatment, found.broken_at) == (0.5, None)


def test_a_metric_without_a_floor_is_only_shown() -> None:
    plan = watching(SCORE, None)

    found = analyse(notebook_of(plan, [(0.8, 0.0)] * 20).experiment(), COMPARISON)

    assert (found.watches[0].n, found.watches[0].broken_at, found.alerts) == (20, None, ())


def test_trials_without_the_watched_value_are_missing_and_not_zero() -> None:
    plan = watching(SCORE, 0.5)
    notebook = Notebook(plan)
    notebook.blocks([*wobble(20, ratio=1.0)])

    found = analyse(notebook.experiment(), COMPARISON)

    assert (found.watches[0].n, found.watches[0].treatment, found.alerts) == (0, None, ())


def test_the_floor_of_single_trials_is_watched_as_well() -> None:
    plan = watching(SCORE, 0.5, test=TestName.WELCH)
    notebook = Notebook(plan)
    draw = random.Random(5)
    for _ in range(12):
        for arm in Arm:
            notebook.trial(arm, None, {"time": draw.gauss(1.0, 0.1), "score": 0.2})

    assert analyse(notebook.experiment(), COMPARISON).watches[0].broken_at == 10


# --- impact -----------------------------------------------------------------------------------


def test_the_impact_is_the_effect_of_one_use_times_the_uses() -> None:
    plan = plan_with(uses_per_month=50.0)
    notebook = Notebook(plan)
    notebook.blocks([*wobble(20, ratio=0.8)])

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.impact is not None
    assert found.primary.effect is not None
    assert found.primary.control.median is not None
    assert found.impact.per_use == found.primary.effect
    assert found.impact.per_month == pytest.approx(50 * found.primary.effect)
    ends = [end * found.primary.control.median * 50 for end in found.primary.interval]
    assert found.impact.interval == pytest.approx(tuple(ends))


def test_the_impact_of_a_difference_is_in_its_own_unit() -> None:
    plan = plan_with(uses_per_month=1000.0, primary=SCORE, scale=Scale.DIFFERENCE, test=TestName.T)
    notebook = Notebook(plan)
    for number in range(1, 21):
        notebook.block(number, 0.5, 0.6 + 0.001 * number, metric="score")

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.impact is not None
    assert found.impact.per_month == pytest.approx(1000 * (0.1 + 0.001 * 5.5), rel=0.02)
    assert found.impact.interval == pytest.approx(
        tuple(1000 * end for end in found.primary.interval)
    )


def test_there_is_no_impact_without_uses_or_without_an_estimate() -> None:
    used = Notebook(plan_with(uses_per_month=50.0))
    unknown = Notebook(plan_with())
    unknown.blocks([*wobble(20, ratio=0.8)])

    assert analyse(used.experiment(), COMPARISON).impact is None
    assert analyse(unknown.experiment(), COMPARISON).impact is None


# --- what would have decided it ---------------------------------------------------------------


def verdict_of(blocks: int, failures: Guardrail) -> Analysis:
    notebook = Notebook(plan_with(guardrails=(failures,), max_blocks=blocks))
    notebook.blocks([*wobble(blocks, ratio=0.8)])
    return analyse(notebook.experiment(), COMPARISON)


def test_a_guardrail_that_stayed_open_says_how_many_blocks_it_takes() -> None:
    failures = Guardrail(metric=BUILT_IN_METRICS["failures"], margin=0.05, is_relative=False)

    found = verdict_of(20, failures)

    assert found.verdict is Verdict.UNDECIDED
    assert found.blocks_needed is not None
    assert verdict_of(found.blocks_needed, failures).verdict is Verdict.BETTER
    assert verdict_of(found.blocks_needed - 5, failures).verdict is Verdict.UNDECIDED
