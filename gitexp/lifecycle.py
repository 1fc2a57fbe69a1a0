"""What an experiment is now: a fold over its records."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gitexp.blocks import Block, RunTrial, Series, series
from gitexp.model import (
    Abandoned,
    Created,
    Decided,
    Evidence,
    ExperimentId,
    Expired,
    Observation,
    Oid,
    Outcome,
    Plan,
    PlanBody,
    PlanHash,
    Problem,
    Promoted,
    Record,
    RecordId,
    Restored,
    Retraction,
    Revision,
    RolledBack,
    State,
    Trial,
    Unknown,
    WriterId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """All that follows from the records of one experiment.

    Attributes:
        state_event: The event that brought the present state about; None while running.
        records: Those of this plan, oldest first.
        trials: Counted and warm-up trials alike, oldest first, later values merged in.
        series: Blocks by (revision, writer).
        decisions: The first decision recorded by the decider, by revision.
        retractions: Retracted trial to the reason; those after a decision do not count.
    """

    id: ExperimentId
    plan: Plan
    canonical: str
    plan_hash: PlanHash
    plan_commit: Oid | None
    state: State
    state_event: Record | None
    expired: Record | None
    promoted: Record | None
    records: tuple[Record, ...]
    trials: tuple[RunTrial, ...]
    series: Mapping[tuple[Revision, WriterId], Series]
    decisions: Mapping[Revision, Record]
    retractions: Mapping[RecordId, str]
    problems: tuple[Problem, ...]
    tips: Mapping[str, str]

    def admitted(self, revision: Revision) -> tuple[Block, ...]:
        """The decider's blocks that had entered by the plan's last day, in their order.

        A block enters when it and all before it have ended, so that nothing recorded later comes
        before what was looked at. Retracted ones are among them: the analysis leaves them out and
        asks what difference that makes.
        """
        own = self.series.get((revision, self.plan.decider))
        if own is None:
            return ()
        return own.blocks[: bisect_right(own.entered, self.plan.expires)]

    def waiting(self, revision: Revision) -> dict[WriterId, int]:
        """Complete blocks that do not count yet, by writer: other writers', or behind a gap."""
        counts: dict[WriterId, int] = {}
        for (of, writer), found in self.series.items():
            if of != revision:
                continue
            held = len(found.held_back)
            if writer != self.plan.decider:
                held += len(found.blocks)
            if held:
                counts[writer] = held
        return counts

    def late(self, revision: Revision) -> int:
        """The decider's blocks that entered after the plan's last day."""
        own = self.series.get((revision, self.plan.decider))
        return 0 if own is None else len(own.blocks) - len(self.admitted(revision))

    def unpaired(self, revision: Revision) -> tuple[RunTrial, ...]:
        """The decider's trials without a block, in the order they were recorded."""
        runs = (
            run
            for run in self.trials
            if run.trial.block is None
            and run.trial.revision == revision
            and run.record.writer == self.plan.decider
            and run.record.at <= self.plan.expires
        )
        return tuple(sorted(runs, key=lambda run: run.record.seq))

    def counted(self, revision: Revision, *, with_retracted: bool = False) -> tuple[RunTrial, ...]:
        """The decider's trials in the order they were recorded, with or without a block.

        Warm-ups, voids, late and, unless asked for, retracted ones are left out.
        """
        runs = (
            run
            for run in self.trials
            if run.trial.block != 0
            and run.trial.outcome is not Outcome.VOID
            and run.trial.revision == revision
            and run.record.writer == self.plan.decider
            and (with_retracted or run.record.id not in self.retractions)
            and run.record.at <= self.plan.expires
        )
        return tuple(sorted(runs, key=lambda run: run.record.seq))

    def revisions(self) -> tuple[Revision, ...]:
        """Revisions in which the decider completed a block or recorded an unpaired trial, in order.

        What other writers measure uses up none of the revisions the plan registers.
        """
        decider = self.plan.decider
        begun: list[tuple[int, Revision]] = []
        for (revision, writer), found in self.series.items():
            if writer == decider:
                blocks = (*found.blocks, *found.held_back)
                begun += [(block.completed.seq, revision) for block in blocks]
        for run in self.trials:
            if run.trial.block is None and run.record.writer == decider:
                begun.append((run.record.seq, run.trial.revision))
        return tuple(dict.fromkeys(revision for _, revision in sorted(begun)))

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
    trials = _trials(records)
    decisions = _decisions(records, plan.plan.decider)
    retractions = _retractions(records, trials, decisions)
    state, event = _state(records)
    return Experiment(
        id=evidence.exp,
        plan=plan.plan,
        canonical=plan.canonical,
        plan_hash=plan_hash,
        plan_commit=next(
            (r.body.plan_commit for r in records if isinstance(r.body, Created)), None
        ),
        state=state,
        state_event=event,
        expired=_last(records, Expired),
        promoted=_last(records, Promoted),
        records=records,
        trials=trials,
        series=series(
            (run for run in trials if run.trial.block),
            (r for r in records if isinstance(r.body, Abandoned)),
            frozenset(retractions),
        ),
        decisions=decisions,
        retractions=retractions,
        problems=(*evidence.problems, *_foreign_plans(evidence, plan_hash)),
        tips=evidence.tips,
    )


