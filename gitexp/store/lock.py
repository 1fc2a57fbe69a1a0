"""Locks: one process at a time moves branches, records what others hold, or writes a journal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import replace

from gitexp.errors import Refused
from gitexp.store.files import Folder, refusal
from gitexp.store.git import Git

NAME = "lock"
PATIENCE_S = 5.0
RECORDING = "recording.lock"
SYNCING = "sync.lock"
LONG_PATIENCE_S = 120.0


@contextlib.contextmanager
def repository_lock(git: Git, *, patience_s: float = PATIENCE_S) -> Iterator[Git]:
    """The repository for as long as nobody else may change it.

    Every git process started through the value given back inherits the lock. If this process is
    killed, the lock lasts until the git it started has ended: whoever has it can trust that
    nothing of the interrupted command is still at work.

    Raises:
        Refused: if another command keeps it for longer than `patience_s`.
    """
    busy = "another git exp, or a git it started, is still changing this repository"
    with held(_folder(git), NAME, patience_s=patience_s, busy=busy) as lock:
        yield replace(git, keep_fds=(lock,))


@contextlib.contextmanager
def recording_lock(git: Git) -> Iterator[None]:
    """Nobody else records what was measured elsewhere, from the look at what is recorded on.

    Else two that bring the same trial, or want the same place, would both find it free. What
    `run` and `exec` measure has its place beforehand, and waits for nobody.

    Raises:
        Refused: if others keep it for longer than two minutes.
    """
    busy = "another git exp is recording in this repository and does not end"
    with held(_folder(git), RECORDING, patience_s=LONG_PATIENCE_S, busy=busy):
        yield


@contextlib.contextmanager
def syncing_lock(git: Git) -> Iterator[None]:
    """Nobody else moves what this clone knows of remotes.

    Raises:
        Refused: if others keep it for longer than two minutes.
    """
    busy = "another git exp is fetching or pushing here and does not end"
    with held(_folder(git), SYNCING, patience_s=LONG_PATIENCE_S, busy=busy):
        yield


def _folder(git: Git) -> Folder:
    return Folder(git.common_dir, "exp")


@contextlib.contextmanager
def held(folder: Folder, name: str, *, patience_s: float, busy: str) -> Iterator[int]:
    """The lock file's descriptor, for as long as nobody else has the lock.

    Args:
        busy: What to say of others who keep it for longer than `patience_s`.

    Raises:
        Refused: if they do.
        GitexpError: if there can be no such file.
    """
    deadline = time.monotonic() + patience_s
    pause = 0.0005
    while (lock := _try(folder, name)) is None:
        if time.monotonic() > deadline:
            from gitexp.store.holders import said

            path = folder.path / name
            who, hint = said(path, f"wait for it, then run it again; who it is: fuser {path}")
            raise Refused(busy + who, hint=hint, code="busy")
        time.sleep(pause)
        pause = min(pause * 2, 0.02)
    try:
        yield lock
    finally:
        # not only close: a daemon that a hook started may have inherited the descriptor
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def is_held(git: Git) -> bool:
    """Whether a command has the lock at this moment; nothing is made or changed."""
    try:
        lock = _folder(git).open(NAME, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _try(folder: Folder, name: str) -> int | None:
    lock = folder.open(name, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second is how some network disks say it
        os.close(lock)
        return None
    except OSError as error:
        os.close(lock)
        raise refusal(folder.path / name, error) from error
    ours, now = os.fstat(lock), folder.status(name)
    if now is None or (ours.st_dev, ours.st_ino) != (now.st_dev, now.st_ino):
        # deleted between our open and our lock: it keeps nobody out
        os.close(lock)
        return None
    return lock
