"""Whether both arms got the trials that were planned, in the order that was drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gitexp.blocks import Block, RunTrial
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, Outcome, Revision, WriterId
from gitexp.stats.alarms import attrition
from gitexp.stats.sample_ratio import running_sample_ratio
from gitexp.stats.signals import Signal
from gitexp.stats.stability import order_balance

FAILED = (Outcome.FAILED, Outcome.TIMEOUT)


def balance_health(
    experiment: Experiment, revision: Revision, blocks: Sequence[Block]
) -> list[Health]:
    """Counts alone: they tell nothing of what was measured.

    Args:
        blocks: Admitted ones that were not retracted.
    """
    if not experiment.plan.test.is_paired:
        runs = experiment.counted(revision)
        return [
            *_share_health(runs),
            *_attrition_health(experiment, runs),
            *_answer_health(experiment, runs),
        ]
    measured = [run for block in blocks for run in (block.control, block.treatment)]
    return [
        *_block_health(experiment, revision),
        *_attrition_health(experiment, measured),
        *_answer_health(experiment, measured),
        *_order_health(blocks),
    ]


def counts_of(runs: Iterable[RunTrial]) -> dict[Arm, tuple[int, int]]:
    """Failed trials and trials of each arm."""
    failed, trials = dict.fromkeys(Arm, 0), dict.fromkeys(Arm, 0)
    for run in runs:
        trials[run.trial.arm] += 1
        failed[run.trial.arm] += run.trial.outcome in FAILED
    return {arm: (failed[arm], trials[arm]) for arm in Arm}


def _block_health(experiment: Experiment, revision: Revision) -> list[Health]:
    """A warning for planned trials that are missing, or there twice."""
    slots: dict[tuple[WriterId, int], dict[int, list[RunTrial]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in experiment.trials:
        if run.trial.block and run.trial.revision == revision:
            slots[run.record.writer, run.trial.block][run.trial.attempt].append(run)
    newest: dict[WriterId, int] = {}
    for writer, number in slots:
        newest[writer] = max(number, newest.get(writer, 0))
    # the newest block of each writer may still be going on
    halves = sum(
        number < newest[writer] and not any(map(_is_whole, attempts.values()))
        for (writer, number), attempts in slots.items()
    )
    doubled = sum(
        len(runs) - len({run.trial.arm for run in runs})
        for attempts in slots.values()
        for runs in attempts.values()
    )
    found = [
        (halves, f"{halves} of {len(slots)} blocks lack a trial, though later ones were begun"),
        (doubled, f"{doubled} trials are there twice; the first of each counts"),
    ]
    return [
        Health(
            check="sample ratio",
            state=HealthState.WARN,
            value=text,
            threshold="one trial of each arm in every block",
            advice=f"see which: git exp log {experiment.id}",
        )
        for count, text in found
        if count
    ]


def _is_whole(runs: Sequence[RunTrial]) -> bool:
    return len({run.trial.arm for run in runs if run.trial.outcome is not Outcome.VOID}) == len(Arm)


def _share_health(runs: Sequence[RunTrial]) -> list[Health]:
    counts = {arm: trials for arm, (_, trials) in counts_of(runs).items()}
    control, treatment = counts[Arm.CONTROL], counts[Arm.TREATMENT]
    found = running_sample_ratio([control, treatment], [1, 1])
    if found.e_value is None:
        return []
    text = f"control {control}, treatment {treatment} trials (e-value {found.e_value:.3g})"
    return [
        Health(
            check="sample ratio",
            state=HealthState.WARN if found.signal is Signal.RAISED else HealthState.OK,
            value=text,
            threshold=f"e-value below {found.threshold:g}",
            advice="drawn at random the arms would not differ so: find what keeps trials out"
            if found.signal is Signal.RAISED
            else "",
        )
    ]


def _attrition_health(experiment: Experiment, runs: Iterable[RunTrial]) -> list[Health]:
    counts = counts_of(runs)
    (failed_c, n_c), (failed_t, n_t) = counts[Arm.CONTROL], counts[Arm.TREATMENT]
    found = attrition(control=(failed_c, n_c), treatment=(failed_t, n_t))
    if found.p_value is None or not failed_c + failed_t:
        return []
    text = f"failed: control {failed_c} of {n_c}, treatment {failed_t} of {n_t}"
    return [
        Health(
            check="attrition",
            state=HealthState.WARN if found.signal is Signal.RAISED else HealthState.OK,
            value=f"{text} (p={found.p_value:.2g})",
            threshold=f"p at least {found.threshold:g}",
            advice=f"what is left of the arms may not be alike; why: git exp log {experiment.id}"
            if found.signal is Signal.RAISED
            else "",
        )
    ]


def _answer_health(experiment: Experiment, runs: Sequence[RunTrial]) -> list[Health]:
    """A warning for every metric whose values come much less often in one arm than in the other."""
    done = [run for run in runs if run.trial.outcome is Outcome.OK]
    found = []
    for metric in dict.fromkeys(experiment.plan.declared):
        lacking = {
            arm: (sum(run.awaits(metric) for run in own), len(own))
            for arm in Arm
            for own in [[run for run in done if run.trial.arm is arm]]
        }
        (none_c, n_c), (none_t, n_t) = lacking[Arm.CONTROL], lacking[Arm.TREATMENT]
        told = attrition(control=(none_c, n_c), treatment=(none_t, n_t))
        if told.signal is Signal.RAISED and told.p_value is not None:
            found.append(
                Health(
                    check="answers",
                    state=HealthState.WARN,
                    value=f"no {metric.name} in {none_c} of {n_c} trials of the control and "
                    f"{none_t} of {n_t} of the treatment (p={told.p_value:.2g})",
                    threshold=f"p at least {told.threshold:g}",
                    advice="who gave none may not be like those who did: ask both arms alike",
                )
            )
    return found


def _order_health(blocks: Sequence[Block]) -> list[Health]:
    first = [
        block.control.trial.slot == 0 for block in blocks if block.control.trial.slot in (0, 1)
    ]
    found = order_balance(first)
    if found.p_value is None:
        return []
    return [
        Health(
            check="order balance",
            state=HealthState.WARN if found.signal is Signal.RAISED else HealthState.OK,
            value=f"the control went first in {sum(first)} of {len(first)} blocks "
            f"(p={found.p_value:.2g})",
            threshold=f"p at least {found.threshold:g}",
            advice="the order was not drawn: measure with git exp run, which draws it"
            if found.signal is Signal.RAISED
            else "",
        )
    ]
