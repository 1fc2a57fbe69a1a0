"""criterion.rs: the samples in raw.csv, or the messages of `cargo criterion`.

`estimates.json` is not read: the project keeps its form to itself. Nor is `change`, which compares
with whatever ran last.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable

from gitexp.formats.source import as_list, as_object, as_text, parse_json
from gitexp.formats.values import (
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    named_apart,
    number,
    numbers,
    sampled,
)

RAW_HEADER = (
    "group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count"
)
_MAX_SAMPLES = 5_000_000


def read_raw(lines: Iterable[str]) -> Results:
    """Every benchmark of a raw.csv as a result: measured value per iteration."""
    rows = csv.DictReader(lines)
    samples: dict[str, list[float]] = {}
    units: dict[str, str] = {}
    try:
        for count, row in enumerate(rows, 1):
            if count > _MAX_SAMPLES:
                raise Unusable(f"has more than {_MAX_SAMPLES:,} samples")
            name = "/".join(part for part in (row["group"], row["function"], row["value"]) if part)
            iterations = _cell(row["iteration_count"], "iteration_count")
            if iterations <= 0:
                raise Unusable(f"has an iteration_count that is not above 0: {iterations:g}")
            value = _cell(row["sample_measured_value"], "sample_measured_value") / iterations
            samples.setdefault(name, []).append(value)
            if units.setdefault(name, row["unit"] or "") != (row["unit"] or ""):
                raise Unusable(f"measures {name[:60]} in two units")
    except (csv.Error, KeyError) as error:
        raise Unusable(f"is not criterion's raw.csv: {error}") from error
    return Results(
        format=Format.CRITERION,
        results=named_apart(
            _result(name, sampled(values, units[name])) for name, values in samples.items()
        ),
    )


def is_message(value: object) -> bool:
    """Whether one line of JSON is a message of `cargo criterion`."""
    return isinstance(value, dict) and value.get("reason") in (
        "benchmark-complete",
        "group-complete",
    )


def read_messages(lines: Iterable[str]) -> Results:
    """Every completed benchmark as a result with its typical estimate."""
    results: list[Result] = []
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        message = as_object(parse_json(line, f"line {at} "), f"in line {at}")
        if message.get("reason") == "benchmark-complete":
            results.append(_completed(message))
    return Results(format=Format.CRITERION, results=named_apart(results))


def _completed(message: dict[str, object]) -> Result:
    typical = as_object(message.get("typical"), "'typical' in a benchmark")
    unit = typical.get("unit")
    measured = numbers(as_list(message.get("measured_values") or [], "'measured_values'"), "value")
    counts = numbers(as_list(message.get("iteration_count") or [], "'iteration_count'"), "count")
    pairs = zip(measured, counts, strict=False)
    return _result(
        as_text(message.get("id"), "'id' in a benchmark"),
        sampled(
            [value / count for value, count in pairs if count > 0],
            unit if isinstance(unit, str) else None,
            value=number(typical.get("estimate"), "estimate"),
        ),
    )


def _result(name: str, measure: Measure) -> Result:
    main = "time" if measure.unit == "s" else "value"
    return Result(name=name or "benchmark", main=main, measures={main: measure})


def _cell(text: str | None, column: str) -> float:
    try:
        return number(float(text or ""), column)
    except ValueError as error:
        raise Unusable(f"has a {column} that is no number: {(text or '')[:60]}") from error
