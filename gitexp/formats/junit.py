"""JUnit XML: test cases that passed, failed or could not run.

Read as a stream. A document type is refused: it could define entities that grow without end, or
that read other files, and no report has one.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO
from xml.parsers import expat

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
from gitexp.model import Direction

_MAX_DEPTH = 100
_MAX_CASES = 10 * MAX_TRIALS


def read(file: BinaryIO) -> Results:
    """The whole report as one result, its test cases as cases."""
    report = _Report()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = report.start
    parser.EndElementHandler = report.end
    try:
        parser.ParseFile(file)
    except expat.ExpatError as error:
        raise Unusable(f"is not whole XML: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding nobody knows
        raise Unusable(f"cannot be read as XML: {error}") from error
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


def _refuse_doctype(*_: object) -> None:
    raise Unusable("has a document type, which no test report needs: it is not read")


class _Report:
    """What a parser has come across."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.skipped = 0
        self._depth = 0
        self._open: dict[str, str] | None = None
        self._found: set[str] = set()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unusable("is nested too deeply")
        if self._depth == 1 and tag not in ("testsuites", "testsuite"):
            raise Unusable(f"is no test report: its root is {clip(tag)}")
        if tag == "testcase":
            self._open, self._found = attributes, set()
        elif self._open is not None:
            self._found.add(tag)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag != "testcase" or self._open is None:
            return
        if "skipped" in self._found:
            self.skipped += 1
        else:
            self.cases.append(_case(self._open, self._found))
        self._open = None
        if len(self.cases) > _MAX_CASES:
            raise Unusable(f"has more than {_MAX_CASES:,} test cases")


def _case(attributes: dict[str, str], found: set[str]) -> Case:
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
