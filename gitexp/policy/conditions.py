"""Under which conditions the trials ran, and whether they were the same from first to last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gitexp.blocks import Block, RunTrial
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.machine import MOMENTARY, Facts, is_timed, machine_health
from gitexp.model import Arm, Environment, RecordId, Revision
from gitexp.policy.overlap import overlap_health
from gitexp.policy.paired import PairedSample
from gitexp.policy.study import Study
from gitexp.stats.signals import Signal
from gitexp.stats.stability import drift, heterogeneity


def condition_health(
    experiment: Experiment, revision: Revision, blocks: Sequence[Block]
) -> list[Health]:
    """What the hosts and the environments noted with the trials tell: no value of any metric.

    Args:
        blocks: Admitted ones that were not retracted.
    """
    if experiment.plan.test.is_paired:
        runs = [run for block in blocks for run in (block.control, block.treatment)]
        environments = _environments(experiment, runs)
        found = [*_host_health(blocks), *_fact_health(blocks, environments)]
    else:
        runs = [*experiment.counted(revision)]
        environments = _environments(experiment, runs)
        found = _lone_arm_health(runs)
    if is_timed(experiment.plan):
        found += overlap_health(blocks) if experiment.plan.command_name else []
        found += machine_health(environments.values(), _ends(experiment, environments))
    return found


def stability_health(study: Study) -> list[Health]:
    """Whether the difference stayed the same over time and from host to host.

    It tells which way the values went.
    """
    if not isinstance(study.sample, PairedSample):
        return []
    sample = study.sample
    hosts = [block.control.trial.host for block in sample.blocks]
    return [*_drift_health(sample), *_agreement_health(sample, hosts)]


def _environments(experiment: Experiment, runs: Iterable[RunTrial]) -> dict[RecordId, Facts]:
    """The environments these trials name, oldest first."""
    named = {run.trial.env for run in runs}
    return {
        record.id: record.body.facts
        for record in experiment.records
        if record.id in named and isinstance(record.body, Environment)
    }


def _ends(experiment: Experiment, environments: Mapping[RecordId, Facts]) -> list[Facts]:
    """What was noted when those runs ended."""
    return [
        record.body.facts
        for record in experiment.records
        if isinstance(record.body, Environment) and record.body.facts.get("began") in environments
    ]


def _host_health(blocks: Sequence[Block]) -> list[Health]:
    apart = [b for b in blocks if b.control.trial.host != b.treatment.trial.host]
    if not apart:
        return []
    block = apart[0]
    return [
        Health(
            check="host",
            state=HealthState.WARN,
            value=f"the arms of {len(apart)} of {len(blocks)} blocks ran on different hosts "
            f"(block {block.number}: control {block.control.trial.host}, "
            f"treatment {block.treatment.trial.host})",
            threshold="both arms of a block on one host",
            advice="take them out (git exp retract TRIAL), and measure both arms on one host",
        )
    ]


def _lone_arm_health(runs: Sequence[RunTrial]) -> list[Health]:
    """A warning for hosts that measured one arm alone: their trials compare with nothing."""
    counts = Counter((run.trial.host, run.trial.arm) for run in runs)
    lone = [
        f"{host} only the {arm} ({counts[host, arm]})"
        for host in sorted({host for host, _ in counts})
        for arm, other in ((Arm.CONTROL, Arm.TREATMENT), (Arm.TREATMENT, Arm.CONTROL))
        if not counts[host, other]
    ]
    if len({host for host, _ in counts}) < 2 or not lone:
        return []
    return [
        Health(
            check="host",
            state=HealthState.WARN,
            value=f"a host measured one arm alone, which counts for nothing: {'; '.join(lone[:3])}",
            threshold="both arms on every host",
            advice="measure the other arm there, too: git exp record -h",
        )
    ]


def _fact_health(blocks: Sequence[Block], environments: Mapping[RecordId, Facts]) -> list[Health]:
    """A warning for facts that differ between the arms of a block, each with an example."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for block in blocks:
        ids = block.control.trial.env, block.treatment.trial.env
        if ids[0] == ids[1]:
            continue
        control, treatment = (environments.get(id) if id else None for id in ids)
        if control is None or treatment is None:
            continue  # measured elsewhere: nothing is known of it
        for name in sorted((control.keys() | treatment.keys()) - MOMENTARY):
            ours, theirs = control.get(name, "none"), treatment.get(name, "none")
            if ours != theirs:
                counts[name] += 1
                examples.setdefault(name, f"{name} {_fact(ours)} and {_fact(theirs)}")
    if not counts:
        return []
    shown = "; ".join(f"{examples[name]} in {count}" for name, count in counts.most_common(3))
    return [
        Health(
            check="environment",
            state=HealthState.WARN,
            value=f"control and treatment ran under different conditions: {shown} of "
            f"{len(blocks)} blocks",
            threshold="the same facts in both arms of a block",
            advice="let a run end before anything on the machine is changed",
        )
    ]


def _fact(value: str | float) -> str:
    return value[:60] if isinstance(value, str) else f"{value:g}"


def _drift_health(sample: PairedSample) -> list[Health]:
    found = drift(sample.d)
    if found.value is None or found.p_value is None:
        return []
    is_raised = found.signal is Signal.RAISED
    return [
        Health(
            check="drift",
            state=HealthState.WARN if is_raised else HealthState.OK,
            value=f"tau {found.value:+.2f} of the difference against the order, {sample.size} "
            f"blocks (p={found.p_value:.2g})",
            threshold=f"p at least {found.threshold:g}",
            advice="the effect changes with time: look for what else does (caches, data, too "
            "short a warm-up)"
            if is_raised
            else "",
        )
    ]


def _agreement_health(sample: PairedSample, hosts: Sequence[str]) -> list[Health]:
    if len(set(hosts)) < 2:
        return []
    found = heterogeneity(sample.d, hosts)
    if found.q is None or found.i_squared is None or found.p_value is None:
        return []
    is_raised = found.signal is Signal.RAISED
    return [
        Health(
            check="hosts",
            state=HealthState.WARN if is_raised else HealthState.OK,
            value=f"{len(found.hosts)} hosts: Q {found.q:.3g}, I² {found.i_squared:.0%} "
            f"(p={found.p_value:.2g})",
            threshold=f"p at least {found.threshold:g}",
            advice="the effect is not the same everywhere: the verdict is of their mix; compare "
            "them in git exp analyze --verbose"
            if is_raised
            else "",
        )
    ]
