"""Making whole what an interrupted command left: all of its change, or none of it.

git moves the refs of one transaction one after the other, and a process killed in between leaves
some moved. As soon as one has, the rest follows; before that, everything is put back.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gitexp.refs import short
from gitexp.store import parcels
from gitexp.store.git import Git
from gitexp.store.heads import HeadMover
from gitexp.store.intent import Intent, Pending
from gitexp.store.lock import repository_lock
from gitexp.store.standing import head_of, linked_top
from gitexp.store.workshop import SETTINGS, clear_away

_LIVE_LOCK_S = 0.5
"""Longer than a live git keeps a lock file on a ref or the index."""
_CLOCK_STEP_S = 1.0


def recover(git: Git) -> bool:
    """Finish or forget what an interrupted command began; whether there was anything.

    Every command calls it first; without an interrupted one it costs a look at one file.

    Raises:
        Refused: while the command is still running, or when the user's files are in the way.
    """
    pending = Pending(git.common_dir)
    if not pending.exists():
        return False
    with repository_lock(git) as held:
        return settle(held)


def settle(git: Git) -> bool:
    """Like `recover`, for the holder of the repository lock."""
    intent = Pending(git.common_dir).load()
    if intent is None:
        return False
    _remove_dead_locks(git, intent)
    if has_moved(git, intent):
        complete(git, intent)
    else:
        forget(git, intent)
    return True


def has_moved(git: Git, intent: Intent) -> bool:
    """Whether any ref is where the change puts it."""
    return any(
        update.new != update.old and git.ref(update.name) == update.new for update in intent.refs
    )


def complete(git: Git, intent: Intent) -> None:
    """Move the refs that have not moved yet, and all that follows."""
    parcels.unpack(git, intent.parcel)
    rest = [
        update
        for update in intent.refs
        if update.new != update.old and git.ref(update.name) == update.old
    ]
    git.configured(SETTINGS).update_refs(rest, reason=intent.what)
    finish(git, intent)


def finish(git: Git, intent: Intent) -> None:
    """What follows once the refs have moved: HEAD, and the traces of the way."""
    if intent.move is not None:
        HeadMover(git, intent.move).arrive(intent.what)
    if intent.linked is not None and Path(intent.linked.path).is_dir():
        there = Path(intent.linked.path)
        if head_of(git, cwd=there) == intent.linked.commit:
            git.run(
                "symbolic-ref", "HEAD", intent.linked.branch, cwd=there, drop_repository_env=True
            )
    for update in intent.refs:
        if update.new is None and update.name.startswith("refs/heads/"):
            # as `git branch -d` does; there may be no such section
            git.attempt("config", "--remove-section", f"branch.{short(update.name)}")
    _end(git, intent)


def forget(git: Git, intent: Intent) -> None:
    """Put everything back as it was before."""
    if intent.move is not None:
        HeadMover(git, intent.move).put_back(intent.what)
    if intent.linked is not None:
        _remove_linked(git, Path(intent.linked.path), since=intent.since)
    _end(git, intent)


def _end(git: Git, intent: Intent) -> None:
    if intent.workshop is not None:
        clear_away(git, Path(intent.workshop))
    Pending(git.common_dir).end()


def _remove_dead_locks(git: Git, intent: Intent) -> None:
    """Remove the lock files that the interrupted command left.

    None of its processes lives: they would have the repository lock. A file that is younger than
    the intent and outlasts a short wait can hardly be of another git.
    """
    deadline = time.monotonic() + _LIVE_LOCK_S
    for path in _lock_files(git, intent):
        while path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime >= intent.since - _CLOCK_STEP_S:
                path.unlink()


def _lock_files(git: Git, intent: Intent) -> Iterator[Path]:
    if intent.refs:
        yield from (git.common_dir / f"{update.name}.lock" for update in intent.refs)
        yield git.common_dir / "packed-refs.lock"
        yield git.common_dir / "packed-refs.new"
        yield git.common_dir / "config.lock"
    if intent.move is not None:
        yield Path(intent.move.git_dir) / "HEAD.lock"
        if intent.move.checkout:
            yield Path(intent.move.git_dir) / "index.lock"


def _remove_linked(git: Git, path: Path, *, since: float) -> None:
    """Remove a linked worktree that was being made, and what git keeps of it."""
    folder = git.common_dir / "worktrees"
    for admin in sorted(folder.iterdir()) if folder.is_dir() else ():
        top = linked_top(admin)
        # killed early, git has not written yet where it leads, and would never prune it
        is_begun = top is None and admin.stat().st_mtime >= since - _CLOCK_STEP_S
        if is_begun or top == path:
            shutil.rmtree(path, ignore_errors=True)
            shutil.rmtree(admin, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
