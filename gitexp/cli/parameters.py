"""What users type on the command line, parsed once into small values."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

import click

from gitexp.model import Direction

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ms|min|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|min|s|m|h|d)")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_METRIC_NAME = re.compile(r"[^\s:=,\x00-\x1f-][^\s:=\x00-\x1f]{0,199}")


class AmountKind(StrEnum):
    """What an amount is counted in."""

    FRACTION = "fraction"
    """Of the control: '10%' is 0.1."""
    POINTS = "points"
    """Percentage points as a fraction: '5pp' is 0.05."""
    UNITS = "units"
    """A plain number, in the metric's own unit."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A size of an effect, as it was typed."""

    value: float
    kind: AmountKind


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric as it was typed; what was left out is None."""

    name: str
    direction: Direction | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class MarginSpec:
    """A guardrail as it was typed: a metric and how much worse it may get, positive."""

    metric: MetricSpec
    margin: Amount


class DurationType(click.ParamType):  # type: ignore[type-arg]
    """'90', '90s', '10m', '1h30m' or '500ms' as seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip()
        if _NUMBER.fullmatch(text):
            seconds = float(text)
        elif _DURATION.fullmatch(text):
            parts = _DURATION_PART.findall(text)
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
        else:
            self.fail(f"{text!r} is not a duration such as 90s, 10m, 2h or 500ms", param, ctx)
        if not 0 < seconds < math.inf:
            self.fail(f"{text!r} is not a duration above zero", param, ctx)
        return seconds


class AmountType(click.ParamType):  # type: ignore[type-arg]
    """'10%', '5pp' or a plain number in the metric's unit, not negative."""

    name = "amount"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Amount:
        if isinstance(value, Amount):
            return value
        amount = parse_amount(str(value))
        if amount is None:
            self.fail(f"{str(value)!r} is not an amount such as 10%, 5pp or 0.3", param, ctx)
        if amount.value < 0:
            self.fail(f"{str(value)!r} is negative; give the size alone", param, ctx)
        return amount


class MetricType(click.ParamType):  # type: ignore[type-arg]
    """'NAME', 'NAME:lower' or 'NAME:higher:UNIT'."""

    name = "metric"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> MetricSpec:
        if isinstance(value, MetricSpec):
            return value
        return self.parse(str(value), param, ctx)

    def parse(
        self, text: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> MetricSpec:
        name, *rest = text.split(":", 2)
        if not _METRIC_NAME.fullmatch(name):
            self.fail(
                f"{text!r} does not begin with a metric's name (no spaces, ':' or '=')", param, ctx
            )
        if rest and rest[0] not in [*Direction]:
            self.fail(
                f"{rest[0]!r} in {text!r} is not a direction: "
                f"write '{name}:lower' if lower is better, else '{name}:higher'",
                param,
                ctx,
            )
        unit = rest[1].strip() if len(rest) > 1 else ""
        if len(unit) > 50:
            self.fail(f"the unit in {text!r} is longer than 50 characters", param, ctx)
        return MetricSpec(name, Direction(rest[0]) if rest else None, unit or None)


class MarginType(click.ParamType):  # type: ignore[type-arg]
    """'NAME:+10%', 'NAME:+5pp' or 'NAME:+0.3'; 'NAME:DIR:+10%' names the direction, too."""

    name = "margin"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> MarginSpec:
        if isinstance(value, MarginSpec):
            return value
        text = str(value)
        name, colon, size = text.rpartition(":")
        margin = parse_amount(size) if colon else None
        if margin is None:
            self.fail(
                f"{text!r} does not say how much worse is accepted: write for example "
                f"'{(name if colon else text) or 'time'}:+10%'",
                param,
                ctx,
            )
        if margin.value <= 0:
            self.fail(
                f"{size!r} in {text!r} is not above zero: a margin is how much worse is "
                "still accepted, whatever the direction",
                param,
                ctx,
            )
        return MarginSpec(METRIC.parse(name, param, ctx), margin)


def parse_amount(text: str) -> Amount | None:
    """The amount in the text, or None when it is none.

    >>> parse_amount("+10%")
    Amount(value=0.1, kind=<AmountKind.FRACTION: 'fraction'>)
    """
    text = text.strip()
    kind, factor = AmountKind.UNITS, 1.0
    for suffix, of in (("%", AmountKind.FRACTION), ("pp", AmountKind.POINTS)):
        if text.endswith(suffix):
            text, kind, factor = text.removesuffix(suffix).rstrip(), of, 100.0
            break
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text) / factor
    return Amount(value, kind) if math.isfinite(value) else None


DURATION = DurationType()
AMOUNT = AmountType()
METRIC = MetricType()
MARGIN = MarginType()
