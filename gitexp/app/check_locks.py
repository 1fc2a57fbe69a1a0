"""What killed commands left behind: changes half done, lock files, temporary files."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gitexp import refs
from gitexp.app.doctor_view import Finding, Repair, Severity, repairable
from gitexp.app.seen import Seen
from gitexp.errors import GitexpError
from gitexp.model import WriterId
from gitexp.store.files import Folder
from gitexp.store.git import DEAD_LOCK_S
from gitexp.store.holders import holder, lasting
from gitexp.store.intent import Pending
from gitexp.store.lock import is_held
from gitexp.store.recovery import recover

AREA = "locks"
_OLD_FILE_S = 3600.0
"""A temporary file lives for the time of one write."""


def check(seen: Seen) -> Iterator[Finding]:
    """A change half done, lock files of git, temporary files of ours."""
    yield from _pending(seen)
    for path, name in _lock_files(seen.store.git.common_dir):
        age = _age(path)
        if age is not None and age > DEAD_LOCK_S:
            yield _lock(seen, path, name, age)
    yield from _temporary(seen)


def _pending(seen: Seen) -> Iterator[Finding]:
    git = seen.store.git
    pending = Pending(git.common_dir)
    if not pending.exists():
        return
    if is_held(git):
        text = "another git exp is changing this repository at this moment"
        yield Finding(area=AREA, severity=Severity.NOTE, text=text)
        return
    try:
        intent = pending.load()
    except GitexpError as error:
        yield Finding(area=AREA, severity=Severity.ERROR, text=error.message, fix=error.hint)
        return
    if intent is not None:
        yield repairable(
            AREA,
            Severity.ERROR,
            f"a command was killed and left a change half done: {intent.what}",
            Repair(
                what=f"finish or undo it: {intent.what}",
                done=f"made whole what was half done: {intent.what}",
                act=partial(_recover, seen),
            ),
        )


def _recover(seen: Seen) -> None:
    recover(seen.store.git)


def _lock_files(common_dir: Path) -> Iterator[tuple[Path, str]]:
    """git's lock files, each with the name of what it locks: refs, the index, HEAD, settings."""
    places = ("refs/**/*.lock", "*.lock", "worktrees/*/*.lock")
    for path in sorted(path for place in places for path in common_dir.glob(place)):
        yield path, str(path.relative_to(common_dir)).removesuffix(".lock")


def _age(path: Path) -> float | None:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return None


def _lock(seen: Seen, path: Path, name: str, age: float) -> Finding:
    text = f"a lock file on {name} is {lasting(age)} old: git cannot write it"
    found = holder(path)
    if found is not None:
        text = f"{text}; {found} has it open"
        return Finding(area=AREA, severity=Severity.WARN, text=text, fix=found.hint)
    ref = refs.parse_notes(name) or refs.parse_archive(name)
    if ref is None or ref.remote is not None or ref.writer not in seen.store.writers_here():
        # another git may hold it, for a reason that we cannot know
        return Finding(
            area=AREA,
            severity=Severity.WARN,
            text=text,
            fix=f"if no other git is at work here: rm {shlex.quote(str(path))}",
        )
    return repairable(
        AREA,
        Severity.WARN,
        text,
        Repair(
            what=f"remove the lock file on {name}",
            done=f"removed the lock file on {name}",
            act=partial(_unlock, seen, ref.writer, path),
        ),
    )


def _unlock(seen: Seen, writer: WriterId, path: Path) -> None:
    # nobody but the holder of this lock moves the writer's refs
    with seen.store.journal_of(writer).locked():
        age = _age(path)
        if age is not None and age > DEAD_LOCK_S:
            path.unlink()


def _temporary(seen: Seen) -> Iterator[Finding]:
    common = seen.store.git.common_dir
    found: list[tuple[Folder, str]] = []
    for parts in ((), ("journal",), ("slots",), ("hooks",)):
        folder = Folder(common, "exp", *parts)
        for name in folder.names():
            status = folder.status(name)
            is_old = status is not None and time.time() - status.st_mtime > _OLD_FILE_S
            if name.endswith(".tmp") and is_old:
                found.append((folder, name))
    if found:
        count = "a temporary file" if len(found) == 1 else f"{len(found)} temporary files"
        yield repairable(
            AREA,
            Severity.NOTE,
            f"{count} of killed commands in {common / 'exp'}",
            Repair(
                what=f"remove {count} of killed commands",
                done=f"removed {count} of killed commands",
                act=partial(_remove, found),
            ),
        )


def _remove(found: list[tuple[Folder, str]]) -> None:
    for folder, name in found:
        remove(folder, name)


def remove(folder: Folder, name: str) -> None:
    """Delete a file of ours.

    Raises:
        GitexpError: if it is still there.
    """
    folder.remove(name)
    if folder.status(name) is not None:
        raise GitexpError(
            f"cannot remove {folder.path / name}",
            hint="make the repository writable for you, then run it again",
        )
