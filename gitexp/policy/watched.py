"""Watched metrics: what they are in each arm, and whether the treatment fell below a floor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import mean

from gitexp.decision import WatchResult
from gitexp.health import Health, HealthState
from gitexp.model import Arm, Direction, Metric, Plan, Watch
from gitexp.policy.material import Material
from gitexp.stats.boundaries import Boundary, boundary
from gitexp.stats.proportions import wilson
from gitexp.stats.looks import Look
from gitexp.stats.signed_rank import signed_rank
from gitexp.stats.student import paired_t


def watch_results(plan: Plan, material: Material, looks: Sequence[Look]) -> tuple[WatchResult, ...]:
    """Every watched metric over all trials, its floor tested at every look.

    Each floor has a one-sided boundary of its own, at the guardrails' alpha. It is broken at the
    first look at which the treatment's mean is shown to lie beyond it, by the t-test of one sample
    (values without spread: by their ranks), for yes-or-no metrics by Wilson's score bound. It stays
    broken.
    """
    if not plan.watches:
        return ()
    bound = boundary(
        alpha=2 * plan.guardrail_alpha, max_blocks=plan.max_blocks, min_blocks=plan.min_blocks
    )
    return tuple(_result(watch, plan, material, looks, bound) for watch in plan.watches)


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
        )
        for result in found
        if result.broken_at is not None
    ]


def _result(
    watch: Watch, plan: Plan, material: Material, looks: Sequence[Look], bound: Boundary
) -> WatchResult:
    metric = watch.metric
    control, treatment = (_values(material, metric, arm) for arm in Arm)
    return WatchResult(
        metric=metric,
        floor=watch.floor,
        control=mean(control) if control else None,
        treatment=mean(treatment) if treatment else None,
        n=len(treatment),
        broken_at=None
        if watch.floor is None
        else _broken_at(watch.floor, metric, plan, material, looks, bound),
    )


def _values(material: Material, metric: Metric, arm: Arm) -> list[float]:
    runs = material.runs or tuple(block.run(arm) for block in material.blocks)
    found = (run.value(metric) for run in runs if run.trial.arm is arm)
    return [value for value in found if value is not None]


def _broken_at(
    floor: float,
    metric: Metric,
    plan: Plan,
    material: Material,
    looks: Sequence[Look],
    bound: Boundary,
) -> int | None:
    nominal = dict(zip(bound.looks, bound.nominal, strict=True))
    values = _values(material, metric, Arm.TREATMENT)
    bad = -1 if metric.direction is Direction.HIGHER else 1
    yes = [0, *accumulate(value > 0.5 for value in values)]
    for look in looks:
        level = nominal[look.n]
        n = len(_values(material.first(look.used, plan), metric, Arm.TREATMENT))
        if metric.unit == "bool":
            ends = wilson(yes[n], n, level=level)
            is_broken = ends.high < floor if bad < 0 else ends.low > floor
        else:
            is_broken = _beyond([bad * (value - floor) for value in values[:n]], level)
        if is_broken:
            return look.n
    return None


def _beyond(past: Sequence[float], level: float) -> bool:
    """Whether values that lie so far past the floor are shown to lie past it."""
    found = paired_t(past, level=level)
    if found.p_value is None:
        found = signed_rank(past, level=level)
    return found.estimate is not None and found.estimate > 0 and 0.0 not in found.interval
