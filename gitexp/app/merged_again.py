"""New commits of an experiment that a push brings after an earlier merge of it was taken out.

They are on the line of the experiment's branch: going from first parent to first parent they lead
to its plan commit and not to the target. While the first merge holds, they are work on what the
target has, as any branch may bring; after it was reverted they bring the experiment's change anew,
and say nothing of it, for the plan commit is in the target already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitexp.model import ExperimentId, Oid
from gitexp.store import history
from gitexp.store.history import Told
from gitexp.store.store import Store

REVERTING = ("^Exp-Reverts: ", "^This reverts commit ")
_REVERTED = re.compile(r"^(?:Exp-Reverts: *|This reverts commit )([0-9a-f]{40})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedAgain:
    """A merge of new commits of an experiment, the earlier ones having been taken out.

    Attributes:
        commit: The merge; what is pushed itself when the branch went forward to them.
        tip: What it merged.
    """

    commit: Oid
    exp: ExperimentId
    tip: Oid


def undone(found: Mapping[Oid, Told]) -> set[Oid]:
    """Commits that a later one among these reverts, if that was not reverted itself.

    Args:
        found: Newest first: what reverts comes before what it reverts.
    """
    gone: set[Oid] = set()
    for oid, commit in found.items():
        if oid not in gone:
            gone |= {Oid(oid) for oid in _REVERTED.findall(commit.message)}
    return gone


def merged_again(
    store: Store,
    new: Oid,
    known: Sequence[Oid],
    gone: Iterable[Oid],
    experiment_of: Callable[[Told], ExperimentId | None],
) -> tuple[MergedAgain, ...]:
    """Such merges among the commits of `new` that none of `known` has; undone ones not.

    One or two git processes when there are none; history beyond the pushed commits is only walked
    along the branches that were merged, as far as the target.

    Args:
        gone: What is undone among the same commits.
        experiment_of: The experiment whose plan commit a commit is.
    """
    if not known and not gone:
        return ()  # nothing can have been taken out before
    merges = history.merges(store.git, new, but=known)
    heads = {tip: (oid, parents[0]) for oid, parents in merges.items() for tip in parents[1:]}
    heads.setdefault(new, (new, new))
    trunk = known or [new]
    plans = history.beside(store.git, "^Exp-Plan: ", [*heads], trunk=trunk)
    if not plans:
        return ()
    lines = _Lines(history.first_parent_of(store.git, [*heads], trunk=trunk))
    return tuple(
        MergedAgain(commit=commit, exp=exp, tip=tip)
        for plan in plans
        for exp in (experiment_of(plan),)
        for tip, (commit, before) in heads.items()
        if exp is not None and {commit, tip}.isdisjoint(gone)
        for line in (lines.down_to(plan.oid, tip),)
        if line and _was_taken_out(store, line, plan.oid, before)
    )


class _Lines:
    """Commits beside the target, each with its first parent."""

    def __init__(self, first: Mapping[Oid, Oid | None]) -> None:
        self._first = first

    def down_to(self, plan: Oid, tip: Oid) -> frozenset[Oid]:
        """The line from a tip to the plan commit, both included; empty when it leads elsewhere."""
        line: dict[Oid, None] = {}
        at: Oid | None = tip
        while at in self._first:
            assert at is not None
            line[at] = None
            if at == plan:
                return frozenset(line)
            at = self._first[at]
        return frozenset()


def _was_taken_out(store: Store, line: Iterable[Oid], plan: Oid, before: Oid) -> bool:
    """Whether the target, as it was before, had reverted a merge of this line."""
    reverts = history.saying(store.git, REVERTING, [before], but=[plan])
    repository = store.repository
    own = {*line}
    return any(
        not own.isdisjoint(repository.commit(oid).parents[1:])
        for oid in undone({commit.oid: commit for commit in reverts})
        if repository.is_commit(oid)
    )
