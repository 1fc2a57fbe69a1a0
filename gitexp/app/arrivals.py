"""How a treatment came into its target when `promote` did not bring it, read from history alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gitexp import refs
from gitexp.app.arms import recorded, revision_at
from gitexp.app.reverts import is_taken_back
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, Oid, Promoted, Recognised, RolledBack
from gitexp.store import history
from gitexp.store.history import Told
from gitexp.store.repository import MissingObject
from gitexp.store.store import Store

_MAX_OVERRIDE = 500
_ID = re.compile(r"^\s*(?:\* )?Exp-Id: (\S+)\s*$", re.MULTILINE)
"""Where a squash lists the messages it replaces, they are indented or begin with a star."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A treatment that is in its target.

    Attributes:
        promoted: What there is to record.
        control: What the treatment was a change of.
        before: The target's tree before it had the change.
        after: The same with it.
        commits: Those of the target that brought it in, oldest first.
        is_gone: The target took it out again.
    """

    promoted: Promoted
    control: Oid
    before: Oid
    after: Oid
    commits: tuple[Oid, ...]
    is_gone: bool = False


def arrival(
    store: Store,
    experiment: Experiment,
    *,
    into: str | None = None,
    tip: Oid | None = None,
    onto: Oid | None = None,
) -> Arrival | None:
    """How the treatment got into its target, here or on any remote as last fetched.

    None when it never did, has no change of its own, or when a shallow clone cannot tell. Two git
    processes when there is nothing to find.

    Args:
        into: Full name of another branch than the plan's target.
        tip: The treatment, where that is known; else its branches, or its records, tell.
        onto: What the target is going to be, instead of what it is.
    """
    target = into or experiment.plan.target
    try:
        return _Search(store, experiment, target, tip, onto).found()
    except (MissingObject, Refused):
        if (store.git.common_dir / "shallow").exists():
            return None
        raise


class _Search:
    """One experiment looked for in one branch, wherever that branch is known."""

    def __init__(
        self,
        store: Store,
        experiment: Experiment,
        target: str,
        tip: Oid | None,
        onto: Oid | None,
    ) -> None:
        self._git = store.git
        self._store = store
        self._repository = store.repository
        self._experiment = experiment
        self._target = target
        self._tip = tip
        self._branch = refs.branch(experiment.id)
        self._known = store.known_tips(target, self._branch)
        self._targets = self._tips_of(target) if onto is None else [onto]

    def found(self) -> Arrival | None:
        """One that is still there, else one that is gone."""
        gone = None
        for found in self._arrivals():
            if self._is_own_change(found):
                if not self._is_gone(found):
                    return found
                gone = gone or replace(found, is_gone=True)
        return gone

    # --- what is looked for -------------------------------------------------------------------

    def _tips_of(self, branch: str) -> list[Oid]:
        """The branch here, then on the remotes; each commit once."""
        found = self._known[branch]
        return list(dict.fromkeys(found[name] for name in sorted(found, key=_own_first)))

    @cached_property
    def _treatments(self) -> list[Oid]:
        """The treatment as its branches hold it, and as it was decided."""
        if self._tip is not None:
            return [self._tip]
        experiment, event = self._experiment, self._experiment.state_event
        dropped = event.body.tip if event and isinstance(event.body, RolledBack) else None
        tips = history.furthest(self._git, self._tips_of(self._branch))
        decided = experiment.last_decision()
        if not tips:
            runs = (run.trial for run in reversed(experiment.trials))
            last = next((t.commit for t in runs if t.arm is Arm.TREATMENT), None)
            tips = [tip for tip in (dropped or last,) if tip is not None]
        if decided is not None and decided.treatment not in tips:
            tips.append(decided.treatment)
        return [tip for tip in tips if self._repository.is_commit(tip)]

    @cached_property
    def _base(self) -> Oid | None:
        base = self._experiment.plan.base
        return base if self._repository.is_commit(base) else None

    # --- where it is looked for ---------------------------------------------------------------

    def _arrivals(self) -> Iterator[Arrival]:
        for tip in self._treatments if self._targets else ():
            if history.is_in_any(self._git, tip, self._targets):
                for onto in self._targets:
                    if history.is_in_any(self._git, tip, [onto]):
                        yield self._contained(tip, onto)
            elif any(self._is_touched(tip, onto) for onto in self._targets):
                yield from self._named(tip)
                for onto in self._targets:
                    yield from self._picked(tip, onto)

    def _is_touched(self, tip: Oid, onto: Oid) -> bool:
        """Whether the target changed anything of what the treatment changes since it began."""
        if self._base is None:
            return True
        base, now = self._tree(self._base), self._tree(onto)
        return bool(self._changed(base, self._tree(tip)) & self._changed(base, now))

    def _contained(self, tip: Oid, onto: Oid) -> Arrival:
        """The target has the commit itself."""
        line = history.first_parents(self._git, tip, onto)
        if not line or self._parents(line[-1])[:1] == (tip,):
            return self._forwarded(tip)
        within = history.descendants(self._git, tip, onto)
        return self._merged(tip, next(oid for oid in reversed(line) if oid in within))

    def _forwarded(self, tip: Oid) -> Arrival:
        start = self._start(tip)
        control = start or self._base or tip
        line = reversed(history.first_parents(self._git, control, tip))
        commits = [oid for oid in line if len(self._parents(oid)) == 1 and not self._is_empty(oid)]
        return Arrival(
            promoted=self._promoted(Recognised.FAST_FORWARD, tip, tip, since=start),
            control=control,
            before=self._tree(control),
            after=self._tree(tip),
            commits=tuple(commits) or (tip,),
        )

    def _merged(self, tip: Oid, merge: Oid) -> Arrival:
        commit = self._repository.commit(merge)
        first, *others = commit.parents
        if len(others) == 1 and self._is_of_promote(commit.message):
            (tip,) = others  # made in another clone, whose branch may have been ahead
        control = self._repository.merge_base(first, tip) or first
        promoted = self._promoted(Recognised.MERGED, tip, merge)
        if others != [tip] or self._is_empty(merge):
            # it came with more than the treatment, or after it was picked: a rollback must take
            # out the treatment's own change
            control = self._start(tip) or control
            promoted = replace(promoted, since=control)
        elif self._is_of_promote(commit.message):
            promoted = _as_said(promoted, commit.message)
        return Arrival(
            promoted=promoted,
            control=control,
            before=self._tree(first),
            after=commit.tree,
            commits=(merge,),
        )

    def _named(self, tip: Oid) -> Iterator[Arrival]:
        """Other commits that name the experiment: squashes, and merges of what it was before."""
        exp = self._experiment.id
        pattern = f"Exp-Id: {exp.replace('.', '[.]')}"
        but = [tip] if self._base is None else [tip, self._base]
        for commit in reversed(history.saying(self._git, [pattern], self._targets, but=but)):
            if exp not in _ID.findall(commit.message) or "\nExp-Reverts: " in commit.message:
                continue
            if len(commit.parents) == 2 and self._is_of_promote(commit.message):
                yield self._merged(commit.parents[1], commit.oid)
            elif len(commit.parents) == 1:
                yield from self._squashed(tip, commit)

    def _squashed(self, tip: Oid, commit: Told) -> Iterator[Arrival]:
        (first,) = commit.parents
        tree = self._tree(commit.oid)
        control = self._repository.merge_base(first, tip)
        if control is None or tree == self._tree(first):
            return
        is_alone = tree in (self._tree(tip), history.merged_tree(self._git, first, tip))
        if not is_alone and history.merged_tree(self._git, commit.oid, tip) != tree:
            return
        since = None if is_alone else self._start(tip) or control
        yield Arrival(
            promoted=self._promoted(Recognised.SQUASHED, tip, commit.oid, since=since),
            control=control,
            before=self._tree(first),
            after=tree,
            commits=(commit.oid,),
        )

    def _picked(self, tip: Oid, onto: Oid) -> Iterator[Arrival]:
        """Every commit of its own has a twin in the target that is not older than itself."""
        if any(not self._is_empty(oid) for oid in history.unlike(self._git, tip, onto)):
            return
        # an empty commit has the patch of any other
        own, twins = (
            [oid for oid in history.alike(self._git, *sides) if not self._is_empty(oid)]
            for sides in ((tip, onto), (onto, tip))
        )
        control = self._repository.merge_base(onto, tip)
        if not own or not twins or control is None:
            return
        if self._committed(twins[-1]) < self._committed(own[-1]):
            return  # it was the treatment that took them over from the target
        parents = [self._parents(twin)[0] for twin in twins]
        since = parents[0] if parents[1:] == twins[:-1] else None
        yield Arrival(
            promoted=self._promoted(Recognised.CHERRY_PICKED, tip, twins[-1], since=since),
            control=control,
            before=self._tree(parents[0]),
            after=self._tree(twins[-1]),
            commits=tuple(twins),
        )

    # --- whether it counts --------------------------------------------------------------------

    def _is_own_change(self, found: Arrival) -> bool:
        """Whether it is this experiment's at all: its branch may have been set to anything."""
        tip = found.promoted.tip
        if not self._changed(self._tree(found.control), self._tree(tip)):
            return False
        if revision_at(self._experiment, tip) is not None:
            return True
        return any(self._is_plan_commit(oid) for oid in self._line(tip))

    def _is_gone(self, found: Arrival) -> bool:
        """Whether any branch that took it in, wherever it is known, is without it again."""
        control = self._tree(found.control)
        paths = self._changed(control, self._tree(found.promoted.tip))
        if not paths & self._changed(control, found.after):
            return True  # merged with the strategy `ours`: it never came in
        return any(
            is_taken_back(
                self._store,
                paths=paths,
                before=found.before,
                after=found.after,
                commits=found.commits,
                tip=onto,
            )
            for onto in self._targets
            if history.is_in_any(self._git, found.promoted.merge, [onto])
        )

    # --- what is known of commits -------------------------------------------------------------

    def _promoted(
        self, how: Recognised, tip: Oid, merge: Oid, *, since: Oid | None = None
    ) -> Promoted:
        return Promoted(
            target=self._target, tip=tip, merge=merge, evidence=None, recognised=how, since=since
        )

    def _start(self, tip: Oid) -> Oid | None:
        """The commit after which the treatment's own begin, when that is certain."""
        for oid in self._line(tip):
            if len(self._parents(oid)) != 1:
                break
            if self._is_plan_commit(oid):
                return oid
        measured = recorded(self._experiment, revision_at(self._experiment, tip))
        return None if measured is None else measured.control.commit

    def _line(self, tip: Oid) -> list[Oid]:
        """The treatment and its first parents since the plan's base, newest first."""
        return history.first_parents(self._git, self._base, tip)

    def _is_plan_commit(self, oid: Oid) -> bool:
        return self._plan_hash_line in self._repository.commit(oid).message and self._is_empty(oid)

    def _is_of_promote(self, message: str) -> bool:
        return self._plan_hash_line in message and _trailer(message, "Exp-Decision") is not None

    @property
    def _plan_hash_line(self) -> str:
        return f"\nExp-Plan-Hash: {self._experiment.plan_hash}\n"

    def _is_empty(self, oid: Oid) -> bool:
        parents = self._parents(oid)
        return bool(parents) and self._tree(oid) == self._tree(parents[0])

    def _committed(self, oid: Oid) -> int:
        return self._repository.commit(oid).committer_time

    def _changed(self, old: Oid, new: Oid) -> set[str]:
        return {*self._repository.changed_paths(old, new)}

    def _tree(self, oid: Oid) -> Oid:
        return self._repository.commit(oid).tree

    def _parents(self, oid: Oid) -> Sequence[Oid]:
        return self._repository.commit(oid).parents


def _own_first(name: str) -> tuple[bool, str]:
    return name.startswith(refs.REMOTE_BRANCHES), name


def _as_said(promoted: Promoted, message: str) -> Promoted:
    """With what the message of a merge says that `promote` made in another clone."""
    evidence = _trailer(message, "Exp-Evidence") or ""
    override = _trailer(message, "Exp-Override")
    return replace(
        promoted,
        evidence=Oid(evidence) if re.fullmatch("[0-9a-f]{40}", evidence) else None,
        override=None if override is None else override[:_MAX_OVERRIDE],
    )


def _trailer(message: str, key: str) -> str | None:
    found = re.findall(rf"^{key}: (.+)$", message, re.MULTILINE)
    return found[-1] if found else None
