"""Guardrails of one revision: their state at every look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import mean, median

from gitexp.blocks import Block, difference
from gitexp.decision import GuardrailResult
from gitexp.model import Direction, Guardrail, GuardState, Metric, Plan, Scale
from gitexp.policy.measure import paired_test
from gitexp.stats.guardrails import (
    GuardrailLevels,
    GuardrailPath,
    guardrail_levels,
    metric_guardrail,
    rate_guardrail,
)
from gitexp.stats.looks import Look


@dataclass(frozen=True, slots=True)
class Guarded:
    """One guardrail followed through the looks.

    Attributes:
        control, treatment: The arms' values up to the last look.
    """

    guardrail: Guardrail
    path: GuardrailPath
    looks: tuple[int, ...]
    control: tuple[float, ...]
    treatment: tuple[float, ...]

    @property
    def states(self) -> tuple[GuardState, ...]:
        return tuple(GuardState(state.value) for state in self.path.states)

    def result(self) -> GuardrailResult:
        """Where it stands at the last look."""
        path, metric = self.path, self.guardrail.metric
        bad, fell = bad_sign(metric), path.fell_at
        return GuardrailResult(
            metric=metric,
            margin=self.guardrail.margin,
            is_relative=self.guardrail.is_relative,
            control=_middle(self.control, metric),
            treatment=_middle(self.treatment, metric),
            change=None if path.estimate is None else self._in_units(path.estimate),
            bound=bad * self._in_units(path.bound),
            least=None if path.least is None else bad * self._in_units(path.least),
            state=GuardState(self.path.state.value),
            fell_at=None if fell is None else self.looks[fell],
        )

    def _in_units(self, value: float) -> float:
        """What lies on the scale of the differences as a fraction, or in metric units."""
        if not self.guardrail.is_relative or not math.isfinite(value):
            return value
        return math.expm1(value)


def _middle(values: Sequence[float], metric: Metric) -> float | None:
    if not values:
        return None
    return mean(values) if metric.unit == "bool" else median(values)


def bad_sign(metric: Metric) -> int:
    """The sign of treatment minus control that is harm."""
    return 1 if metric.direction is Direction.LOWER else -1


def primary_as_guardrail(plan: Plan) -> Guardrail:
    """The primary metric under the goal 'no-regression'."""
    return Guardrail(
        metric=plan.primary,
        margin=plan.max_regression,
        is_relative=plan.scale is Scale.LOG,
    )


def follow(
    guardrail: Guardrail,
    blocks: Sequence[Block],
    looks: Sequence[Look],
    positions: Sequence[int],
    plan: Plan,
    levels: GuardrailLevels,
) -> Guarded:
    """The guardrail's state at every look.

    Args:
        blocks: All admitted blocks in replay order, those in which both arms failed included.
        positions: How many of them each look sees.

    Raises:
        NotPositive: for a value <= 0 of a metric with a relative margin.
    """
    ok = _at_looks(levels.ok.looks, levels.ok.nominal, looks)
    harmed = _at_looks(levels.harmed.looks, levels.harmed.nominal, looks)
    if guardrail.metric.unit == "bool":
        path = _rate(guardrail, blocks, positions, ok, harmed)
    else:
        path = _metric(guardrail, blocks, positions, plan, ok, harmed)
    seen = [
        block.values(guardrail.metric) for block in blocks[: positions[-1] if positions else None]
    ]
    return Guarded(
        guardrail=guardrail,
        path=path,
        looks=tuple(look.n for look in looks),
        control=tuple(c for c, _ in seen if c is not None),
        treatment=tuple(t for _, t in seen if t is not None),
    )


def levels_of(plan: Plan, *, alpha: float) -> GuardrailLevels:
    """The boundaries of one guardrail of this plan, `alpha` one-sided."""
    count = len(plan.guardrails) + (plan.goal == "no-regression")
    return guardrail_levels(
        alpha=alpha,
        guardrails=max(count, 1),
        max_blocks=plan.max_blocks,
        min_blocks=plan.min_blocks,
    )


def _metric(
    guardrail: Guardrail,
    blocks: Sequence[Block],
    positions: Sequence[int],
    plan: Plan,
    ok: Sequence[float],
    harmed: Sequence[float],
) -> GuardrailPath:
    scale = Scale.LOG if guardrail.is_relative else Scale.DIFFERENCE
    found = [difference(block, guardrail.metric, scale) for block in blocks]
    available = [0, *accumulate(value is not None for value in found)]
    return metric_guardrail(
        [value for value in found if value is not None],
        counts=[available[position] for position in positions],
        margin=_margin(guardrail),
        bad=bad_sign(guardrail.metric),
        test=paired_test(plan),
        ok_levels=ok,
        harmed_levels=harmed,
    )


def _margin(guardrail: Guardrail) -> float:
    """The margin on the scale of the differences, positive."""
    if not guardrail.is_relative:
        return guardrail.margin
    signed = bad_sign(guardrail.metric) * guardrail.margin
    return abs(math.log1p(signed))


def _rate(
    guardrail: Guardrail,
    blocks: Sequence[Block],
    positions: Sequence[int],
    ok: Sequence[float],
    harmed: Sequence[float],
) -> GuardrailPath:
    pairs = [block.values(guardrail.metric) for block in blocks]
    bad = bad_sign(guardrail.metric)
    control = [0, *accumulate(_is_event(c, bad) for c, _ in pairs)]
    treatment = [0, *accumulate(_is_event(t, bad) for _, t in pairs)]
    return rate_guardrail(
        control=[(control[n], n) for n in positions],
        treatment=[(treatment[n], n) for n in positions],
        margin=guardrail.margin,
        bad=bad,
        ok_levels=ok,
        harmed_levels=harmed,
    )


def _is_event(value: float | None, bad: int) -> bool:
    # a trial that failed before it could say yes or no counts as the harmful answer
    return bad > 0 if value is None else value > 0.5


def _at_looks(
    scheduled: Sequence[int], nominal: Sequence[float], looks: Sequence[Look]
) -> list[float]:
    by_look = dict(zip(scheduled, nominal, strict=True))
    return [by_look[look.n] for look in looks]
