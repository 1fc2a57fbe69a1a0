"""Who decides when, and from which moment on a record counts.

The plan names the first decider, and each handover the next: a chain of *tenures*. Only the
records of a tenure's writer admit anything: its own when they were written, those of others by an
*intake*. So what counts, and in which order, follows from the deciders' own counters: no clock is
asked, and a record that arrives late can come neither before nor between what was looked at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import NamedTuple

from gitexp.model import (
    Decided,
    Handover,
    Intake,
    Position,
    Record,
    RecordId,
    Revision,
    Seen,
    WriterId,
)

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Gate(NamedTuple):
    """When a record entered.

    Attributes:
        at: When it was taken in; long ago for the decider's own, which enter as they are written.
    """

    position: Position
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """One writer's time as the decider.

    Attributes:
        handover: The event it began with; None: the plan.
        until: The writer's last record that counts by itself; infinite while nobody followed.
    """

    writer: WriterId
    handover: RecordId | None
    until: float


def tenures(records: Iterable[Record], first: WriterId) -> tuple[Tenure, ...]:
    """The deciders in their order; of two handovers by one predecessor the smaller id holds."""
    following: dict[RecordId | None, list[tuple[RecordId, Handover]]] = defaultdict(list)
    for record in records:
        match record.body:
            case Handover(tenure=tenure, predecessor=old, to=new) as handover if old != new:
                following[tenure].append((record.id, handover))
            case _:
                pass
    found: list[Tenure] = []
    writer, began = first, None
    while True:
        held = [(id, body) for id, body in following.pop(began, []) if body.predecessor == writer]
        if not held:
            return (*found, Tenure(writer=writer, handover=began, until=inf))
        id, handover = min(held, key=lambda pair: pair[0])
        found.append(Tenure(writer=writer, handover=began, until=handover.seen))
        writer, began = handover.to, id


class Admission:
    """From which moment on records count.

    Attributes:
        tenures: The deciders so far; the last one decides now.
        decisions: The decision that holds, by revision: that of the earliest tenure, for a decider
            who did not know of its successor yet may have decided first.
        seen: How far others were read, by revision and writer, at the last intake of them.
    """

    def __init__(self, records: Iterable[Record], *, first: WriterId) -> None:
        records = tuple(records)
        self.tenures = tenures(records, first)
        index = {tenure.handover: at for at, tenure in enumerate(self.tenures)}
        self._decided: dict[Revision, tuple[Position, Record]] = {}
        intakes: list[tuple[Position, Record, Intake]] = []
        for record in records:
            match record.body:
                case (Decided(tenure=began) | Intake(tenure=began)) as body:
                    at = index.get(began)
                    if at is None or self.tenures[at].writer != record.writer:
                        continue  # by one who did not decide
                    position = Position(at, record.seq)
                    if isinstance(body, Intake):
                        intakes.append((position, record, body))
                    else:
                        self._note_decision(position, record, body)
                case _:
                    pass
        self._gates: dict[tuple[Revision, WriterId], list[tuple[int, Gate]]] = defaultdict(list)
        self.seen: dict[tuple[Revision, WriterId], Seen] = {}
        self._reach: dict[tuple[Revision, WriterId], tuple[tuple[int, float], ...]] = {}
        for position, record, intake in sorted(intakes, key=lambda found: found[0]):
            self._open_gates(position, record, intake)

    def _note_decision(self, position: Position, record: Record, body: Decided) -> None:
        earlier = self._decided.get(body.revision)
        if earlier is None or (position, record.id) < (earlier[0], earlier[1].id):
            self._decided[body.revision] = position, record

    def _open_gates(self, position: Position, record: Record, intake: Intake) -> None:
        if position.seq > self._until(intake.revision, position.tenure):
            return
        for writer, seen in intake.upto.items():
            key = intake.revision, writer
            gates = self._gates[key]
            if not gates or gates[-1][0] < seen.seq:
                gates.append((seen.seq, Gate(position, record.at)))
                self.seen[key] = seen

    def _until(self, revision: Revision, tenure: int) -> float:
        """Up to which of its records the tenure's writer admits: a decision it took stands."""
        decided = self._decided.get(revision)
        own = decided[0].seq if decided is not None and decided[0].tenure == tenure else 0
        return max(self.tenures[tenure].until, own)

    @property
    def decisions(self) -> Mapping[Revision, Record]:
        return {revision: record for revision, (_, record) in self._decided.items()}

    def decided_at(self, revision: Revision) -> Position | None:
        """When the revision was decided, if it was."""
        found = self._decided.get(revision)
        return None if found is None else found[0]

    def gate(self, revision: Revision, writer: WriterId, seq: int) -> Gate | None:
        """When a record of this writer about this revision entered; None: it waits."""
        key = revision, writer
        # asked for every record, several times
        if key not in self._reach:
            self._reach[key] = tuple(
                (index, self._until(revision, index))
                for index, tenure in enumerate(self.tenures)
                if tenure.writer == writer
            )
        reaching = (index for index, until in self._reach[key] if seq <= until)
        index = next(reaching, None)
        own = None if index is None else Gate(Position(index, seq), _BEFORE_ALL)
        if key not in self._gates:
            return own
        gates = self._gates[key]
        at = bisect_left(gates, seq, key=lambda pair: pair[0])
        taken = gates[at][1] if at < len(gates) else None
        return min((found for found in (own, taken) if found), default=None)
