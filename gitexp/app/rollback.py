"""Dropping a treatment, or taking a promotion back."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.arrivals import arrival
from gitexp.app.endings import (
    branch_tip,
    checked_reason,
    control_of_promotion,
    drop_checkouts,
    is_empty,
    no_branch,
    promotion_of,
    refuse_unfetched,
    retried,
    target_tip,
)
from gitexp.app.load import load
from gitexp.app.merged import merge_made_elsewhere, record_merge
from gitexp.changes import (
    Changes,
    Kind,
    Undo,
    UndoCommit,
    UndoRange,
    drop_changes,
    event_changes,
    revert_changes,
    rollback_changes,
)
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import Oid, Promoted, Recognised, RolledBack, State, Verdict
from gitexp.refs import short
from gitexp.store.apply import apply
from gitexp.store.standing import other_worktrees
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """An experiment that is rolled back.

    Attributes:
        tip: The treatment, which the archive keeps.
        target: Full name of the branch that was changed; None when only ours was deleted.
        revert: The commit that took the promotion back.
        stands_on: Where HEAD is here, when the user was taken along; else None.
        existed: It had been rolled back before; nothing was done.
        undo: The command that restores it.
    """

    experiment: Experiment
    tip: Oid
    target: str | None
    revert: Oid | None
    stands_on: str | None
    existed: bool
    undo: str


def roll_back(
    store: Store, experiment: Experiment, *, reason: str, result: str | None = None
) -> Rollback:
    """Delete the experiment's branch, or revert its merge; every record stays.

    Args:
        reason: Why, in the user's words or ours; one line.
        result: What was shown, for the message of the revert.

    Raises:
        Refused: when something is in the way; nothing was changed.
    """
    return retried(
        store, experiment, lambda now: _roll_back(store, now, reason=reason, result=result)
    )


def default_reason(experiment: Experiment) -> str:
    """What the decision says, when the user gives no reason."""
    decided = experiment.last_decision()
    if decided is None:
        return "not decided"
    if decided.verdict is Verdict.UNDECIDED:
        return f"undecided after {decided.blocks} blocks"
    return f"{decided.verdict} at block {decided.blocks}"


def rollback(
    store: Store, experiment: Experiment, *, reason: str, result: str | None = None
) -> Changes | None:
    """What `roll_back` would change; None: it is rolled back already.

    Raises:
        Refused: when the experiment or its branches forbid it.
    """
    checked_reason(reason)
    if experiment.state is State.PROMOTED:
        done, merge = promotion_of(experiment)
        return _reverting(store, experiment, done, merge, reason=reason, result=result)
    found = merge_made_elsewhere(store, experiment)
    if found is not None:
        return _reverting(store, experiment, found, found.merge, reason=reason, result=result)
    tip, target = branch_tip(store, experiment.id), experiment.plan.target
    if _last(experiment) is not None:
        if tip is None:
            return None
        return drop_changes(experiment, tip=tip, way_out=_way_out(store, target))
    if tip is None:
        raise no_branch(store, experiment.id)
    return rollback_changes(experiment, tip=tip, way_out=_way_out(store, target), reason=reason)


def _way_out(store: Store, target: str) -> tuple[str, Oid] | None:
    """Where somebody who stands on the branch that goes ends up: HEAD, and its commit."""
    tip = store.git.ref(target)
    if tip is None:
        return None
    # one branch cannot be checked out twice
    is_taken = any(worktree.head == target for worktree in other_worktrees(store.git))
    return (tip if is_taken else target), tip


def _reverting(
    store: Store,
    experiment: Experiment,
    done: Promoted,
    merge: Oid,
    *,
    reason: str,
    result: str | None,
) -> Changes:
    refuse_unfetched(store, experiment, done.target, merge)
    onto = target_tip(store, done.target)
    undo = _undo(store, experiment, done, merge, onto=onto)
    if undo is None:
        event = RolledBack(tip=done.tip, reason=reason)
        return event_changes(experiment, Kind.ROLL_BACK, event, tip=done.tip)
    return revert_changes(
        experiment,
        done,
        commit=merge,
        undo=undo,
        target_tip=onto,
        branch_tip=branch_tip(store, experiment.id),
        reason=reason,
        result=result,
    )


def _undo(
    store: Store, experiment: Experiment, done: Promoted, merge: Oid, *, onto: Oid
) -> Undo | None:
    """What takes the change out; None: the target is without it, there is nothing to take out.

    Raises:
        Refused: if it came in with commits that cannot be told from others' between them.
    """
    repository = store.repository
    if not repository.has(merge) or not repository.is_ancestor(merge, onto):
        return None  # the target was reset, or is another line of history
    if merge == done.merge:
        is_with_others = done.recognised in (Recognised.MERGED, Recognised.SQUASHED)
        if done.since is not None:
            return UndoRange(since=done.since, commit=done.tip if is_with_others else merge)
        if done.recognised in (Recognised.FAST_FORWARD, Recognised.CHERRY_PICKED):
            _refuse_scattered(store, experiment, done)
            return None
        if is_empty(store, merge):  # the change had come in before, some other way
            return UndoRange(since=control_of_promotion(store, done), commit=done.tip)
    return UndoCommit(commit=merge, is_merge=len(repository.commit(merge).parents) > 1)


def _refuse_scattered(store: Store, experiment: Experiment, done: Promoted) -> None:
    """Nothing, when somebody took the commits out one by one.

    Raises:
        Refused: else, with the command that does.
    """
    arrived = arrival(store, experiment, into=done.target, tip=done.tip)
    if arrived is not None and arrived.is_gone:
        return
    commits = (done.merge,) if arrived is None else arrived.commits
    newest_first = " ".join(oid[:12] for oid in reversed(commits))
    target = short(done.target)
    raise Refused(
        f"{experiment.id} came into {target} with commits of others in between",
        hint=f"git switch {target} && git revert --no-edit {newest_first}, "
        f"then git exp rollback {experiment.id} once more, which records it",
        code="scattered",
    )


def _roll_back(
    store: Store, experiment: Experiment, *, reason: str, result: str | None
) -> Rollback:
    changes = rollback(store, experiment, reason=reason, result=result)
    undo = f"git exp restore {experiment.id}"
    if changes is None:
        before = _last(experiment)
        assert before is not None
        return Rollback(
            experiment=experiment,
            tip=before.tip,
            target=None,
            revert=before.revert,
            stands_on=None,
            existed=True,
            undo=undo,
        )
    if changes.build is not None and experiment.state is not State.PROMOTED:
        # what is taken back goes on record first: one event names one that it follows
        found = merge_made_elsewhere(store, experiment)
        assert found is not None
        record_merge(store, experiment, found)
        now = load(store, experiment.id).experiment
        return _roll_back(store, now, reason=reason, result=result)
    applied = apply(store, changes)
    drop_checkouts(store, experiment.id)
    return Rollback(
        experiment=experiment,
        tip=changes.pins[0],
        target=changes.branches[0].name if applied.made else None,
        revert=applied.made,
        stands_on=applied.stands_on if applied.moved else None,
        existed=False,
        undo=undo,
    )


def _last(experiment: Experiment) -> RolledBack | None:
    """The event that rolled it back, if it is."""
    event = experiment.state_event
    return event.body if event is not None and isinstance(event.body, RolledBack) else None
