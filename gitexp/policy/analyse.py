"""The analysis of one revision: a pure function of plan, records and the arms' trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitexp.blocks import Block, NotPositive, RunTrial, awaiting
from gitexp.decision import Analysis, ArmCounts, BlockCounts, Looks, PrimaryResult
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Arm,
    Comparison,
    Decided,
    Oid,
    Outcome,
    Plan,
    Revision,
    Verdict,
)
from gitexp.policy.alerts import count_alerts, value_alerts
from gitexp.policy.balance import balance_health
from gitexp.policy.checks import (
    pooling_health,
    record_health,
    retracted_count,
    retraction_health,
    value_health,
)
from gitexp.policy.conditions import condition_health, stability_health
from gitexp.policy.impact import impact_of
from gitexp.policy.measure import measured, unmeasured
from gitexp.policy.noise import noise_health
from gitexp.policy.oddities import judged_runs, oddity_health
from gitexp.policy.reasons import blocks_needed, criteria_of, reason_of
from gitexp.policy.rule import primary_alpha
from gitexp.policy.secondary import secondary_results
from gitexp.policy.study import Study, study_of
from gitexp.policy.watched import watch_results


def analyse(
    experiment: Experiment,
    comparison: Comparison,
    *,
    health: Sequence[Health] = (),
    at_expiry: bool = False,
) -> Analysis:
    """What the records say about the revision that `comparison` names.

    Args:
        health: Checks only the caller could make (isolation, edited harness, edited plan). One
            that fails makes the verdict `invalid`.
        at_expiry: Whether it is to be taken for expired now: what the record of it is to say.
    """
    revision = comparison.revision
    blocks = experiment.admitted(revision)
    kept = tuple(block for block in blocks if not block.is_retracted)
    checks = [
        *health,
        *noise_health(experiment, [block.control.trial.host for block in blocks]),
        *record_health(experiment, revision, kept),
        *balance_health(experiment, revision, kept),
        *condition_health(experiment, revision, kept),
    ]
    try:
        study = study_of(experiment, revision, kept, at_expiry=at_expiry)
        checks += pooling_health(experiment, study)
        retracted = retracted_count(experiment, revision, blocks)
        if retracted:
            everything = study_of(
                experiment, revision, blocks, with_retracted=True, at_expiry=at_expiry
            )
            checks.append(retraction_health(experiment, retracted, everything, study))
    except NotPositive as error:
        checks.append(value_health(error))
        study = None
    found = _assemble(experiment, comparison, blocks, study, tuple(checks))
    found = replace(found, alerts=tuple(count_alerts(experiment, revision, kept)))
    if experiment.shows_counts_only(revision) and not found.verdict.is_final:
        return _counts_only(found, experiment.plan)
    return found if study is None else _with_values_checked(found, study)


def _with_values_checked(found: Analysis, study: Study) -> Analysis:
    """The analysis with the checks and alerts that tell what was measured."""
    judged = judged_runs(study)
    return replace(
        found,
        health=(*found.health, *stability_health(study), *oddity_health(judged)),
        alerts=(*found.alerts, *value_alerts(study, found.watches, judged)),
    )


def _assemble(
    experiment: Experiment,
    comparison: Comparison,
    blocks: Sequence[Block],
    study: Study | None,
    checks: tuple[Health, ...],
) -> Analysis:
    plan, revision = experiment.plan, comparison.revision
    level = 1 - primary_alpha(plan)
    failed = [check for check in checks if check.state is HealthState.FAIL]
    verdict = study.walk.verdict if study else Verdict.INVALID
    reason = reason_of(experiment, study) if study else ""
    record = experiment.decisions.get(revision)
    if failed:
        verdict, reason = Verdict.INVALID, f"{failed[0].value}: {failed[0].advice}"
    elif record is not None and isinstance(record.body, Decided):
        # recorded is final: the replay can only agree, unless the rule itself has changed
        verdict = record.body.verdict
    primary = _shown(study, level) if study else unmeasured(plan, level=level, why="values to mend")
    return Analysis(
        revision=revision,
        verdict=verdict,
        reason=reason,
        alpha=plan.alpha / plan.revisions,
        blocks=_block_counts(experiment, revision, blocks, study),
        control=_arm_counts(experiment, comparison, Arm.CONTROL),
        treatment=_arm_counts(experiment, comparison, Arm.TREATMENT),
        primary=primary,
        after=_after(study, level) if study else None,
        looks=_looks(study),
        guardrails=tuple(guard.result() for guard in study.guarded) if study else (),
        watches=watch_results(study) if study else (),
        secondary=secondary_results(study) if study else (),
        alerts=(),
        health=checks,
        criteria=criteria_of(study, primary) if study else (),
        blocks_needed=blocks_needed(study, verdict),
        impact=impact_of(plan, primary),
    )


def _counts_only(found: Analysis, plan: Plan) -> Analysis:
    """The analysis without anything that could tell somebody when to stop."""
    why = "only counts are shown until it ends, as registered"
    is_invalid = found.verdict is Verdict.INVALID
    counts = f"{found.blocks.complete} of {plan.max_blocks} blocks; {why}"
    return replace(
        found,
        reason=found.reason if is_invalid else counts,
        primary=unmeasured(plan, level=found.primary.level, why=why),
        after=None,
        looks=replace(found.looks, crossed_at=None, critical=None),
        guardrails=(),
        watches=(),
        secondary=(),
        criteria=(),
        impact=None,
    )


def _shown(study: Study, level: float) -> PrimaryResult:
    look = study.shown
    return measured(
        study.sample,
        study.rule,
        used=None if look is None else look.used,
        nominal=None if look is None else look.nominal,
        level=level,
    )


def _after(study: Study, level: float) -> PrimaryResult | None:
    look = study.shown
    if look is None or not _unused(study):
        return None
    return measured(study.sample, study.rule, used=None, nominal=look.nominal, level=level)


def _unused(study: Study) -> int:
    """Complete blocks behind the deciding look, or behind the last one that could decide."""
    if study.walk.ended is not None and study.shown is not None:
        return study.sample.size - study.shown.n
    if study.walk.verdict is Verdict.UNDECIDED and study.looks:
        return study.sample.size - study.looks[-1].n
    return 0


def _block_counts(
    experiment: Experiment, revision: Revision, blocks: Sequence[Block], study: Study | None
) -> BlockCounts:
    plan = experiment.plan
    kept = [block for block in blocks if not block.is_retracted]
    complete = sum(block.has_value(plan.primary) for block in kept)
    unpaired = experiment.unpaired(revision)
    if not plan.test.is_paired:
        complete = study.sample.size if study else 0
    look = study.shown if study else None
    used = complete if look is None else look.n
    waiting = experiment.waiting(revision)
    return BlockCounts(
        complete=complete,
        used=used,
        after=_unused(study) if study else 0,
        waiting=sum(waiting.values()),
        waiting_by=tuple(sorted(waiting.items())),
        both_failed=sum(block.is_silent(plan.primary) for block in kept),
        retracted=retracted_count(experiment, revision, blocks),
        late=experiment.late(revision),
        unpaired=len(unpaired),
        max=plan.max_blocks,
        awaiting=() if revision in experiment.decisions else awaiting(_units(study, kept), plan),
    )


def _units(study: Study | None, blocks: Sequence[Block]) -> Sequence[Block | RunTrial]:
    """What the plan's test counts: blocks, or single trials."""
    return study.material.runs if study is not None and study.material.runs else blocks


