"""What was judged already: the same two trees and the same question, in another experiment."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.status import every_row
from gitexp.app.status_view import Judged, StatusRow
from gitexp.health import HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Metric, Plan, Revision, Scale, Verdict
from gitexp.store.store import Store

_ANSWERS = (Verdict.BETTER, Verdict.WORSE, Verdict.EQUIVALENT, Verdict.BLOCKED)
"""`undecided` is none: it asks for more blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The end of a run for which the records have an answer.

    Attributes:
        id: What was to be run.
        by: The experiment whose decision answers.
    """

    id: ExperimentId
    by: ExperimentId
    judged: Judged
    metric: Metric
    scale: Scale
    next: tuple[str, ...]


def answer_for(store: Store, experiment: Experiment, revision: Revision) -> Answered | None:
    """The newest decision that answers what this run would; None when trials were begun here."""
    if revision.is_self or any(run.trial.revision == revision for run in experiment.trials):
        return None
    return known_answer(store, experiment.plan, revision)


def known_answer(store: Store, plan: Plan, revision: Revision) -> Answered | None:
    """The newest decision elsewhere on these two trees, of a plan that asked the same."""
    from gitexp.app.status_row import question

    asked = question(plan)
    found = [
        (judged, row)
        for row in every_row(store)
        if row.id != plan.id and row.question == asked and not _is_unsound(row)
        for judged in row.judged
        if judged.revision == revision and judged.verdict in _ANSWERS
    ]
    if not found:
        return None
    judged, row = max(found, key=lambda pair: (pair[0].at, pair[1].id))
    return Answered(
        id=plan.id,
        by=row.id,
        judged=judged,
        metric=row.metric,
        scale=row.scale,
        next=(f"git exp analyze {row.id}", f"git exp run {plan.id} --again"),
    )


def _is_unsound(row: StatusRow) -> bool:
    return any(check.state is HealthState.FAIL for check in row.health)
