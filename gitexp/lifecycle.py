"""What an experiment is now: a fold over its records."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from gitexp.admission import Admission, Tenure
from gitexp.blocks import Block, RunTrial, Series, series
from gitexp.later import retractions_of, trials_of
from gitexp.model import (
    Abandoned,
    Created,
    Decided,
    Evidence,
    ExperimentId,
    Expired,
    Oid,
    Outcome,
    Overridden,
    Plan,
    PlanBody,
    PlanHash,
    Position,
    Problem,
    Promoted,
    Record,
    RecordId,
    Revision,
    State,
    Unknown,
    WriterId,
)
from gitexp.states import Standing, standing

T = TypeVar("T")


class Entry(NamedTuple):
    """A block that is complete: its place in the one order, and when it got there."""

    awaits: bool
    position: Position
    writer: WriterId
    number: int
    at: datetime
    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """All that follows from the records of one experiment.

    Attributes:
        standing: The state, and the events that brought it about.
        records: Those of this plan, oldest first.
        trials: Counted and warm-up trials alike, oldest first, later values merged in. Those in
            which the control was compared with itself are in `series` alone.
        series: Blocks by (revision, writer), whether they count or not.
        admission: Who decides, and from which moment on a record counts.
        retractions: Retracted trial to the reason; those after a decision do not count.
        missing: Records that were taken in and are not here, by revision and writer.
    """

    id: ExperimentId
    plan: Plan
    canonical: str
    plan_hash: PlanHash
    plan_commit: Oid | None
    standing: Standing
    expired: Record | None
    records: tuple[Record, ...]
    trials: tuple[RunTrial, ...]
    series: Mapping[tuple[Revision, WriterId], Series]
    admission: Admission
    retractions: Mapping[RecordId, str]
    missing: Mapping[tuple[Revision, WriterId], int]
    problems: tuple[Problem, ...]
    tips: Mapping[str, str]
    _known: dict[object, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        """What was made for this key before: the records never change, and there can be many."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    @property
    def state(self) -> State:
        return self.standing.state

    @property
    def state_event(self) -> Record | None:
        """The event that brought the present state about; None while running from the start."""
        return self.standing.event

    @property
    def promoted(self) -> Record | None:
        """The promotion that led to the present state, if one did."""
        return self.standing.last(Promoted)

    @property
    def overrides(self) -> Mapping[Oid, str]:
        """By treatment commit, why it was right to merge it although it was not found better."""
        found: dict[Oid, str] = {}
        for record in self.records:
            match record.body:
                case Promoted(tip=tip, override=str() as reason):
                    found.setdefault(tip, reason)
                case Overridden(tip=tip, reason=reason):
                    found.setdefault(tip, reason)
                case _:
                    pass
        return found

    @property
    def decider(self) -> WriterId:
        """Who decides now: the creator, or whom it was handed over to."""
        return self.tenure.writer

    @property
    def tenure(self) -> Tenure:
        return self.admission.tenures[-1]

    @property
    def decisions(self) -> Mapping[Revision, Record]:
        """The decision that holds, by revision."""
        return self.admission.decisions

    def shows_counts_only(self, revision: Revision | None) -> bool:
        """Whether the plan keeps this revision's values from those who run it until it has ended.

        A decision about another revision ends nothing for this one.
        """
        has_ended = self.expired is not None or self.state is not State.RUNNING
        return self.plan.spends_on_expiry and not has_ended and revision not in self.decisions

    def admitted(self, revision: Revision) -> tuple[Block, ...]:
        """The blocks that were complete by the plan's last day, in the order they entered.

        One enters when it is complete and the values of the primary metric are known; those that
        await one come last. Retracted ones are among them: the analysis leaves them out and asks
        what difference that makes.
        """
        entries, expires = self._entries(revision), self.plan.expires
        in_time = (entry.block for entry in entries if entry.at <= expires)
        return self._once(("admitted", revision), lambda: tuple(in_time))

    def late(self, revision: Revision) -> int:
        """Blocks that entered after the plan's last day."""
        expires = self.plan.expires
        return sum(entry.at > expires for entry in self._entries(revision))

    def _entries(self, revision: Revision) -> tuple[Entry, ...]:
        return self._once(("entries", revision), lambda: self._all_entries(revision))

    def _all_entries(self, revision: Revision) -> tuple[Entry, ...]:
        found: list[Entry] = []
        for (of, writer), own in self.series.items():
            if of != revision:
                continue
            for block, ended, at in zip(own.blocks, own.ended, own.entered, strict=True):
                gate = self.admission.gate(revision, writer, ended)
                if gate is None:
                    break  # and all behind it
                found.append(self._entry(block, gate.position, max(at, gate.at)))
        return tuple(sorted(found, key=lambda entry: entry[:4]))

    def _entry(self, block: Block, position: Position, at: datetime) -> Entry:
        primary = self.plan.primary
        awaits = block.awaits(primary)
        entered = max(position, block.known(primary) or position)
        found = block if awaits else block.entering(entered)
        return Entry(awaits, entered, block.writer, block.number, at, found)

    def waiting(self, revision: Revision) -> dict[WriterId, int]:
        """Complete blocks that do not count yet, by writer: not taken in, or behind a gap."""
        counts: dict[WriterId, int] = {}
        for (of, writer), found in self.series.items():
            if of != revision:
                continue
            gates = (self.admission.gate(revision, writer, ended) for ended in found.ended)
            held = len(found.held_back) + sum(gate is None for gate in gates)
            if held:
                counts[writer] = held
        return counts

    def self_compared(self) -> tuple[Block, ...]:
        """Blocks in which the control was compared with itself, whoever recorded them, by time."""
        found = [
            block
            for (revision, _), own in self.series.items()
            if revision.is_self
            for block in own.blocks
            if not block.is_retracted
        ]
        return tuple(sorted(found, key=lambda block: (block.finished, block.writer, block.number)))

    def unpaired(self, revision: Revision) -> tuple[RunTrial, ...]:
        """Trials without a block that count, in the order they entered."""
        runs = self.counted(revision, with_retracted=True)
        return tuple(run for run in runs if run.trial.block is None)

    def counted(self, revision: Revision, *, with_retracted: bool = False) -> tuple[RunTrial, ...]:
        """Trials that have entered, in that order, with or without a block.

        Those whose primary value came later entered with it, those that await it come last.
        Warm-ups, voids, late and, unless asked for, retracted ones are left out.
        """
        everything = self._once(("counted", revision), lambda: self._counted(revision))
        if with_retracted or not self.retractions:
            return everything
        return tuple(run for run in everything if run.record.id not in self.retractions)

    def _counted(self, revision: Revision) -> tuple[RunTrial, ...]:
        primary, expires = self.plan.primary, self.plan.expires
        found: list[tuple[bool, Position, WriterId, int, RunTrial]] = []
        for run in self.trials:
            trial, record = run.trial, run.record
            if trial.block == 0 or trial.outcome is Outcome.VOID or trial.revision != revision:
                continue
            gate = self.admission.gate(revision, record.writer, record.seq)
            if gate is not None and max(record.at, gate.at) <= expires:
                position = max(gate.position, run.known(primary) or gate.position)
                found.append((run.awaits(primary), position, record.writer, record.seq, run))
        return tuple(run for *_, run in sorted(found, key=lambda entry: entry[:4]))

    def revisions(self) -> tuple[Revision, ...]:
        """Revisions of which a block or an unpaired trial has entered, in that order.

        What waits uses up none of the revisions the plan registers.
        """
        begun: list[tuple[Position, Revision]] = []
        for (revision, writer), found in self.series.items():
            if revision.is_self:
                continue
            completed = [block.completed for block in (*found.blocks, *found.held_back)]
            begun += self._moments(revision, writer, (record.seq for record in completed))
        for run in self.trials:
            if run.trial.block is None:
                record = run.record
                begun += self._moments(run.trial.revision, record.writer, [record.seq])
        return tuple(dict.fromkeys(revision for _, revision in sorted(begun)))

    def _moments(
        self, revision: Revision, writer: WriterId, seqs: Iterable[int]
    ) -> list[tuple[Position, Revision]]:
        gates = (self.admission.gate(revision, writer, seq) for seq in seqs)
        return [(gate.position, revision) for gate in gates if gate is not None]

    def last_decision(self) -> Decided | None:
        """What was decided last, of whatever revision."""
        newest = max(self.decisions.values(), key=lambda r: (r.at, r.id), default=None)
        return newest.body if newest and isinstance(newest.body, Decided) else None

    def last_revision(self) -> Revision | None:
        """The revision of the newest decision, else of the newest trial."""
        decided = self.last_decision()
        if decided is not None:
            return decided.revision
        counted = [run for run in self.trials if run.trial.block != 0]
        return counted[-1].trial.revision if counted else None


