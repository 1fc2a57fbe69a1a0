"""What the decider has not taken in yet of what others recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gitexp.lifecycle import Experiment
from gitexp.model import (
    Intake,
    Observation,
    Record,
    RecordId,
    Retraction,
    Revision,
    Seen,
    Trial,
    WriterId,
)

_WRITERS_AT_ONCE = 40
"""As many as fit into one record."""


def due_intakes(experiment: Experiment, revision: Revision) -> tuple[Intake, ...]:
    """The events that would take in all that others completed of the revision; none: nothing new.

    Half a block is left for the next time: until it is complete it says nothing.
    """
    by_writer: dict[WriterId, list[Record]] = defaultdict(list)
    for record in experiment.records:
        if record.writer != experiment.decider:
            by_writer[record.writer].append(record)
    trials = {r.record.id for r in experiment.trials if r.trial.revision == revision}
    upto = [
        (writer, Seen(seq=max(record.seq for record in found), records=len(found)))
        for writer, found in sorted(by_writer.items())
        if _has_news(experiment, revision, writer, found, trials)
    ]
    return tuple(
        Intake(
            revision=revision,
            upto=dict(upto[begin : begin + _WRITERS_AT_ONCE]),
            tenure=experiment.tenure.handover,
        )
        for begin in range(0, len(upto), _WRITERS_AT_ONCE)
    )


def _has_news(
    experiment: Experiment,
    revision: Revision,
    writer: WriterId,
    records: Sequence[Record],
    trials: set[RecordId],
) -> bool:
    own = experiment.series.get((revision, writer))
    ended = set() if own is None else {*own.ended}
    return any(
        experiment.admission.gate(revision, writer, record.seq) is None
        and (record.seq in ended or _tells(record, revision, trials))
        for record in records
    )


def _tells(record: Record, revision: Revision, trials: set[RecordId]) -> bool:
    """Whether the record counts by itself, once it is taken in."""
    match record.body:
        case Trial(block=None, revision=of):
            return of == revision
        case Observation(trial=trial):
            return trial in trials
        case Retraction(targets=targets):
            return not trials.isdisjoint(targets)
        case _:
            return False
