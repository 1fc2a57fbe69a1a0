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
from gitexp.policy.paired import paired_test
from gitexp.policy.rule import GuardRules
from gitexp.policy.samples import answered_yes
from gitexp.stats.always_valid_guardrails import (
    metric_guardrail_always_valid,
    rate_guardrail_always_valid,
)
from gitexp.stats.guardrails import GuardrailPath, metric_guardrail, rate_guardrail
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
    rules: GuardRules,
) -> Guarded:
    """The guardrail's state at every look.

    Args:
        blocks: All admitted blocks in replay order, those in which both arms failed included.
        positions: How many of them each look sees.

    Raises:
        NotPositive: for a value <= 0 of a metric with a relative margin.
    """
    at = [look.n for look in looks]
    if guardrail.metric.unit == "bool":
        path = _rate(guardrail, blocks, positions, rules, at)
    else:
        path = _metric(guardrail, blocks, positions, plan, rules, at)
    seen = [
        block.values(guardrail.metric) for block in blocks[: positions[-1] if positions else None]
    ]
    return Guarded(
        guardrail=guardrail,
        path=path,
        looks=tuple(at),
        control=tuple(c for c, _ in seen if c is not None),
        treatment=tuple(t for _, t in seen if t is not None),
    )


def _metric(
    guardrail: Guardrail,
    blocks: Sequence[Block],
    positions: Sequence[int],
    plan: Plan,
    rules: GuardRules,
    at: Sequence[int],
) -> GuardrailPath:
    scale = Scale.LOG if guardrail.is_relative else Scale.DIFFERENCE
    found = [difference(block, guardrail.metric, scale) for block in blocks]
    available = [0, *accumulate(value is not None for value in found)]
    d = [value for value in found if value is not None]
    counts = [available[position] for position in positions]
    margin, bad, test = scaled_margin(guardrail), bad_sign(guardrail.metric), paired_test(plan)
    if rules.is_any_time:
        return metric_guardrail_always_valid(
            d,
            counts=counts,
            margin=margin,
            bad=bad,
            test=test,
            alpha_ok=rules.alpha_ok,
            alpha_harmed=rules.alpha_harmed,
            max_blocks=rules.max_blocks,
        )
    return metric_guardrail(
        d,
        counts=counts,
        margin=margin,
        bad=bad,
        test=test,
        ok_levels=[rules.ok.nominal(n) for n in at],
        harmed_levels=[rules.harmed.nominal(n) for n in at],
    )


def scaled_margin(guardrail: Guardrail) -> float:
    """The margin on the scale of the differences, positive."""
    if not guardrail.is_relative:
        return guardrail.margin
    signed = bad_sign(guardrail.metric) * guardrail.margin
    return abs(math.log1p(signed))


def _rate(
    guardrail: Guardrail,
    blocks: Sequence[Block],
    positions: Sequence[int],
    rules: GuardRules,
    at: Sequence[int],
) -> GuardrailPath:
    pairs = [block.values(guardrail.metric) for block in blocks]
    bad = bad_sign(guardrail.metric)
    control = [0, *accumulate(answered_yes(c, guardrail.metric) for c, _ in pairs)]
    treatment = [0, *accumulate(answered_yes(t, guardrail.metric) for _, t in pairs)]
    in_control = [(control[n], n) for n in positions]
    in_treatment = [(treatment[n], n) for n in positions]
    if rules.is_any_time:
        return rate_guardrail_always_valid(
            control=in_control,
            treatment=in_treatment,
            margin=guardrail.margin,
            bad=bad,
            alpha_ok=rules.alpha_ok,
            alpha_harmed=rules.alpha_harmed,
            max_blocks=rules.max_blocks,
        )
    return rate_guardrail(
        control=in_control,
        treatment=in_treatment,
        margin=guardrail.margin,
        bad=bad,
        ok_levels=[rules.ok.nominal(n) for n in at],
        harmed_levels=[rules.harmed.nominal(n) for n in at],
    )