def _arm_counts(experiment: Experiment, comparison: Comparison, arm: Arm) -> ArmCounts:
    revision, gate = comparison.revision, experiment.admission.gate
    counts = dict.fromkeys(Outcome, 0)
    uses, failed_uses = 0, 0
    for run in experiment.trials:
        is_counted = run.trial.block != 0 and run.trial.revision == revision
        if is_counted and run.trial.arm is arm:
            has_entered = gate(revision, run.record.writer, run.record.seq) is not None
            counts[run.trial.outcome] += has_entered
            if has_entered and run.trial.window is not None:
                uses += run.trial.window.count
                failed_uses += run.trial.window.failures
    commit: Oid = comparison.arm(arm).commit
    has_windows = experiment.plan.windows
    return ArmCounts(
        commit=commit,
        ok=counts[Outcome.OK],
        failed=counts[Outcome.FAILED],
        timeout=counts[Outcome.TIMEOUT],
        void=counts[Outcome.VOID],
        uses=uses if has_windows else None,
        failed_uses=failed_uses if has_windows else None,
    )


def _looks(study: Study | None) -> Looks:
    if study is None:
        return Looks(
            last=None, next=None, crossed_at=None, decided_at=None, ended_at=None, critical=None
        )
    done = study.looks[-1].n if study.looks else None
    is_going_on = study.walk.verdict is Verdict.COLLECTING
    following = [n for n in study.rule.looks if done is None or n > done]
    shown = study.shown
    return Looks(
        last=done,
        next=following[0] if is_going_on and following else None,
        crossed_at=None if study.walk.crossed is None else study.looks[study.walk.crossed].n,
        decided_at=shown.n if shown is not None and study.walk.ended is not None else None,
        ended_at=None if study.walk.ended is None else study.looks[study.walk.ended].n,
        critical=None if shown is None else study.rule.critical(shown.n),
    )
