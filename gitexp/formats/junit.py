"""JUnit XML: test cases that passed, failed or could not run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import BinaryIO

from gitexp.formats.values import (
    MAX_TRIALS,
    Case,
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    case_key,
    cases_by_key,
    clip,
    number,
    pass_rate,
    single,
)
from gitexp.formats.xml_stream import read_elements
from gitexp.model import Direction

_MAX_CASES = 10 * MAX_TRIALS


def read(file: BinaryIO) -> Results:
    """The whole report as one result, its test cases as cases."""
    report = _Report()
    read_elements(file, start=report.start, end=report.end)
    cases = cases_by_key(report.cases)
    if not cases:
        raise Unusable("holds no test case that ran")
    return Results(
        format=Format.JUNIT,
        results=(_result(cases),),
        warnings=(
            (f"{report.skipped} test cases were skipped and are no trials",)
            if report.skipped
            else ()
        ),
    )


def _result(cases: tuple[Case, ...]) -> Result:
    rate = pass_rate(cases)
    assert rate is not None
    failed = sum(1 for case in cases if not _has_passed(case))
    times = [case.measures["time"].value for case in cases if "time" in case.measures]
    measures = {
        "pass-rate": rate,
        "tests": Measure(value=float(len(cases)), unit="count"),
        "failed": Measure(value=float(failed), unit="count", direction=Direction.LOWER),
    }
    if times:
        measures["time"] = single(sum(times), "s")
    return Result(name="tests", main="pass-rate", measures=measures, cases=cases)


def _has_passed(case: Case) -> bool:
    return case.failure is None and bool(case.measures["success"].value)


class _Report:
    """What a parser has come across."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.skipped = 0
        self._is_begun = False
        self._open: Mapping[str, str] | None = None
        self._found: set[str] = set()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not self._is_begun and tag not in ("testsuites", "testsuite"):
            raise Unusable(f"is no test report: its root is {clip(tag)}")
        self._is_begun = True
        if tag == "testcase":
            self._open, self._found = attributes, set()
        elif self._open is not None:
            self._found.add(tag)

    def end(self, tag: str) -> None:
        if tag != "testcase" or self._open is None:
            return
        if "skipped" in self._found:
            self.skipped += 1
        else:
            self.cases.append(_case(self._open, self._found))
        self._open = None
        if len(self.cases) > _MAX_CASES:
            raise Unusable(f"has more than {_MAX_CASES:,} test cases")


def _case(attributes: Mapping[str, str], found: set[str]) -> Case:
    name, place = attributes.get("name", ""), attributes.get("classname", "")
    # some runners name the file alone, with the folder they ran in
    where = place or PurePath(attributes.get("file", "")).name
    key = ".".join(part for part in (where, name) if part)
    if not key:
        raise Unusable("has a test case without a name")
    success = 0.0 if found & {"failure", "error"} else 1.0
    measures = {"success": Measure(value=success, unit="bool", direction=Direction.HIGHER)}
    if attributes.get("time"):
        measures["time"] = single(_seconds(attributes["time"]), "s")
    return Case(
        key=case_key(key), measures=measures, failure="an error" if "error" in found else None
    )


def _seconds(text: str) -> float:
    try:
        return number(float(text), "time")
    except ValueError as error:
        raise Unusable(f"has a time that is no number: {clip(text)}") from error
