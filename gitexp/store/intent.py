"""What a command is about to change, on the disk before it changes anything.

`<common dir>/exp/pending.json` exists exactly while a change is under way. Who finds it and gets
the repository lock knows that its author died, and has all that is needed to finish or to forget.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gitexp.errors import Refused
from gitexp.model import Oid
from gitexp.refs import RefUpdate
from gitexp.store.files import PENDING, Folder

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMove:
    """How HEAD of one worktree moves.

    Attributes:
        git_dir: Of the worktree.
        top: Its top folder; None in a bare repository.
        before: The branch's full name, or the commit when detached.
        after: Likewise.
        checkout: Whether files differ between the two commits; else only HEAD moves.
    """

    git_dir: str
    top: str | None
    before: str
    before_commit: Oid
    after: str
    after_commit: Oid
    checkout: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A linked worktree made for the user."""

    path: str
    branch: str
    commit: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One change under way.

    Attributes:
        what: One line for reflogs.
        pid: Of the process; for people, since the lock tells whether it lives.
        since: When it began, seconds since 1970.
        workshop: The temporary worktree the commit is built in.
        move: How the user's HEAD moves.
        refs: Empty until the moment before they move: as long as it is, nothing has moved.
        parcel: The objects these refs need and no ref names yet, of `gitexp.store.parcels`.
    """

    what: str
    pid: int
    since: float
    workshop: str | None = None
    move: HeadMove | None = None
    linked: Linked | None = None
    refs: tuple[RefUpdate, ...] = ()
    parcel: str | None = None


class Pending:
    """The intent file of one repository."""

    def __init__(self, common_dir: Path) -> None:
        self._folder = Folder(common_dir, "exp")

    def exists(self) -> bool:
        return self._folder.status(PENDING) is not None

    def begin(self, what: str) -> Intent:
        """A new intent, written down."""
        for name in self._folder.names():
            if name.startswith(f"{PENDING}.") and name.endswith(".tmp"):
                self._folder.remove(name)
        return self.note(Intent(what=what, pid=os.getpid(), since=time.time()))

    def note(self, intent: Intent) -> Intent:
        """Write the intent down; on the disk when this returns."""
        self._folder.write(PENDING, json.dumps({"v": _VERSION} | asdict(intent)).encode())
        return intent

    def load(self) -> Intent | None:
        """What an interrupted command intended.

        Raises:
            Refused: if a newer gitexp wrote it.
        """
        content = self._folder.read(PENDING)
        if content is None:
            return None
        try:
            return _parse(json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(
                "an interrupted command of another gitexp version left a change half done",
                hint="run git exp status with that version",
                code="unknown-intent",
            ) from error

    def end(self) -> None:
        self._folder.remove(PENDING)
        self._folder.sync()


def _parse(found: dict[str, object]) -> Intent:
    if found.pop("v") != _VERSION:
        raise ValueError("another version")
    intent = Intent(**found)  # type: ignore[arg-type]
    move, linked = found["move"], found["linked"]
    refs = found["refs"]
    if not isinstance(refs, list):
        raise TypeError("refs")
    return replace(
        intent,
        move=HeadMove(**move) if isinstance(move, dict) else None,
        linked=Linked(**linked) if isinstance(linked, dict) else None,
        refs=tuple(RefUpdate(**ref) for ref in refs),
    )
