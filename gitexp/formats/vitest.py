"""vitest's `bench --outputJson`: milliseconds."""

from __future__ import annotations

from collections.abc import Iterator

from gitexp.formats.source import as_list, as_object, as_text, has_objects
from gitexp.formats.values import Format, Result, Results, named_apart, number, numbers, sampled


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    return has_objects(document, "files", "groups")


def read(document: object) -> Results:
    """Every benchmark as a result with its median time."""
    files = as_list(as_object(document, "at the top").get("files"), "'files'")
    return Results(format=Format.VITEST, results=named_apart(_results(files)))


def _results(files: list[object]) -> Iterator[Result]:
    for file in files:
        for entry in as_list(as_object(file, "in 'files'").get("groups"), "'groups'"):
            group = as_object(entry, "in 'groups'")
            for benchmark in as_list(group.get("benchmarks") or [], "'benchmarks'"):
                yield _result(group, as_object(benchmark, "in 'benchmarks'"))


def _result(group: dict[str, object], entry: dict[str, object]) -> Result:
    short = as_text(entry.get("name"), "'name' in a benchmark")
    place = group.get("fullName")
    count = entry.get("sampleCount")
    samples = numbers(as_list(entry.get("samples") or [], "'samples'"), "sample")
    middle = entry.get("median", entry.get("mean"))
    measure = sampled(
        samples,
        "ms",
        value=number(middle, "median"),
        count=count if isinstance(count, int) and count > 0 else None,
    )
    is_placed = isinstance(place, str) and place
    return Result(
        name=f"{place} > {short}" if is_placed else short,
        aliases=(short,) if is_placed else (),
        main="time",
        measures={"time": measure},
    )
