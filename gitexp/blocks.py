"""Trials put together into blocks, and blocks into one number each."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from gitexp.model import (
    Abandoned,
    Arm,
    Metric,
    Outcome,
    Plan,
    Position,
    Record,
    RecordId,
    Revision,
    Scale,
    TestName,
    Trial,
    WriterId,
)

WORST = 1e6
"""Stands for 'worse than any number' when only one arm of a block has a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrial:
    """A trial with the values that came later merged in, and its record.

    Attributes:
        came: Of the metrics whose values came later, when they entered.
    """

    record: Record
    trial: Trial
    metrics: Mapping[str, float]
    came: Mapping[str, Position] = field(default_factory=dict)

    def awaits(self, metric: Metric) -> bool:
        """Whether a value of the metric may still come: it did not fail, and has none."""
        return self.trial.outcome is Outcome.OK and metric.name not in self.metrics

    def known(self, metric: Metric) -> Position | None:
        """When its value came, if that was later; None also for a failed one: it had its place."""
        came = self.came.get(metric.name) if self.came else None
        return came if came is not None and self.value(metric) is not None else None

    def value(self, metric: Metric) -> float | None:
        """The metric's value; None when the trial failed or did not report it.

        `failures` is known for every trial, failed ones most of all.
        """
        if self.trial.outcome is Outcome.OK or metric.name == "failures":
            return self.metrics.get(metric.name)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One ended trial per arm: the unit of every analysis.

    Attributes:
        entered: From when on it counts; None while it does not, or while that was not asked.
    """

    writer: WriterId
    revision: Revision
    number: int
    attempt: int
    control: RunTrial
    treatment: RunTrial
    is_retracted: bool
    entered: Position | None = None

    @property
    def completed(self) -> Record:
        """The record that completed it."""
        return max(self.control.record, self.treatment.record, key=lambda r: r.seq)

    @property
    def finished(self) -> datetime:
        return max(self.control.record.at, self.treatment.record.at)

    def entering(self, position: Position) -> Block:
        """The block as it counts from this moment on."""
        return Block(
            writer=self.writer,
            revision=self.revision,
            number=self.number,
            attempt=self.attempt,
            control=self.control,
            treatment=self.treatment,
            is_retracted=self.is_retracted,
            entered=position,
        )

    def run(self, arm: Arm) -> RunTrial:
        return self.control if arm is Arm.CONTROL else self.treatment

    def values(self, metric: Metric) -> tuple[float | None, float | None]:
        """Control's and treatment's value."""
        return self.control.value(metric), self.treatment.value(metric)

    def awaits(self, metric: Metric) -> bool:
        """Whether a value of the metric may still come in either arm."""
        return self.control.awaits(metric) or self.treatment.awaits(metric)

    def has_value(self, metric: Metric) -> bool:
        """Whether the block says something of the metric: each arm has a value or failed, not both.

        An arm that did not fail and has none yet says neither: it is no failure.
        """
        control, treatment = self.values(metric)
        if control is not None and treatment is not None:
            return True
        return (control is not None or treatment is not None) and not self.awaits(metric)

    def is_silent(self, metric: Metric) -> bool:
        """Whether it will never say anything of the metric: both arms failed."""
        return self.values(metric) == (None, None) and not self.awaits(metric)

    def known(self, metric: Metric) -> Position | None:
        """When the last value of the metric came that came later; None: none did."""
        if not (self.control.came or self.treatment.came):
            return None
        came = (self.control.known(metric), self.treatment.known(metric))
        return max((found for found in came if found is not None), default=None)


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
        ended: For each of these, the writer's record by which it and all before it had ended.
        entered: The same as a time.
        held_back: Complete ones behind a gap.
        next_number: The first number never begun.
    """

    writer: WriterId
    revision: Revision
    blocks: tuple[Block, ...]
    ended: tuple[int, ...]
    entered: tuple[datetime, ...]
    held_back: tuple[Block, ...]
    open: tuple[OpenBlock, ...]
    next_number: int


def enters(run: RunTrial, plan: Plan) -> bool:
    """Whether the trial is an entry of a test without blocks.

    A t-test has no place for failed trials; ranks and rates have. One whose value is still awaited
    has not entered.
    """
    if run.awaits(plan.primary):
        return False
    return plan.test is not TestName.WELCH or run.value(plan.primary) is not None


def awaiting(units: Iterable[Block | RunTrial], plan: Plan) -> tuple[tuple[str, int], ...]:
    """By metric of the plan, how many of these blocks or trials lack a value that may come."""
    known = [*units]
    counts = {m.name: sum(unit.awaits(m) for unit in known) for m in plan.declared}
    return tuple((name, count) for name, count in counts.items() if count)


