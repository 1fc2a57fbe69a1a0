"""Completing a trial whose arm `assign` told beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitexp.app.assign import find_assigned, record_assigned
from gitexp.app.record import NewTrial, answer, check_new, record_all, up_to_date
from gitexp.app.views import RecordedView
from gitexp.codec.fields import parse_record_id
from gitexp.model import Arm, ExperimentId, Outcome
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the user measured of it.

    Attributes:
        trial_id: As `assign` told it.
        arm, block: As far as they were typed: `assign` knows both.
    """

    trial_id: str
    metrics: Mapping[str, float]
    outcome: Outcome
    arm: Arm | None
    block: int | None


def complete(store: Store, exp: ExperimentId, done: Completion) -> RecordedView | None:
    """Record what was assigned under this trial id; None when nothing ever was.

    Raises:
        UsageError: for values that cannot be meant, or another arm or block than assigned.
        Refused: when it is recorded with other values, or the experiment takes no more trials.
    """
    try:
        parse_record_id(done.trial_id)
    except ValueError:
        return None  # the user's own name, told by nobody: no need to read everything for it
    loaded = up_to_date(store, exp)
    for run in loaded.experiment.trials:
        if run.record.id == done.trial_id:
            again = _as_trial(done, done.arm or run.trial.arm, done.block or run.trial.block)
            return record_all(store, loaded, [again])[0]
    assigned = find_assigned(store, exp, done.trial_id, arm=done.arm, block=done.block)
    if assigned is None:
        return None
    new = _as_trial(done, assigned.arm, assigned.block)
    check_new(loaded.experiment.plan, new)
    written = record_assigned(store, loaded, assigned, new.values, new.outcome)
    return answer(loaded.experiment, written, existed=False)


def _as_trial(done: Completion, arm: Arm, block: int | None) -> NewTrial:
    return NewTrial(
        arm=arm,
        metrics=done.metrics,
        block=block,
        trial_id=done.trial_id,
        outcome=done.outcome,
    )
