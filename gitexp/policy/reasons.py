"""Why the verdict is what it is, in words and numbers of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import stdev

from gitexp.decision import Criterion, PrimaryResult
from gitexp.lifecycle import Experiment
from gitexp.model import Goal, GuardState, Plan, Scale, Verdict
from gitexp.policy.guard import Guarded
from gitexp.policy.samples import good_sign, min_effect_region
from gitexp.policy.sizing import blocks_for, differences_of, guard_sizes, scales_of
from gitexp.policy.study import Study


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
        waits = [(g.guardrail.metric.name, g.awaiting) for g in study.guarded if g.is_put_off]
        last = f": the last look waits for {_values(waits)}" if yet and waits else ""
        return (
            f"better, but not shown{yet} to be within the margin of {', '.join(unresolved)}{last}"
        )
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


def _values(waits: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} of {n} block{'s' * (n != 1)}" for name, n in waits)


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
    """Blocks with which a new experiment like this one would probably be decided (power .8).

    For the effect seen here or, where it was found better, for the guardrails that stayed open.
    None when the effect is not worth having, when nothing tells, or when nobody could run so many.
    """
    if study is None or verdict is not Verdict.UNDECIDED:
        return None
    needed = _for_guardrails(study) if study.walk.better is not None else _for_effect(study)
    return None if needed is None else max(needed, study.plan.max_blocks + 1)


def _for_effect(study: Study) -> int | None:
    plan, differences = study.plan, study.sample.differences(used=None)
    estimate = study.sample.result(study.rule, used=None, level=0.0).estimate
    if len(differences) < 2 or not estimate or not math.isfinite(estimate):
        return None
    low, high = min_effect_region(plan)
    is_worth_having = estimate >= high if good_sign(plan.primary) > 0 else estimate <= low
    sd = stdev(differences)
    if sd == 0.0 or not is_worth_having:
        return None
    effect = math.expm1(estimate) if plan.scale is Scale.LOG else estimate
    return blocks_for(plan, abs(effect), sd)


def _for_guardrails(study: Study) -> int | None:
    unresolved = tuple(
        guard.guardrail for guard in study.guarded if _last(guard) is GuardState.UNRESOLVED
    )
    plan = replace(study.plan, guardrails=unresolved)
    noise = {}
    for metric, scale in scales_of(plan)[1:]:
        found = differences_of(study.material.blocks, metric, scale)
        if len(found) > 1:
            noise[metric.name] = stdev(found)
    sizes = guard_sizes(plan, noise)
    needs = [size.needs for size in sizes if size.needs is not None]
    return max(needs) if len(needs) == len(unresolved) else None
