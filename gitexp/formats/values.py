"""What files of results hold, whatever tool wrote them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from gitexp.model import LARGEST_VALUE, Arm, Direction, Outcome
from gitexp.units import in_base_units

MAX_TRIALS = 100_000
"""Rows or cases of one file."""
MAX_KEY = 200
"""Characters of a case's key."""
MAX_SAMPLES = 2_000
"""Inner samples of one measure that are kept; the median is of all."""


class Format(StrEnum):
    HYPERFINE = "hyperfine"
    PYTEST_BENCHMARK = "pytest-benchmark"
    PYPERF = "pyperf"
    GO = "go"
    CRITERION = "criterion"
    GOOGLE_BENCHMARK = "google-benchmark"
    BMF = "bmf"
    GITHUB_ACTION = "github-action-benchmark"
    JUNIT = "junit"
    PROMPTFOO = "promptfoo"
    VITEST = "vitest"
    JMH = "jmh"
    LIBTEST = "libtest"
    CATCH2 = "catch2"
    INSPECT = "inspect"
    CSV = "csv"
    JSONL = "jsonl"


class Unusable(Exception):
    """A file that cannot be read as what it should be; the message ends the sentence 'FILE …'."""

    def __init__(self, why: str, *, hint: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric of one result.

    Attributes:
        value: In base units, finite.
        direction: None when the format does not say which way is good.
        samples: Inner samples, where there were several and the file has them: one trial still. The
            first ones, of many.
        count: How many samples there were.
        is_alias: It says the same as another measure, in another unit.
    """

    value: float
    unit: str | None = None
    direction: Direction | None = None
    samples: tuple[float, ...] = ()
    count: int = 1
    is_alias: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of an evaluation: the same input for both arms.

    Attributes:
        key: The same in every file of this evaluation.
        failure: Why it gave no value at all; None when it did.
    """

    key: str
    measures: Mapping[str, Measure]
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the file says under one name: of one benchmark, one prompt, one suite.

    Attributes:
        aliases: Shorter names it is known by, where only it has them.
        main: The measure it is about.
        failure: Why what was measured failed; None when it did not.
        cases: In the order of the file; () for a benchmark.
    """

    name: str
    main: str
    measures: Mapping[str, Measure]
    aliases: tuple[str, ...] = ()
    failure: str | None = None
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table of trials.

    Attributes:
        line: Where it begins, from 1.
        arm: None where the table has no arms.
        observed: The trial that the values belong to, when they came after it.
        values: The other columns, as they stand there; what is empty is left out.
    """

    line: int
    arm: Arm | None
    block: int | None
    trial_id: str | None
    case: str | None
    outcome: Outcome
    commit: str | None
    host: str | None
    observed: str | None
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything a file says.

    Attributes:
        columns: Of a table, those that could be metrics.
        commit: What was measured, as far as the file knows.
        is_dirty: Whether there were uncommitted changes then.
        warnings: What a reader of the numbers should know.
        digest: SHA-256 of the file's bytes, hexadecimal.
    """

    format: Format
    results: tuple[Result, ...] = ()
    rows: tuple[Row, ...] = ()
    columns: tuple[str, ...] = ()
    commit: str | None = None
    is_dirty: bool = False
    warnings: tuple[str, ...] = ()
    digest: str = ""


def number(value: object, what: str) -> float:
    """The value as a finite number that a record can hold.

    Raises:
        Unusable: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"has a {what} that is no number: {clip(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Unusable(f"has a {what} that is {clip(value)}: a finite number is needed")
    if abs(found) > LARGEST_VALUE:
        raise Unusable(f"has a {what} beyond {LARGEST_VALUE:g}: {clip(value)}")
    return found


def numbers(values: Iterable[object], what: str) -> list[float]:
    """All of them, each as `number`."""
    return [number(value, what) for value in values]


def sampled(
    samples: Sequence[float],
    unit: str | None,
    *,
    direction: Direction | None = None,
    value: float | None = None,
    count: int | None = None,
) -> Measure:
    """The samples as the one value of a trial: their median, unless the tool gives a better one.

    Times and sizes come in base units, and less of them is better.

    Args:
        value: In the same unit as the samples.
        count: How many there were, where the samples themselves are not known.
    """
    scaled = [in_base_units(sample, unit)[0] for sample in samples]
    base = in_base_units(0.0, unit)[1]
    if value is None and not scaled:
        raise Unusable("has a benchmark without values")
    middle = median(scaled) if value is None else in_base_units(value, unit)[0]
    if abs(middle) > LARGEST_VALUE:
        raise Unusable(f"has a value beyond {LARGEST_VALUE:g} in base units: {middle:g}")
    if direction is None:
        direction = direction_of(base)
    return Measure(
        value=middle,
        unit=base,
        direction=direction,
        samples=tuple(scaled[:MAX_SAMPLES]) if len(scaled) > 1 else (),
        count=max(1, len(scaled)) if count is None else count,
    )


def single(value: float, unit: str | None, *, direction: Direction | None = None) -> Measure:
    """One value."""
    return sampled([value], unit, direction=direction)


def direction_of(unit: str | None) -> Direction | None:
    """The good direction of everything measured in this unit, if there is one."""
    if unit in ("s", "B"):
        return Direction.LOWER
    return Direction.HIGHER if unit is not None and unit.endswith("/s") else None


def named_apart(results: Iterable[Result]) -> tuple[Result, ...]:
    """The results with names of their own: a second 'x' becomes 'x #2'.

    Raises:
        Unusable: when there are none, or too many.
    """
    found: list[Result] = []
    times: dict[str, int] = {}
    for result in results:
        times[result.name] = times.get(result.name, 0) + 1
        again = times[result.name]
        found.append(result if again == 1 else _renamed(result, f"{result.name} #{again}"))
        if len(found) > MAX_TRIALS:
            raise Unusable(f"has more than {MAX_TRIALS:,} results")
    if not found:
        raise Unusable("holds no results")
    return tuple(found)


def _renamed(result: Result, name: str) -> Result:
    return Result(
        name=name,
        main=result.main,
        measures=result.measures,
        aliases=result.aliases,
        failure=result.failure,
        cases=result.cases,
    )


def merged(key: str, same: Sequence[Case]) -> Case:
    """One case from several answers to it: the median of each measure, the majority of yes and no.

    A draw is a no. What failed counts only if all did.
    """
    told = [case for case in same if case.failure is None]
    if len(same) == 1 or not told:
        return same[0]
    names = dict.fromkeys(name for case in told for name in case.measures)
    return Case(key=key, measures={name: _middle(name, told) for name in names})


def _middle(name: str, cases: Sequence[Case]) -> Measure:
    measures = [case.measures[name] for case in cases if name in case.measures]
    samples = tuple(measure.value for measure in measures)
    value = median(samples)
    if measures[0].unit == "bool":
        value = 1.0 if value > 0.5 else 0.0
    return Measure(
        value=value,
        unit=measures[0].unit,
        direction=measures[0].direction,
        samples=samples if len(samples) > 1 else (),
        count=len(samples),
    )


def cases_by_key(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Each case once, in the order of its first answer.

    Raises:
        Unusable: for too many.
    """
    by_key: dict[str, list[Case]] = {}
    for case in cases:
        by_key.setdefault(case.key, []).append(case)
        if len(by_key) > MAX_TRIALS:
            raise Unusable(f"has more than {MAX_TRIALS:,} cases")
    return tuple(merged(key, same) for key, same in by_key.items())


def case_key(text: str) -> str:
    """The text as a key that a record has room for; long ones end in a digest of the whole."""
    if len(text) <= MAX_KEY:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{text[: MAX_KEY - 17]}~{digest}"


def pass_rate(cases: Sequence[Case]) -> Measure | None:
    """The share of cases that passed, those that failed to run among the others."""
    if not cases:
        return None
    passed = sum(1 for case in cases if case.failure is None and case.measures["success"].value)
    return Measure(value=passed / len(cases), unit="score", direction=Direction.HIGHER)


def clip(value: object, limit: int = 60) -> str:
    """Something from the file, short enough for a message."""
    try:
        text = str(value)
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
