"""The plan, and the records, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gitexp.app.load import load
from gitexp.app.trust import is_trusted
from gitexp.app.views import LogEntry, LogView, PlanView
from gitexp.blocks import Block, RunTrial
from gitexp.errors import GitexpError
from gitexp.lifecycle import Experiment, unknown_kinds
from gitexp.model import ExperimentId, Observation, Outcome, Record, RecordId, Trial
from gitexp.store.store import Store


def show(store: Store, exp: ExperimentId) -> PlanView:
    """The registration, what its arms are now, and whether it may run here."""
    loaded = load(store, exp)
    return PlanView(
        experiment=loaded.experiment,
        comparison=loaded.comparison,
        is_trusted=is_trusted(loaded.experiment.plan_hash),
        revisions_used=len(loaded.experiment.revisions()),
        unknown=unknown_kinds(loaded.experiment),
    )


def log(store: Store, exp: ExperimentId) -> LogView:
    """All records, oldest first, with what became of each."""
    experiment = load(store, exp).experiment
    return LogView(experiment=experiment, entries=entries_of(store, experiment))


def entries_of(store: Store, experiment: Experiment) -> tuple[LogEntry, ...]:
    """All its records, oldest first, with what became of each."""
    marks = _block_marks(experiment)
    runs = {run.record.id: run for run in experiment.trials}
    revisions = {id: run.trial.revision for id, run in runs.items()}
    return tuple(
        LogEntry(
            record=record,
            marks=_marks(experiment, record, marks, runs),
            tail=_last_line(store, record.body) if isinstance(record.body, Trial) else None,
            hides_values=experiment.shows_counts_only(revisions.get(_trial_of(record))),
        )
        for record in experiment.records
    )


def _trial_of(record: Record) -> RecordId:
    """The trial whose values the record holds, if it holds any."""
    return record.body.trial if isinstance(record.body, Observation) else record.id


def _last_line(store: Store, trial: Trial) -> str | None:
    """The last line a failed trial printed, where this clone has its output."""
    if trial.outcome not in (Outcome.FAILED, Outcome.TIMEOUT) or trial.payload is None:
        return None
    try:
        kept = json.loads(store.payload(trial.payload))
        lines = [line.strip() for line in kept.get("tail", "").splitlines() if line.strip()]
    except (GitexpError, ValueError, AttributeError):
        return None
    return lines[-1] if lines else None


def _marks(
    experiment: Experiment,
    record: Record,
    by_block: dict[RecordId, str],
    runs: Mapping[RecordId, RunTrial],
) -> tuple[str, ...]:
    trial = record.body
    if isinstance(trial, Observation):
        return _observation_marks(experiment, record, runs.get(trial.trial))
    if not isinstance(trial, Trial):
        return ()
    found = []
    if trial.block == 0:
        found.append("warm-up")
    elif trial.block is None:
        found.append("unpaired")
    elif trial.outcome is not Outcome.VOID:
        found.append(by_block.get(record.id, "superseded"))
    if trial.outcome is Outcome.VOID:
        found.append("void")
    run = runs.get(record.id)
    is_open = trial.revision not in experiment.decisions
    if run is not None and trial.block != 0 and is_open and run.awaits(experiment.plan.primary):
        found.append("awaited")
    if record.id in experiment.retractions:
        found.append("retracted")
    if record.at > experiment.plan.expires:
        found.append("late")
    return tuple(mark for mark in found if mark)


def _observation_marks(
    experiment: Experiment, record: Record, run: RunTrial | None
) -> tuple[str, ...]:
    """Why values of this trial that came later do not count, or not yet."""
    if run is None:
        return ("waiting",)  # the trial itself is not here yet
    revision, admission = run.trial.revision, experiment.admission
    gate, decided = (
        admission.gate(revision, record.writer, record.seq),
        admission.decided_at(revision),
    )
    found = []
    if gate is None:
        found.append("waiting")
    elif decided is not None and gate.position > decided:
        found.append("after")
    if max(record.at, record.at if gate is None else gate.at) > experiment.plan.expires:
        found.append("late")
    return tuple(found)


def _block_marks(experiment: Experiment) -> dict[RecordId, str]:
    """For trials that belong to a block: '' when it counts, else why it does not (yet)."""
    marks: dict[RecordId, str] = {}
    admission = experiment.admission
    for (revision, writer), found in experiment.series.items():
        decided = admission.decided_at(revision)
        for block, ended in zip(found.blocks, found.ended, strict=True):
            gate = admission.gate(revision, writer, ended)
            is_after = gate is not None and decided is not None and gate.position > decided
            own = "waiting" if gate is None else "after" if is_after else ""
            marks |= dict.fromkeys(_ids(block), own)
        for block in found.held_back:
            marks |= dict.fromkeys(_ids(block), "waiting")
        for begun in found.open:
            for run in experiment.trials:
                trial = run.trial
                if (trial.revision, run.record.writer, trial.block, trial.attempt) == (
                    revision,
                    writer,
                    begun.number,
                    begun.attempt,
                ):
                    marks[run.record.id] = "waiting"
    return marks


def _ids(block: Block) -> tuple[RecordId, RecordId]:
    return block.control.record.id, block.treatment.record.id
