"""The order of what counts, computed from docs/formats.md alone, is the product's.

This reader shares no code with the product: it takes raw records and follows §6 and §6.1 to the
letter, and never minds the cost.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from tests.making import ANN, REVISION
from tests.policy.clones import counted, play, retracted, skews, steps

Raw = dict[str, Any]
Position = tuple[int, int]


class Book:
    """Raw records of one experiment in which only one revision was measured."""

    def __init__(self, lines: list[bytes], decider: str) -> None:
        self.records: list[Raw] = [json.loads(line) for line in lines]
        self.tenures: list[tuple[str, str | None, float]] = []
        self._follow(decider, None)
        self.decision = self._decision()

    def events(self, name: str) -> list[Raw]:
        return [r for r in self.records if r.get("event") == name]

    def _follow(self, writer: str, tenure: str | None) -> None:
        found = [
            r
            for r in self.events("handover")
            if r.get("tenure") == tenure and r["predecessor"] == writer and r["to"] != writer
        ]
        if not found:
            self.tenures.append((writer, tenure, float("inf")))
            return
        first = min(found, key=lambda r: str(r["id"]))
        self.tenures.append((writer, tenure, first["seen"]))
        self._follow(first["to"], first["id"])

    def _decision(self) -> Position | None:
        found = [
            (number, r["seq"])
            for number, (writer, tenure, _) in enumerate(self.tenures)
            for r in self.events("decided")
            if r["writer"] == writer and r.get("tenure") == tenure
        ]
        return min(found, default=None)

    def _reach(self, number: int) -> float:
        until = self.tenures[number][2]
        if self.decision is not None and self.decision[0] == number:
            return max(until, self.decision[1])
        return until

    def position(self, record: Raw) -> Position | None:
        found: list[Position] = []
        for number, (writer, tenure, _) in enumerate(self.tenures):
            if record["writer"] == writer and record["seq"] <= self._reach(number):
                found.append((number, record["seq"]))
            for intake in self.events("intake"):
                is_theirs = intake["writer"] == writer and intake.get("tenure") == tenure
                upto = intake["upto"].get(record["writer"], [0, 0])[0]
                if is_theirs and intake["seq"] <= self._reach(number) and record["seq"] <= upto:
                    found.append((number, intake["seq"]))
        return min(found, default=None)

    def blocks(self) -> list[str]:
        """Ids of the records that completed the blocks that count, in their order."""
        found: list[tuple[Position, str, int, str]] = []
        for writer in {r["writer"] for r in self.records}:
            entered: Position = (-1, -1)
            number = 0
            while (end := self._end(writer, number := number + 1)) is not None:
                position = self.position(end)
                if position is None:
                    break
                entered = max(entered, position)
                if end["kind"] == "trial":
                    found.append((entered, writer, number, end["id"]))
        return [id for *_, id in sorted(found)]

    def _end(self, writer: str, number: int) -> Raw | None:
        """The record by which the block ended: it was complete, or given up before that."""
        own = [r for r in self.records if r["writer"] == writer and r.get("block") == number]
        given_up = min((r for r in own if r["kind"] == "event"), key=_seq, default=None)
        arms = {
            arm: min(
                (r for r in own if r["kind"] == "trial" and r["arm"] == arm),
                key=_seq,
                default=None,
            )
            for arm in ("control", "treatment")
        }
        last = None
        if all(arms.values()):
            last = max((r for r in arms.values() if r), key=_seq)
        if given_up is not None and (last is None or given_up["seq"] < last["seq"]):
            return given_up
        return last

    def retracted(self) -> set[str]:
        found = set()
        for record in self.records:
            position = self.position(record)
            if record["kind"] == "retraction" and position is not None:
                is_late = self.decision is not None and position > self.decision
                found |= set() if is_late else {*record["targets"]}
        return found


def _seq(record: Raw) -> int:
    return int(record["seq"])


@given(story=steps, clocks=skews)
@settings(max_examples=80)
def test_the_product_and_the_book_agree(
    story: list[tuple[str, int, int]], clocks: list[int]
) -> None:
    clones, shared = play(story, clocks)
    for clone in clones:
        clone.sync(shared)

    for clone in clones:
        experiment = clone.experiment
        book = Book([record.line for record in experiment.records], ANN)
        assert book.blocks() == counted(experiment)
        assert book.retracted() == retracted(experiment)
        assert book.tenures[-1][0] == experiment.decider
        assert (book.decision is None) is (REVISION not in experiment.decisions)
