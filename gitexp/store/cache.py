"""Derived values in files: quick to have again, never needed."""

from __future__ import annotations

import contextlib
import hashlib
import re

from gitexp.errors import GitexpError
from gitexp.store.files import Folder

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z")


class Cache:
    """One file per name, each good for one key; damaged or outdated ones are as good as absent."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def get(self, name: str, key: str) -> bytes | None:
        """What was put under the name with this very key, or None."""
        try:
            content = self._folder.read(_checked(name))
        except GitexpError:
            return None
        head, found, value = (content or b"").partition(b"\n")
        return value if found and head == _head(key, value) else None

    def put(self, name: str, key: str, value: bytes) -> None:
        """Keep the value until another is put under the name; best effort."""
        with contextlib.suppress(GitexpError, OSError):
            self._folder.write(_checked(name), _head(key, value) + b"\n" + value, durable=False)

    def stamp(self, name: str) -> int:
        """A number that changes when another value is put under the name; 0 without one."""
        status = self._folder.status(_checked(name))
        return 0 if status is None else status.st_mtime_ns


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not a cache name")
    return name


def _head(key: str, value: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + value).hexdigest().encode()
