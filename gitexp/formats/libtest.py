"""The benchmarks of Rust's libtest, as `cargo bench` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gitexp.formats.values import Format, Result, Results, named_apart, number, sampled

LINE = re.compile(r"test (\S.*?) +\.\.\. bench: +([\d,]{1,30}(?:\.\d{1,9})?) ns/iter\b", re.ASCII)


def read(lines: Iterable[str]) -> Results:
    """Every benchmark as a result with its median time."""
    found: dict[str, list[float]] = {}
    for line in lines:
        match = LINE.match(line)
        if match is not None:
            value = number(float(match[2].replace(",", "") or "0"), "time")
            found.setdefault(match[1], []).append(value)
    return Results(
        format=Format.LIBTEST,
        results=named_apart(
            Result(name=name, main="time", measures={"time": sampled(values, "ns")})
            for name, values in found.items()
        ),
    )
