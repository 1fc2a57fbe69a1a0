"""What users type for metrics, margins, amounts and durations, as values and back."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from gitexp.model import (
    BUILT_IN_METRICS,
    DIFFERENCE_UNITS,
    LARGEST_VALUE,
    Direction,
    Extract,
    Guardrail,
    Metric,
    Scale,
    Watch,
)
from gitexp.units import BASE_UNITS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./%@+-]{0,99}\Z")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DURATION = re.compile(rf"({_NUMBER})\s*(ms|s|m|min|h|d)?\Z")
_AMOUNT = re.compile(rf"({_NUMBER})\s*(%|pp)?\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

RESULT_FORMATS = frozenset(
    {
        *("hyperfine", "pytest-benchmark", "pyperf", "go", "criterion", "google-benchmark", "bmf"),
        *("github-action-benchmark", "junit", "promptfoo", "vitest", "jmh", "libtest", "catch2"),
        "inspect",
    }
)
"""Those of `gitexp.formats` that name what they measured."""

RULE_LIMIT = 1000
"""Characters of an extraction's rule."""

KNOWN_DIRECTIONS = {
    "ns/op": Direction.LOWER,
    "sec/op": Direction.LOWER,
    "B/op": Direction.LOWER,
    "allocs/op": Direction.LOWER,
    "pass-rate": Direction.HIGHER,
}
"""Metrics whose good direction nobody doubts; a name ending in '/s' is higher-is-better."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as typed: plain, or a fraction of something ('%'), or points ('pp').

    Attributes:
        value: As typed, 15 for '15%'.
        suffix: '', '%' or 'pp'.
    """

    value: float
    suffix: str
    text: str


def parse_amount(text: str) -> Amount:
    """The number and its suffix.

    >>> parse_amount("15%").value
    15.0
    """
    found = _AMOUNT.match(text.strip())
    if not found or not math.isfinite(float(found[1])):
        raise ValueError(f"{text!r} is not a number, a percentage or points: try 10% or 0.5")
    return Amount(float(found[1]), found[2] or "", text)


def parse_duration(text: str) -> float:
    """Seconds in '90', '90s', '10m', '2h', '500ms' or '1d'.

    >>> parse_duration("2m")
    120.0
    """
    found = _DURATION.match(text.strip())
    if not found or not math.isfinite(float(found[1])) or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is not a duration: try 90s, 10m or 2h")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def parse_cost(text: str) -> tuple[str, float]:
    """The metric and the amount, above 0, in 'NAME=AMOUNT'.

    >>> parse_cost("tokens=2e6")
    ('tokens', 2000000.0)
    """
    name, _, amount = text.rpartition("=")
    if not _NAME.match(name) or not re.fullmatch(_NUMBER, amount) or not float(amount) > 0:
        raise ValueError(f"{text!r} is not a metric and an amount above 0: try tokens=100000")
    if float(amount) > LARGEST_VALUE:
        raise ValueError(f"the amount of {text!r} is beyond {LARGEST_VALUE:g}")
    return name, float(amount)


def parse_metric(text: str) -> Metric:
    """The metric in 'NAME[:DIRECTION[:UNIT]]'.

    Raises:
        ValueError: when the direction is missing and not known for this name.
    """
    name, *rest = text.split(":")
    if not _NAME.match(name):
        raise ValueError(f"{text!r} is not a metric: NAME:lower or NAME:higher, then :UNIT")
    if len(rest) > 2:
        raise ValueError(f"{text!r} has too many parts: NAME:DIRECTION:UNIT")
    known = BUILT_IN_METRICS.get(name)
    unit = _spelled_unit(rest[1]) if len(rest) == 2 and rest[1] else None
    if rest and rest[0]:
        try:
            direction = Direction(rest[0])
        except ValueError:
            raise ValueError(
                f"{rest[0]!r} in {text!r} is no direction: write {name}:lower or {name}:higher"
            ) from None
    else:
        direction = known.direction if known else known_direction(name)
    if known is not None and (direction is not known.direction or unit not in (None, known.unit)):
        raise ValueError(
            f"{name} is built in as {known.name}:{known.direction}:{known.unit}; "
            "give another metric another name"
        )
    return known or Metric(name=name, direction=direction, unit=unit)


def _spelled_unit(unit: str) -> str:
    """A unit as results show it: 'bytes' are B, 'seconds' are s."""
    base, factor = BASE_UNITS.get(unit, (unit, 1.0))
    return base if factor == 1.0 else unit


def known_direction(name: str) -> Direction:
    """The good direction of a metric everybody knows.

    Raises:
        ValueError: when it would be a guess.
    """
    if name in KNOWN_DIRECTIONS:
        return KNOWN_DIRECTIONS[name]
    if name.endswith("/s"):
        return Direction.HIGHER
    raise ValueError(
        f"metric {name!r} does not say which direction is good: write {name}:lower or {name}:higher"
    )


def default_scale(metric: Metric) -> Scale:
    """Ratios for times, sizes and counts; differences for points, scores and yes/no."""
    return Scale.DIFFERENCE if metric.unit in DIFFERENCE_UNITS else Scale.LOG


