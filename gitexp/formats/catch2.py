"""Catch2's benchmarks in its XML report (`-r xml`): means in nanoseconds.

The report on a terminal breaks names and columns where they do not fit; it is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from gitexp.formats.values import (
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    clip,
    named_apart,
    number,
    sampled,
)
from gitexp.formats.xml_stream import read_elements

ROOTS = (b"<Catch", b"<Catch2TestRun")


def read(file: BinaryIO) -> Results:
    """Every benchmark as a result with its mean: the report has no median."""
    report = _Report()
    read_elements(file, start=report.start, end=report.end)
    return Results(format=Format.CATCH2, results=named_apart(report.results))


class _Report:
    """What a parser has come across."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self._benchmark: Mapping[str, str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "BenchmarkResults":
            self._benchmark = attributes
        elif tag == "mean" and self._benchmark is not None:
            name = self._benchmark.get("name") or "benchmark"
            self.results.append(
                Result(name=name, main="time", measures={"time": self._of(attributes)})
            )

    def end(self, tag: str) -> None:
        if tag == "BenchmarkResults":
            self._benchmark = None

    def _of(self, attributes: Mapping[str, str]) -> Measure:
        assert self._benchmark is not None
        text = attributes.get("value", "")
        try:
            mean = number(float(text), "mean")
        except ValueError as error:
            raise Unusable(f"has a mean that is no number: {clip(text)}") from error
        samples = self._benchmark.get("samples", "")
        is_count = samples.isascii() and samples.isdecimal() and 0 < len(samples) < 10
        return sampled([], "ns", value=mean, count=int(samples) if is_count else 1)
