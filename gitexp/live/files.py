"""Small files of ours, opened without following a link, with few imports.

`store/files.py` says why no link is followed; it takes longer to import than `exec` may take to
start.

Where a group shares a repository (`core.sharedRepository`), git lets the group write to all it
makes, whatever the umask of who makes it. So do we, told by the folder around: files of ours that
only one of them can write would lock the others out.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time

LIMIT = 1 << 20
"""Longer files are none of ours, bytes."""


class Unusable(Exception):
    """A file or folder that is not ours to use; the message says which."""


def folder(root: str, *parts: str, create: bool) -> int:
    """A descriptor of the folder below `root`, every part a folder and no link.

    Raises:
        OSError: if it is not there, is a link, or cannot be made.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    found = os.open(root, flags)
    for part in parts:
        try:
            if create:
                try:
                    os.mkdir(part, dir_fd=found)
                except FileExistsError:
                    pass
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=found)
            if create:
                share(inner, found)
        finally:
            os.close(found)
        found = inner
    return found


def read(parent: int, name: str) -> str | None:
    """The text of one file; None when there is none.

    Raises:
        OSError: if it cannot be opened.
        Unusable: if it is no ordinary file, or too long.
    """
    try:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent
        )
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unusable(f"{name} is not an ordinary file")
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise Unusable(f"{name} is longer than any of ours")
    return os.fsdecode(content)


def write(parent: int, name: str, text: str, *, durable: bool = False) -> None:
    """Put the text in place of the file at once: readers see the old or the new.

    Raises:
        OSError: if it cannot be written; the old file is there still.
    """
    temporary = f"{name}.{os.getpid()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o666, dir_fd=parent)
    try:
        with os.fdopen(fd, "wb") as file:
            share(fd, parent)
            file.write(os.fsencode(text))
            file.flush()
            if durable:
                os.fsync(fd)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        remove(parent, temporary)
        raise
    if durable:
        os.fsync(parent)


def remove(parent: int, name: str) -> None:
    """Delete the file if it is there and can be deleted."""
    try:
        os.unlink(name, dir_fd=parent)
    except OSError:
        pass


def lock(parent: int, name: str, *, patience_s: float) -> int:
    """The file, locked for us alone, as a descriptor to close.

    Raises:
        OSError: if it cannot be opened, or another process keeps it for longer.
    """
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=parent)
    until = time.monotonic() + patience_s
    try:
        share(fd, parent)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.002)
            else:
                return fd
    except BaseException:
        os.close(fd)
        raise


def share(made: int, parent: int) -> None:
    """Let the group write to a file or folder of ours as it may to the folder around it."""
    around, mode = os.fstat(parent).st_mode, os.fstat(made).st_mode
    wanted = stat.S_IRGRP | stat.S_IWGRP
    if mode & stat.S_IXUSR:
        wanted |= stat.S_IXGRP
    if around & stat.S_IWGRP and wanted & ~mode:
        try:
            os.fchmod(made, stat.S_IMODE(mode) | wanted)
        except OSError:  # another's
            pass
