"""The Bencher Metric Format: {benchmark: {measure: {"value": …}}}."""

from __future__ import annotations

from gitexp.formats.source import as_object
from gitexp.formats.values import (
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    named_apart,
    number,
    single,
)

_UNITS = {"latency": "ns", "throughput": "ops/s"}
"""By the format's convention; other measures have the unit their author knows."""


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    if not isinstance(document, dict) or not document:
        return False
    first = next(iter(document.values()))
    if not isinstance(first, dict) or not first:
        return False
    measure = next(iter(first.values()))
    return isinstance(measure, dict) and "value" in measure


def read(document: object) -> Results:
    """Every benchmark as a result."""
    top = as_object(document, "at the top")
    return Results(
        format=Format.BMF,
        results=named_apart(_result(name, measures) for name, measures in top.items()),
    )


def _result(name: str, measures: object) -> Result:
    found: dict[str, Measure] = {}
    for measure, entry in as_object(measures, f"of measures in {name[:60]!r}").items():
        value = as_object(entry, f"of {measure[:60]!r} in {name[:60]!r}").get("value")
        found[measure] = single(number(value, "value"), _UNITS.get(measure))
    if not found:
        raise Unusable(f"has no measures in {name[:60]!r}")
    return Result(
        name=name, main="latency" if "latency" in found else next(iter(found)), measures=found
    )
