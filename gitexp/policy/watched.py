"""Watched metrics: what they are in each arm, and whether the treatment fell below a floor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import mean

import numpy as np

from gitexp.decision import WatchResult
from gitexp.health import Health, HealthState
from gitexp.model import Arm, Direction, Metric, Watch
from gitexp.policy.material import Material
from gitexp.policy.rule import Anytime, Rule, rule_of
from gitexp.policy.study import Study
from gitexp.stats.always_valid import result_always_valid
from gitexp.stats.looks import Look
from gitexp.stats.proportions import wilson
from gitexp.stats.rate_mixture import rate_sequence
from gitexp.stats.replay import PairedTest, result_at
from gitexp.stats.results import Result


def watch_results(study: Study) -> tuple[WatchResult, ...]:
    """Every watched metric over all trials, its floor tested at every look.

    Each floor has a one-sided rule of its own, at the guardrails' alpha. It is broken at the first
    look at which the treatment's mean is shown to lie beyond it, by the t-test of one sample
    (values without spread: by their ranks), for yes-or-no metrics by Wilson's score bound. Under an
    always-valid plan the evidence is that of its kind. It stays broken.
    """
    plan = study.plan
    if not plan.watches:
        return ()
    rule = rule_of(plan, alpha=2 * plan.guardrail_alpha, ends_at=study.ends_at)
    return tuple(_result(watch, study, rule) for watch in plan.watches)


def floor_alerts(found: Sequence[WatchResult]) -> list[Health]:
    """One alert for every floor that was broken."""
    return [
        Health(
            check="floor",
            state=HealthState.FAIL,
            value=f"{result.metric.name} of the treatment is beyond its floor, "
            f"shown at block {result.broken_at}",
            threshold=f"{result.floor:g}",
            advice="review the experiment before it is promoted",
            subject=result.metric.name,
        )
        for result in found
        if result.broken_at is not None
    ]


def _result(watch: Watch, study: Study, rule: Rule) -> WatchResult:
    control, treatment = (_values(study.material, watch.metric, arm) for arm in Arm)
    return WatchResult(
        metric=watch.metric,
        floor=watch.floor,
        control=mean(control) if control else None,
        treatment=mean(treatment) if treatment else None,
        n=len(treatment),
        broken_at=None
        if watch.floor is None
        else _broken_at(watch.floor, watch.metric, study, rule),
    )


def _values(material: Material, metric: Metric, arm: Arm) -> list[float]:
    runs = material.runs or tuple(block.run(arm) for block in material.blocks)
    found = (run.value(metric) for run in runs if run.trial.arm is arm)
    return [value for value in found if value is not None]


def _broken_at(floor: float, metric: Metric, study: Study, rule: Rule) -> int | None:
    material = study.material
    values = _values(material, metric, Arm.TREATMENT)
    bad = -1 if metric.direction is Direction.HIGHER else 1
    yes = [0, *accumulate(value > 0.5 for value in values)]
    for look in study.looks:
        n = len(_values(material.first(look.used, study.plan), metric, Arm.TREATMENT))
        if metric.unit == "bool" and not study.plan.windows:
            low, high = _rate_ends(yes[n], n, rule, look)
            is_broken = high < floor if bad < 0 else low > floor
        else:
            is_broken = _is_past([bad * (value - floor) for value in values[:n]], rule, look)
        if is_broken:
            return look.n
    return None


def _rate_ends(successes: int, trials: int, rule: Rule, look: Look) -> tuple[float, float]:
    if isinstance(rule, Anytime):
        low, high = rate_sequence(
            np.array([successes]), np.array([trials]), alpha=rule.alpha, best_at=rule.max_blocks
        )
        return float(low[0]), float(high[0])
    ends = wilson(successes, trials, level=rule.nominal(look.n))
    return ends.low, ends.high


def _is_past(past: Sequence[float], rule: Rule, look: Look) -> bool:
    """Whether values that lie so far past the floor are shown to lie past it."""
    found = _result_of(past, "t", rule, look)
    if found.p_value is None:
        found = _result_of(past, "signed-rank", rule, look)
    return found.estimate is not None and found.estimate > 0 and 0.0 not in found.interval


def _result_of(past: Sequence[float], test: PairedTest, rule: Rule, look: Look) -> Result:
    n, level = len(past), rule.nominal(look.n)
    if isinstance(rule, Anytime):
        return result_always_valid(
            past, [True] * n, test=test, used=n, alpha=level, max_blocks=rule.max_blocks
        )
    return result_at(past, [True] * n, test=test, used=n, level=level)