def choose_plan(evidence: Evidence, line: str | None, parsed: PlanBody | None) -> PlanBody | None:
    """The plan that holds: the record the branch's plan line names, else the oldest record.

    Args:
        line: The canonical JSON found in the branch's messages, if any.
        parsed: The same, parsed: used when no plan record is here yet.
    """
    plans = sorted(
        (r for r in evidence.records if isinstance(r.body, PlanBody)), key=lambda r: (r.at, r.id)
    )
    bodies = [r.body for r in plans if isinstance(r.body, PlanBody)]
    named = [body for body in bodies if body.canonical == line]
    return next(iter(named or bodies), parsed)


def fold(evidence: Evidence, plan: PlanBody, plan_hash: PlanHash) -> Experiment:
    """The experiment these records make under this plan."""
    records = tuple(
        sorted(
            (r for r in evidence.records if r.plan == plan_hash),
            key=lambda r: (r.at, r.writer, r.seq, r.id),
        )
    )
    admission = Admission(records, first=plan.plan.decider)
    everything = trials_of(records, admission, expires=plan.plan.expires)
    trials = tuple(run for run in everything if not run.trial.revision.is_self)
    retractions = retractions_of(records, everything, admission)
    missing = _missing(records, admission)
    return Experiment(
        id=evidence.exp,
        plan=plan.plan,
        canonical=plan.canonical,
        plan_hash=plan_hash,
        plan_commit=next(
            (r.body.plan_commit for r in records if isinstance(r.body, Created)), None
        ),
        standing=standing(records),
        expired=next((r for r in reversed(records) if isinstance(r.body, Expired)), None),
        records=records,
        trials=trials,
        series=series(
            (run for run in everything if run.trial.block),
            (r for r in records if isinstance(r.body, Abandoned)),
            frozenset(retractions),
        ),
        admission=admission,
        retractions=retractions,
        missing=missing,
        problems=(
            *evidence.problems,
            *_foreign_plans(evidence, plan_hash),
            *_missing_problems(evidence, missing),
        ),
        tips=evidence.tips,
    )


