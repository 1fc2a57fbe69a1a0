"""The action column of the verdict table: one test per row, before and after the last day."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gitexp.decision import Action
from gitexp.model import Decided, Expired, Oid, Restored, RolledBack, State, Verdict
from gitexp.policy.due import due_action, is_left_to_people
from tests.making import REVISION, Notebook

DURING, AFTER = timedelta(days=1), timedelta(days=15)
TIP = Oid("d" * 40)


def decided(verdict: Verdict) -> Decided:
    return Decided(
        verdict=verdict,
        revision=REVISION,
        control=Oid("a" * 40),
        treatment=TIP,
        blocks=10,
        effect=None,
        interval=(None, None),
        level=0.95,
    )


def at(notebook: Notebook, elapsed: timedelta) -> datetime:
    return notebook.plan.created + elapsed


@pytest.mark.parametrize(
    ("verdict", "during", "after"),
    [
        (Verdict.BETTER, Action.PROMOTE, Action.PROMOTE),
        (Verdict.BLOCKED, Action.ROLL_BACK, Action.ROLL_BACK),
        (Verdict.WORSE, Action.ROLL_BACK, Action.ROLL_BACK),
        (Verdict.EQUIVALENT, Action.REPORT, Action.ROLL_BACK),
        (Verdict.COLLECTING, Action.CONTINUE, Action.ROLL_BACK),
        (Verdict.UNDECIDED, Action.REPORT, Action.ROLL_BACK),
        (Verdict.INVALID, Action.NONE, Action.NONE),
    ],
)
def test_every_row_of_the_table(verdict: Verdict, during: Action, after: Action) -> None:
    notebook = Notebook()
    experiment = notebook.experiment()

    assert due_action(experiment, verdict, now=at(notebook, DURING)) is during
    assert due_action(experiment, verdict, now=at(notebook, AFTER)) is after


@pytest.mark.parametrize(
    ("verdict", "action"),
    [(Verdict.BETTER, Action.PROMOTE), (Verdict.UNDECIDED, Action.ROLL_BACK)],
)
def test_what_is_on_record_as_expired_needs_no_clock(verdict: Verdict, action: Action) -> None:
    notebook = Notebook()
    notebook.add(Expired(verdict=verdict))
    experiment = notebook.experiment()

    assert experiment.state is State.EXPIRED
    assert due_action(experiment, verdict, now=at(notebook, DURING)) is action


def test_what_somebody_restored_knowing_its_verdict_is_left_alone() -> None:
    notebook = Notebook()
    notebook.add(decided(Verdict.WORSE))
    dropped = notebook.add(RolledBack(tip=TIP, reason="worse"))
    notebook.add(Restored(tip=TIP, merge=None, after=dropped.id))

    assert is_left_to_people(notebook.experiment(), REVISION)


def test_a_verdict_that_fell_after_the_restore_counts() -> None:
    notebook = Notebook()
    dropped = notebook.add(RolledBack(tip=TIP, reason="no time"))
    notebook.add(Restored(tip=TIP, merge=None, after=dropped.id))
    notebook.add(decided(Verdict.WORSE))

    assert not is_left_to_people(notebook.experiment(), REVISION)


def test_what_was_restored_after_its_last_day_is_left_alone() -> None:
    notebook = Notebook()
    late = at(notebook, AFTER)
    over = notebook.add(Expired(verdict=Verdict.UNDECIDED), at=late)
    notebook.add(Restored(tip=TIP, merge=None, after=over.id), at=late + timedelta(hours=1))

    assert is_left_to_people(notebook.experiment(), REVISION)


def test_what_nobody_restored_is_not_left_to_anybody() -> None:
    notebook = Notebook()
    notebook.add(decided(Verdict.BETTER))

    assert not is_left_to_people(notebook.experiment(), REVISION)
