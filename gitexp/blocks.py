"""Trials put together into blocks, and blocks into one number each."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gitexp.model import (
    Abandoned,
    Arm,
    Metric,
    Outcome,
    Record,
    RecordId,
    Revision,
    Scale,
    Trial,
    WriterId,
)

WORST = 1e6
"""Stands for 'worse than any number' when only one arm of a block has a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrial:
    """A trial with the values that came later merged in, and its record."""

    record: Record
    trial: Trial
    metrics: Mapping[str, float]

    def value(self, metric: Metric) -> float | None:
        """The metric's value; None when the trial failed or did not report it.

        `failures` is known for every trial, failed ones most of all.
        """
        if metric.name != "failures" and self.trial.outcome is not Outcome.OK:
            return None
        return self.metrics.get(metric.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One ended trial per arm: the unit of every analysis."""

    writer: WriterId
    revision: Revision
    number: int
    attempt: int
    control: RunTrial
    treatment: RunTrial
    is_retracted: bool

    @property
    def completed(self) -> Record:
        """The record that completed it."""
        return max(self.control.record, self.treatment.record, key=lambda r: r.seq)

    @property
    def finished(self) -> datetime:
        return max(self.control.record.at, self.treatment.record.at)

    def values(self, metric: Metric) -> tuple[float | None, float | None]:
        """Control's and treatment's value."""
        return self.control.value(metric), self.treatment.value(metric)

    def has_value(self, metric: Metric) -> bool:
        """Whether at least one arm has a value: else the block says nothing of this metric."""
        return self.values(metric) != (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBlock:
    """A block that was not ended, or left out.

    Attributes:
        attempt: The attempt to go on with.
        done: The arms of that attempt that ended already.
    """

    writer: WriterId
    revision: Revision
    number: int
    attempt: int
    done: frozenset[Arm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The blocks of one writer in one revision, in the order of their numbers.

    Attributes:
        blocks: Complete ones, gapless from 1: what may be admitted.
        held_back: Complete ones behind a gap.
        next_number: The first number never begun.
    """

    writer: WriterId
    revision: Revision
    blocks: tuple[Block, ...]
    held_back: tuple[Block, ...]
    open: tuple[OpenBlock, ...]
    next_number: int


def difference(block: Block, metric: Metric, scale: Scale) -> float | None:
    """The block as one number: ln T - ln C, or T - C, rounded to 12 digits so that ties are exact.

    Returns:
        ±WORST when only one arm has a value (the other failed: worse than any number), None
        when neither has.

    Raises:
        NotPositive: when a value on the log scale is zero or negative.
    """
    control, treatment = block.values(metric)
    if control is None and treatment is None:
        return None
    harmful = WORST if metric.direction == "lower" else -WORST
    if treatment is None:
        return harmful
    if control is None:
        return -harmful
    if scale is Scale.DIFFERENCE:
        return round(treatment - control, 12)
    for run, value in ((block.control, control), (block.treatment, treatment)):
        if value <= 0:
            raise NotPositive(metric, run.record.id, value)
    return round(math.log(treatment) - math.log(control), 12)


class NotPositive(ValueError):
    """A value that has no logarithm."""

    def __init__(self, metric: Metric, trial: RecordId, value: float) -> None:
        super().__init__(f"{metric.name} is {value!r} in trial {trial}")
        self.metric = metric
        self.trial = trial
        self.value = value


def series(
    trials: Iterable[RunTrial],
    abandoned: Iterable[tuple[WriterId, Abandoned]],
    retracted: frozenset[RecordId],
) -> dict[tuple[Revision, WriterId], Series]:
    """All paired, counted trials as blocks, by revision and writer."""
    given_up = {(a.revision, writer, a.block) for writer, a in abandoned}
    attempts: dict[tuple[Revision, WriterId], dict[int, list[RunTrial]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in trials:
        if run.trial.block:
            attempts[run.trial.revision, run.record.writer][run.trial.block].append(run)
    for revision, writer, number in given_up:
        attempts[revision, writer].setdefault(number, [])
    return {
        (revision, writer): _one_series(
            revision,
            writer,
            runs,
            {n for r, w, n in given_up if (r, w) == (revision, writer)},
            retracted,
        )
        for (revision, writer), runs in attempts.items()
    }


def _one_series(
    revision: Revision,
    writer: WriterId,
    runs: Mapping[int, list[RunTrial]],
    given_up: set[int],
    retracted: frozenset[RecordId],
) -> Series:
    complete: list[Block] = []
    held_back: list[Block] = []
    unfinished: list[OpenBlock] = []
    expected = 1
    is_gapless = True
    for number in sorted(runs):
        if number != expected:
            # left out, though a later one was begun: a run goes back to it
            is_gapless = False
            unfinished.append(_open(revision, writer, expected, attempt=1))
        expected = number + 1
        found = _assemble(revision, writer, number, runs[number], retracted)
        match found:
            case Block():
                (complete if is_gapless else held_back).append(found)
            case _ if number in given_up:
                pass
            case OpenBlock():
                is_gapless = False
                unfinished.append(found)
            case None:
                is_gapless = False
    return Series(
        writer=writer,
        revision=revision,
        blocks=tuple(complete),
        held_back=tuple(held_back),
        open=tuple(unfinished),
        next_number=expected,
    )


def _open(
    revision: Revision,
    writer: WriterId,
    number: int,
    *,
    attempt: int,
    done: frozenset[Arm] = frozenset(),
) -> OpenBlock:
    return OpenBlock(writer=writer, revision=revision, number=number, attempt=attempt, done=done)


def _assemble(
    revision: Revision,
    writer: WriterId,
    number: int,
    runs: list[RunTrial],
    retracted: frozenset[RecordId],
) -> Block | OpenBlock | None:
    if not runs:
        return None
    attempt = max(run.trial.attempt for run in runs)
    latest = [run for run in runs if run.trial.attempt == attempt]
    if any(run.trial.outcome is Outcome.VOID for run in latest):
        return _open(revision, writer, number, attempt=attempt + 1)
    # a trial recorded twice for one slot cannot choose the better value: the first one counts
    by_arm: dict[Arm, RunTrial] = {}
    for run in sorted(latest, key=lambda run: run.record.seq):
        by_arm.setdefault(run.trial.arm, run)
    if len(by_arm) < 2:
        return _open(revision, writer, number, attempt=attempt, done=frozenset(by_arm))
    return Block(
        writer=writer,
        revision=revision,
        number=number,
        attempt=attempt,
        control=by_arm[Arm.CONTROL],
        treatment=by_arm[Arm.TREATMENT],
        is_retracted=any(run.record.id in retracted for run in by_arm.values()),
    )
