"""Files of ours inside the git dir, opened without ever following a link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gitexp.errors import GitexpError, Refused
from gitexp.live.files import share

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}

PENDING = "pending.json"
"""Names, in our folder, the intent of a change under way: every command looks for it."""


class Folder:
    """One folder of ours below the common git dir, created when something is first written.

    A repository can come from anybody, its git dir included (an archive, a shared disk), and a
    link planted where we write would send our bytes elsewhere: every component is opened
    relative to its parent, links refused.

    Attributes:
        path: For messages only.
    """

    def __init__(self, root: Path, *parts: str) -> None:
        self._root = root
        self._parts = parts
        self.path = root.joinpath(*parts)

    def folder(self, name: str) -> Folder:
        return Folder(self._root, *self._parts, name)

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """A descriptor of one file; missing folders are made when `flags` may create.

        Raises:
            FileNotFoundError: if it is not there and may not be created.
            GitexpError: if it cannot be opened, or is not an ordinary file.
        """
        path = self.path / name
        with self._descriptor(create=bool(flags & os.O_CREAT)) as parent, failing(path):
            found = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent)
            if flags & os.O_CREAT:
                share(found, parent)
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise _planted(path)
        return found

    def read(self, name: str) -> bytes | None:
        """The whole file, or None when there is none."""
        try:
            found = self.open(name, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(found, "rb") as file, failing(self.path / name):
            return file.read()

    def write(self, name: str, content: bytes, *, durable: bool = True, mode: int = 0o666) -> None:
        """Put the content in place of the file at once: readers see the old or the new."""
        temporary = f"{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
        found = self.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with failing(self.path / name), os.fdopen(found, "wb") as file:
                file.write(content)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            self.rename(temporary, name)
        except BaseException:
            self.remove(temporary)
            raise
        if durable:
            self.sync()

    def names(self) -> list[str]:
        """The entries, sorted; none when the folder does not exist."""
        try:
            with self._descriptor(create=False) as parent, failing(self.path):
                return sorted(entry.name for entry in os.scandir(parent))
        except FileNotFoundError:
            return []

    def status(self, name: str) -> os.stat_result | None:
        """What `stat` says of the entry itself, or None when there is none."""
        try:
            with self._descriptor(create=False) as parent, failing(self.path / name):
                return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def rename(self, old: str, new: str, *, into: Folder | None = None) -> None:
        target = into or self
        with (
            self._descriptor(create=False) as source,
            target._descriptor(create=True) as parent,
            failing(target.path / new),
        ):
            os.rename(old, new, src_dir_fd=source, dst_dir_fd=parent)

    def remove(self, name: str) -> None:
        """Delete the file if it is there; one that cannot be deleted stays."""
        with (
            contextlib.suppress(OSError, GitexpError),
            self._descriptor(create=False) as parent,
        ):
            os.unlink(name, dir_fd=parent)

    def touch(self, name: str) -> None:
        """Set the file's time to now, creating it empty; best effort."""
        with contextlib.suppress(OSError, GitexpError):
            found = self.open(name, os.O_WRONLY | os.O_CREAT)
            try:
                os.utime(found)
            finally:
                os.close(found)

    def sync(self) -> None:
        """Make the names in this folder durable."""
        with self._descriptor(create=False) as parent, failing(self.path):
            os.fsync(parent)

    @contextlib.contextmanager
    def _descriptor(self, *, create: bool) -> Iterator[int]:
        found = _open_folder(self._root, None)
        try:
            for depth, part in enumerate(self._parts):
                inner = _enter(found, part, self._root.joinpath(*self._parts[: depth + 1]), create)
                os.close(found)
                found = inner
            yield found
        finally:
            os.close(found)


def _enter(parent: int, name: str, path: Path, create: bool) -> int:
    if create:
        with failing(path):
            try:
                os.mkdir(name, dir_fd=parent)
            except FileExistsError:
                pass
            else:
                os.fsync(parent)
    found = _open_folder(path, parent)
    if create:
        share(found, parent)
    return found


def _open_folder(path: Path, parent: int | None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    if parent is None:
        with failing(path):
            return os.open(path, flags)
    with failing(path):
        return os.open(path.name, flags | os.O_NOFOLLOW, dir_fd=parent)


@contextlib.contextmanager
def failing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into ours; FileNotFoundError passes through."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: OSError) -> GitexpError:
    """The error as one line and something to do."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return _planted(path)
    reason = os.strerror(error.errno or 0).lower()
    if error.errno in _NO_SPACE:
        hint = "free some space, then run it again"
    elif error.errno in _READ_ONLY:
        hint = "make the repository writable for you, or work in a clone of your own"
    else:
        hint = "look at the disk and the folder's permissions, then run it again"
    return GitexpError(f"cannot use {path}: {reason}", hint=hint, code="cannot-write")


def _planted(path: Path) -> GitexpError:
    return Refused(
        f"{path} is not an ordinary file or folder of ours",
        hint=f"look at it, and remove it if it is not yours: ls -l {path}",
        code="unsafe-path",
    )


@contextlib.contextmanager
def sharing(folder: Path) -> Iterator[None]:
    """Have what libgit2 makes below this folder writable for the group if the folder is.

    libgit2 heeds no `core.sharedRepository`: a folder of objects that it made would keep the
    others of the group from committing.
    """
    mine = os.umask(0o077)
    os.umask(mine)
    try:
        is_shared = bool(folder.stat().st_mode & stat.S_IWGRP)
    except OSError:
        is_shared = False
    if not is_shared or not mine & stat.S_IRWXG:
        yield
        return
    os.umask(mine & ~stat.S_IRWXG)
    try:
        yield
    finally:
        os.umask(mine)


def append_lines(descriptor: int, content: bytes) -> None:
    """Add whole lines, durably, even after a last line that was cut off."""
    size = os.fstat(descriptor).st_size
    is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    write_all(descriptor, b"\n" + content if is_cut else content)
    os.fsync(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, in as many calls as it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_from(descriptor: int, offset: int) -> bytes:
    """What the file holds from there on."""
    chunks = []
    while chunk := os.pread(descriptor, 1 << 20, offset):
        chunks.append(chunk)
        offset += len(chunk)
    return b"".join(chunks)
