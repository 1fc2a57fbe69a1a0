"""The analysis of an experiment, and the decision that follows from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gitexp.app.branches import current_experiment, without_switch
from gitexp.app.load import Loaded, load
from gitexp.app.next_steps import next_commands
from gitexp.app.reservations import close_lanes
from gitexp.app.verdict_cache import keep_verdict
from gitexp.app.views import AnalysisView
from gitexp.decision import Analysis
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Comparison,
    Decided,
    ExperimentId,
    Expired,
    RecordId,
    Revision,
    Scale,
    State,
    Verdict,
)
from gitexp.policy import analyse
from gitexp.store.store import Store


def analyze(store: Store, exp: ExperimentId, *, with_others: bool = False) -> AnalysisView:
    """The verdict as the records give it now. Writes nothing but a cache.

    Args:
        with_others: Whether other tests of the same values are wanted, for comparison.
    """
    loaded = load(store, exp)
    view = view_of(loaded.experiment, loaded.compared(), loaded)
    keep_verdict(store, loaded, view.analysis)
    if with_others:
        from gitexp.policy.others import others_of

        view = replace(view, others=others_of(loaded.experiment, view.analysis))
    if exp != current_experiment(store):
        return view
    return replace(view, next=without_switch(view.next, exp))


def view_of(experiment: Experiment, comparison: Comparison, loaded: Loaded) -> AnalysisView:
    """The analysis of these records with the health the repository told."""
    analysis = analyse(experiment, comparison, health=loaded.health)
    overdue = _overdue(experiment, analysis.revision, loaded, datetime.now(UTC))
    analysis = replace(analysis, alerts=(*analysis.alerts, *overdue))
    return AnalysisView(
        experiment=experiment,
        comparison=comparison,
        analysis=analysis,
        next=next_commands(
            replace(loaded, experiment=experiment, comparison=comparison),
            analysis.verdict,
            blocks_needed=analysis.blocks_needed,
        ),
    )


def _overdue(
    experiment: Experiment, revision: Revision, loaded: Loaded, now: datetime
) -> list[Health]:
    """An alert for an experiment that was to be over and still has its branch.

    It takes a clock, which an analysis never asks.
    """
    plan, has_branch = experiment.plan, loaded.tip is not None and loaded.source is None
    is_open = experiment.state in (State.RUNNING, State.EXPIRED)
    is_left = is_open and has_branch and loaded.arrived is None
    if now <= plan.expires or not is_left or revision in experiment.decisions:
        return []
    return [
        Health(
            check="duration",
            state=HealthState.WARN,
            value=f"the last day was {plan.expires:%Y-%m-%d}, and exp/{experiment.id} is still "
            "there, undecided",
            threshold=f"{plan.max_days:g} days",
            advice=f"end it: git exp rollback {experiment.id}; or measure anew: "
            f"git exp create --like {experiment.id}",
            subject="overdue",
        )
    ]


def settle(store: Store, view: AnalysisView, *, now: datetime | None = None) -> bool:
    """Record the decision, or the expiry, if one has fallen and this writer decides.

    Returns:
        Whether something was recorded.
    """
    experiment, analysis = view.experiment, view.analysis
    if store.writer != experiment.decider or experiment.state is not State.RUNNING:
        return False
    if analysis.verdict is Verdict.INVALID:
        return False
    is_expired = (now or datetime.now(UTC)) > experiment.plan.expires
    has_decision = analysis.revision in experiment.decisions
    plan_commit = experiment.plan_commit or view.comparison.treatment.commit
    recorded = False
    if analysis.verdict.is_final and not has_decision:
        body = decided(analysis, view.comparison, tenure=experiment.tenure.handover)
        store.record(experiment.id, experiment.plan_hash, body, target=plan_commit)
        recorded = has_decision = True
    if is_expired and not has_decision and experiment.expired is None:
        last = experiment.state_event
        final = analyse(experiment, view.comparison, at_expiry=True)
        expired = Expired(verdict=final.verdict, after=None if last is None else last.id)
        store.record(experiment.id, experiment.plan_hash, expired, target=plan_commit)
        recorded = True
    if recorded:
        close_lanes(store, experiment.id)
    return recorded


def decided(
    analysis: Analysis, comparison: Comparison, *, tenure: RecordId | None = None
) -> Decided:
    """The decision as it is recorded, in the units of `analyze --json`.

    Args:
        tenure: The handover that made this clone the decider, if one did.
    """
    primary = analysis.primary
    effect = primary.rel_effect if primary.scale is Scale.LOG else primary.effect
    blocks = analysis.blocks
    is_open_end = analysis.verdict is Verdict.UNDECIDED
    low, high = (None if abs(end) == float("inf") else end for end in primary.interval)
    return Decided(
        verdict=analysis.verdict,
        revision=analysis.revision,
        control=comparison.control.commit,
        treatment=comparison.treatment.commit,
        blocks=blocks.complete - blocks.after if is_open_end else blocks.used,
        effect=None if effect is None or abs(effect) == float("inf") else effect,
        interval=(low, high),
        level=primary.level,
        tenure=tenure,
    )
