"""Numbers in JSON documents and in tables."""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Mapping
from typing import BinaryIO

from gitexp.runner.metrics import to_number

DOCUMENT_LIMIT = 64 << 20
"""Larger JSON documents and tables are not read, bytes."""


class Missing(Exception):
    """There is no value; the message says why."""


def number_in(text: str, what: str) -> float:
    """The number a text is.

    Raises:
        Missing: when it is none.
    """
    number = to_number(text.strip())
    if number is None:
        raise Missing(f"{what} is no number: '{text.strip()[:40]}'")
    return number


def from_json(file: BinaryIO, path: str, what: str) -> array[float]:
    """What the path leads to in a JSON document; a list is inner samples.

    Raises:
        Missing: when there is no document, or no number there.
    """
    import json

    data = _whole(file, what)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = _last_line(data, what)
    found = _follow(document, path)
    if found is None:
        raise Missing(f"{what} has no '{path}'")
    values = found if isinstance(found, list) else [found]
    if not values:
        raise Missing(f"'{path}' in {what} is an empty list")
    return array("d", [_json_number(value, path, what) for value in values])


def _last_line(data: bytes, what: str) -> object:
    """The document in the last line, after whatever else a program printed."""
    import json

    last = data.rstrip().rpartition(b"\n")[2]
    try:
        return json.loads(last)
    except (ValueError, RecursionError):
        raise Missing(f"{what} is not JSON, and neither is its last line") from None


def _follow(value: object, path: str) -> object:
    """What the path leads to; None: nothing. A key may itself have dots: the longest one counts."""
    if not path:
        return value
    if isinstance(value, list):
        index, _, rest = path.partition(".")
        is_index = re.fullmatch(r"\d{1,9}", index, re.ASCII) and int(index) < len(value)
        return _follow(value[int(index)], rest) if is_index else None
    if not isinstance(value, Mapping):
        return None
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in value:
            return _follow(value[key], ".".join(parts[length:]))
    return None


def _json_number(value: object, path: str, what: str) -> float:
    if isinstance(value, str):
        return number_in(value, f"'{path}' in {what}")
    if not isinstance(value, bool | int | float):
        raise Missing(f"'{path}' in {what} is no number")
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return float("inf")


def from_table(file: BinaryIO, column: str, what: str) -> array[float]:
    """The column of a table whose first line names its columns, with commas or tabs.

    Raises:
        Missing: when there is no such column, or no number in it.
    """
    import csv

    text = _whole(file, what).decode("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    separator = "\t" if "\t" in first and "," not in first else ","
    found: array[float] = array("d")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip() for name in next(rows, [])]
        if names.count(column) != 1:
            often = "more than once" if column in names else "not"
            raise Missing(f"'{column}' is {often} in the first line of {what}")
        at = names.index(column)
        for row in rows:
            cell = row[at].strip() if at < len(row) else ""
            if cell:
                found.append(number_in(cell, f"'{column}' in line {rows.line_num} of {what}"))
    except csv.Error as error:
        raise Missing(f"{what} is no table: {error}") from error
    if not found:
        raise Missing(f"'{column}' has no value in {what}")
    return found


def _whole(file: BinaryIO, what: str) -> bytes:
    data = file.read(DOCUMENT_LIMIT + 1)
    if len(data) > DOCUMENT_LIMIT:
        raise Missing(f"{what} is larger than {DOCUMENT_LIMIT >> 20} MiB")
    return data
