"""What the verdict table asks `auto` to do now."""

from __future__ import annotations

from datetime import datetime

from gitexp.decision import ACTIONS, Action
from gitexp.lifecycle import Experiment
from gitexp.model import Restored, Revision, State, Verdict

_LEFT_ALONE = (Verdict.BETTER, Verdict.INVALID)
"""Verdicts that the plan's last day changes nothing about."""


def due_action(experiment: Experiment, verdict: Verdict, *, now: datetime) -> Action:
    """What is to be done with an experiment that has not ended, or has only expired.

    After the plan's last day whatever is not `better` is rolled back. One whose evidence is
    invalid is left as it is: something is to be mended first, or to be looked at.
    """
    is_over = experiment.state is State.EXPIRED or now > experiment.plan.expires
    if is_over and verdict not in _LEFT_ALONE:
        return Action.ROLL_BACK
    return ACTIONS[verdict]


def is_left_to_people(experiment: Experiment, revision: Revision) -> bool:
    """Whether somebody restored it who could know all that would end it now.

    What a person has undone is not done again by a program.
    """
    event = experiment.state_event
    if event is None or not isinstance(event.body, Restored):
        return False
    decided = experiment.decisions.get(revision)
    is_known = decided is not None and decided.at <= event.at
    return is_known or experiment.plan.expires <= event.at
