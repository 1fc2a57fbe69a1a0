"""pytest-benchmark's `--benchmark-json`: seconds, and the commit."""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object, as_text, has_objects
from gitexp.formats.values import Format, Result, Results, named_apart, number, numbers, sampled


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    return has_objects(document, "benchmarks", "fullname", "stats")


def read(document: object) -> Results:
    """Every benchmark as a result with its median time."""
    top = as_object(document, "at the top")
    entries = as_list(top.get("benchmarks"), "'benchmarks'")
    commit = as_object(top.get("commit_info") or {}, "'commit_info'")
    oid = commit.get("id")
    return Results(
        format=Format.PYTEST_BENCHMARK,
        results=named_apart(_result(as_object(entry, "in 'benchmarks'")) for entry in entries),
        # 'unversioned' stands for a folder that is no repository
        commit=oid if isinstance(oid, str) and oid != "unversioned" else None,
        is_dirty=commit.get("dirty") is True,
    )


def _result(entry: dict[str, object]) -> Result:
    stats = as_object(entry.get("stats"), "'stats' in a benchmark")
    samples = numbers(as_list(stats.get("data") or [], "'data'"), "time")
    rounds = stats.get("rounds")
    short = entry.get("name")
    return Result(
        name=as_text(entry.get("fullname"), "'fullname' in a benchmark"),
        aliases=(short,) if isinstance(short, str) else (),
        main="time",
        measures={
            "time": sampled(
                samples,
                "s",
                value=number(stats.get("median"), "median"),
                count=rounds if isinstance(rounds, int) and rounds > 0 else None,
            )
        },
    )
