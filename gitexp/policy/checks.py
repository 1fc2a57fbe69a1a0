"""Whether the records of a revision are whole, and mean what the plan takes them to mean."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.blocks import Block, NotPositive
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import Plan, Revision, TestName
from gitexp.policy.study import Study

_OF_ONE_HOST = (TestName.MANN_WHITNEY, TestName.BOSCHLOO)
"""Tests that know no strata: trials of several hosts would be taken for those of one."""


def record_health(
    experiment: Experiment, revision: Revision, blocks: Sequence[Block]
) -> list[Health]:
    """What the records themselves show.

    Args:
        blocks: Admitted ones that were not retracted.
    """
    return [
        *_revision_health(experiment, revision),
        *_missing_health(experiment, revision),
        *_metric_health(experiment.plan, blocks),
        *_case_health(blocks),
    ]


def _revision_health(experiment: Experiment, revision: Revision) -> list[Health]:
    seen = experiment.revisions()
    allowed = experiment.plan.revisions
    if revision not in seen[allowed:]:
        return []
    return [
        Health(
            check="revisions",
            state=HealthState.FAIL,
            value=f"revision {seen.index(revision) + 1} of {allowed} registered",
            threshold=str(allowed),
            advice=f"register the new code: git exp create --like {experiment.id}",
        )
    ]


def _missing_health(experiment: Experiment, revision: Revision) -> list[Health]:
    return [
        Health(
            check="evidence",
            state=HealthState.FAIL,
            value=f"{count} records of {writer} that were taken in are not here",
            threshold="all that the decider took in",
            advice="bring them: git exp sync",
        )
        for (of, writer), count in sorted(experiment.missing.items())
        if of == revision
    ]


def _metric_health(plan: Plan, blocks: Sequence[Block]) -> list[Health]:
    """A warning for every guardrail the command does not report: it keeps the verdict open.

    What is measured elsewhere may come later, and is awaited.
    """
    if plan.command is None:
        return []
    measured = [block for block in blocks if block.has_value(plan.primary)]
    return [
        Health(
            check="metrics",
            state=HealthState.WARN,
            value=f"no trial reports {guard.metric.name}, which a guardrail watches",
            threshold="a value in every trial",
            advice=f"print a line 'METRIC {guard.metric.name}=…', or write it to $GITEXP_METRICS; "
            "if it comes later, record the first ones before the last block: git exp record -h",
        )
        for guard in plan.guardrails
        if measured and not any(block.has_value(guard.metric) for block in measured)
    ]


def _case_health(blocks: Sequence[Block]) -> list[Health]:
    """A warning for cases that count twice: two clones imported them before they heard of it."""
    first: dict[str, Block] = {}
    again: list[Block] = []
    for block in blocks:
        case = block.control.trial.case
        if case is not None and first.setdefault(case, block) is not block:
            again.append(block)
    if not again:
        return []
    return [
        Health(
            check="cases",
            state=HealthState.WARN,
            value=f"{len(again)} of {len(blocks)} blocks ask a case again",
            threshold="every case in one block",
            advice="take them out: git exp retract "
            f"{again[0].control.record.id} --reason 'asked twice'",
        )
    ]


def retracted_count(experiment: Experiment, revision: Revision, blocks: Sequence[Block]) -> int:
    """Blocks, or trials of a test without blocks, that a retraction took out."""
    if experiment.plan.test.is_paired:
        return sum(block.is_retracted for block in blocks)
    everything = experiment.counted(revision, with_retracted=True)
    return len(everything) - len(experiment.counted(revision))


def retraction_health(
    experiment: Experiment, count: int, everything: Study, study: Study
) -> Health:
    """What the retractions change: a verdict that hangs on them is none.

    Args:
        everything: The replay with what was retracted.
    """
    flips = everything.walk.verdict is not study.walk.verdict
    what = "blocks" if experiment.plan.test.is_paired else "trials"
    return Health(
        check="retractions",
        state=HealthState.FAIL if flips else HealthState.WARN,
        value=f"{count} retracted {what}"
        + (f" turn {everything.walk.verdict} into {study.walk.verdict}" if flips else ""),
        threshold="the same verdict with and without them",
        advice=(
            f"measure again: git exp create --like {experiment.id}"
            if flips
            else f"read why: git exp log {experiment.id}"
        ),
    )


def value_health(error: NotPositive) -> Health:
    """A value that has no logarithm."""
    return Health(
        check="values",
        state=HealthState.FAIL,
        value=f"{error.metric.name} is {error.value:g} in trial {error.trial}",
        threshold="above 0 on the log scale",
        advice="a metric that can be 0 or negative needs git exp create --scale difference",
    )


def pooling_health(experiment: Experiment, study: Study) -> list[Health]:
    """A refusal to pool the single trials of several hosts by a test that knows no hosts.

    What came after the verdict was final cannot undo it.
    """
    plan = study.plan
    if plan.test not in _OF_ONE_HOST:
        return []
    ended = study.walk.ended
    used = None if ended is None else study.looks[ended].used
    runs = study.material.runs if used is None else study.material.first(used, plan).runs
    hosts = sorted({run.trial.host for run in runs})
    if len(hosts) < 2:
        return []
    return [
        Health(
            check="test",
            state=HealthState.FAIL,
            value=f"{plan.test} cannot pool the trials of {len(hosts)} hosts ({_named(hosts)})",
            threshold="trials of one host",
            advice=f"register one that can: git exp create --like {experiment.id} --test welch",
        )
    ]


def _named(hosts: Sequence[str]) -> str:
    return ", ".join(hosts[:3]) + (" …" if len(hosts) > 3 else "")
