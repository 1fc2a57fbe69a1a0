"""Taking a trial out again, with the reason; its record stays."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.endings import checked_reason
from gitexp.app.trial_lookup import find_trial, refuse_observation
from gitexp.blocks import RunTrial
from gitexp.errors import Refused, UnknownTrial, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, RecordId, Retraction
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractedView:
    """A trial that does not count any more.

    Attributes:
        existed: It had been retracted before; nothing was done.
        note: When it takes effect, unless at once.
    """

    trial: RecordId
    exp: ExperimentId
    reason: str
    existed: bool
    note: str | None


def retract(store: Store, trial: str, *, reason: str) -> RetractedView:
    """Record that a trial must not count.

    Args:
        trial: Its id, the beginning of it, or the name its user gave it.

    Raises:
        UnknownTrial: if there is none, or several.
        Refused: if it is part of a decision already, or names values that came later.
    """
    if not reason.strip():
        raise UsageError("a retraction needs a reason", hint="--reason 'the laptop slept'")
    checked_reason(reason)
    try:
        loaded, run = find_trial(store, trial)
    except UnknownTrial:
        refuse_observation(store, trial)
        raise
    experiment = loaded.experiment
    if run.record.id in experiment.retractions:
        return _view(experiment, run, experiment.retractions[run.record.id], existed=True)
    if run.trial.revision in experiment.decisions:
        raise Refused(
            f"{experiment.id} is decided, and no trial can leave a decision",
            hint=f"measure again: git exp create --like {experiment.id}",
            code="decided",
        )
    body = Retraction(targets=(run.record.id,), reason=reason)
    store.record(experiment.id, experiment.plan_hash, body, target=run.trial.commit)
    is_decider = store.writer == experiment.decider
    note = None if is_decider else f"it waits until {experiment.decider}, who decides, takes it in"
    return _view(experiment, run, reason, existed=False, note=note)


def _view(
    experiment: Experiment, run: RunTrial, reason: str, *, existed: bool, note: str | None = None
) -> RetractedView:
    return RetractedView(
        trial=run.record.id, exp=experiment.id, reason=reason, existed=existed, note=note
    )
