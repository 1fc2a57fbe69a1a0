"""What to type next: exact commands that run as printed."""

from __future__ import annotations

import shlex

from gitexp.app.load import Loaded
from gitexp.blocks import RunTrial
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Comparison,
    Plan,
    Promoted,
    Revision,
    RolledBack,
    State,
    Verdict,
    WriterId,
)
from gitexp.refs import short


def next_commands(
    loaded: Loaded, verdict: Verdict, *, is_analysed: bool = True, blocks_needed: int | None = None
) -> tuple[str, ...]:
    """The commands the verdict asks for, the likeliest first; none when nothing is left to do.

    Never one that undoes what was just done: a script that follows them comes to an end.

    Args:
        is_analysed: The verdict takes all records into account.
        blocks_needed: For `undecided`: blocks another experiment like it would need.
    """
    experiment = loaded.experiment
    if loaded.source is not None and not experiment.records:
        return ("git exp init",)
    if loaded.arrived is not None:
        return _after_merge(loaded, is_gone=loaded.arrived.is_gone)
    commands = _after_end(loaded, verdict)
    if commands is None:
        commands = _by_verdict(loaded, verdict, is_analysed, blocks_needed)
    if commands and loaded.source is not None:
        branch = f"exp/{experiment.id}"
        return (f"git branch {branch} {loaded.source}/{branch}", *commands)
    return commands


def _after_merge(loaded: Loaded, *, is_gone: bool) -> tuple[str, ...]:
    """What is left to do when the target took the branch in and no record says so."""
    exp = loaded.experiment.id
    if is_gone:
        return (f"git exp rollback {exp}",) if loaded.source is None else ()
    return (f"git exp promote {exp}",)


def _after_end(loaded: Loaded, verdict: Verdict) -> tuple[str, ...] | None:
    """What is left to do with an experiment that has ended; None while it runs."""
    experiment = loaded.experiment
    event = None if experiment.state_event is None else experiment.state_event.body
    drop = (f"git exp rollback {experiment.id}",)
    has_branch = loaded.tip is not None and loaded.source is None
    match experiment.state:
        case State.PROMOTED if has_branch:
            return _drop_merged(loaded)
        case State.ROLLED_BACK if has_branch:
            return drop  # it was rolled back in another clone
        case State.PROMOTED | State.ROLLED_BACK:
            return ()
        case State.EXPIRED if isinstance(event, RolledBack):
            return drop if has_branch else ()
        case State.EXPIRED if verdict is not Verdict.BETTER:
            return drop
        case _:
            return None


def _drop_merged(loaded: Loaded) -> tuple[str, ...]:
    """Deleting the branch of a promotion made elsewhere, unless more was committed on it."""
    record = loaded.experiment.promoted
    if record is None or not isinstance(record.body, Promoted) or record.body.tip != loaded.tip:
        return ()
    switch = f"git switch {short(record.body.target)}"  # git deletes no branch one stands on
    return (switch, f"git branch -D exp/{loaded.experiment.id}")


def _by_verdict(
    loaded: Loaded, verdict: Verdict, is_analysed: bool, blocks_needed: int | None
) -> tuple[str, ...]:
    exp = loaded.experiment.id
    match verdict:
        case Verdict.BETTER:
            return (f"git exp promote {exp}",)
        case Verdict.WORSE | Verdict.BLOCKED | Verdict.EQUIVALENT:
            return (f"git exp rollback {exp}",)
        case Verdict.UNDECIDED if blocks_needed is not None:
            again = f"git exp create --like {exp} --max-blocks {blocks_needed}"
            return (again, f"git exp rollback {exp}")
        case Verdict.UNDECIDED:
            return (f"git exp rollback {exp}",)
        case Verdict.INVALID:
            return (f"git exp show {exp}",)
        case _ if loaded.comparison is None:
            return (f"git exp restore {exp}",)
        case _:
            return _measure(loaded, loaded.comparison, is_analysed)


def _first_awaiting(experiment: Experiment, revision: Revision) -> tuple[RunTrial, str] | None:
    """The first trial that lacks a value of a metric by which it is decided, and the metric."""
    plan = experiment.plan
    counted = experiment.counted(revision)
    for metric in (plan.primary, *(guardrail.metric for guardrail in plan.guardrails)):
        awaiting = [run for run in counted if run.awaits(metric)]
        latest = _latest_attempts(experiment, revision) if awaiting else {}
        for run in awaiting:
            trial = run.trial
            is_asked = (trial.block is not None) == plan.test.is_paired
            is_replaced = trial.attempt < latest.get((run.record.writer, trial.block), 0)
            if is_asked and not is_replaced:
                return run, metric.name
    return None


def _latest_attempts(
    experiment: Experiment, revision: Revision
) -> dict[tuple[WriterId, int | None], int]:
    """The last attempt at each block: what was measured in an earlier one counts nowhere."""
    latest: dict[tuple[WriterId, int | None], int] = {}
    for run in experiment.trials:
        place = (run.record.writer, run.trial.block)
        if run.trial.revision == revision:
            latest[place] = max(latest.get(place, 0), run.trial.attempt)
    return latest


def _measure(loaded: Loaded, comparison: Comparison, is_analysed: bool) -> tuple[str, ...]:
    experiment = loaded.experiment
    exp, plan = experiment.id, experiment.plan
    if comparison.control.tree == comparison.treatment.tree:
        first = (f"git switch exp/{exp}", "git commit -am 'the change'")
        is_run = plan.command or plan.command_name
        return (*first, measuring(plan)) if is_run else first
    admitted = len(experiment.admitted(comparison.revision))
    waiting = sum(experiment.waiting(comparison.revision).values())
    if not loaded.is_decider and waiting and admitted + waiting >= plan.max_blocks:
        return ("git exp sync",)  # only the decider, once it has them, can take them in
    later = _first_awaiting(experiment, comparison.revision)
    is_all = len(experiment.admitted(comparison.revision)) >= plan.max_blocks
    if later is not None and (plan.command is None or is_all):
        run, name = later
        return (f"git exp record {exp} --for {run.record.id} -m {name}=VALUE",)
    if plan.command is not None:
        return (measuring(plan),)
    recorded = max(admitted, len(experiment.counted(comparison.revision)) // 2)
    is_due = recorded >= plan.min_blocks and not is_analysed
    return (f"git exp analyze {exp}",) if is_due else (measuring(plan),)


def measuring(plan: Plan) -> str:
    """The command that measures more of it."""
    if plan.command is not None:
        return f"git exp run {plan.id}"
    if plan.command_name is not None:
        return f"git exp exec --for {shlex.quote(plan.command_name)} -- CMD"
    return "git exp record -h"