def _missing(
    records: Iterable[Record], admission: Admission
) -> dict[tuple[Revision, WriterId], int]:
    """How many of the records that a decider took in are not here."""
    if not admission.seen:
        return {}
    seqs: dict[WriterId, list[int]] = {}
    for record in records:
        seqs.setdefault(record.writer, []).append(record.seq)
    here = {writer: sorted(found) for writer, found in seqs.items()}
    lacking = {
        (revision, writer): seen.records - bisect_right(here.get(writer, []), seen.seq)
        for (revision, writer), seen in admission.seen.items()
    }
    return {key: count for key, count in lacking.items() if count > 0}


def _missing_problems(
    evidence: Evidence, missing: Mapping[tuple[Revision, WriterId], int]
) -> tuple[Problem, ...]:
    most: dict[WriterId, int] = {}
    for (_, writer), count in sorted(missing.items()):
        most[writer] = max(count, most.get(writer, 0))
    return tuple(
        Problem(
            kind="missing-records",
            text=f"{count} records of {writer} that were taken in are not here",
            where=str(evidence.exp),
        )
        for writer, count in most.items()
    )


def _foreign_plans(evidence: Evidence, plan_hash: PlanHash) -> tuple[Problem, ...]:
    others = [r for r in evidence.records if r.plan != plan_hash]
    if not others:
        return ()
    return (
        Problem(
            kind="plan-mismatch",
            text=f"{len(others)} records belong to another plan of this name and are not used",
            where=str(evidence.exp),
        ),
    )


def unknown_kinds(experiment: Experiment) -> dict[str, int]:
    """How many records of each kind this program does not know."""
    counts: dict[str, int] = {}
    for record in experiment.records:
        if isinstance(record.body, Unknown):
            counts[record.body.kind] = counts.get(record.body.kind, 0) + 1
    return counts
