"""Dropping a treatment, or taking a promotion back."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.endings import (
    branch_tip,
    checked_reason,
    drop_checkouts,
    no_branch,
    promotion_of,
    retried,
    target_tip,
)
from gitexp.changes import Changes, Kind, event_changes, revert_changes, rollback_changes
from gitexp.lifecycle import Experiment
from gitexp.model import Oid, RolledBack, State, Verdict
from gitexp.store.apply import apply
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
        return _reverting(store, experiment, reason=reason, result=result)
    tip = branch_tip(store, experiment.id)
    if tip is not None:
        target = experiment.plan.target
        return rollback_changes(
            experiment, tip=tip, target=target, target_tip=store.git.ref(target), reason=reason
        )
    if _last(experiment) is not None:
        return None
    raise no_branch(store, experiment.id)


def _reverting(store: Store, experiment: Experiment, *, reason: str, result: str | None) -> Changes:
    done, merge = promotion_of(experiment)
    onto = target_tip(store, done.target)
    repository = store.repository
    if not repository.has(merge) or not repository.is_ancestor(merge, onto):
        # the target was reset, or is another line of history: there is nothing to take back
        event = RolledBack(tip=done.tip, reason=reason)
        return event_changes(experiment, Kind.ROLL_BACK, event, tip=done.tip)
    return revert_changes(
        experiment,
        done,
        merge=merge,
        is_merge=len(repository.commit(merge).parents) > 1,
        target_tip=onto,
        reason=reason,
        result=result,
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
    applied = apply(store, changes)
    drop_checkouts(store, experiment.id)
    event = changes.records[0]
    assert isinstance(event, RolledBack)
    return Rollback(
        experiment=experiment,
        tip=event.tip,
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
