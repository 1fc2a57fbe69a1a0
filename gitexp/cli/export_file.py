"""A file of the user's, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from gitexp.errors import GitexpError


def write_whole(target: str, pieces: Iterable[str]) -> int:
    """Write the file beside the one that is there, then put it in its place.

    A pipe or a device is written to as it is. A link stays, and what it leads to is replaced.

    Returns:
        Bytes written.

    Raises:
        GitexpError: if it cannot be written; what was there is as it was.
    """
    path = Path(os.path.realpath(target))
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("w", encoding="utf-8") as file:
                return sum(file.write(piece) for piece in pieces)
        return _replace(path, pieces)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise GitexpError(
                f"cannot write '{target}': {error.strerror}",
                hint=f"ls -ld '{path.parent}'",
                code="cannot-write",
            ) from error
        raise


def _replace(path: Path, pieces: Iterable[str]) -> int:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    written = 0
    try:
        # as any new file, else as the one that is there
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            for piece in pieces:
                written += file.write(piece.encode("utf-8", errors="backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.fchmod(file.fileno(), mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return written
