"""When blocks enter whose values came later, computed from docs/formats.md §6.1 alone.

This reader shares no code with the product: it takes raw records and follows the text.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.model import (
    Arm,
    Direction,
    Intake,
    Metric,
    Observation,
    Outcome,
    RecordId,
    Scale,
    Seen,
    TestName,
    WriterId,
)
from tests.making import ANN, BOB, REVISION, Notebook, plan_with

Raw = dict[str, Any]
Moment = tuple[int, str, int]
JOY = Metric(name="joy", direction=Direction.HIGHER, unit="score")


def _position(records: list[Raw], record: Raw) -> int | None:
    """The number of the decider's record that admitted it; there is one tenure only."""
    if record["writer"] == ANN:
        return int(record["seq"])
    found = [
        int(r["seq"])
        for r in records
        if r.get("event") == "intake" and record["seq"] <= r["upto"].get(record["writer"], [0])[0]
    ]
    return min(found, default=None)


def _value(records: list[Raw], trial: Raw) -> tuple[float, int] | None:
    """The value of joy that counts and the position at which it came; None: awaited."""
    if "joy" in trial["metrics"]:
        return trial["metrics"]["joy"], 0
    found = [
        (position, r["writer"], r["seq"], r["metrics"]["joy"])
        for r in records
        if r["kind"] == "observation" and r["trial"] == trial["id"] and "joy" in r["metrics"]
        if (position := _position(records, r)) is not None
    ]
    if not found:
        return None
    position, *_, value = min(found)
    return value, position


def _by_the_book(records: list[Raw]) -> list[tuple[str, int, tuple[float | None, float | None]]]:
    """Writer, number and both values of the blocks that have entered, in their order."""
    entered: list[tuple[Moment, tuple[float | None, float | None]]] = []
    for writer in (ANN, BOB):
        number, reached = 0, 0
        while True:
            number += 1
            pair = [
                [r for r in records if r["writer"] == writer and r.get("block") == number
                 and r.get("arm") == arm]
                for arm in ("control", "treatment")
            ]  # fmt: skip
            if not all(pair):
                break
            control, treatment = pair[0][0], pair[1][0]
            position = _position(records, max(control, treatment, key=lambda r: r["seq"]))
            if position is None:
                break
            reached = max(reached, position)
            values: list[float | None] = []
            moment = reached
            for trial in (control, treatment):
                told = None if trial["outcome"] != "ok" else _value(records, trial)
                if trial["outcome"] == "ok" and told is None:
                    break  # awaited: the block has not entered
                values.append(None if told is None else told[0])
                moment = max(moment, 0 if told is None else told[1])
            else:
                entered.append(((moment, writer, number), (values[0], values[1])))
    return [(writer, number, values) for (_, writer, number), values in sorted(entered)]


@given(seed=st.integers(0, 2**20), steps=st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_the_product_and_the_book_agree_on_when_blocks_enter(seed: int, steps: int) -> None:
    chance = Random(seed)
    plan = plan_with(primary=JOY, scale=Scale.DIFFERENCE, test=TestName.T)
    book = Notebook(plan)
    blocks: dict[WriterId, int] = {ANN: 0, BOB: 0}
    trials: list[RecordId] = []
    for _ in range(steps):
        writer = chance.choice([ANN, BOB])
        what = chance.random()
        if what < 0.4:
            blocks[writer] += 1
            for arm in Arm:
                outcome = Outcome.FAILED if chance.random() < 0.15 else Outcome.OK
                metrics = {"joy": chance.random()} if chance.random() < 0.2 else {}
                made = book.trial(arm, blocks[writer], metrics, outcome=outcome, writer=writer)
                trials.append(made.id)
        elif what < 0.85 and trials:
            body = Observation(trial=chance.choice(trials), metrics={"joy": chance.random()})
            book.add(body, writer=writer)
        else:
            seqs = [record.seq for record in book.records if record.writer == BOB]
            if seqs:
                upto = chance.choice(seqs)
                book.add(Intake(revision=REVISION, upto={BOB: Seen(seq=upto, records=upto)}))
    shuffled = [*book.records]
    chance.shuffle(shuffled)

    found = [
        (block.writer, block.number, block.values(JOY))
        for block in book.experiment(shuffled).admitted(REVISION)
        if block.entered is not None
    ]

    assert found == _by_the_book([json.loads(record.line) for record in book.records])
