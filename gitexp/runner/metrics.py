"""Read what a command reports about itself.

Two sources: the file named in `$GITEXP_METRICS`, then lines of standard output. The first source
that has a metric wins for that metric; what neither has, `extract` may find.

The file holds one metric a line, as JSON (`{"name": …, "value": …, "unit": …}`, unit optional,
`null` for a missing value) or as `name=value [unit]`. Lines of standard output begin with
`METRIC `::

    METRIC parse/time=1.4201 ms
    METRIC accuracy=0.913

The name ends at the last `=`. A name that comes several times in one source gives inner samples;
the trial's value is their median. Times are converted to seconds and sizes to bytes; any other
unit is kept as it is. Other lines of standard output are none of our business; other lines of the
file are complained about. Lines above 64 KiB are ignored, so memory stays bounded.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gitexp.model import LARGEST_VALUE
from gitexp.units import BASE_UNITS as BASE_UNITS

LINE_LIMIT = 64 * 1024
"""Longer lines are ignored, bytes."""
NAME_LIMIT = 128
"""Longer names are complained about, characters."""
METRIC_LIMIT = 1_000
SAMPLE_LIMIT = 1_000_000
"""More metrics or samples in one trial are complained about."""
TAIL_LIMIT = 16 * 1024

_CHUNK = 1 << 20
NUMBER = re.compile(
    r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII
)
_NUMBER_LIMIT = 512
_METRIC_LINE = re.compile(rb"METRIC[ \t][^\n]*")  # a literal at its start: found at once
_METRIC_WORD = re.compile(r"METRIC[ \t]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a command said about itself in one trial.

    Attributes:
        values: Metric to value in base units, no larger than `LARGEST_VALUE`.
        samples: The inner samples of metrics that came more than once, in the order they came.
        units: Metric to unit, where one was given; 's' for every time, 'B' for every size.
        complaints: What was refused and why, one sentence each; refused metrics have no value.
        notes: Why metrics that were looked for are missing, one sentence each.
    """

    values: Mapping[str, float]
    samples: Mapping[str, tuple[float, ...]]
    units: Mapping[str, str]
    complaints: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """What was found of a metric that the command does not report itself.

    Attributes:
        values: Inner samples; empty when it is missing.
        note: Why it is missing.
        refused: Why it cannot be used.
    """

    name: str
    values: Sequence[float] = ()
    unit: str | None = None
    note: str | None = None
    refused: str | None = None


Extract = Callable[[Collection[str]], Iterable[Extracted]]
"""Finds metrics, given the names of those that need not be looked for."""


@dataclass(frozen=True, slots=True)
class _Sample:
    name: str
    value: float
    unit: str | None


class Unreadable(Exception):
    """A line that was meant as a metric and is none; the message says why."""


class _Source:
    """The samples of one source, collected by name."""

    def __init__(self) -> None:
        self.samples: dict[str, array[float]] = {}
        self.units: dict[str, str | None] = {}
        self.refused: dict[str, str] = {}
        self.complaints: list[str] = []
        self._count = 0

    def complain(self, text: str) -> None:
        if len(self.complaints) < 10:
            self.complaints.append(text)

    def add(self, sample: _Sample) -> bool:
        """Take the sample in; False when there are too many."""
        name = sample.name
        if len(name) > NAME_LIMIT or not name.isprintable():
            self.complain(f"the metric name '{_clip(name)}' is too long or not printable")
            return True
        self._count += 1
        if self._count > SAMPLE_LIMIT or len(self.samples) > METRIC_LIMIT:
            self.complain(
                f"more than {METRIC_LIMIT} metrics or {SAMPLE_LIMIT} samples in one trial"
            )
            return False
        if not math.isfinite(sample.value):
            self.refused[name] = f"metric '{name}' is {sample.value}: a finite number is needed"
            return True
        unit, factor = BASE_UNITS.get(sample.unit or "", (sample.unit, 1.0))
        if self.units.setdefault(name, unit) != unit:
            units = " and ".join(sorted(_unit_text(u) for u in (unit, self.units[name])))
            self.refused[name] = f"metric '{name}' comes in two units in one trial: {units}"
        value = sample.value * factor
        if abs(value) > LARGEST_VALUE:
            self.refused[name] = f"metric '{name}' is beyond {LARGEST_VALUE:g} in base units"
            return True
        self.samples.setdefault(name, array("d")).append(value)
        return True


def read_metrics(
    output_path: Path, metrics_file: Path, *, extract: Extract | None = None
) -> Reported:
    """The metrics of one trial.

    Args:
        output_path: What the command wrote to standard output.
        metrics_file: The file named in `$GITEXP_METRICS`; the command may not have made it.
    """
    sources = [_from_file(metrics_file), _from_output(output_path)]
    notes: list[str] = []
    if extract is not None:
        known = {name for source in sources for name in (*source.samples, *source.refused)}
        found = tuple(extract(known))
        notes += [one.note for one in found if one.note is not None]
        sources.append(_from_extracted(found))
    values: dict[str, float] = {}
    samples: dict[str, tuple[float, ...]] = {}
    units: dict[str, str] = {}
    complaints: list[str] = []
    seen: set[str] = set()
    for source in sources:
        complaints += source.complaints
        complaints += [text for name, text in source.refused.items() if name not in seen]
        for name in sorted(source.samples.keys() - seen - source.refused.keys()):
            numbers = tuple(source.samples[name])
            values[name] = _median(numbers)
            if len(numbers) > 1:
                samples[name] = numbers
            if (unit := source.units[name]) is not None:
                units[name] = unit
        seen |= source.samples.keys() | source.refused.keys()
    return Reported(
        values=dict(sorted(values.items())),
        samples=samples,
        units=units,
        complaints=tuple(complaints),
        notes=tuple(notes),
    )


