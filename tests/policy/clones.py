"""Clones that record, sync, retract and hand over: sets of records that only grow.

A clone gains what its writer adds and what a shared set holds, as notes refs do. Each writer's
clock is wrong in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import strategies as st

from gitexp.app.analyze import decided
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Abandoned,
    Arm,
    Body,
    Handover,
    Outcome,
    Record,
    RecordId,
    Retraction,
    Trial,
    Verdict,
    WriterId,
)
from gitexp.policy import analyse
from gitexp.policy.intake import due_intakes
from tests.making import ANN, BOB, COMPARISON, REVISION, START, Notebook, plan_with

CAT = WriterId("cat-1")
WRITERS = (ANN, BOB, CAT)


@dataclass
class Clone:
    """One writer's clone."""

    writer: WriterId
    notebook: Notebook
    skew: timedelta
    known: dict[RecordId, Record] = field(default_factory=dict)
    shown: list[list[RecordId]] = field(default_factory=list)
    settled: dict[RecordId, tuple[list[RecordId], set[RecordId]]] = field(default_factory=dict)

    @property
    def experiment(self) -> Experiment:
        return self.notebook.experiment([*self.known.values()])

    @property
    def decides(self) -> bool:
        return self.experiment.decider == self.writer

    def add(self, body: Body) -> Record:
        at = START + self.skew + timedelta(seconds=len(self.notebook.records))
        record = self.notebook.add(body, writer=self.writer, at=at)
        self.known[record.id] = record
        return record

    def measure(self, value: int) -> None:
        """The next trial of the block that is begun, or of a new one; mostly both trials."""
        self._trial(value)
        if value % 4:
            self._trial(value)

    def _trial(self, value: int) -> None:
        own = self.experiment.series.get((REVISION, self.writer))
        number, attempt, done = 1, 1, frozenset[Arm]()
        if own is not None and own.open:
            first = own.open[0]
            number, attempt, done = first.number, first.attempt, first.done
        elif own is not None:
            number = own.next_number
        if value == 0 and done:
            self.add(Abandoned(revision=REVISION, block=number, reason="stopped"))
            return
        arm = Arm.TREATMENT if Arm.CONTROL in done else Arm.CONTROL
        self.add(
            Trial(
                arm=arm,
                commit=COMPARISON.arm(arm).commit,
                revision=REVISION,
                block=number,
                attempt=attempt,
                slot=None,
                host="mill",
                outcome=Outcome.OK,
                exit_code=0,
                metrics={"time": 1 + value / 100, "failures": 0.0},
            )
        )

    def sync(self, shared: dict[RecordId, Record]) -> None:
        self.known |= shared
        if self.decides and REVISION not in self.experiment.decisions:
            for intake in due_intakes(self.experiment, REVISION):
                self.add(intake)
        shared |= {id: r for id, r in self.known.items() if r.writer == self.writer}

    def retract(self, choice: int) -> None:
        trials = [r for r in self.known.values() if isinstance(r.body, Trial)]
        if trials:
            target = trials[choice % len(trials)].id
            self.add(Retraction(targets=(target,), reason="noise"))

    def take_over(self) -> None:
        experiment = self.experiment
        if experiment.decider != self.writer:
            own = [r.seq for r in experiment.records if r.writer == experiment.decider]
            self.add(
                Handover(
                    predecessor=experiment.decider,
                    tenure=experiment.tenure.handover,
                    seen=max(own, default=0),
                    to=self.writer,
                )
            )

    def decide(self) -> None:
        experiment = self.experiment
        if not self.decides or REVISION in experiment.decisions:
            return
        analysis = replace(analyse(experiment, COMPARISON), verdict=Verdict.BETTER)
        tenure = experiment.tenure.handover
        record = self.add(decided(analysis, COMPARISON, tenure=tenure))
        self.settled[record.id] = counted(experiment), retracted(experiment)


def counted(experiment: Experiment) -> list[RecordId]:
    """What counts, in order: each block by the trial that completed it."""
    return [block.completed.id for block in experiment.admitted(REVISION)]


def retracted(experiment: Experiment) -> set[RecordId]:
    return {*experiment.retractions}


steps = st.lists(
    st.tuples(
        st.sampled_from(["measure"] * 4 + ["sync"] * 4 + ["retract", "hand over", "decide"]),
        st.integers(0, 2),
        st.integers(0, 40),
    ),
    min_size=12,
    max_size=60,
)
skews = st.permutations([-3000, 0, 3000])


def play(
    story: list[tuple[str, int, int]], clocks: list[int], *, without: frozenset[str] = frozenset()
) -> tuple[list[Clone], dict[RecordId, Record]]:
    notebook = Notebook(plan_with(min_blocks=6, max_blocks=40, created=START))
    clones = [
        Clone(writer, notebook, timedelta(seconds=skew))
        for writer, skew in zip(WRITERS, clocks, strict=True)
    ]
    shared: dict[RecordId, Record] = {}
    for step, who, value in story:
        clone = clones[who]
        match step:
            case _ if step in without:
                pass
            case "measure":
                clone.measure(value)
            case "sync":
                clone.sync(shared)
            case "retract":
                clone.retract(value)
            case "hand over":
                clone.take_over()
            case "decide":
                clone.decide()
            case _:
                raise AssertionError(step)
        clone.shown.append(counted(clone.experiment))
    return clones, shared
