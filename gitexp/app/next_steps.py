"""What to type next: exact commands that run as printed."""

from __future__ import annotations

from gitexp.lifecycle import Experiment
from gitexp.model import Comparison, RolledBack, State, Verdict


def next_commands(
    experiment: Experiment, verdict: Verdict, comparison: Comparison | None
) -> tuple[str, ...]:
    """The commands the verdict asks for, the likeliest first; none when nothing is left to do.

    Never one that undoes what was just done: a script that follows them comes to an end.
    """
    exp = experiment.id
    event = experiment.state_event
    match experiment.state:
        case State.PROMOTED | State.ROLLED_BACK:
            return ()
        case State.EXPIRED if event is not None and isinstance(event.body, RolledBack):
            return ()
        case State.EXPIRED if verdict is not Verdict.BETTER:
            return (f"git exp rollback {exp}",)
        case _:
            pass
    match verdict:
        case Verdict.BETTER:
            return (f"git exp promote {exp}",)
        case Verdict.WORSE | Verdict.BLOCKED | Verdict.EQUIVALENT:
            return (f"git exp rollback {exp}",)
        case Verdict.UNDECIDED:
            return (f"git exp create --like {exp}", f"git exp rollback {exp}")
        case Verdict.INVALID:
            return (f"git exp show {exp}",)
        case Verdict.COLLECTING if comparison is not None and _is_unchanged(comparison):
            return (f"git switch exp/{exp}", "git commit -am 'the change'", *_measure(experiment))
        case Verdict.COLLECTING if comparison is not None and _is_full(experiment, comparison):
            return (f"git exp status {exp}",)
        case _:
            return _measure(experiment)


def _measure(experiment: Experiment) -> tuple[str, ...]:
    return (f"git exp {'run' if experiment.plan.command else 'status'} {experiment.id}",)


def _is_unchanged(comparison: Comparison) -> bool:
    return comparison.control.tree == comparison.treatment.tree


def _is_full(experiment: Experiment, comparison: Comparison) -> bool:
    """Whether the blocks planned are all there, and some wait for the decider to take them in."""
    revision = comparison.revision
    waiting = sum(experiment.waiting(revision).values())
    admitted = len(experiment.admitted(revision))
    return waiting > 0 and admitted + waiting >= experiment.plan.max_blocks
