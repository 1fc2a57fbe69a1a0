"""What was recorded later about a trial: values that came afterwards, and retractions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gitexp.admission import Admission, Gate
from gitexp.blocks import RunTrial
from gitexp.model import Observation, Record, RecordId, Retraction, Revision, Trial


def trials_of(
    records: Iterable[Record], admission: Admission, *, expires: datetime
) -> tuple[RunTrial, ...]:
    """The trials, with the values that came later as far as those count."""
    runs: dict[RecordId, RunTrial] = {}
    later: list[Record] = []
    for record in records:
        match record.body:
            case Trial() as trial:
                runs[record.id] = RunTrial(record=record, trial=trial, metrics=trial.metrics)
            case Observation():
                later.append(record)
            case _:
                pass
    found = [
        (gate.position, record.writer, record.seq, record.body)
        for record in later
        if isinstance(record.body, Observation)
        and record.body.trial in runs
        and (gate := _entered(record, runs[record.body.trial].trial.revision, admission))
        and max(record.at, gate.at) <= expires
    ]
    for position, _, _, observation in sorted(found, key=lambda entry: entry[:3]):
        run = runs[observation.trial]
        # what the trial itself reported, or an earlier one, cannot be replaced afterwards
        new = {n: value for n, value in observation.metrics.items() if n not in run.metrics}
        runs[observation.trial] = replace(
            run, metrics={**run.metrics, **new}, came={**run.came, **dict.fromkeys(new, position)}
        )
    return tuple(runs.values())


def _entered(record: Record, revision: Revision, admission: Admission) -> Gate | None:
    """When something said about a trial of this revision entered; None: not before a decision."""
    gate = admission.gate(revision, record.writer, record.seq)
    decided = admission.decided_at(revision)
    if gate is not None and decided is not None and gate.position > decided:
        return None
    return gate


def retractions_of(
    records: Iterable[Record], trials: Iterable[RunTrial], admission: Admission
) -> dict[RecordId, str]:
    """Retracted trials that count as such: none can leave a decision after it was recorded."""
    revisions = {run.record.id: run.trial.revision for run in trials}
    return {
        target: record.body.reason
        for record in records
        if isinstance(record.body, Retraction)
        for target in record.body.targets
        if target in revisions and _entered(record, revisions[target], admission)
    }
