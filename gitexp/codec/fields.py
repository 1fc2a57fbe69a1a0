"""Typed access to a JSON object from outside: a mistake is a ValueError that names the field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn, TypeVar

from gitexp.model import Oid, RecordId

E = TypeVar("E", bound=StrEnum)

MAX_TEXT = 4096
_OID = re.compile(r"[0-9a-f]{40}\Z")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def dump(value: object) -> str:
    """Canonical JSON: keys sorted, no spaces, ASCII, floats in their shortest exact form.

    >>> dump({"b": 0.1, "a": "é"})
    '{"a":"\\\\u00e9","b":0.1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_SPACED = re.compile(r'"\s')


def _refuse_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


# made once: json.loads makes a new one for every line when it is given an option
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_STRICT_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice)


def load_object(text: str | bytes) -> dict[str, object]:
    """The JSON object in the text.

    Raises:
        ValueError: also for NaN, infinities, bytes beyond ASCII, and a key that comes twice: other
            readers would take the other value.
    """
    spelled = text if isinstance(text, str) else text.decode("ascii")
    try:
        value = _DECODER.decode(spelled)
        # to count is quick; to have Python see every pair is not, and is done when in doubt
        if spelled.count('":') != _count_keys(value) or _SPACED.search(spelled):
            _STRICT_DECODER.decode(spelled)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _count_keys(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if isinstance(value, list) else 0


def format_time(moment: datetime) -> str:
    """UTC with milliseconds, 2026-11-22T09:30:00.000Z."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime:
    """The moment written by `format_time`, or any ISO 8601 time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without a zone: {text!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"time out of range: {text!r}") from None


class Fields:
    """One JSON object, read field by field."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, *, limit: int = MAX_TEXT) -> str:
        value = self._values.get(name)
        if not isinstance(value, str) or len(value) > limit:
            raise ValueError(f"field {name!r} is not a text of at most {limit} characters")
        return value

    def optional_text(self, name: str, *, limit: int = MAX_TEXT) -> str | None:
        return self.text(name, limit=limit) if self.has(name) else None

    def integer(self, name: str, *, low: int = 0, high: int = 2**53) -> int:
        value = self._values.get(name)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"field {name!r} is not a whole number from {low} to {high}")
        return value

    def optional_integer(self, name: str, *, low: int = 0, high: int = 2**53) -> int | None:
        return self.integer(name, low=low, high=high) if self.has(name) else None

    def number(self, name: str) -> float:
        return _number(name, self._values.get(name))

    def optional_number(self, name: str) -> float | None:
        return self.number(name) if self.has(name) else None

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"field {name!r} is neither true nor false")
        return value

    def time(self, name: str) -> datetime:
        return parse_time(self.text(name, limit=40))

    def oid(self, name: str) -> Oid:
        return parse_oid(name, self._values.get(name))

    def optional_oid(self, name: str) -> Oid | None:
        return self.oid(name) if self.has(name) else None

    def choice(self, name: str, kind: type[E], *, default: E | None = None) -> E:
        if default is not None and not self.has(name):
            return default
        value = self.text(name)
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"field {name!r} is {value!r}, not one of {[*kind]}") from None

    def numbers(self, name: str) -> dict[str, float]:
        """An object of finite numbers; absent is empty."""
        return {key: _number(f"{name}.{key}", value) for key, value in self.mapping(name).items()}

    def mapping(self, name: str) -> dict[str, object]:
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise ValueError(f"field {name!r} is not an object")
        return value

    def items(self, name: str) -> list[object]:
        value = self._values.get(name, [])
        if not isinstance(value, list):
            raise ValueError(f"field {name!r} is not a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(Fields({name: item}).text(name) for item in self.items(name))


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"field {name!r} is not a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"field {name!r} is too large") from None
    if not math.isfinite(number):
        raise ValueError(f"field {name!r} is not a finite number")
    return number


def parse_oid(name: str, value: object) -> Oid:
    if not isinstance(value, str) or not _OID.match(value):
        raise ValueError(f"field {name!r} is not an object id")
    return Oid(value)


def parse_record_id(text: str) -> RecordId:
    if not _ULID.match(text):
        raise ValueError(f"{text!r} is not a record id")
    return RecordId(text)
