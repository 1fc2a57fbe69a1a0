"""pyperf's JSON, packed or not: seconds, bytes or counts."""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object, has_objects
from gitexp.formats.values import (
    Format,
    Result,
    Results,
    Unusable,
    named_apart,
    numbers,
    sampled,
)

_UNITS = {"second": "s", "byte": "B", "integer": "count"}


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    return has_objects(document, "benchmarks", "runs")


def read(document: object) -> Results:
    """Every benchmark as a result; runs without values were calibration."""
    top = as_object(document, "at the top")
    entries = as_list(top.get("benchmarks"), "'benchmarks'")
    shared = as_object(top.get("metadata") or {}, "'metadata'")
    return Results(
        format=Format.PYPERF,
        results=named_apart(
            _result(as_object(entry, "in 'benchmarks'"), shared, at)
            for at, entry in enumerate(entries, 1)
        ),
    )


def _result(entry: dict[str, object], shared: dict[str, object], at: int) -> Result:
    own = as_object(entry.get("metadata") or {}, "'metadata' in a benchmark")
    facts = {**shared, **own}
    name = facts.get("name")
    unit = _UNITS.get(str(facts.get("unit", "second")))
    values: list[float] = []
    for run in as_list(entry.get("runs"), "'runs' in a benchmark"):
        found = as_object(run, "in 'runs'").get("values") or []
        values += numbers(as_list(found, "'values'"), "value")
    if not values:
        raise Unusable("has a benchmark without values: it was only calibrated")
    main = {"s": "time", "B": "size"}.get(unit or "", "value")
    return Result(
        name=name if isinstance(name, str) and name else f"benchmark {at}",
        main=main,
        measures={main: sampled(values, unit)},
    )
