"""Every ref of ours, named once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitexp.model import ExperimentId, Oid, WriterId, experiment_id, writer_id

ZERO = Oid("0" * 40)
SUMMARY = "refs/notes/exp-summary"
BRANCHES = "refs/heads/exp/"
NOTES = "refs/notes/exp/"
ARCHIVES = "refs/exp/archive/"
REMOTE_NOTES = "refs/notes/remotes/"
REMOTE_ARCHIVES = "refs/exp/remotes/"
REMOTE_BRANCHES = "refs/remotes/"


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One ref's move in a transaction.

    Attributes:
        new: None deletes the ref.
        old: The value it must have now; None: it must not exist.
    """

    name: str
    new: Oid | None
    old: Oid | None


@dataclass(frozen=True, slots=True)
class RemoteBranch:
    """A branch of a remote, as a clone keeps it.

    Attributes:
        name: Its full name there.
    """

    remote: str
    name: str


@dataclass(frozen=True, slots=True)
class WriterRef:
    """A notes or archive ref as what its name says.

    Attributes:
        remote: The remote it was fetched from; None for a ref of this clone.
    """

    exp: ExperimentId
    writer: WriterId
    remote: str | None = None


def branch(exp: ExperimentId) -> str:
    return f"{BRANCHES}{exp}"


def notes(exp: ExperimentId, writer: WriterId) -> str:
    return f"{NOTES}{exp}/{writer}"


def archive(exp: ExperimentId, writer: WriterId) -> str:
    return f"{ARCHIVES}{exp}/{writer}"


def tracking(name: str, remote: str) -> str:
    """Where a clone keeps what a remote has under this name.

    >>> tracking("refs/notes/exp/fast/ann-1", "origin")
    'refs/notes/remotes/origin/exp/fast/ann-1'

    Raises:
        ValueError: if it is neither notes, archive nor branch.
    """
    for own, tracked, infix in (
        (NOTES, REMOTE_NOTES, "exp/"),
        (ARCHIVES, REMOTE_ARCHIVES, "archive/"),
        ("refs/heads/", REMOTE_BRANCHES, ""),
    ):
        if name.startswith(own):
            return f"{tracked}{remote}/{infix}{name.removeprefix(own)}"
    raise ValueError(f"{name!r} is not kept")


def parse_notes(name: str) -> WriterRef | None:
    """The notes ref as a value, or None when the name is not one of ours.

    >>> parse_notes("refs/notes/remotes/origin/exp/fast/ann-1")
    WriterRef(exp='fast', writer='ann-1', remote='origin')
    """
    return _parse(name, NOTES, REMOTE_NOTES, "exp")


def parse_archive(name: str) -> WriterRef | None:
    """The archive ref as a value, or None when the name is not one of ours."""
    return _parse(name, ARCHIVES, REMOTE_ARCHIVES, "archive")


def parse_branch(name: str) -> ExperimentId | None:
    """The experiment whose branch has this full name, or None."""
    if not name.startswith(BRANCHES):
        return None
    try:
        return experiment_id(name.removeprefix(BRANCHES))
    except ValueError:
        return None


def tracked_anywhere(branch_name: str) -> str:
    """A pattern for a branch on any remote; `parse_remote_branch` tells what else it matches.

    >>> tracked_anywhere("refs/heads/main")
    'refs/remotes/**/main'
    """
    return f"{REMOTE_BRANCHES}**/{short(branch_name)}"


def parse_remote_branch(name: str, remotes: Iterable[str]) -> RemoteBranch | None:
    """The branch as a value, or None when the name is no branch of a remote.

    Slashes may be in a remote's name and in a branch's: only the remotes tell where one ends.

    Args:
        remotes: Those that are configured; of another one the name is taken to have no slash.

    >>> parse_remote_branch("refs/remotes/team/ann/main", ["team/ann"])
    RemoteBranch(remote='team/ann', name='refs/heads/main')
    >>> parse_remote_branch("refs/remotes/team/ann/main", ["origin"])
    RemoteBranch(remote='team', name='refs/heads/ann/main')
    """
    if not name.startswith(REMOTE_BRANCHES):
        return None
    rest = name.removeprefix(REMOTE_BRANCHES)
    fitting = [remote for remote in remotes if rest.startswith(f"{remote}/")]
    remote = max(fitting, key=len, default=rest.partition("/")[0])
    branch = rest.removeprefix(f"{remote}/")
    return RemoteBranch(remote, f"refs/heads/{branch}") if branch != rest else None


def short(branch_name: str) -> str:
    """A branch's name as users type it."""
    return branch_name.removeprefix("refs/heads/")


def _parse(name: str, own: str, tracking: str, infix: str) -> WriterRef | None:
    remote: str | None = None
    if name.startswith(own):
        rest = name.removeprefix(own)
    elif name.startswith(tracking):
        # a remote's name may hold slashes, ids and writers cannot; an id may be called as the infix
        parts = name.removeprefix(tracking).rsplit("/", 3)
        if len(parts) < 4 or parts[1] != infix:
            return None
        remote, rest = parts[0], "/".join(parts[2:])
    else:
        return None
    exp, _, writer = rest.partition("/")
    try:
        return WriterRef(experiment_id(exp), writer_id(writer), remote)
    except ValueError:
        return None
