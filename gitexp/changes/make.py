"""From an experiment and permission to the changes that follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitexp import refs
from gitexp.changes import messages
from gitexp.changes.messages import PromotionText
from gitexp.changes.values import (
    EVIDENCE,
    MADE,
    PLAN_COMMIT,
    Carried,
    Changes,
    Kind,
    Merge,
    NewWorktree,
    Note,
    Registration,
    Revert,
    Switch,
    Undo,
)
from gitexp.decision import MayPromote
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Created,
    ExperimentId,
    Oid,
    Overridden,
    Plan,
    PlanBody,
    PlanHash,
    Promoted,
    Record,
    RecordId,
    Restored,
    RolledBack,
    StateEvent,
)
from gitexp.refs import RefUpdate, short


def creation_changes(
    plan: Plan,
    *,
    canonical: str,
    plan_hash: PlanHash,
    carry: tuple[ExperimentId, Oid] | None = None,
    checkout: bool = True,
    worktree: str | None = None,
) -> Changes:
    """A new experiment: its branch with the plan commit, its first records, its archive.

    Args:
        carry: Another experiment and the tip of its branch, whose change comes along.
        checkout: The user ends on the new branch, with uncommitted work as it is.
        worktree: Absolute path of a new linked worktree for the branch, instead.
    """
    branch = refs.branch(plan.id)
    carried = None
    if carry is not None:
        origin, commit = carry
        carried = Carried(commit=commit, message=messages.carried_over(plan.id, origin, commit))
    head: Switch | NewWorktree | None = None
    if worktree is not None:
        head = NewWorktree(path=worktree, branch=branch, at=MADE)
    elif checkout:
        head = Switch(to=branch, at=MADE, when_on=None)
    return Changes(
        kind=Kind.CREATE,
        exp=plan.id,
        plan_hash=plan_hash,
        what=f"exp: create {plan.id}",
        build=Registration(
            base=plan.base,
            message=messages.registration(plan, canonical, plan_hash),
            carried=carried,
        ),
        branches=(RefUpdate(branch, MADE, None),),
        records=(PlanBody(plan=plan, canonical=canonical), Created(plan_commit=PLAN_COMMIT)),
        place=PLAN_COMMIT,
        evidence=(),
        pins=(PLAN_COMMIT, MADE),
        notes=(),
        head=head,
    )


def promotion_changes(
    experiment: Experiment,
    permission: MayPromote,
    *,
    tip: Oid,
    target: str,
    target_tip: Oid,
    notes_tips: Iterable[Oid],
    said: PromotionText,
) -> Changes:
    """The treatment merged into the target, its branch gone.

    Args:
        tip: What is merged: the commit the permission was given for.
        target: Full name of the branch that takes it.
        notes_tips: Tips of all notes the decision was taken from.
    """
    branch = refs.branch(experiment.id)
    summary = f"exp/{experiment.id} promoted into {short(target)}: {said.result}"
    return _of(
        experiment,
        Kind.PROMOTE,
        tip=tip,
        build=Merge(
            onto=target_tip,
            into=target,
            tip=tip,
            branch=branch,
            message=messages.promotion(experiment, permission, target=target, said=said),
        ),
        branches=(RefUpdate(target, MADE, target_tip), RefUpdate(branch, None, tip)),
        event=Promoted(
            target=target,
            tip=tip,
            merge=MADE,
            evidence=EVIDENCE,
            override=permission.override,
        ),
        evidence=tuple(notes_tips),
        pins=(tip, EVIDENCE),
        notes=(Note(commit=MADE, text=summary), Note(commit=tip, text=summary)),
        head=Switch(to=target, at=MADE, when_on=(target, branch)),
    )


def recognition_changes(experiment: Experiment, found: Promoted) -> Changes:
    """A merge that is there already, on record; no branch moves."""
    summary = f"exp/{experiment.id} promoted into {short(found.target)}: found {found.recognised}"
    return _of(
        experiment,
        Kind.PROMOTE,
        tip=found.tip,
        branches=(),
        event=found,
        pins=(found.tip,),
        notes=(Note(commit=found.merge, text=summary), Note(commit=found.tip, text=summary)),
    )


def override_changes(experiment: Experiment, done: Promoted, *, merge: Oid, reason: str) -> Changes:
    """Why a promotion that is on record is right all the same; no branch moves.

    Args:
        merge: The commit that holds the change on the target.
    """
    return Changes(
        kind=Kind.PROMOTE,
        exp=experiment.id,
        plan_hash=experiment.plan_hash,
        what=f"exp: override {experiment.id}",
        build=None,
        branches=(),
        records=(Overridden(tip=done.tip, merge=merge, reason=reason),),
        place=experiment.plan_commit or done.tip,
        evidence=(),
        pins=(done.tip,),
        notes=(),
        head=None,
    )


def rollback_changes(
    experiment: Experiment, *, tip: Oid, way_out: tuple[str, Oid] | None, reason: str
) -> Changes:
    """The branch of an experiment that was not promoted, dropped; its tip stays archived.

    Args:
        way_out: HEAD and the commit of it for a user who stands on the experiment's branch.
    """
    branch = refs.branch(experiment.id)
    return _of(
        experiment,
        Kind.ROLL_BACK,
        tip=tip,
        branches=(RefUpdate(branch, None, tip),),
        event=RolledBack(tip=tip, reason=reason),
        pins=(tip,),
        notes=(_rolled_back(experiment, tip, reason),),
        head=_leaving(branch, way_out),
    )


def drop_changes(experiment: Experiment, *, tip: Oid, way_out: tuple[str, Oid] | None) -> Changes:
    """The branch of an experiment that has ended already, dropped; its tip stays archived.

    Args:
        way_out: HEAD and the commit of it for a user who stands on the experiment's branch.
    """
    branch = refs.branch(experiment.id)
    return Changes(
        kind=Kind.ROLL_BACK,
        exp=experiment.id,
        plan_hash=experiment.plan_hash,
        what=f"exp: {Kind.ROLL_BACK} {experiment.id}",
        build=None,
        branches=(RefUpdate(branch, None, tip),),
        records=(),
        place=experiment.plan_commit or tip,
        evidence=(),
        pins=(tip,),
        notes=(),
        head=_leaving(branch, way_out),
    )


def _leaving(branch: str, way_out: tuple[str, Oid] | None) -> Switch | None:
    if way_out is None:
        return None
    to, at = way_out
    return Switch(to=to, at=at, when_on=(branch,))


def revert_changes(
    experiment: Experiment,
    promotion: Promoted,
    *,
    commit: Oid,
    undo: Undo,
    target_tip: Oid,
    branch_tip: Oid | None,
    reason: str,
    result: str | None,
) -> Changes:
    """A promotion taken back by a revert on the target, and what is left of its branch dropped.

    Args:
        commit: The commit that brought the change in: the merge, or a revert of its revert.
        undo: How to take it out.
        branch_tip: Where its branch is, when it has one: merges made elsewhere leave it.
    """
    tip, target, branch = promotion.tip, promotion.target, refs.branch(experiment.id)
    left = () if branch_tip is None else (branch_tip,)
    return _of(
        experiment,
        Kind.ROLL_BACK,
        tip=tip,
        build=Revert(
            onto=target_tip,
            on=target,
            undo=undo,
            message=messages.rollback(
                experiment, merge=commit, undo=undo, reason=reason, result=result
            ),
        ),
        branches=(
            RefUpdate(target, MADE, target_tip),
            *(RefUpdate(branch, None, old) for old in left),
        ),
        event=RolledBack(tip=tip, reason=reason, revert=MADE),
        pins=(tip, *left),
        notes=(_rolled_back(experiment, tip, reason), _rolled_back(experiment, commit, reason)),
        head=Switch(to=target, at=MADE, when_on=(target, branch) if left else (target,)),
    )


def restore_changes(experiment: Experiment, *, tip: Oid, branch_tip: Oid | None) -> Changes:
    """The experiment runs again, its branch back at the archived tip.

    Args:
        branch_tip: Where its branch is, when it has one: then it stays there.
    """
    branch = refs.branch(experiment.id)
    return _of(
        experiment,
        Kind.RESTORE,
        tip=tip,
        branches=() if branch_tip else (RefUpdate(branch, tip, None),),
        event=Restored(tip=branch_tip or tip),
        pins=(branch_tip or tip,),
        notes=(_running(experiment, tip),),
    )


def undo_promotion_changes(
    experiment: Experiment, promotion: Promoted, *, before: Oid, branch_tip: Oid | None
) -> Changes:
    """A promotion nobody has seen yet undone: the target as it was, the branch back.

    Args:
        before: The target's tip before the promotion.
    """
    tip, target = promotion.tip, promotion.target
    back = () if branch_tip else (RefUpdate(refs.branch(experiment.id), tip, None),)
    return _of(
        experiment,
        Kind.RESTORE,
        tip=tip,
        branches=(RefUpdate(target, before, promotion.merge), *back),
        event=Restored(tip=branch_tip or tip),
        pins=(branch_tip or tip,),
        notes=(_running(experiment, tip),),
        head=Switch(to=target, at=before, when_on=(target,)),
    )


def revert_of_revert_changes(
    experiment: Experiment, promotion: Promoted, *, revert: Oid, undo: Undo, target_tip: Oid
) -> Changes:
    """A promotion that was taken back in place again: the revert reverted.

    Args:
        undo: What to revert; not `revert` itself when that changed nothing.
    """
    tip, target = promotion.tip, promotion.target
    summary = f"exp/{experiment.id} promoted into {short(target)} again"
    return _of(
        experiment,
        Kind.RESTORE,
        tip=tip,
        build=Revert(
            onto=target_tip,
            on=target,
            undo=undo,
            message=messages.restoration(experiment, revert=revert),
        ),
        branches=(RefUpdate(target, MADE, target_tip),),
        event=Restored(tip=tip, merge=MADE),
        pins=(tip,),
        notes=(Note(commit=MADE, text=summary), Note(commit=tip, text=summary)),
        head=Switch(to=target, at=MADE, when_on=(target,)),
    )


def event_changes(experiment: Experiment, kind: Kind, event: StateEvent, *, tip: Oid) -> Changes:
    """Nothing but the event: the branches are already as it says."""
    return _of(experiment, kind, tip=tip, branches=(), event=event, pins=(tip,), notes=())


def _of(
    experiment: Experiment,
    kind: Kind,
    *,
    tip: Oid,
    branches: tuple[RefUpdate, ...],
    event: StateEvent,
    pins: tuple[Oid, ...],
    notes: tuple[Note, ...],
    build: Merge | Revert | None = None,
    evidence: tuple[Oid, ...] = (),
    head: Switch | None = None,
) -> Changes:
    return Changes(
        kind=kind,
        exp=experiment.id,
        plan_hash=experiment.plan_hash,
        what=f"exp: {kind} {experiment.id}",
        build=build,
        branches=branches,
        records=tuple(replace(event, after=last) for last in _followed(experiment, event)),
        # events belong to the plan commit; without its record here, to the treatment
        place=experiment.plan_commit or tip,
        evidence=evidence,
        pins=pins,
        notes=notes,
        head=head,
    )


def _followed(experiment: Experiment, event: StateEvent) -> tuple[RecordId | None, ...]:
    """The last event, and those of other clones that would hold in spite of a rollback.

    One record names one event that it follows, so that each of them needs one.
    """
    last = experiment.state_event
    rivals = experiment.standing.rivals if isinstance(event, RolledBack) else ()
    outlasting = [r.id for r in rivals if _outlasts(r, event)]
    return (None if last is None else last.id, *outlasting)


def _outlasts(rival: Record, event: StateEvent) -> bool:
    match rival.body:
        case Promoted(tip=tip) | Restored(tip=tip, merge=str()):
            return isinstance(event, RolledBack) and tip == event.tip
        case Restored():
            return True
        case _:
            return False


def _rolled_back(experiment: Experiment, commit: Oid, reason: str) -> Note:
    text = f"exp/{experiment.id} rolled back: {messages.one_line(reason)}"
    return Note(commit=commit, text=text)


def _running(experiment: Experiment, commit: Oid) -> Note:
    return Note(commit=commit, text=f"exp/{experiment.id} restored: it runs again")
