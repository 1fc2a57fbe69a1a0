"""Room for checkouts: the folder they are in, and what to say where there is none."""

from __future__ import annotations

import os
from pathlib import Path

from gitexp.errors import GitexpError

_NEARLY_FULL = 1 << 20
"""Bytes left on a disk that git could not write a file to."""


def make(folder: Path) -> None:
    """The folder, made if need be.

    Raises:
        GitexpError: if it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GitexpError(
            f"there can be no checkouts in {folder}: {error.strerror}",
            hint="make it a folder you can write to, or name another: XDG_CACHE_HOME=FOLDER",
            code="cannot-write",
        ) from error


def full(folder: Path) -> GitexpError | None:
    """What git does not say when it cannot write a file: that the disk is full."""
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize > _NEARLY_FULL:
        return None
    return GitexpError(
        f"no space left for checkouts in {folder}",
        hint="free some space, or name a folder on another disk: XDG_CACHE_HOME=FOLDER",
        code="no-space",
    )
