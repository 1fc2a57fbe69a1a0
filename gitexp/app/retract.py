"""Taking a trial out again, with the reason; its record stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gitexp.app.branches import current_experiment, known_ids
from gitexp.app.endings import checked_reason
from gitexp.app.load import load
from gitexp.blocks import RunTrial
from gitexp.errors import GitexpError, Refused, UnknownTrial, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, RecordId, Retraction
from gitexp.store.store import Store

_SHORTEST = 6
"""Characters of an id that are enough to name a trial, if only one has them."""


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
        Refused: if it is part of a decision already.
    """
    if not reason.strip():
        raise UsageError("a retraction needs a reason", hint="--reason 'the laptop slept'")
    checked_reason(reason)
    experiment, run = _find(store, trial)
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


def _find(store: Store, text: str) -> tuple[Experiment, RunTrial]:
    for experiment in _experiments(store):
        runs = [run for run in experiment.trials if _is_meant(run, text)]
        if len(runs) > 1:
            raise UnknownTrial(
                f"{len(runs)} trials of {experiment.id} begin with {text!r}",
                hint=f"git exp log {experiment.id} shows the whole ids",
            )
        if runs:
            return experiment, runs[0]
    raise UnknownTrial(f"no trial is named {text!r}", hint="git exp log shows them, with their ids")


def _is_meant(run: RunTrial, text: str) -> bool:
    if text in (run.record.id, run.trial.trial_id):
        return True
    return len(text) >= _SHORTEST and run.record.id.startswith(text.upper())


def _experiments(store: Store) -> Iterator[Experiment]:
    """The one checked out here first: trials are mostly looked for where one stands."""
    current = current_experiment(store)
    names = [name for name in known_ids(store) if name != current]
    for name in ([current] if current else []) + names:
        try:
            yield load(store, name).experiment
        except GitexpError:
            continue  # a foreign branch, or records without a plan
