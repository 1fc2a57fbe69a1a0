"""Nobody can choose among measurements: what counts was settled when it was recorded."""

from __future__ import annotations

from datetime import timedelta

from gitexp.blocks import Block
from gitexp.model import Abandoned, Arm, Outcome, Retraction, TestName, Verdict
from gitexp.policy import analyse
from tests.making import COMPARISON, REVISION, START, Notebook, plan_with, wobble


def _admitted(notebook: Notebook) -> tuple[Block, ...]:
    return notebook.experiment().admitted(REVISION)


def _numbers(notebook: Notebook) -> list[int]:
    return [block.number for block in _admitted(notebook)]


def test_closing_a_later_gap_does_not_move_blocks_that_were_used() -> None:
    notebook = Notebook()
    for number in (1, 2, 4, 5, 7, 8, 3):
        notebook.block(number, 1.0, 0.9)
    before = _numbers(notebook)

    notebook.block(6, 1.0, 0.9)

    assert before == [1, 2, 3, 4, 5]
    assert _numbers(notebook) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_gap_closed_after_the_last_day_lets_nothing_in() -> None:
    notebook = Notebook()
    for number in (1, 2, 4, 5):
        notebook.block(number, 1.0, 0.9)

    notebook.block(3, 1.0, 0.9, at=START + timedelta(days=15))

    assert _numbers(notebook) == [1, 2]
    assert notebook.experiment().late(REVISION) == 3


def test_giving_a_block_up_after_the_last_day_lets_nothing_in() -> None:
    notebook = Notebook()
    for number in (1, 2, 4, 5):
        notebook.block(number, 1.0, 0.9)

    given_up = Abandoned(revision=REVISION, block=3, reason="too late")
    notebook.add(given_up, at=START + timedelta(days=15))

    assert _numbers(notebook) == [1, 2]


def test_a_block_given_up_stays_so() -> None:
    notebook = Notebook()
    notebook.block(1, 1.0, 0.9)
    notebook.trial(Arm.CONTROL, 2, {"time": 1.0})
    notebook.add(Abandoned(revision=REVISION, block=2, reason="the machine was busy"))
    notebook.block(3, 1.0, 0.9)

    notebook.trial(Arm.TREATMENT, 2, {"time": 0.5})

    assert _numbers(notebook) == [1, 3]


def test_a_complete_block_cannot_be_given_up() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(3, ratio=1.2))

    notebook.add(Abandoned(revision=REVISION, block=2, reason="I do not like it"))

    assert _numbers(notebook) == [1, 2, 3]


def test_a_complete_block_cannot_be_run_again() -> None:
    notebook = Notebook()
    notebook.block(1, 1.0, 1.3)

    notebook.trial(Arm.CONTROL, 1, {"time": 1.0}, attempt=2)
    notebook.trial(Arm.TREATMENT, 1, {"time": 0.7}, attempt=2)

    [block] = _admitted(notebook)
    assert block.treatment.metrics["time"] == 1.3


def test_a_complete_block_cannot_be_declared_void_afterwards() -> None:
    notebook = Notebook()
    notebook.block(1, 1.0, 1.3)

    notebook.trial(Arm.TREATMENT, 1, {}, outcome=Outcome.VOID)
    notebook.trial(Arm.CONTROL, 1, {"time": 1.0}, attempt=2)
    notebook.trial(Arm.TREATMENT, 1, {"time": 0.7}, attempt=2)

    [block] = _admitted(notebook)
    assert block.treatment.metrics["time"] == 1.3


def test_a_void_trial_cannot_be_replaced_within_its_attempt() -> None:
    notebook = Notebook()
    notebook.trial(Arm.CONTROL, 1, {"time": 1.0})
    notebook.trial(Arm.TREATMENT, 1, {}, outcome=Outcome.VOID)
    notebook.trial(Arm.TREATMENT, 1, {"time": 0.7})

    own = notebook.experiment().series[REVISION, notebook.plan.decider]

    assert own.blocks == ()
    assert [(block.attempt, block.done) for block in own.open] == [(2, frozenset())]


def test_a_retraction_that_turns_the_verdict_is_found_without_blocks_too() -> None:
    notebook = Notebook(plan_with(test=TestName.WELCH))
    records = []
    for number in range(30):
        notebook.trial(Arm.CONTROL, None, {"time": 1.0 + 0.001 * (number % 7)})
        slow = 1.6 if number % 2 else 0.97
        value = {"time": slow + 0.001 * (number % 5)}
        records.append((slow, notebook.trial(Arm.TREATMENT, None, value)))
    assert analyse(notebook.experiment(), COMPARISON).verdict is not Verdict.BETTER

    disliked = tuple(record.id for slow, record in records if slow > 1)
    notebook.add(Retraction(targets=disliked, reason="I do not like them"))

    found = analyse(notebook.experiment(), COMPARISON)
    assert found.verdict is Verdict.INVALID
    assert "15 retracted" in found.reason
