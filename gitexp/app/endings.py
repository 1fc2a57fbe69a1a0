"""What promote, rollback and restore share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TypeVar

from gitexp import refs
from gitexp.app.branches import branch_tips
from gitexp.app.load import load
from gitexp.app.rig import worktrees_of
from gitexp.errors import GitexpError, Refused, StaleRef
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Oid, Promoted, Restored
from gitexp.refs import short
from gitexp.store.standing import head_of
from gitexp.store.store import Store

T = TypeVar("T")

MAX_REASON = 500
_MAX_REASON_BYTES = 2 + 6 * MAX_REASON
"""As it is recorded: a letter of any script takes up to 6, an emoji 12."""
_ATTEMPTS = 3


def retried(store: Store, experiment: Experiment, act: Callable[[Experiment], T]) -> T:
    """What `act` returns; begun anew with what is there by then when a branch moved meanwhile.

    Raises:
        StaleRef: when that happens again and again.
    """
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(StaleRef):
            return act(experiment)
        experiment = load(store, experiment.id).experiment
    return act(experiment)


def branch_tip(store: Store, exp: ExperimentId) -> Oid | None:
    """Where this clone's branch of the experiment is."""
    return store.git.ref(refs.branch(exp))


def no_branch(store: Store, exp: ExperimentId) -> Refused:
    """The refusal when this clone has no branch of the experiment, with the way to get one."""
    _, remote = branch_tips(store.our_refs()).get(exp, (None, None))
    return Refused(
        f"there is no branch exp/{exp} here",
        hint=f"git branch exp/{exp} {remote}/exp/{exp}" if remote else f"git exp restore {exp}",
        code="no-branch",
    )


def standing_on(store: Store) -> str:
    """The branch checked out here, in full, or the commit when none is."""
    return head_of(store.git)


def target_tip(store: Store, target: str) -> Oid:
    """Where this clone's target branch is.

    Raises:
        Refused: if it has none.
    """
    tip = store.git.ref(target)
    if tip is None:
        raise Refused(
            f"there is no branch {short(target)} here",
            hint=f"git switch {short(target)}, which takes it from a remote that has it",
            code="no-target",
        )
    return tip


def refuse_unfetched(store: Store, experiment: Experiment, target: str, commit: Oid) -> None:
    """Refuse to act on a target that is older here than what is known to be in it elsewhere.

    Raises:
        Refused: if the commit is not here at all, or only a remote's target has it.
    """
    name, repository = short(target), store.repository
    known = store.known_tips(target)[target]
    tracking = {ref: tip for ref, tip in known.items() if ref != target}
    if not tracking:
        return
    if not repository.is_commit(commit):
        raise Refused(
            f"{commit[:12]}, which ended {experiment.id} on {name}, is not in this clone",
            hint=f"git switch {name} && git pull, then run it again",
            code="not-fetched",
        )
    own = store.git.ref(target)
    if own is not None and repository.is_ancestor(commit, own):
        return
    having = [ref for ref, tip in tracking.items() if repository.is_ancestor(commit, tip)]
    if having:
        where = min(having).removeprefix(refs.REMOTE_BRANCHES)
        raise Refused(
            f"{name} is behind {where}, which has {commit[:12]}",
            hint=f"git switch {name} && git pull, then run it again",
            code="behind",
        )


def promotion_of(experiment: Experiment) -> tuple[Promoted, Oid]:
    """The promotion that holds, and the commit that brought the change in."""
    record, last = experiment.promoted, experiment.state_event
    assert record is not None
    assert isinstance(record.body, Promoted)
    if last is not None and isinstance(last.body, Restored) and last.body.merge is not None:
        return record.body, last.body.merge
    return record.body, record.body.merge


def control_of_promotion(store: Store, done: Promoted) -> Oid:
    """What the promoted treatment was a change of."""
    first = store.repository.commit(done.merge).parents[0]
    return done.since or store.repository.merge_base(first, done.tip) or first


def is_empty(store: Store, oid: Oid) -> bool:
    """Whether a commit holds the same files as its first parent."""
    commit = store.repository.commit(oid)
    return commit.tree == store.repository.commit(commit.parents[0]).tree


def checked_reason(text: str) -> str:
    """A reason as records can hold it.

    Raises:
        Refused: if it is too long.
    """
    is_long = len(text) > MAX_REASON
    if is_long or len(json.dumps(text)) > _MAX_REASON_BYTES:
        limit = f"more than {MAX_REASON}" if is_long else "longer than a record can hold"
        raise Refused(
            f"the reason has {len(text)} characters, {limit}",
            hint="say it shorter; a commit or an issue can hold the rest",
            code="too-long",
        )
    return text


def drop_checkouts(store: Store, exp: ExperimentId) -> None:
    """Remove the arms' checkouts of an experiment that ended; what is in use stays a while."""
    with contextlib.suppress(GitexpError, OSError):
        worktrees_of(store).remove_all(exp)
