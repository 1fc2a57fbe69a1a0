"""What an analysis asks of its data, whatever the test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from gitexp.model import Direction, Metric, Plan, Scale
from gitexp.policy.rule import Rule
from gitexp.policy.walk import Signal
from gitexp.stats.looks import Look
from gitexp.stats.results import Result


class Sample(Protocol):
    """The primary metric of one revision under the plan's test, in replay order."""

    @property
    def plan(self) -> Plan: ...

    @property
    def size(self) -> int:
        """Complete blocks, or for unpaired data the harmonic number per arm."""

    def looks(self, rule: Rule) -> tuple[Look, ...]: ...

    def signals(self, looks: Sequence[Look]) -> tuple[Signal, ...]: ...

    def result(self, rule: Rule, *, used: int | None, level: float) -> Result:
        """Of the first `used` entries, at the level of a look; None: of all."""

    def values(self, *, used: int | None) -> tuple[list[float], list[float]]:
        """Both arms' raw values of the first `used` entries."""

    def differences(self, *, used: int | None) -> list[float]:
        """Finite block differences; empty for unpaired data."""


def good_sign(metric: Metric) -> int:
    """The sign of treatment minus control that is an improvement."""
    return -1 if metric.direction is Direction.LOWER else 1


def min_effect_region(plan: Plan) -> tuple[float, float]:
    """± min-effect on the scale of the block differences."""
    if plan.scale is Scale.LOG:
        return math.log1p(-plan.min_effect), math.log1p(plan.min_effect)
    return -plan.min_effect, plan.min_effect


def signal_of(look: Look, good: int, *, may_be_better: bool = True) -> Signal:
    """What the look says of the treatment, the good direction given."""
    return Signal(
        n=look.n,
        is_worse=look.crossed == -good,
        is_better=look.crossed == good and look.reaches and may_be_better,
        is_equivalent=look.inside,
        crossed=look.crossed != 0,
    )


def answered_yes(value: float | None, metric: Metric) -> bool:
    """Whether a trial said yes; one that failed before it could say gave the harmful answer."""
    return metric.direction is Direction.LOWER if value is None else value > 0.5
