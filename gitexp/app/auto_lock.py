"""One `auto` at a time per repository: two would run the same blocks and wait for each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from gitexp.errors import Refused
from gitexp.store.files import Folder
from gitexp.store.git import Git

NAME = "auto.lock"


@contextlib.contextmanager
def only_auto(git: Git) -> Iterator[None]:
    """Be the only one; the lock ends with the process that holds it, however that ends.

    Raises:
        Refused: another process is; the message says which.
    """
    lock = Folder(git.common_dir, "exp").open(NAME, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                f"another git exp auto is running here{_holder(lock)}",
                hint="wait for it to end; it goes through all experiments by itself",
                code="busy",
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _holder(lock: int) -> str:
    pid = os.pread(lock, 32, 0).decode(errors="replace").strip()
    return f" (process {pid})" if pid.isdecimal() else ""