def parse_guardrail(text: str) -> Guardrail:
    """The guardrail in 'NAME[:DIRECTION[:UNIT]]:+MARGIN'.

    The margin is how much worse is accepted: '+10%' of the control, '+5pp' points of a rate, or
    a plain number in the metric's unit.

    >>> parse_guardrail("maxrss:+10%").margin
    0.1
    """
    head, colon, margin = text.rpartition(":")
    if not colon or not head or not margin.startswith("+"):
        raise ValueError(f"{text!r} is not a guardrail: write NAME:+10% or NAME:+5pp")
    metric = parse_metric(head)
    amount = parse_amount(margin[1:])
    if amount.value <= 0:
        raise ValueError(f"the margin of {text!r} is not above 0")
    if amount.suffix == "%":
        return _relative(metric, amount)
    return Guardrail(metric=metric, margin=in_metric_units(metric, amount), is_relative=False)


def _relative(metric: Metric, amount: Amount) -> Guardrail:
    if default_scale(metric) is Scale.DIFFERENCE:
        raise ValueError(
            f"{metric.name} is compared by difference, a share of it cannot be resolved: "
            f"write {metric.name}:+{amount.value:g}pp"
        )
    if metric.direction is Direction.HIGHER and amount.value >= 100:
        raise ValueError(f"{metric.name} cannot fall by {amount.text}")
    return Guardrail(metric=metric, margin=amount.value / 100, is_relative=True)


def parse_watch(text: str) -> Watch:
    """The watched metric in 'NAME[:DIRECTION[:UNIT]][:floor=NUMBER]'.

    A metric with a floor and without a direction is better the higher it is.

    >>> parse_watch("satisfaction:floor=0.5").floor
    0.5
    """
    head, found, number = text.rpartition(":floor=")
    if not found:
        return Watch(metric=parse_metric(text), floor=None)
    amount = parse_amount(number)
    if abs(amount.value) > LARGEST_VALUE:
        raise ValueError(f"{amount.text!r} is beyond {LARGEST_VALUE:g}")
    is_bare = ":" not in head and head not in KNOWN_DIRECTIONS and head not in BUILT_IN_METRICS
    metric = parse_metric(f"{head}:higher" if is_bare and not head.endswith("/s") else head)
    if amount.suffix and metric.unit not in ("%", "pp"):
        # a share: 50% of a yes-or-no metric or of a score is 0.5
        return Watch(metric=metric, floor=amount.value / 100)
    return Watch(metric=metric, floor=amount.value)


def parse_extract(text: str) -> Extract:
    """The rule in 'NAME=FORMAT:RULE'.

    'regex:PATTERN' for standard output, 'json:[FILE#]PATH', 'csv:[FILE#]COLUMN', 'size:FILE',
    'TOOL:[FILE][#NAME]' for a result of a benchmark tool.

    >>> parse_extract("score=json:out.json#total.score").select
    'total.score'
    """
    name, equals, spec = text.partition("=")
    kind, colon, rule = spec.partition(":")
    if not equals or not colon or not _NAME.match(name):
        raise ValueError(f"{text!r} is not NAME=FORMAT:RULE: try score=regex:'score ([0-9.]+)'")
    file: str | None = None
    match kind:
        case "regex":
            _check_pattern(rule)
        case "size":
            file, rule = rule, ""
        case "json" | "csv":
            before, hash_, after = rule.partition("#")
            file, rule = (before or None, after) if hash_ else (None, rule)
            if not rule:
                raise ValueError(f"{text!r} names no {'path' if kind == 'json' else 'column'}")
        case _ if kind in RESULT_FORMATS:
            before, _, after = rule.partition("#")
            file, rule = before or None, after
        case _:
            known = ", ".join(sorted(RESULT_FORMATS))
            raise ValueError(f"{kind!r} in {text!r} is not regex, json, csv, size, {known}")
    if file is not None and not is_below(file):
        raise ValueError(f"{file!r} in {text!r} is no path of a file in the checkout")
    if len(rule) > RULE_LIMIT or len(file or "") > RULE_LIMIT:
        raise ValueError(f"the rule of {name} is longer than {RULE_LIMIT} characters")
    return Extract(metric=name, format=kind, file=file, select=rule)


def extract_text(extract: Extract) -> str:
    """The rule as `parse_extract` reads it."""
    if extract.file is None:
        return f"{extract.metric}={extract.format}:{extract.select}"
    hash_ = "#" if extract.select else ""
    return f"{extract.metric}={extract.format}:{extract.file}{hash_}{extract.select}"


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    if not groups:
        raise ValueError(f"{pattern!r} has no group: put ( ) around the number")


def is_below(path: str) -> bool:
    """Whether a path, by its words alone, stays below the folder it is relative to."""
    parts = path.split("/")
    return bool(path) and "\0" not in path and not path.startswith("/") and ".." not in parts


def in_metric_units(metric: Metric, amount: Amount) -> float:
    """The amount in the metric's unit: 5pp of a yes/no rate is 0.05, of a 'pp' metric 5."""
    if amount.suffix == "pp" and metric.unit in ("bool", "score"):
        return amount.value / 100
    if amount.suffix == "pp" and metric.unit not in ("pp", "%"):
        raise ValueError(f"{metric.name} is not measured in points: {amount.text!r}")
    return amount.value
