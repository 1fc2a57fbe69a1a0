"""What to type next: exact commands that run as printed."""

from __future__ import annotations

from gitexp.app.load import Loaded
from gitexp.lifecycle import Experiment
from gitexp.model import Comparison, RolledBack, State, Verdict


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
    commands = _after_end(experiment, verdict)
    if commands is None:
        commands = _by_verdict(loaded, verdict, is_analysed, blocks_needed)
    if commands and loaded.source is not None:
        branch = f"exp/{experiment.id}"
        return (f"git branch {branch} {loaded.source}/{branch}", *commands)
    return commands


def _after_end(experiment: Experiment, verdict: Verdict) -> tuple[str, ...] | None:
    """What is left to do with an experiment that has ended; None while it runs."""
    event = experiment.state_event
    match experiment.state:
        case State.PROMOTED | State.ROLLED_BACK:
            return ()
        case State.EXPIRED if event is not None and isinstance(event.body, RolledBack):
            return ()
        case State.EXPIRED if verdict is not Verdict.BETTER:
            return (f"git exp rollback {experiment.id}",)
        case _:
            return None


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


def _measure(loaded: Loaded, comparison: Comparison, is_analysed: bool) -> tuple[str, ...]:
    experiment = loaded.experiment
    exp, plan = experiment.id, experiment.plan
    if comparison.control.tree == comparison.treatment.tree:
        first = (f"git switch exp/{exp}", "git commit -am 'the change'")
        return (*first, f"git exp run {exp}") if plan.command else first
    admitted = len(experiment.admitted(comparison.revision))
    waiting = sum(experiment.waiting(comparison.revision).values())
    if not loaded.is_decider and waiting and admitted + waiting >= plan.max_blocks:
        return (f"git exp status {exp}",)  # only the decider can take them in
    if plan.command is not None:
        return (f"git exp run {exp}",)
    recorded = max(admitted, len(experiment.counted(comparison.revision)) // 2)
    is_due = recorded >= plan.min_blocks and not is_analysed
    return (f"git exp analyze {exp}",) if is_due else ("git exp record -h",)
