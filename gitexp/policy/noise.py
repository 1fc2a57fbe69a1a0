"""What a host makes of no change at all: the control compared with itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import stdev

from gitexp.blocks import Block, NotPositive
from gitexp.decision import NoiseFloor
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import Plan, Scale
from gitexp.policy.measure import ratio_change
from gitexp.policy.paired import PairedSample, paired_test
from gitexp.stats.replay import result_at

LEVEL = 0.05


def noise_floors(experiment: Experiment) -> tuple[NoiseFloor, ...]:
    """One for every host on which the control was compared with itself.

    The interval is that of one look at all these blocks, by the plan's test of pairs.
    """
    by_host: dict[str, list[Block]] = {}
    for block in experiment.self_compared():
        by_host.setdefault(block.control.trial.host, []).append(block)
    floors = (_floor(host, blocks, experiment.plan) for host, blocks in sorted(by_host.items()))
    return tuple(floor for floor in floors if floor is not None)


def noise_health(experiment: Experiment, hosts: Sequence[str]) -> list[Health]:
    """The noise floor of each of these hosts that has one."""
    floors = (floor for floor in noise_floors(experiment) if floor.host in hosts)
    return [_health(floor, experiment.plan) for floor in floors]


def _floor(host: str, blocks: Sequence[Block], plan: Plan) -> NoiseFloor | None:
    try:
        sample = PairedSample.of(plan, blocks)
    except NotPositive:
        return None
    if sample.size == 0:
        return None
    found = result_at(
        sample.d, sample.both_ok, test=paired_test(plan), used=sample.size, level=LEVEL
    )
    differences = sample.differences(used=None)
    ends = (found.interval.low, found.interval.high)
    if plan.scale is Scale.LOG:
        ends = (ratio_change(ends[0]), ratio_change(ends[1]))
    return NoiseFloor(
        host=host,
        blocks=sample.size,
        interval=ends,
        sd=stdev(differences) if len(differences) > 1 else None,
        is_clean=0.0 in found.interval,
        measured=_newest(blocks),
    )


def _newest(blocks: Sequence[Block]) -> datetime:
    return max(block.finished for block in blocks)


def _health(floor: NoiseFloor, plan: Plan) -> Health:
    if not math.isfinite(floor.reach):
        return Health(
            check="a/a",
            state=HealthState.WARN,
            value=f"{floor.blocks} blocks are too few to say what no change measures on "
            f"{floor.host}",
            threshold="",
            advice=f"git exp run {plan.id} --aa compares the control with itself once more",
        )
    size = f"{floor.reach:.1%}" if plan.scale is Scale.LOG else f"{floor.reach:.3g}"
    measured = f"{floor.blocks} blocks, {floor.measured:%Y-%m-%d}"
    found = f"no change measures within ±{size} on {floor.host} ({measured})"
    if floor.is_clean:
        return Health(check="a/a", state=HealthState.OK, value=found, threshold="", advice="")
    return Health(
        check="a/a",
        state=HealthState.WARN,
        value=f"the same code differs from itself: {found}",
        threshold="an interval that holds 0",
        advice="look for what favours one arm (caches, paths, order), then git exp run --aa again",
    )