def _trials(records: Iterable[Record]) -> tuple[RunTrial, ...]:
    runs: dict[RecordId, RunTrial] = {}
    later: list[Observation] = []
    for record in records:
        match record.body:
            case Trial() as trial:
                runs[record.id] = RunTrial(record=record, trial=trial, metrics=trial.metrics)
            case Observation() as observation:
                later.append(observation)
            case _:
                pass
    for observation in later:
        run = runs.get(observation.trial)
        if run is not None:
            # what the trial itself reported cannot be replaced afterwards
            merged = {**observation.metrics, **run.metrics}
            runs[observation.trial] = replace(run, metrics=merged)
    return tuple(runs.values())


def _retractions(
    records: Iterable[Record], trials: Iterable[RunTrial], decisions: Mapping[Revision, Record]
) -> dict[RecordId, str]:
    """Retracted trials that count as such: none can leave a decision after it was recorded."""
    decided = {
        run.record.id: decisions[run.trial.revision]
        for run in trials
        if run.trial.revision in decisions
    }
    retracted: dict[RecordId, str] = {}
    for record in records:
        if not isinstance(record.body, Retraction):
            continue
        for target in record.body.targets:
            decision = decided.get(target)
            if decision is None or (record.writer == decision.writer and record.seq < decision.seq):
                retracted[target] = record.body.reason
    return retracted


def _decisions(records: Iterable[Record], decider: WriterId) -> dict[Revision, Record]:
    decisions: dict[Revision, Record] = {}
    for record in sorted(records, key=lambda r: r.seq):
        if isinstance(record.body, Decided) and record.writer == decider:
            decisions.setdefault(record.body.revision, record)
    return decisions


def _state(records: Iterable[Record]) -> tuple[State, Record | None]:
    state, event = State.RUNNING, None
    for record in records:
        match record.body:
            case Promoted():
                state, event = State.PROMOTED, record
            case RolledBack():
                # an expired experiment stays expired when its branch is dropped
                state = State.EXPIRED if state is State.EXPIRED else State.ROLLED_BACK
                event = record
            case Expired() if state is State.RUNNING:
                state, event = State.EXPIRED, record
            case Restored(merge=None):
                state, event = State.RUNNING, None
            case Restored():
                state, event = State.PROMOTED, record
            case _:
                pass
    return state, event


def _last(records: Iterable[Record], kind: type[Expired | Promoted]) -> Record | None:
    found = [record for record in records if isinstance(record.body, kind)]
    return found[-1] if found else None


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
