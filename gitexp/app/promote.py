"""Merging the treatment into its target branch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitexp import refs
from gitexp.app.arms import revision_at
from gitexp.app.endings import (
    branch_tip,
    checked_reason,
    drop_checkouts,
    no_branch,
    promotion_of,
    retried,
    target_tip,
)
from gitexp.app.merged import merge_made_elsewhere, record_merge
from gitexp.changes import Changes, PromotionText, promotion_changes
from gitexp.decision import MayPromote
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, Oid, Promoted, Recognised, State, Verdict
from gitexp.refs import short
from gitexp.store.apply import apply
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A promotion that holds.

    Attributes:
        target: Full name of the branch that has the change now.
        before: The target's tip before; None when `existed`.
        stands_on: Where HEAD is here, when the user was taken along; else None.
        existed: It had been promoted before; nothing was done.
        recognised: How it had been merged without `promote`; then it was only put on record.
        verdict: What had been decided of it, when `recognised`; None: nothing.
        override: The reason on record for a promotion that was not found better.
        undo: The command that takes it back.
    """

    experiment: Experiment
    target: str
    tip: Oid
    merge: Oid
    before: Oid | None
    evidence: Oid | None
    stands_on: str | None
    existed: bool
    recognised: Recognised | None = None
    verdict: Verdict | None = None
    override: str | None = None
    undo: str


def promote(
    store: Store,
    experiment: Experiment,
    permission: MayPromote,
    *,
    tip: Oid,
    said: PromotionText,
    into: str | None = None,
) -> Promotion:
    """Merge the treatment, close the experiment and delete its branch; the archive keeps it.

    Args:
        tip: The treatment commit the permission was given for.
        said: What was shown, for the merge message.
        into: Another branch than the plan's target.

    Raises:
        Refused: when something is in the way, or the branch moved since; nothing was changed.
    """
    return retried(
        store,
        experiment,
        lambda now: _promote(store, now, permission, tip=tip, said=said, into=into),
    )


def promotion(
    store: Store,
    experiment: Experiment,
    permission: MayPromote,
    *,
    tip: Oid,
    said: PromotionText,
    into: str | None = None,
) -> Changes:
    """What `promote` would change.

    Raises:
        Refused: when the experiment or its branches forbid it.
    """
    checked_reason(permission.override or "")
    target = experiment.plan.target if into is None else _full_name(into)
    onto = target_tip(store, target)
    _refuse_ended(experiment)
    now = branch_tip(store, experiment.id)
    if now is None:
        raise no_branch(store, experiment.id)
    _refuse_moved(experiment, now=now, then=tip)
    if store.repository.is_ancestor(tip, onto):
        raise Refused(
            f"{short(target)} took exp/{experiment.id} in and took it out again",
            hint=f"git exp create --like {experiment.id}, which makes the change anew",
            code="already-merged",
        )
    return promotion_changes(
        experiment,
        permission,
        tip=tip,
        target=target,
        target_tip=onto,
        notes_tips=[Oid(t) for name, t in experiment.tips.items() if name.startswith("refs/")],
        said=said,
    )


def _promote(
    store: Store,
    experiment: Experiment,
    permission: MayPromote,
    *,
    tip: Oid,
    said: PromotionText,
    into: str | None,
) -> Promotion:
    done = existing(experiment)
    if done is not None:
        return done
    found = merged_already(store, experiment, into=into, override=permission.override)
    if found is not None:
        return record_promotion(store, experiment, found)
    changes = promotion(store, experiment, permission, tip=tip, said=said, into=into)
    applied = apply(store, changes)
    drop_checkouts(store, experiment.id)
    merged = changes.branches[0]
    assert applied.made is not None
    return Promotion(
        experiment=experiment,
        target=merged.name,
        tip=tip,
        merge=applied.made,
        before=merged.old,
        evidence=applied.evidence,
        stands_on=applied.stands_on if applied.moved else None,
        existed=False,
        override=permission.override,
        undo=f"git exp restore {experiment.id}",
    )


def existing(experiment: Experiment) -> Promotion | None:
    """The promotion that was made before; None when there is none that holds."""
    if experiment.state is not State.PROMOTED:
        return None
    done, merge = promotion_of(experiment)
    return Promotion(
        experiment=experiment,
        target=done.target,
        tip=done.tip,
        merge=merge,
        before=None,
        evidence=done.evidence,
        stands_on=None,
        existed=True,
        override=experiment.overrides.get(done.tip),
        undo=f"git exp rollback {experiment.id}",
    )


def merged_already(
    store: Store, experiment: Experiment, *, into: str | None = None, override: str | None = None
) -> Promoted | None:
    """A merge that was made without `promote` and is not on record; None: there is none.

    Args:
        into: Another branch than the plan's target.
        override: The user's reason why it is right although it was not found better.
    """
    target = None if into is None else _full_name(into)
    found = merge_made_elsewhere(store, experiment, into=target)
    if found is None or override is None:
        return found
    return replace(found, override=checked_reason(override))


def record_promotion(store: Store, experiment: Experiment, found: Promoted) -> Promotion:
    """Record a merge that is there already: it is a fact, and needs no permission."""
    record_merge(store, experiment, found)
    revision = revision_at(experiment, found.tip)
    record = None if revision is None else experiment.decisions.get(revision)
    decided = None if record is None or not isinstance(record.body, Decided) else record.body
    return Promotion(
        experiment=experiment,
        target=found.target,
        tip=found.tip,
        merge=found.merge,
        before=None,
        evidence=found.evidence,
        stands_on=None,
        existed=False,
        recognised=found.recognised,
        verdict=None if decided is None else decided.verdict,
        override=found.override,
        undo=f"git exp rollback {experiment.id}",
    )


def _full_name(into: str) -> str:
    name = f"refs/heads/{into.removeprefix('refs/heads/')}"
    if name.startswith(refs.BRANCHES):
        raise Refused(
            f"{into} is an experiment itself",
            hint="name the branch that is to take the change: --into main",
            code="on-experiment",
        )
    return name


def _refuse_ended(experiment: Experiment) -> None:
    if experiment.state is State.ROLLED_BACK:
        raise Refused(
            f"{experiment.id} was rolled back",
            hint=f"git exp restore {experiment.id}",
            code="rolled-back",
        )


def _refuse_moved(experiment: Experiment, *, now: Oid, then: Oid) -> None:
    if now != then:
        raise Refused(
            f"exp/{experiment.id} moved since it was analysed",
            hint=f"git exp analyze {experiment.id}",
            code="moved",
        )
