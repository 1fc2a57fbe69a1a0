"""The primary metric, or any other, as a result in its own units."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gitexp.decision import ArmSummary, PrimaryResult
from gitexp.model import Plan, Scale
from gitexp.policy.rule import Rule
from gitexp.policy.samples import Sample
from gitexp.stats.effects import cohens_d, d_z, hedges_g, summary


def measured(
    sample: Sample, rule: Rule, *, used: int | None, nominal: float | None, level: float
) -> PrimaryResult:
    """The sample's metric over its first `used` entries.

    Args:
        nominal: Two-sided level of the look; None before the first look: no p, no interval.
        level: Of the interval over all looks.
    """
    plan = sample.plan
    result = sample.result(rule, used=used, level=nominal or 0.0)
    control, treatment = sample.values(used=used)
    center = _summary(control)
    rel_effect: float | None = None
    effect = result.estimate
    interval = (result.interval.low, result.interval.high)
    if plan.scale is Scale.LOG:
        rel_effect = None if result.estimate is None else ratio_change(result.estimate)
        effect = None if rel_effect is None or center.median is None else rel_effect * center.median
        interval = (ratio_change(interval[0]), ratio_change(interval[1]))
    enough = len(control) > 1 and len(treatment) > 1
    differences = sample.differences(used=used)
    return PrimaryResult(
        metric=plan.primary,
        scale=plan.scale,
        test=plan.test,
        control=center,
        treatment=_summary(treatment),
        effect=effect,
        rel_effect=rel_effect,
        interval=interval,
        ends_included=(result.interval.low_included, result.interval.high_included),
        level=level,
        p_value=None if nominal is None else result.p_value,
        nominal_level=nominal,
        statistic=None if nominal is None else result.statistic,
        df=result.df,
        hedges_g=hedges_g(control, treatment) if enough else None,
        cohens_d=cohens_d(control, treatment) if enough else None,
        d_z=d_z(differences) if len(differences) > 1 else None,
        caveats=result.caveats,
    )


def unmeasured(plan: Plan, *, level: float, why: str) -> PrimaryResult:
    """The primary metric when nothing can be computed."""
    none = ArmSummary(n=0, mean=None, sd=None, median=None, low=None, high=None)
    return PrimaryResult(
        metric=plan.primary,
        scale=plan.scale,
        test=plan.test,
        control=none,
        treatment=none,
        effect=None,
        rel_effect=None,
        interval=(-math.inf, math.inf),
        ends_included=(False, False),
        level=level,
        p_value=None,
        nominal_level=None,
        statistic=None,
        df=None,
        hedges_g=None,
        cohens_d=None,
        d_z=None,
        caveats=(why,),
    )


def ratio_change(theta: float) -> float:
    """exp(theta) - 1; an unbounded end stays unbounded."""
    if math.isinf(theta):
        return theta
    try:
        return math.expm1(theta)
    except OverflowError:
        return math.inf


def _summary(values: Sequence[float]) -> ArmSummary:
    found = summary(values)
    if found is None:
        return ArmSummary(n=0, mean=None, sd=None, median=None, low=None, high=None)
    return ArmSummary(
        n=found.n,
        mean=found.mean,
        sd=found.sd,
        median=found.median,
        low=found.minimum,
        high=found.maximum,
    )
