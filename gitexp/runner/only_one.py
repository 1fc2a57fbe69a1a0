"""What one process of a repository does at a time; a second one is told which does it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from gitexp.errors import GitexpError, Refused


def timing_lock(common_dir: Path) -> AbstractContextManager[None]:
    """Be the one that runs with clocks: two would disturb each other.

    Raises:
        Refused: another process is.
    """
    return _only_one(
        common_dir / "exp" / "timing.lock",
        busy="another timing run is going on in this repository",
        hint="wait for it to end, or stop it with ^C; it saves what it has",
        code="timing-lock",
    )


def only_auto(common_dir: Path) -> AbstractContextManager[None]:
    """Be the one `auto`: two would run the same blocks and wait for each other.

    Raises:
        Refused: another process is.
    """
    return _only_one(
        common_dir / "exp" / "auto.lock",
        busy="another git exp auto is running here",
        hint="wait for it to end; it goes through all experiments by itself",
        code="busy",
    )


@contextmanager
def _only_one(path: Path, *, busy: str, hint: str, code: str) -> Iterator[None]:
    """Hold the lock; it ends with the process that holds it, however that ends.

    The file stays, and is not inherited by children.
    """
    fd = _open(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"{busy}{_holder(fd)}", hint=hint, code=code) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP:
            message, hint = f"'{path}' is a symbolic link", f"rm '{path}'"
        else:
            message, hint = f"cannot open '{path}': {error.strerror}", f"ls -ld '{path.parent}'"
        raise GitexpError(message, hint=hint) from error


def _holder(fd: int) -> str:
    pid = os.pread(fd, 32, 0).decode(errors="replace").strip()
    return f" (process {pid})" if pid.isdecimal() else ""
