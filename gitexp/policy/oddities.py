"""Trials whose value lies far from those of the trials before them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gitexp.blocks import RunTrial
from gitexp.health import Health, HealthState
from gitexp.model import Arm, Metric, Scale
from gitexp.policy.study import Study
from gitexp.stats.alarms import VERY_ODD, Judged, Oddity, anomalies

JudgedRun = tuple[RunTrial, Judged]

_FEW = 2
"""Odd values that chance alone hardly ever exceeds in a short experiment: docs/statistics.md."""
_SHARE = 0.02
"""The same in a long one, as a share."""
_NAMED = 3
"""Trials that are named; more are counted."""


def judged_runs(study: Study) -> list[JudgedRun]:
    """Values of the primary metric that have enough others before them, of their host and arm.

    None on the scale of differences: z is of logarithms. None of windows, whose means are as far
    apart as their numbers of uses make them.
    """
    plan = study.plan
    if plan.scale is not Scale.LOG or plan.windows:
        return []
    runs = study.material.runs or tuple(
        run for block in study.material.blocks for run in (block.control, block.treatment)
    )
    series: dict[tuple[str, Arm], list[tuple[RunTrial, float]]] = defaultdict(list)
    for run in runs:
        value = run.value(plan.primary)
        # one that is not positive, beside a failed trial, has no logarithm, and no need of one
        if value is not None and value > 0.0:
            series[run.trial.host, run.trial.arm].append((run, value))
    return [
        (run, judged)
        for own in series.values()
        for (run, _), judged in zip(own, anomalies([value for _, value in own]), strict=True)
        if judged.oddity is not Oddity.NOT_ESTIMABLE
    ]


def oddity_health(judged: Sequence[JudgedRun]) -> list[Health]:
    """How many values are odd: worth a look, and no more."""
    if not judged:
        return []
    return [
        Health(
            check="odd values",
            state=HealthState.OK,
            value=f"{_odd(judged)} of {len(judged)}",
            threshold="",
            advice="",
        )
    ]


def oddity_alerts(judged: Sequence[JudgedRun], metric: Metric) -> list[Health]:
    """Very odd trials by name, and where more are odd than chance would have it, how many."""
    severe = [(run, found) for run, found in judged if found.oddity is Oddity.VERY_ODD]
    odd = _odd(judged)
    is_much = odd > max(_FEW, _SHARE * len(judged))
    if not severe and not is_much:
        return []
    said = [
        f"{metric.name} {run.value(metric):.4g} in trial {run.record.id} "
        f"({run.trial.arm}, z {found.z:+.3g})"
        for run, found in severe[:_NAMED]
    ]
    if len(severe) > _NAMED:
        said.append(f"{len(severe) - _NAMED} more like that")
    if is_much:
        said.append(f"{odd} of {len(judged)} values are odd")
    return [
        Health(
            check="anomalies",
            state=HealthState.WARN,
            value="; ".join(said),
            threshold=f"|z| below {VERY_ODD:g} against the trials before it",
            advice="see what else ran then; each counts as it is, unless it is taken out with a "
            "reason: git exp retract TRIAL",
            subject=" ".join([*(run.record.id for run, _ in severe[:_NAMED]), *["many"] * is_much]),
        )
    ]


def _odd(judged: Sequence[JudgedRun]) -> int:
    return sum(found.oddity is not Oddity.TYPICAL for _, found in judged)
