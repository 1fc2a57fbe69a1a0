"""Google Benchmark's `--benchmark_format=json`."""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object, as_text, has_objects
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

_OWN = frozenset(
    [
        "family_index",
        "per_family_instance_index",
        "repetitions",
        "repetition_index",
        "threads",
        "iterations",
        "real_time",
        "cpu_time",
    ]
)
"""Numbers that are no counters of the user's."""


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    return has_objects(document, "benchmarks", "name", "run_type") or (
        has_objects(document, "benchmarks", "name", "real_time")
        and isinstance(document, dict)
        and "context" in document
    )


def read(document: object) -> Results:
    """Every benchmark as a result; its repetitions are samples."""
    top = as_object(document, "at the top")
    runs: dict[str, list[dict[str, object]]] = {}
    for entry in as_list(top.get("benchmarks"), "'benchmarks'"):
        run = as_object(entry, "in 'benchmarks'")
        name = run.get("run_name") or run.get("name")
        runs.setdefault(as_text(name, "'name' in a benchmark"), []).append(run)
    return Results(
        format=Format.GOOGLE_BENCHMARK,
        results=named_apart(_result(name, _kept(name, found)) for name, found in runs.items()),
        warnings=_warnings(as_object(top.get("context") or {}, "'context'")),
    )


def _kept(name: str, runs: list[dict[str, object]]) -> list[dict[str, object]]:
    """The runs themselves; where only aggregates were written, the median, else the mean."""
    own = [run for run in runs if run.get("run_type", "iteration") != "aggregate"]
    for aggregate in ("median", "mean"):
        own = own or [run for run in runs if run.get("aggregate_name") == aggregate]
    if not own:
        raise Unusable(f"has neither runs nor a median of {name[:60]}")
    return own


def _result(name: str, runs: list[dict[str, object]]) -> Result:
    failed = [run for run in runs if run.get("error_occurred") is True]
    measures: dict[str, Measure] = {}
    for key, measure in (("real_time", "time"), ("cpu_time", "cpu_time")):
        values = [number(run[key], key) for run in runs if run.get(key) is not None]
        if values:
            measures[measure] = sampled(values, str(runs[0].get("time_unit", "ns")))
    names = dict.fromkeys(key for run in runs for key in run if key not in _OWN)
    for key in names:
        counted = [run[key] for run in runs if _is_number(run.get(key))]
        if counted:
            unit = f"{key.removesuffix('_per_second')}/s" if key.endswith("_per_second") else None
            direction: Direction | None = direction_of(unit)
            measures[key] = sampled([number(v, key) for v in counted], unit, direction=direction)
    if not measures:
        raise Unusable(f"has no times of {name[:60]}")
    told = failed[0].get("error_message") if failed else None
    return Result(
        name=name,
        main="time" if "time" in measures else next(iter(measures)),
        measures=measures,
        failure=(str(told) if told else "it skipped with an error") if failed else None,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _warnings(context: dict[str, object]) -> tuple[str, ...]:
    if context.get("cpu_scaling_enabled") is True:
        return ("the CPU's frequency was scaled while it was measured",)
    return ()
