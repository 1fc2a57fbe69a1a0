"""A file of results as bytes, lines or JSON, never more of it than fits.

Files come from tools, other machines and strangers: what is no regular file, too large, nested too
deeply or no text is refused with a reason.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import shlex
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gitexp.formats.values import Unusable, clip

MAX_JSON_BYTES = 64 * 1024 * 1024
"""Of one JSON document, unpacked."""
MAX_LINE = 1024 * 1024
"""Characters of one line."""
_HEAD = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


class Source:
    """One open file.

    Attributes:
        head: The first 64 KiB, without a byte order mark.
        is_packed: Whether it is compressed by gzip.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        start = file.read(_HEAD)
        self.is_packed = start.startswith(_GZIP)
        self.head = start.removeprefix(_BOM)
        if not self.is_packed:
            _refuse_no_text(start)

    def digest(self) -> str:
        """SHA-256 of the whole content, hexadecimal."""
        self._file.seek(0)
        found = hashlib.sha256()
        while chunk := self._file.read(1 << 20):
            found.update(chunk)
        return found.hexdigest()

    def binary(self) -> BinaryIO:
        """The file at its beginning, unpacked if need be."""
        self._file.seek(0)
        return self._file

    def lines(self, *, is_strict: bool = True) -> Iterator[str]:
        """The lines with their ends, one after the other.

        Args:
            is_strict: Refuse what is no UTF-8; else it becomes U+FFFD.

        Raises:
            Unusable: for that, and for a line that is too long.
        """
        errors = "strict" if is_strict else "replace"
        text = io.TextIOWrapper(self.binary(), encoding="utf-8-sig", errors=errors, newline="")
        try:
            number = 0
            while line := text.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise Unusable(f"has a line of more than {MAX_LINE:,} characters: {number}")
                yield line
        except UnicodeDecodeError as error:
            raise Unusable("is not UTF-8 text", hint="iconv -t UTF-8 converts it") from error
        finally:
            # a reader that stopped early is cleaned up when the file may be closed already
            with contextlib.suppress(ValueError):
                text.detach()

    def document(self) -> object:
        """The whole file as one JSON value.

        Raises:
            Unusable: if it is none, too large, too deep or ambiguous.
        """
        self._file.seek(0)
        try:
            if self.is_packed:
                with gzip.GzipFile(fileobj=self._file) as unpacked:
                    content = unpacked.read(MAX_JSON_BYTES + 1)
            else:
                content = self._file.read(MAX_JSON_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise Unusable(f"cannot be unpacked: {error}") from error
        if len(content) > MAX_JSON_BYTES:
            raise Unusable(f"is larger than {MAX_JSON_BYTES >> 20} MiB")
        return parse_json(content.removeprefix(_BOM))


def open_source(path: Path) -> BinaryIO:
    """The file, open for reading: no pipe is waited for, no folder entered.

    Raises:
        Unusable: if there is nothing to read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = f"cannot be read: {(error.strerror or '').lower()}"
        raise Unusable(why, hint=f"ls -l {shlex.quote(str(path))}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise Unusable(f"is {what}", hint="name a file; what comes by a pipe goes into one first")
    if status.st_size == 0:
        os.close(descriptor)
        raise Unusable("is empty")
    return open(descriptor, "rb")


def parse_json(content: bytes | str, where: str = "") -> object:
    """The JSON value.

    Args:
        where: Which part of the file it is, for the message: 'line 3 '.

    Raises:
        Unusable: if it is none, or one object names a key twice: which value counts?
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        value: object = json.loads(text, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise Unusable("is not UTF-8 text", hint="iconv -t UTF-8 converts it") from error
    except RecursionError as error:
        raise Unusable(f"{where}is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise Unusable(f"{where}is not whole JSON: {error}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise Unusable(f"{where}has a number of thousands of digits") from error
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Unusable(f"names a key twice in one object: {clip(twice)}")
    return found


def _refuse_no_text(start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unusable("is UTF-16 text", hint="iconv -f UTF-16 -t UTF-8 converts it")
    if b"\0" in start:
        raise Unusable("is a binary file, no text")
    if not start.removeprefix(_BOM).strip():
        raise Unusable("is empty")


# --- shapes of JSON -----------------------------------------------------------------------------


def as_object(value: object, what: str) -> dict[str, object]:
    """The value as an object.

    Raises:
        Unusable: if it is none.
    """
    if not isinstance(value, dict):
        raise Unusable(f"has no object {what}")
    return value


def as_list(value: object, what: str) -> list[object]:
    """The value as a list.

    Raises:
        Unusable: if it is none.
    """
    if not isinstance(value, list):
        raise Unusable(f"has no list {what}")
    return value


def as_text(value: object, what: str) -> str:
    """The value as a text that is not empty.

    Raises:
        Unusable: if it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"has no text {what}")
    return value


def has_objects(document: object, key: str, *keys: str) -> bool:
    """Whether the document has a list of objects under a key, the first of them with these keys."""
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        return False
    return all(name in entries[0] for name in keys)
