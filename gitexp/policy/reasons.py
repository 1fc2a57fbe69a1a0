"""Why the verdict is what it is, in words and numbers of blocks."""

from __future__ import annotations

import math

from scipy.special import ndtri

from gitexp.decision import Criterion, PrimaryResult
from gitexp.lifecycle import Experiment
from gitexp.model import Goal, GuardState, Plan, Scale, TestName, Verdict
from gitexp.policy.guard import Guarded
from gitexp.policy.rule import primary_alpha
from gitexp.policy.samples import good_sign, min_effect_region
from gitexp.policy.study import Study

_BEYOND_REACH = 1e6
"""Square root of a number of blocks that is as good as infinite."""


def reason_of(experiment: Experiment, study: Study) -> str:
    plan, ended = experiment.plan, study.walk
    fell = ended.ended if ended.harmed else ended.shown
    at = "" if fell is None else f"at block {study.looks[fell].n} of {plan.max_blocks}"
    harmed = ", ".join(plan.guardrails[i].metric.name for i in ended.harmed)
    match ended.verdict:
        case Verdict.BETTER if plan.goal is Goal.NO_REGRESSION:
            return f"shown not to be worse than the margin {at}"
        case Verdict.BETTER:
            return f"crossed its boundary {at}"
        case Verdict.BLOCKED:
            return f"better, but worse than its margin in {harmed} {at}"
        case Verdict.WORSE if harmed:
            return f"worse than its margin in {harmed} {at}"
        case Verdict.WORSE if plan.goal is Goal.NO_REGRESSION:
            return f"shown to be worse than the margin {at}"
        case Verdict.WORSE:
            return f"crossed its boundary in the bad direction {at}"
        case Verdict.EQUIVALENT:
            return f"shown to lie within ± the smallest effect worth having {at}"
        case _:
            return _open_reason(experiment, study)


def _open_reason(experiment: Experiment, study: Study) -> str:
    plan, size = experiment.plan, study.sample.size
    unresolved = [
        guard.guardrail.metric.name
        for guard in study.guarded
        if guard.states and guard.states[-1] is GuardState.UNRESOLVED
    ]
    if study.walk.better is not None and unresolved:
        yet = " yet" if study.walk.verdict is Verdict.COLLECTING else ""
        return f"better, but not shown{yet} to be within the margin of {', '.join(unresolved)}"
    if study.walk.verdict is Verdict.COLLECTING:
        if size < plan.min_blocks:
            return (
                f"{size} of {plan.max_blocks} blocks; the first look is at block {plan.min_blocks}"
            )
        return f"{size} of {plan.max_blocks} blocks, no boundary crossed yet"
    if experiment.expired is not None:
        return f"expired after {size} of {plan.max_blocks} blocks, no boundary crossed"
    if size >= plan.max_blocks:
        return f"all {plan.max_blocks} blocks used, no boundary crossed"
    return f"ended after {size} of {plan.max_blocks} blocks, no boundary crossed"


def criteria_of(study: Study, primary: PrimaryResult) -> tuple[Criterion, ...]:
    plan, looks = study.plan, study.looks
    first, size = study.rule.looks[0], study.sample.size
    yet = " yet" if study.walk.verdict is Verdict.COLLECTING else ""
    found = [
        _criterion(
            "blocks",
            size >= first,
            f"at least {first} complete blocks ({size})",
            f"fewer than {first} complete blocks ({size})",
        )
    ]
    signals = study.sample.signals(looks)
    shown = None if study.walk.shown is None else signals[study.walk.shown]
    if plan.goal is Goal.NO_REGRESSION:
        ok = study.goal is not None and GuardState.OK in study.goal.states
        found.append(_within_margin("margin", GuardState.OK if ok else _last(study.goal), yet))
    else:
        crossed = shown is not None and shown.crossed and not shown.is_worse
        found.append(
            _criterion(
                "significant",
                crossed,
                "crossed its boundary in the good direction",
                f"no clear difference in the good direction{yet}",
            )
        )
        if plan.min_effect > 0:
            found.append(
                _criterion(
                    "min-effect",
                    _reaches(plan, primary),
                    "the estimate reaches the smallest effect worth having",
                    "the estimate is below the smallest effect worth having",
                )
            )
    found += [
        _within_margin(f"guardrail {guard.guardrail.metric.name}", _last(guard), yet)
        for guard in study.guarded
    ]
    return tuple(found)


def _within_margin(name: str, state: GuardState, yet: str) -> Criterion:
    return _criterion(
        name,
        state is GuardState.OK,
        "shown not to be worse than its margin",
        "shown to be worse than its margin"
        if state is GuardState.HARMED
        else f"not{yet} shown to be within its margin",
    )


def _last(guard: Guarded | None) -> GuardState:
    return guard.states[-1] if guard is not None and guard.states else GuardState.UNRESOLVED


def _criterion(name: str, met: bool, text: str, otherwise: str) -> Criterion:
    return Criterion(name=name, met=met, text=text if met else otherwise)


def _reaches(plan: Plan, primary: PrimaryResult) -> bool:
    estimate = primary.rel_effect if plan.scale is Scale.LOG else primary.effect
    if estimate is None:
        return False
    return (
        estimate <= -plan.min_effect
        if plan.primary.direction == "lower"
        else (estimate >= plan.min_effect)
    )


def blocks_needed(study: Study | None, verdict: Verdict) -> int | None:
    """Blocks a new experiment would need to find the effect seen here with 80 % power.

    Normal approximation of the paired test, inflated for the looks (1.05) and, under ranks, for
    their efficiency (.955). None when the effect seen is not worth having, or not known, or when
    nobody could run so many.
    """
    if study is None or verdict is not Verdict.UNDECIDED:
        return None
    differences = study.sample.differences(used=None)
    estimate = study.sample.result(study.rule, used=None, level=0.0).estimate
    if len(differences) < 2 or estimate is None or not math.isfinite(estimate):
        return None
    low, high = min_effect_region(study.plan)
    is_worth_having = estimate >= high if good_sign(study.plan.primary) > 0 else estimate <= low
    if estimate == 0 or not is_worth_having:
        return None
    mean = sum(differences) / len(differences)
    variance = sum((x - mean) ** 2 for x in differences) / (len(differences) - 1)
    z = float(ndtri(0.8) - ndtri(primary_alpha(study.plan) / 2))
    efficiency = 1.0 if study.plan.test is TestName.T else 0.955
    root = z * math.sqrt(1.05 * variance / efficiency) / abs(estimate)
    if root > _BEYOND_REACH:
        return None
    return max(math.ceil(root * root), study.plan.max_blocks + 1)
