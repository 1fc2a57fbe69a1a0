"""Go's benchmark text (https://go.dev/design/14313-benchmark-format), read line by line."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

from gitexp.formats.values import (
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    direction_of,
    named_apart,
    number,
    sampled,
)
from gitexp.model import Direction

LINE = re.compile(r"(Benchmark\S*)[ \t]+(\d{1,19})((?:[ \t]+\S+[ \t]+\S+)+)[ \t]*\Z")
_PAIR = re.compile(r"(\S+)[ \t]+(\S+)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\Z", re.IGNORECASE | re.ASCII)
_PROCESSORS = re.compile(r"-\d+\Z")
_TIMES = {"ns/op": "ns", "sec/op": "s"}
_LOWER = frozenset({"ns/op", "sec/op", "B/op", "allocs/op"})
_MAX_NAMES = 10_000
_MAX_SAMPLES = 5_000_000

Key = tuple[str, str]
"""Package and benchmark."""


def read(lines: Iterable[str]) -> Results:
    """Every benchmark as a result; its lines are samples, however often it was run."""
    found: dict[Key, dict[str, array[float]]] = {}
    package, count = "", 0
    for line in lines:
        text = line.rstrip("\r\n")
        if text.startswith("pkg:"):
            package = text.removeprefix("pkg:").strip()
        match = LINE.match(text)
        if match is None:
            continue
        samples = found.setdefault((package, match[1]), {})
        for value, unit in _PAIR.findall(match[3]):
            samples.setdefault(unit, array("d")).append(_value(value, unit))
            count += 1
        if len(found) > _MAX_NAMES or count > _MAX_SAMPLES:
            raise Unusable(f"has more than {_MAX_NAMES:,} benchmarks or {_MAX_SAMPLES:,} values")
    is_of_one = len({package for package, _ in found}) == 1
    return Results(
        format=Format.GO,
        results=named_apart(
            _result(key, samples, is_of_one=is_of_one) for key, samples in found.items()
        ),
    )


def _value(text: str, unit: str) -> float:
    if not _NUMBER.match(text):
        raise Unusable(f"has a {unit} that is no finite number: {text[:60]}")
    return number(float(text), unit)


def _result(key: Key, samples: dict[str, array[float]], *, is_of_one: bool) -> Result:
    package, name = key
    full = name if is_of_one or not package else f"{package}.{name}"
    measures: dict[str, Measure] = {}
    for unit, values in samples.items():
        if unit in _TIMES:
            measures["time"] = sampled(values, _TIMES[unit])
            raw = sampled(values, None)
            measures[unit] = Measure(
                value=raw.value,
                unit=unit,
                direction=Direction.LOWER,
                samples=raw.samples,
                count=raw.count,
                is_alias=True,
            )
        else:
            direction = Direction.LOWER if unit in _LOWER else direction_of(unit)
            raw = sampled(values, None, direction=direction)
            measures[unit] = Measure(
                value=raw.value,
                unit=unit,
                direction=direction,
                samples=raw.samples,
                count=raw.count,
            )
    # 'BenchmarkSum-8' on a machine with eight processors is 'BenchmarkSum' on one with one
    plain = _PROCESSORS.sub("", name)
    shorter = (name, plain, plain.removeprefix("Benchmark"), name.removeprefix("Benchmark"))
    return Result(
        name=full,
        aliases=tuple(dict.fromkeys(alias for alias in shorter if alias and alias != full)),
        main="time" if "time" in measures else next(iter(measures)),
        measures=measures,
    )
