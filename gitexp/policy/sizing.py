"""What a plan can detect given the noise of a block, and how many blocks an effect takes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import variance

from gitexp.blocks import Block, NotPositive, difference
from gitexp.decision import GuardSize, Noise
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, Guardrail, Metric, Plan, Revision, Scale, Stopping, TestName
from gitexp.policy.guard import scaled_margin
from gitexp.policy.rule import GuardRules, Scheduled, guard_rules, primary_alpha, rule_of
from gitexp.policy.samples import good_sign
from gitexp.stats.always_valid_guardrails import rate_guardrail_always_valid
from gitexp.stats.guardrails import GuardrailState, rate_guardrail
from gitexp.stats.operating import inflation
from gitexp.stats.power import Design, detectable_effect, pairs_for_margin, sample_size

POWER = 0.8
MOST_BLOCKS = 1_000_000
"""No plan may have more."""
LEAST_BLOCKS = 5
"""Fewer tell too little of how much they scatter."""
ANYTIME_COST = 1.9
"""Times the blocks of one look that an always-valid rule takes for power .8 (docs/statistics.md).

For an interval as narrow as that of one look it takes 2.4 to 3 times as many."""

_ROUNDING = 1e-6
"""A computed number of blocks may be so much too high: that asks for no block more."""


def noise_of(
    experiment: Experiment, metric: Metric, scale: Scale, *, is_paired: bool
) -> Noise | None:
    """The scatter of this metric within every revision there is, the means taken out.

    Blocks in which the control was compared with itself are a revision like any other. None from
    fewer than 5 blocks, or where values have no logarithm.

    Args:
        is_paired: Of the differences of blocks; else of single trials of one arm.
    """
    try:
        groups = _groups(experiment, metric, scale, is_paired=is_paired)
    except NotPositive:
        return None
    groups = [found for found in groups if len(found) > 1]
    count = sum(map(len, groups))
    squares = sum(variance(found) * (len(found) - 1) for found in groups)
    if count < LEAST_BLOCKS or squares == 0.0:
        return None
    return Noise(sd=math.sqrt(squares / (count - len(groups))), blocks=count)


def _groups(
    experiment: Experiment, metric: Metric, scale: Scale, *, is_paired: bool
) -> list[list[float]]:
    """Numbers that should differ by chance alone."""
    blocks: dict[Revision, list[Block]] = defaultdict(list)
    for (revision, _), own in experiment.series.items():
        blocks[revision] += [block for block in own.blocks if not block.is_retracted]
    if is_paired:
        return [differences_of(found, metric, scale) for found in blocks.values()]
    runs: dict[tuple[Revision, Arm], list[float]] = defaultdict(list)
    for run in experiment.trials:
        value = run.value(metric)
        if value is None or run.trial.block == 0:
            continue
        if scale is Scale.LOG and value <= 0:
            raise NotPositive(metric, run.record.id, value)
        scaled = math.log(value) if scale is Scale.LOG else value
        runs[run.trial.revision, run.trial.arm].append(scaled)
    return [*runs.values()]


def differences_of(blocks: Iterable[Block], metric: Metric, scale: Scale) -> list[float]:
    """The differences of the blocks whose arms both have a value.

    Raises:
        NotPositive: for a value <= 0 on the log scale.
    """
    measured = (block for block in blocks if None not in block.values(metric))
    found = (difference(block, metric, scale) for block in measured)
    return [value for value in found if value is not None]


def detectable(plan: Plan, sd: float, *, power: float = POWER) -> float | None:
    """The smallest effect the plan's blocks find with this power; None: none would do.

    The size of a change in the good direction: a fraction on the log scale, else in metric units.
    """
    found = detectable_effect(
        plan.max_blocks,
        alpha=primary_alpha(plan),
        power=power,
        design=_design(plan),
        ranks=_is_ranked(plan),
        inflation=_inflation(plan, power),
    )
    if found is None:
        return None
    if plan.scale is Scale.DIFFERENCE:
        return found * sd
    return abs(math.expm1(good_sign(plan.primary) * found * sd))


def blocks_for(plan: Plan, effect: float, sd: float, *, power: float = POWER) -> int | None:
    """The max_blocks at which a plan like this one finds the effect; None beyond 10^7.

    Args:
        effect: The size of a change in the good direction, as of `detectable`.
    """
    is_ratio = plan.scale is Scale.LOG
    size = abs(math.log1p(good_sign(plan.primary) * effect) if is_ratio else effect) / sd
    needed = plan.max_blocks
    # the price of the looks depends, slightly, on how many there are
    for _ in range(3):
        found = sample_size(
            size,
            alpha=primary_alpha(plan),
            power=power,
            design=_design(plan),
            ranks=_is_ranked(plan),
            inflation=_inflation(with_max_blocks(plan, needed), power),
        )
        if found is None:
            return None
        needed = math.ceil(found - _ROUNDING)
    return needed


def guard_sizes(plan: Plan, noise: Mapping[str, float]) -> tuple[GuardSize, ...]:
    """How many blocks each guardrail takes, as far as that is known.

    Args:
        noise: Standard deviations of the differences by metric name.
    """
    sizes = []
    for guardrail in plan.guardrails:
        if guardrail.metric.unit == "bool" and not plan.windows:
            sizes.append(_rate_size(plan, guardrail))
        elif noise.get(guardrail.metric.name):
            sizes.append(_metric_size(plan, guardrail, noise[guardrail.metric.name]))
    return tuple(sizes)


def _metric_size(plan: Plan, guardrail: Guardrail, sd: float) -> GuardSize:
    needs = pairs_for_margin(
        margin=scaled_margin(guardrail),
        sd=sd,
        alpha=plan.guardrail_alpha,
        power=POWER,
        ranks=_is_ranked(plan),
        inflation=_inflation(plan, POWER, alpha=2 * plan.guardrail_alpha),
    )
    return GuardSize(
        guardrail=guardrail,
        needs=None if needs is None else math.ceil(needs),
        max_blocks=plan.max_blocks,
    )


def _rate_size(plan: Plan, guardrail: Guardrail) -> GuardSize:
    needs = _blocks_without_events(guardrail, plan)
    sized = plan
    # a longer plan has more looks to pay for, each time fewer of them
    while needs is not None and needs > sized.max_blocks:
        sized = with_max_blocks(plan, needs)
        needs = _blocks_without_events(guardrail, sized)
    if needs is not None and sized is not plan:
        needs = sized.max_blocks
    return GuardSize(guardrail=guardrail, needs=needs, max_blocks=plan.max_blocks)


def _blocks_without_events(guardrail: Guardrail, plan: Plan) -> int | None:
    """At how many blocks it is ok if neither arm has any event, found by bisection."""
    rules = guard_rules(plan, alpha=plan.guardrail_alpha)
    enough = 1
    while not _is_ok_without_events(guardrail, rules, enough):
        enough *= 2
        if enough > MOST_BLOCKS:
            return None
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _is_ok_without_events(guardrail, rules, middle):
            enough = middle
        else:
            too_few = middle
    return enough


def _is_ok_without_events(guardrail: Guardrail, rules: GuardRules, n: int) -> bool:
    """Whether the guardrail falls ok at the last look, were that at n blocks."""
    nothing = [(0, n)]
    if rules.is_any_time:
        path = rate_guardrail_always_valid(
            control=nothing,
            treatment=nothing,
            margin=guardrail.margin,
            bad=1,
            alpha_ok=rules.alpha_ok,
            alpha_harmed=rules.alpha_harmed,
            max_blocks=rules.max_blocks,
        )
    else:
        path = rate_guardrail(
            control=nothing,
            treatment=nothing,
            margin=guardrail.margin,
            bad=1,
            ok_levels=[rules.ok.nominal(rules.max_blocks)],
            harmed_levels=[rules.harmed.nominal(rules.max_blocks)],
        )
    return path.state is GuardrailState.OK


def _inflation(plan: Plan, power: float, *, alpha: float | None = None) -> float:
    if plan.stopping is Stopping.ALWAYS_VALID:
        return ANYTIME_COST
    rule = rule_of(plan, alpha=primary_alpha(plan) if alpha is None else alpha)
    assert isinstance(rule, Scheduled)
    return inflation(rule.bound, power=power)


def _design(plan: Plan) -> Design:
    return "pairs" if plan.test.is_paired else "groups"


def _is_ranked(plan: Plan) -> bool:
    return plan.test in (TestName.SIGNED_RANK, TestName.MANN_WHITNEY)


def with_max_blocks(plan: Plan, max_blocks: int) -> Plan:
    """The plan with so many blocks at most."""
    is_fixed = plan.stopping is Stopping.FIXED
    least = max_blocks if is_fixed else min(plan.min_blocks, max_blocks)
    return replace(plan, max_blocks=max_blocks, min_blocks=least)


def scales_of(plan: Plan) -> list[tuple[Metric, Scale]]:
    """The primary metric and guardrails that are no rates, with the scales they are tested on."""
    return [
        (plan.primary, plan.scale),
        *(
            (guardrail.metric, Scale.LOG if guardrail.is_relative else Scale.DIFFERENCE)
            for guardrail in plan.guardrails
            if guardrail.metric.unit != "bool" or plan.windows
        ),
    ]
