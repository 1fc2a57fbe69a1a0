"""Secondary metrics: tested beside the primary one, adjusted for their number, deciding nothing."""

from __future__ import annotations

from dataclasses import replace

from gitexp.blocks import NotPositive
from gitexp.decision import PrimaryResult, SecondaryResult
from gitexp.model import Metric, Plan, Scale, TestName
from gitexp.notation import default_scale
from gitexp.policy.measure import measured, unmeasured
from gitexp.policy.study import Study
from gitexp.stats.multiplicity import benjamini_hochberg, holm

FEW = 5
"""Up to so many metrics no false finding among them is accepted (Holm); beyond, a share is (BH)."""


def secondary_results(study: Study) -> tuple[SecondaryResult, ...]:
    """Every secondary metric over what the primary result is of, at the level of that look."""
    results = [_result(_as_primary(study.plan, m), study) for m in study.plan.secondary]
    known = [found.p_value for found in results if found.p_value is not None]
    adjust = holm if len(results) <= FEW else benjamini_hochberg
    adjusted = iter(adjust(known).tolist())
    return tuple(
        SecondaryResult(
            result=found, adjusted_p=None if found.p_value is None else float(next(adjusted))
        )
        for found in results
    )


def _as_primary(plan: Plan, metric: Metric) -> Plan:
    """The plan with this metric in the primary one's place."""
    return replace(
        plan,
        primary=metric,
        scale=default_scale(metric),
        test=_test_of(plan.test, metric),
        min_effect=0.0,
    )


def _test_of(test: TestName, metric: Metric) -> TestName:
    """The plan's test, or the rank test of its kind for a metric that is not yes-or-no."""
    if not test.is_of_rates or metric.unit == "bool":
        return test
    return TestName.SIGNED_RANK if test is TestName.MCNEMAR else TestName.MANN_WHITNEY


def _result(plan: Plan, study: Study) -> PrimaryResult:
    look = study.shown
    material = study.material if look is None else study.material.first(look.used, study.plan)
    level = study.rule.alpha
    nominal = None if look is None else look.nominal
    try:
        sample = material.sample(plan)
    except NotPositive:
        # a metric that can be zero has no ratio; its differences say as much
        plan = replace(plan, scale=Scale.DIFFERENCE)
        sample = material.sample(plan)
    if sample.size == 0:
        return unmeasured(plan, level=1 - level, why=f"no trial reports {plan.primary.name}")
    return measured(sample, study.rule, used=None, nominal=nominal, level=1 - level)
