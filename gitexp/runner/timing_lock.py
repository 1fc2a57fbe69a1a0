"""One run with clocks at a time per repository: two would disturb each other."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitexp.errors import GitexpError, Refused


@contextmanager
def timing_lock(common_dir: Path) -> Iterator[None]:
    """Hold the repository's timing lock, `<common dir>/exp/timing.lock`.

    The lock ends with the process that holds it, however that ends; the file stays and is not
    inherited by children.

    Raises:
        Refused: another process holds it; the message says which.
    """
    path = common_dir / "exp" / "timing.lock"
    fd = _open(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                f"another timing run is going on in this repository{_holder(fd)}",
                hint="wait for it to end, or stop it with ^C; it saves what it has",
                code="timing-lock",
            ) from error
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
