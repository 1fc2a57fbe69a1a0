"""What needs a person: a treatment that breaks things, odd values, time that has run out.

Alerts decide nothing, and delete nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain

from gitexp.blocks import Block, RunTrial
from gitexp.decision import WatchResult
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, ExperimentId, GuardState, Revision, Scale
from gitexp.policy.balance import counts_of
from gitexp.policy.guard import Guarded, follow, primary_as_guardrail
from gitexp.policy.oddities import JudgedRun, oddity_alerts
from gitexp.policy.rule import guard_rules
from gitexp.policy.study import Study
from gitexp.policy.watched import floor_alerts
from gitexp.stats.alarms import ERROR_RATIO, error_rate
from gitexp.stats.signals import Signal
from gitexp.stats.use_errors import use_error_rate


def count_alerts(
    experiment: Experiment, revision: Revision, blocks: Sequence[Block]
) -> list[Health]:
    """Those that tell nothing of what was measured: failures are counted for everybody to see.

    Args:
        blocks: Admitted ones that were not retracted.
    """
    return [*_error_alerts(experiment, revision, blocks), *_late_alerts(experiment, revision)]


def value_alerts(
    study: Study, watches: Sequence[WatchResult], judged: Sequence[JudgedRun]
) -> list[Health]:
    """Those that tell how the treatment does, or what a trial measured."""
    return [
        *floor_alerts(watches),
        *_regression_alerts(study),
        *oddity_alerts(judged, study.plan.primary),
    ]


def _error_alerts(
    experiment: Experiment, revision: Revision, blocks: Sequence[Block]
) -> list[Health]:
    pairs: Iterable[tuple[RunTrial, RunTrial]]
    if experiment.plan.test.is_paired:
        pairs = ((block.control, block.treatment) for block in blocks)
    else:
        pairs = _as_many_of_each(experiment.counted(revision))
    if experiment.plan.windows:
        return _use_error_alerts(experiment.id, [*pairs])
    counts = counts_of(chain.from_iterable(pairs))
    (control, n), (treatment, _) = counts[Arm.CONTROL], counts[Arm.TREATMENT]
    found = error_rate(control=control, treatment=treatment)
    if found.signal is not Signal.RAISED or found.e_value is None:
        return []
    return [
        Health(
            check="error rate",
            state=HealthState.FAIL,
            value=f"the treatment failed {treatment} times in {n} trials, the control {control} "
            f"times (e-value {found.e_value:.3g})",
            threshold=f"e-value {found.threshold:g}, and {ERROR_RATIO:g} times the failures of the "
            "control",
            advice=f"read why: git exp log {experiment.id}; to give it up: "
            f"git exp rollback {experiment.id}",
        )
    ]


def _use_error_alerts(
    exp: ExperimentId, pairs: Sequence[tuple[RunTrial, RunTrial]]
) -> list[Health]:
    """The same of windows: uses fail, of which the arms have different numbers."""
    windows = [(c.trial.window, t.trial.window) for c, t in pairs]
    control = [(c.failures, c.count) for c, t in windows if c is not None and t is not None]
    treatment = [(t.failures, t.count) for c, t in windows if c is not None and t is not None]
    found = use_error_rate(control, treatment)
    if found.signal is not Signal.RAISED or found.e_value is None:
        return []
    (failed_c, n_c), (failed_t, n_t) = (
        map(sum, zip(*arm, strict=True)) for arm in (control, treatment)
    )
    return [
        Health(
            check="error rate",
            state=HealthState.FAIL,
            value=f"{failed_t} of {n_t} uses of the treatment failed, {failed_c} of {n_c} of the "
            f"control (e-value {found.e_value:.3g})",
            threshold=f"e-value {found.threshold:g}, and {ERROR_RATIO:g} times the rate of the "
            "control",
            advice=f"read when: git exp log {exp}; to give it up: git exp rollback {exp}",
        )
    ]


def _as_many_of_each(runs: Sequence[RunTrial]) -> Iterable[tuple[RunTrial, RunTrial]]:
    """Of either arm the first trials, as many as the other arm has, too: errors are to compare."""
    control = [run for run in runs if run.trial.arm is Arm.CONTROL]
    treatment = [run for run in runs if run.trial.arm is Arm.TREATMENT]
    return zip(control, treatment, strict=False)


def _late_alerts(experiment: Experiment, revision: Revision) -> list[Health]:
    late, last = experiment.late(revision), experiment.plan.expires
    if not late:
        return []
    return [
        Health(
            check="duration",
            state=HealthState.WARN,
            value=f"{late} blocks came after the last day and are not used",
            threshold=f"{last:%Y-%m-%d %H:%M} UTC, after {experiment.plan.max_days:g} days",
            advice=f"to measure longer: git exp create --like {experiment.id} --max-days N",
            subject="late blocks",
        )
    ]


def _regression_alerts(study: Study) -> list[Health]:
    goal = _goal(study)
    if goal is None or goal.path.fell_at is None:
        return []
    found, plan = goal.result(), study.plan
    if found.state is not GuardState.HARMED:
        return []
    least = "it failed too often to say by how much"
    if found.least is not None and math.isfinite(found.least):
        least = f"by at least {_size(found.least, study)}"
    return [
        Health(
            check="regression",
            state=HealthState.FAIL,
            value=f"{plan.primary.name} of the treatment is worse, {least}, "
            f"shown at block {found.fell_at}",
            threshold=f"max-regression {_size(plan.max_regression, study)}",
            advice=f"to give it up: git exp rollback {plan.id}; once that is the verdict, git exp "
            "auto does it",
        )
    ]


def _goal(study: Study) -> Guarded | None:
    """The primary metric as a guardrail, as it is anyway under the goal 'no-regression'."""
    plan = study.plan
    if study.goal is not None or not plan.test.is_paired or plan.max_regression <= 0:
        return study.goal
    positions = study.material.positions(plan)
    return follow(
        primary_as_guardrail(plan),
        study.material.blocks,
        study.looks,
        [positions[look.used] for look in study.looks],
        plan,
        guard_rules(plan, alpha=plan.guardrail_alpha, ends_at=study.ends_at),
        ends_at=study.ends_at or plan.max_blocks,
        is_closed=True,
    )


def _size(value: float, study: Study) -> str:
    if study.plan.scale is Scale.LOG:
        return f"{value:.3g}" if value >= 10 else f"{value:.1%}"
    unit = study.plan.primary.unit
    return f"{value:.3g}" + (f" {unit}" if unit and unit != "bool" else "")
