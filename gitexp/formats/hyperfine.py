"""hyperfine's `--export-json`: seconds and bytes, and exit codes."""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object, as_text, has_objects
from gitexp.formats.values import (
    Format,
    Measure,
    Result,
    Results,
    named_apart,
    number,
    numbers,
    sampled,
    single,
)


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    return has_objects(document, "results", "command", "mean")


def read(document: object) -> Results:
    """Every command as a result: time (the median), user, sys, maxrss."""
    entries = as_list(as_object(document, "at the top").get("results"), "'results'")
    return Results(
        format=Format.HYPERFINE,
        results=named_apart(_result(as_object(entry, "in 'results'")) for entry in entries),
    )


def _result(entry: dict[str, object]) -> Result:
    return Result(
        name=as_text(entry.get("command"), "'command' in a result"),
        main="time",
        measures=_measures(entry),
        failure=_failure(entry),
    )


def _measures(entry: dict[str, object]) -> dict[str, Measure]:
    measures: dict[str, Measure] = {}
    times = numbers(as_list(entry.get("times") or [], "'times'"), "time")
    if times:
        measures["time"] = sampled(times, "s")
    else:
        middle = entry.get("median")
        measures["time"] = single(
            number(entry.get("mean") if middle is None else middle, "time"), "s"
        )
    for key, name in (("user", "user"), ("system", "sys")):
        if entry.get(key) is not None:
            measures[name] = single(number(entry[key], key), "s")
    memory = numbers(as_list(entry.get("memory_usage_byte") or [], "'memory_usage_byte'"), "size")
    if memory:
        measures["maxrss"] = sampled(memory, "B")
    return measures


def _failure(entry: dict[str, object]) -> str | None:
    codes = as_list(entry.get("exit_codes") or [], "'exit_codes'")
    # null stands for a signal
    failed = [code for code in codes if code != 0]
    if not failed:
        return None
    how = "by a signal" if failed[0] is None else f"with {failed[0]}"
    return f"{len(failed)} of {len(codes)} runs ended {how}"
