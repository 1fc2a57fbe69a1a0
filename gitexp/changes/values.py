"""What create, promote, rollback and restore will do, as one value.

A `Changes` is made without touching anything, shown by `--dry-run`, and applied as a whole or
not at all. Commits it is going to make have no id yet; `PLAN_COMMIT`, `MADE` and `EVIDENCE` stand
for them until `settle` puts the ids in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gitexp.model import (
    Created,
    Event,
    ExperimentId,
    Oid,
    Overridden,
    PlanBody,
    PlanHash,
    Promoted,
    Restored,
    RolledBack,
)
from gitexp.refs import RefUpdate, short

# NUL: no text a user can write is taken for one of these
PLAN_COMMIT = Oid("\0plan commit")
MADE = Oid("\0new commit")
EVIDENCE = Oid("\0evidence commit")
"""The commit whose parents are all notes tips the decision was taken from."""


class Kind(StrEnum):
    CREATE = "create"
    PROMOTE = "promote"
    ROLL_BACK = "rollback"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A commit message: text, then trailers, of which each is one line."""

    text: str
    trailers: tuple[tuple[str, str], ...]

    def render(self, places: Mapping[str, Oid]) -> str:
        """The message with the ids in."""
        lines = "".join(f"{key}: {places.get(value, value)}\n" for key, value in self.trailers)
        return f"{self.text.rstrip()}\n\n{lines}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The change of another experiment, brought along as one commit with its author.

    Attributes:
        commit: Whose tree and author the new commit gets; the experiment's base must be what
            this one was compared with, or the new experiment measures something else.
    """

    commit: Oid
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Make the plan commit: the base's tree, on top of the base."""

    base: Oid
    message: Message
    carried: Carried | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Merge `tip` into `onto`, never as a fast-forward; the branches are for people."""

    onto: Oid
    into: str
    tip: Oid
    branch: str
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCommit:
    """The change of one commit.

    Attributes:
        is_merge: Whether it is a merge, to be undone against its first parent.
    """

    commit: Oid
    is_merge: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRange:
    """All that lies between two commits, as one change."""

    since: Oid
    commit: Oid


Undo = UndoCommit | UndoRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """Undo a change on top of `onto`.

    Attributes:
        on: The branch's full name.
    """

    onto: Oid
    on: str
    undo: Undo
    message: Message


Build = Registration | Merge | Revert


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The user ends on branch `to`, whose tip is `at` by then.

    Attributes:
        to: The full name; the commit itself when another worktree has the branch.
        when_on: Only a user who stands on one of these; None: wherever the user stands.
    """

    to: str
    at: Oid
    when_on: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorktree:
    """The branch is checked out in a new linked worktree; the user stays where he is.

    Attributes:
        path: Absolute.
    """

    path: str
    branch: str
    at: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text for `git log`, on one commit."""

    commit: Oid
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything one command is going to change.

    Attributes:
        what: One line for reflogs and our own commits.
        build: The commits to make first.
        branches: How branches move; our own refs follow from the rest.
        records: Records and events for the notes of `place`.
        place: The commit whose note takes them: the plan commit.
        evidence: Notes tips the decision was taken from, pinned by `EVIDENCE`; may be empty.
        pins: Commits the archive keeps from now on.
        head: Where the user ends up; None: where he is.
    """

    kind: Kind
    exp: ExperimentId
    plan_hash: PlanHash
    what: str
    build: Build | None
    branches: tuple[RefUpdate, ...]
    records: tuple[PlanBody | Event, ...]
    place: Oid
    evidence: tuple[Oid, ...]
    pins: tuple[Oid, ...]
    notes: tuple[Note, ...]
    head: Switch | NewWorktree | None


def settle(changes: Changes, places: Mapping[str, Oid]) -> Changes:
    """The changes with the ids of commits made meanwhile."""

    def oid(value: Oid) -> Oid:
        return places.get(value, value)

    head = changes.head
    return replace(
        changes,
        branches=tuple(
            replace(move, new=None if move.new is None else oid(move.new))
            for move in changes.branches
        ),
        records=tuple(_settle_record(record, places) for record in changes.records),
        place=oid(changes.place),
        pins=tuple(oid(pin) for pin in changes.pins),
        notes=tuple(replace(note, commit=oid(note.commit)) for note in changes.notes),
        head=None if head is None else replace(head, at=oid(head.at)),
    )


def _settle_record(record: PlanBody | Event, places: Mapping[str, Oid]) -> PlanBody | Event:
    def oid(value: Oid) -> Oid:
        return places.get(value, value)

    match record:
        case Created():
            return replace(record, plan_commit=oid(record.plan_commit))
        case Promoted(evidence=str() as evidence):
            return replace(record, merge=oid(record.merge), evidence=oid(evidence))
        case RolledBack(revert=str() as revert):
            return replace(record, revert=oid(revert))
        case Restored(merge=str() as merge):
            return replace(record, merge=oid(merge))
        case _:
            return record


def steps(changes: Changes, *, here: str) -> tuple[str, ...]:
    """What will happen, one plain line each, in order.

    Args:
        here: The branch HEAD names, in full, or the commit when it is detached.
    """
    lines = [*_build_steps(changes)]
    for record in changes.records:
        if isinstance(record, Promoted) and record.recognised is not None:
            place = f"{_short(record.merge)} on {short(record.target)}"
            lines.append(f"record that {place} brought it in ({record.recognised})")
        if isinstance(record, Overridden):
            lines.append(f"record why {_short(record.merge)} is right: {record.reason}")
    made = _made(changes.build)
    for move in changes.branches:
        name = short(move.name)
        if move.new is None:
            lines.append(f"delete branch {name} ({_short(move.old)})")
        elif move.old is None:
            lines.append(f"create branch {name} at {_short(move.new, made)}")
        else:
            lines.append(f"move branch {name} from {_short(move.old)} to {_short(move.new, made)}")
    match changes.head:
        case Switch(to=to, when_on=None):
            lines.append(f"check out {short(to)}")
        case Switch(to=to, when_on=(*names,)) if here in names:
            is_branch = to.startswith("refs/")
            lines.append(f"leave you on {short(to) if is_branch else f'{to[:12]}, no branch'}")
        case NewWorktree(path=path, branch=branch):
            lines.append(f"check out {short(branch)} in the new worktree {path}")
        case _:
            pass
    return tuple(lines)


def _build_steps(changes: Changes) -> tuple[str, ...]:
    match changes.build:
        case Registration(base=base, carried=carried):
            first = f"register the plan in a commit on {_short(base)}"
            if carried is None:
                return (first,)
            return (first, f"take over the change of {_short(carried.commit)} in a second commit")
        case Merge() as merge:
            return (f"merge {short(merge.branch)} ({_short(merge.tip)}) into {short(merge.into)}",)
        case Revert(undo=UndoRange(since=since, commit=commit), on=on):
            return (f"revert {_short(since)}..{_short(commit)} on {short(on)}",)
        case Revert() as revert:
            return (f"revert {_short(revert.undo.commit)} on {short(revert.on)}",)
        case None:
            return ()


def _made(build: Build | None) -> str:
    match build:
        case Merge():
            return "the merge"
        case Revert():
            return "the revert"
        case _:
            return "the new commit"


def _short(oid: Oid | None, made: str = "the new commit") -> str:
    if oid is None:
        return "nothing"
    return made if oid == MADE else oid.lstrip("\0")[:12]