def harmonic_number(runs: Iterable[RunTrial], test: TestName) -> int:
    """How many pairs so many single trials are worth: 2ab / (a + b), rounded down.

    Of every host for itself under Welch's test, which is stratified by them; else of all together.
    """
    is_by_host = test is TestName.WELCH
    counts: Counter[tuple[str, Arm]] = Counter(
        (run.trial.host if is_by_host else "", run.trial.arm) for run in runs
    )
    total = Fraction(0)
    for host in {host for host, _ in counts}:
        a, b = counts[host, Arm.CONTROL], counts[host, Arm.TREATMENT]
        total += Fraction(2 * a * b, a + b)
    return int(total)


def difference(block: Block, metric: Metric, scale: Scale) -> float | None:
    """The block as one number: ln T - ln C, or T - C, rounded to 12 digits so that ties are exact.

    Returns:
        ±WORST when only one arm has a value (the other failed: worse than any number), None
        when neither has, or one is still awaited.

    Raises:
        NotPositive: when a value on the log scale is zero or negative.
    """
    control, treatment = block.values(metric)
    if not block.has_value(metric):
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
    trials: Iterable[RunTrial], abandoned: Iterable[Record], retracted: frozenset[RecordId]
) -> dict[tuple[Revision, WriterId], Series]:
    """All paired, counted trials as blocks, by revision and writer.

    Args:
        abandoned: The records of blocks that were given up.
    """
    attempts: dict[tuple[Revision, WriterId], dict[int, list[RunTrial]]] = defaultdict(
        lambda: defaultdict(list)
    )
    given_up: dict[tuple[Revision, WriterId], dict[int, Record]] = defaultdict(dict)
    for run in trials:
        if run.trial.block:
            attempts[run.trial.revision, run.record.writer][run.trial.block].append(run)
    for record in sorted(abandoned, key=lambda record: record.seq):
        if isinstance(record.body, Abandoned):
            key = record.body.revision, record.writer
            given_up[key].setdefault(record.body.block, record)
            attempts[key].setdefault(record.body.block, [])
    return {
        (revision, writer): _one_series(
            revision, writer, runs, given_up.get((revision, writer), {}), retracted
        )
        for (revision, writer), runs in attempts.items()
    }


def _one_series(
    revision: Revision,
    writer: WriterId,
    runs: Mapping[int, list[RunTrial]],
    given_up: Mapping[int, Record],
    retracted: frozenset[RecordId],
) -> Series:
    complete: list[Block] = []
    ends: list[int] = []
    entered: list[datetime] = []
    held_back: list[Block] = []
    unfinished: list[OpenBlock] = []
    expected = 1
    is_gapless = True
    last_end, ended = 0, datetime.min.replace(tzinfo=UTC)
    for number in sorted(runs):
        if number != expected:
            # left out, though a later one was begun: a run goes back to it
            is_gapless = False
            unfinished.append(_open(revision, writer, expected, attempt=1))
        expected = number + 1
        found = _assemble(revision, writer, number, runs[number], retracted)
        end = given_up.get(number)
        if end is not None and not (isinstance(found, Block) and found.completed.seq < end.seq):
            # given up before it was complete: what came later cannot bring it back
            last_end, ended = max(last_end, end.seq), max(ended, end.at)
        elif isinstance(found, Block):
            last_end, ended = max(last_end, found.completed.seq), max(ended, found.finished)
            if is_gapless:
                complete.append(found)
                ends.append(last_end)
                entered.append(ended)
            else:
                held_back.append(found)
        else:
            is_gapless = False
            unfinished.append(found)
    return Series(
        writer=writer,
        revision=revision,
        blocks=tuple(complete),
        ended=tuple(ends),
        entered=tuple(entered),
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
) -> Block | OpenBlock:
    """The block these trials make: the first attempt in which both arms ended without a void.

    Nothing recorded later can take its place, or a writer could measure until it suits.
    """
    attempts = {run.trial.attempt for run in runs}
    by_attempt = {attempt: _first_of_each_arm(runs, attempt) for attempt in attempts}
    found = [
        Block(
            writer=writer,
            revision=revision,
            number=number,
            attempt=attempt,
            control=arms[Arm.CONTROL],
            treatment=arms[Arm.TREATMENT],
            is_retracted=any(run.record.id in retracted for run in arms.values()),
        )
        for attempt, arms in by_attempt.items()
        if len(arms) == len(Arm) and not _has_void(arms)
    ]
    if found:
        return min(found, key=lambda block: (block.completed.seq, block.attempt))
    last = max(attempts, default=1)
    arms = by_attempt.get(last, {})
    if _has_void(arms):
        return _open(revision, writer, number, attempt=last + 1)
    return _open(revision, writer, number, attempt=last, done=frozenset(arms))


def _first_of_each_arm(runs: Iterable[RunTrial], attempt: int) -> dict[Arm, RunTrial]:
    """A trial recorded twice for one slot cannot choose the better value: the first counts."""
    arms: dict[Arm, RunTrial] = {}
    for run in sorted(runs, key=lambda run: (run.record.seq, run.record.id)):
        if run.trial.attempt == attempt:
            arms.setdefault(run.trial.arm, run)
    return arms


def _has_void(arms: Mapping[Arm, RunTrial]) -> bool:
    return any(run.trial.outcome is Outcome.VOID for run in arms.values())
