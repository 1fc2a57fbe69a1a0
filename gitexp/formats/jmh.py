"""JMH's `-rf json`: scores in the unit they come in."""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object, as_text
from gitexp.formats.values import Format, Measure, Result, Results, named_apart, number, sampled
from gitexp.model import Direction


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return False
    return "benchmark" in document[0] and "primaryMetric" in document[0]


def read(document: object) -> Results:
    """Every benchmark as a result: `time` for a time per operation, else `score`."""
    entries = as_list(document, "at the top")
    return Results(
        format=Format.JMH,
        results=named_apart(_result(as_object(entry, "in the list")) for entry in entries),
    )


def _result(entry: dict[str, object]) -> Result:
    name = as_text(entry.get("benchmark"), "'benchmark' in an entry")
    params = as_object(entry.get("params") or {}, "'params'")
    shown = ",".join(f"{key}={value}" for key, value in params.items())
    main = _measure(entry, as_object(entry.get("primaryMetric"), "'primaryMetric'"))
    key = "time" if main.unit == "s" else "score"
    short = ".".join(name.split(".")[-2:])
    return Result(
        name=f"{name}:{shown}" if shown else name,
        aliases=tuple(dict.fromkeys(n for n in (f"{short}:{shown}" if shown else short,) if n)),
        main=key,
        measures={key: main},
    )


def _measure(entry: dict[str, object], metric: dict[str, object]) -> Measure:
    unit = str(metric.get("scoreUnit") or "")
    # 'us/op' is a time for one operation
    of_time = unit.removesuffix("/op") if unit.endswith("/op") else None
    direction = Direction.HIGHER if entry.get("mode") == "thrpt" else Direction.LOWER
    forks = as_list(metric.get("rawData") or [], "'rawData'")
    samples = [number(v, "score") for fork in forks for v in as_list(fork, "in 'rawData'")]
    if not samples:
        samples = [number(metric.get("score"), "score")]
    return sampled(samples, of_time or unit or None, direction=direction)
