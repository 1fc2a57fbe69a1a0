"""Tables of trials: CSV with a header, or one JSON object a line.

Columns `arm`, `block`, `trial_id`, `case`, `outcome`, `host` and `commit` say what a trial is;
`for` names the trial that values belong to which came after it. What else `git exp export` writes
is passed over; all other columns may be metrics, in base units.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from gitexp.formats.source import as_object, parse_json
from gitexp.formats.values import MAX_KEY, MAX_TRIALS, Format, Results, Row, Unusable, clip
from gitexp.model import Arm, Outcome

OWN_COLUMNS = frozenset({"arm", "block", "trial_id", "case", "outcome", "commit", "host", "for"})
PASSED_OVER = frozenset({"exp", "at", "writer", "attempt", "marks", "revision", "exit"})
_TELLING = frozenset({"arm", "for", "case", "trial_id"})
_MAX_COLUMNS = 1_000
_MAX_BLOCK = 10_000_000

E = TypeVar("E", bound=StrEnum)


def is_header(line: str) -> bool:
    """Whether a line of text could be the header of a table of trials."""
    cells = [cell.strip().strip('"') for cell in line.strip().split(",")]
    return len(cells) > 1 and not _TELLING.isdisjoint(cells)


def is_row(value: object) -> bool:
    """Whether one line of JSON can only be a trial, or values of one."""
    return isinstance(value, dict) and any(isinstance(value.get(n), str | int) for n in _TELLING)


def read_csv(lines: Iterable[str]) -> Results:
    """The rows of a CSV table."""
    reader = csv.reader(lines, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header)
        return _table(Format.CSV, _csv_rows(reader, header), header)
    except csv.Error as error:
        raise Unusable(f"is not whole CSV: line {reader.line_num}: {error}") from error


def read_jsonl(lines: Iterable[str]) -> Results:
    """The rows of a table with one JSON object a line."""
    columns: dict[str, None] = {}
    return _table(Format.JSONL, _json_rows(lines, columns), columns)


def _table(format: Format, rows: Iterator[Row], columns: Iterable[str]) -> Results:
    found: list[Row] = []
    for row in rows:
        found.append(row)
        if len(found) > MAX_TRIALS:
            raise Unusable(
                f"has more than {MAX_TRIALS:,} trials",
                hint="import a part at a time: trials that are recorded already do no harm",
            )
    if not found:
        raise Unusable("holds no trials")
    # JSON's columns are known once its rows were read
    others = tuple(name for name in columns if name not in OWN_COLUMNS | PASSED_OVER)
    return Results(format=format, rows=tuple(found), columns=others)


def _check_header(header: list[str]) -> None:
    if not any(header) or len(header) > _MAX_COLUMNS:
        raise Unusable("has no header that names its columns")
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise Unusable(f"has two columns {clip(twice)!r}")


def _csv_rows(reader: Iterator[list[str]], header: list[str]) -> Iterator[Row]:
    before = 1
    for cells in reader:
        begin, before = before + 1, getattr(reader, "line_num", before + 1)
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise Unusable(f"has {len(cells)} cells in line {begin}, and {len(header)} columns")
        pairs = zip(header, cells, strict=True)
        yield _row(begin, {name: _plain(cell) for name, cell in pairs if name and cell.strip()})


def _plain(cell: str) -> str:
    """The cell without the apostrophe that keeps spreadsheets from computing it."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _json_rows(lines: Iterable[str], columns: dict[str, None]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        entry = as_object(parse_json(line, f"line {number} "), f"in line {number}")
        if len(columns) <= _MAX_COLUMNS:
            columns.update(dict.fromkeys(entry))
        yield _row(number, {name: v for name, v in entry.items() if v is not None and v != ""})


def _row(line: int, values: Mapping[str, object]) -> Row:
    arm = values.get("arm")
    outcome = values.get("outcome")
    return Row(
        line=line,
        arm=None if arm is None else _choice(arm, Arm, line, "arm"),
        block=_block(values.get("block"), line),
        trial_id=_text(values.get("trial_id"), line, "trial_id"),
        case=_text(values.get("case"), line, "case"),
        outcome=Outcome.OK if outcome is None else _choice(outcome, Outcome, line, "outcome"),
        commit=_text(values.get("commit"), line, "commit"),
        host=_text(values.get("host"), line, "host"),
        observed=_text(values.get("for"), line, "for"),
        values={n: v for n, v in values.items() if n not in OWN_COLUMNS | PASSED_OVER},
    )


def _choice(value: object, kind: type[E], line: int, column: str) -> E:
    try:
        return kind(str(value))
    except ValueError:
        allowed = ", ".join(kind)
        raise Unusable(
            f"has {clip(value)!r} as {column} in line {line}; {column}s are {allowed}"
        ) from None


def _block(value: object, line: int) -> int | None:
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdecimal() or len(text) > 8:
        raise Unusable(f"has {clip(value)!r} as block in line {line}; blocks count from 1")
    if int(text) > _MAX_BLOCK:
        raise Unusable(f"has block {text} in line {line}: that many there cannot be")
    return int(text)


def _text(value: object, line: int, column: str) -> str | None:
    """A name: numbers are taken as they are written."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unusable(f"has a {column} in line {line} that is no text: {clip(value)}")
    text = clip(value, MAX_KEY) if isinstance(value, int) else value
    if len(text) > MAX_KEY:
        raise Unusable(f"has a {column} of more than {MAX_KEY} characters in line {line}")
    return text
