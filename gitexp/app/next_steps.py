"""What to type next: exact commands that run as printed."""

from __future__ import annotations

from gitexp.lifecycle import Experiment
from gitexp.model import RolledBack, State, Verdict


def next_commands(experiment: Experiment, verdict: Verdict) -> tuple[str, ...]:
    """The commands the verdict asks for, the likeliest first; none when nothing is left to do.

    Never one that undoes what was just done: a script that follows them comes to an end.
    """
    exp, plan = experiment.id, experiment.plan
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
        case Verdict.COLLECTING if plan.command:
            return (f"git exp run {exp}",)
        case _:
            return (f"git exp status {exp}",)