def tail(output_path: Path, limit: int = TAIL_LIMIT) -> str:
    """The last `limit` bytes of a text file, from the start of a line where one fits; '' if absent.

    Invalid UTF-8 becomes U+FFFD.
    """
    try:
        with open_regular(output_path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            data = file.read(limit)
    except (OSError, Unreadable):
        return ""
    if size > limit and b"\n" in data[:-1]:
        data = data.partition(b"\n")[2]
    return data.decode(errors="replace")


def _from_output(path: Path) -> _Source:
    source = _Source()
    try:
        file = open_regular(path)
    except FileNotFoundError:  # a command may remove what is next to its metrics file
        return source
    except (OSError, Unreadable) as why:
        source.complain(f"standard output {_reason(why)}")
        return source
    with file:
        for line in _metric_lines(file):
            text = _METRIC_WORD.sub("", line.decode(errors="replace"), count=1)
            sample = _assignment(text)
            if sample is not None and not source.add(sample):
                break
    return source


def _from_extracted(found: Iterable[Extracted]) -> _Source:
    source = _Source()
    for one in found:
        if one.refused is not None:
            source.refused[one.name] = one.refused
        for value in one.values:
            if not source.add(_Sample(one.name, value, one.unit)):
                break
    return source


def _from_file(path: Path) -> _Source:
    source = _Source()
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return source
    except (OSError, Unreadable) as why:
        source.complain(f"$GITEXP_METRICS {_reason(why)}")
        return source
    with file:
        for number, line in enumerate(lines(file), start=1):
            try:
                sample = _file_sample(line.decode(errors="replace").strip())
            except Unreadable as why:
                source.complain(f"line {number} of $GITEXP_METRICS {why}")
                continue
            if sample is not None and not source.add(sample):
                break
    return source


def open_regular(path: Path) -> BinaryIO:
    """The file a command wrote, or put something else in the place of: no pipe is waited for.

    Raises:
        OSError: if it cannot be opened.
        Unreadable: if it is no regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Unreadable("is no longer a regular file")
    return open(fd, "rb")


def _reason(why: OSError | Unreadable) -> str:
    return f"cannot be read: {why.strerror}" if isinstance(why, OSError) else str(why)


def _file_sample(text: str) -> _Sample | None:
    if not text:
        return None
    if text.startswith("{"):
        return _json_sample(text)
    sample = _assignment(_METRIC_WORD.sub("", text, count=1))
    if sample is None:
        raise Unreadable(f"is neither JSON nor name=value [unit]: '{_clip(text)}'")
    return sample


def _json_sample(text: str) -> _Sample | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is not JSON: '{_clip(text)}'") from error
    match entry:
        case {"name": str(name), "value": None} if name.strip():
            return None
        case {"name": str(name), "value": bool() | int() | float() as value} if name.strip():
            unit = entry.get("unit")
            if unit is not None and not isinstance(unit, str):
                raise Unreadable(f"has a unit that is no text: '{_clip(text)}'")
            return _Sample(name.strip(), _number(value), unit.strip() or None if unit else None)
        case _:
            raise Unreadable(f"""needs "name" (text) and "value" (number): '{_clip(text)}'""")


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf


def to_number(text: str) -> float | None:
    """The number a text is, which may be NaN or infinite; None when it is none."""
    is_number = len(text) <= _NUMBER_LIMIT and NUMBER.fullmatch(text)
    return float(text) if is_number else None


def _assignment(text: str) -> _Sample | None:
    """The sample in `name=value [unit]`; None when the text is something else."""
    name, _, rest = text.rpartition("=")
    match rest.split():
        case [value]:
            unit = None
        case [value, unit]:
            pass
        case _:
            return None
    number = to_number(value)
    return None if not name.strip() or number is None else _Sample(name.strip(), number, unit)


def _metric_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines that begin with METRIC; a carriage return ends a line, too (progress bars)."""
    for block in _blocks(file, ends_at_return=True):
        for match in _METRIC_LINE.finditer(block):
            begin = match.start()
            is_line = begin == 0 or block[begin - 1 : begin] == b"\n"
            if is_line and len(match[0]) <= LINE_LIMIT:
                yield match[0]


def lines(file: BinaryIO) -> Iterator[bytes]:
    for block in _blocks(file, ends_at_return=False):
        for line in block.split(b"\n"):
            yield line if len(line) <= LINE_LIMIT else b""


def _blocks(file: BinaryIO, *, ends_at_return: bool) -> Iterator[bytes]:
    """The file in blocks of whole lines, the last newline of each taken off.

    A line that does not end within a chunk and the limit is left empty.
    """
    rest: bytes | None = b""  # None inside an overlong line
    while chunk := file.read(_CHUNK):
        if ends_at_return:
            chunk = chunk.replace(b"\r", b"\n")
        whole, newline, begun = chunk.rpartition(b"\n")
        if newline:
            yield (rest + whole) if rest is not None else b"\n" + whole.partition(b"\n")[2]
            rest = begun
        elif rest is not None:
            rest += chunk
        if rest is not None and len(rest) > LINE_LIMIT:
            rest = None
    if rest:
        yield rest


def _median(numbers: tuple[float, ...]) -> float:
    # the standard library's is 5 ms of imports away, in every use of `exec`
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _unit_text(unit: str | None) -> str:
    return "no unit" if unit is None else _clip(unit)


def _clip(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
