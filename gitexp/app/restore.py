"""Undoing a rollback, an expiry or a promotion nobody has seen yet."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from gitexp import refs
from gitexp.app.endings import (
    branch_tip,
    control_of_promotion,
    is_empty,
    promotion_of,
    refuse_unfetched,
    retried,
    target_tip,
)
from gitexp.changes import (
    Changes,
    Kind,
    Undo,
    UndoCommit,
    UndoRange,
    event_changes,
    restore_changes,
    revert_of_revert_changes,
    undo_promotion_changes,
)
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, Oid, Promoted, Restored, RolledBack, State
from gitexp.refs import short
from gitexp.store.apply import apply
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """An experiment that is back.

    Attributes:
        tip: The treatment: where the branch is, or what was merged.
        merge: The commit that brought the change back to the target, or holds it there when
            nothing was done; None when the experiment runs.
        taken_back: Where the target is again, when a promotion was undone.
        target: Full name of the target, when it was moved or holds the change.
        stands_on: Where HEAD is here, when the user was taken along; else None.
        existed: There was nothing to restore; nothing was done.
        undo: The command that ends it again.
    """

    experiment: Experiment
    tip: Oid
    merge: Oid | None
    taken_back: Oid | None
    target: str | None
    stands_on: str | None
    existed: bool
    undo: str


def restore(store: Store, experiment: Experiment) -> Restoration:
    """Bring an experiment back to what it was before it ended.

    Raises:
        Refused: when something is in the way, or others may have the promotion already; nothing
            was changed.
    """
    return retried(store, experiment, lambda now: _restore(store, now))


def restoration(store: Store, experiment: Experiment) -> Changes | None:
    """What `restore` would change; None: there is nothing to restore.

    Raises:
        Refused: when the experiment or its branches forbid it.
    """
    here = branch_tip(store, experiment.id)
    event = None if experiment.state_event is None else experiment.state_event.body
    if experiment.state is State.PROMOTED:
        return _undo_promotion(store, experiment, here)
    if isinstance(event, RolledBack) and event.revert is not None:
        return _undo_revert(store, experiment, event.revert)
    if experiment.state is State.RUNNING and here is not None:
        return None
    tip = here or (event.tip if isinstance(event, RolledBack) else _last_tip(experiment))
    _require(store, experiment, tip)
    return restore_changes(experiment, tip=tip, branch_tip=here)


def _restore(store: Store, experiment: Experiment) -> Restoration:
    changes = restoration(store, experiment)
    undo = f"git exp rollback {experiment.id}"
    if changes is None:
        holds = promotion_of(experiment) if experiment.state is State.PROMOTED else None
        return Restoration(
            experiment=experiment,
            tip=holds[0].tip
            if holds
            else branch_tip(store, experiment.id) or _last_tip(experiment),
            merge=holds[1] if holds else None,
            taken_back=None,
            target=holds[0].target if holds else None,
            stands_on=None,
            existed=True,
            undo=undo,
        )
    applied = apply(store, changes)
    event = changes.records[0]
    assert isinstance(event, Restored)
    own = refs.branch(experiment.id)
    taken_back = changes.branches[0].new if experiment.state is State.PROMOTED else None
    return Restoration(
        experiment=experiment,
        tip=event.tip,
        merge=applied.made or event.merge,
        taken_back=taken_back,
        target=next((move.name for move in changes.branches if move.name != own), None),
        stands_on=applied.stands_on if applied.moved else None,
        existed=False,
        undo=undo if taken_back is None else _promotion_again(experiment),
    )


def _promotion_again(experiment: Experiment) -> str:
    """The command that makes the promotion anew, as it was made."""
    done, _ = promotion_of(experiment)
    parts = [f"git exp promote {experiment.id}"]
    if done.target != experiment.plan.target:
        parts.append(f"--into {shlex.quote(short(done.target))}")
    if done.override is not None:
        parts.append(f"--override {shlex.quote(done.override)}")
    return " ".join(parts)


def _undo_promotion(store: Store, experiment: Experiment, here: Oid | None) -> Changes | None:
    done, merge = promotion_of(experiment)
    if merge != done.merge:
        return None  # it was put in place again already, which is what restore is for
    refuse_unfetched(store, experiment, done.target, merge)
    onto = target_tip(store, done.target)
    _refuse_seen(store, experiment, done, onto=onto)
    parents = store.repository.commit(merge).parents
    _require(store, experiment, done.tip)
    return undo_promotion_changes(experiment, done, before=parents[0], branch_tip=here)


def _refuse_seen(store: Store, experiment: Experiment, done: Promoted, *, onto: Oid) -> None:
    """Refuse to take back silently what others may build on, or what `promote` did not make."""
    seen = _seen(store, experiment, done, onto=onto)
    if seen is not None:
        raise Refused(
            f"{experiment.id} is promoted, and {seen}",
            hint=f"git exp rollback {experiment.id}, which reverts it on {short(done.target)}",
            code="promoted",
        )


def _seen(store: Store, experiment: Experiment, done: Promoted, *, onto: Oid) -> str | None:
    if done.recognised is not None:
        return "restore only undoes what git exp promote did"
    if onto != done.merge:
        return f"{short(done.target)} has moved on since"
    pushed = store.repository.refs(refs.REMOTE_BRANCHES, f"--contains={done.merge}")
    if pushed:
        return f"that was pushed: {min(pushed)} has it"
    others = [event for event in experiment.standing.rivals if isinstance(event.body, Promoted)]
    return f"{others[0].writer} promoted it, too" if others else None


def _undo_revert(store: Store, experiment: Experiment, revert: Oid) -> Changes:
    """Revert the revert, or what is left to do when it is not on the target any more."""
    record = experiment.promoted
    assert record is not None
    assert isinstance(record.body, Promoted)
    done, repository = record.body, store.repository
    refuse_unfetched(store, experiment, done.target, revert)
    onto = target_tip(store, done.target)
    if repository.has(revert) and repository.is_ancestor(revert, onto):
        return revert_of_revert_changes(
            experiment,
            done,
            revert=revert,
            undo=_undo(store, done, revert),
            target_tip=onto,
        )
    if repository.has(done.merge) and repository.is_ancestor(done.merge, onto):
        event = Restored(tip=done.tip, merge=done.merge)
        return event_changes(experiment, Kind.RESTORE, event, tip=done.tip)
    _require(store, experiment, done.tip)
    here = branch_tip(store, experiment.id)
    return restore_changes(experiment, tip=done.tip, branch_tip=here)


def _undo(store: Store, done: Promoted, revert: Oid) -> Undo:
    """What puts the change in place again.

    A revert of what somebody had taken out already is empty, and so would be its own revert: then
    it is the way from the treatment to its control that is reverted.
    """
    if is_empty(store, revert):
        return UndoRange(since=done.tip, commit=control_of_promotion(store, done))
    return UndoCommit(commit=revert, is_merge=False)


def _last_tip(experiment: Experiment) -> Oid:
    """What the treatment was when it was last measured; before that, the plan commit."""
    commits = [run.trial.commit for run in experiment.trials if run.trial.arm is Arm.TREATMENT]
    return commits[-1] if commits else experiment.plan_commit or experiment.plan.base


def _require(store: Store, experiment: Experiment, tip: Oid) -> None:
    if not store.repository.is_commit(tip):
        raise Refused(
            f"the treatment of {experiment.id} is not in this clone",
            hint="git exp sync, in a clone that has it and then here",
            code="no-treatment",
        )
