"""Trials from the files of other tools: all of them checked before any is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitexp.app.import_drafts import Draft, Drafts
from gitexp.app.import_names import Names, Wanted
from gitexp.app.import_places import placed, without_exported
from gitexp.app.import_results import of_results
from gitexp.app.import_rows import of_rows
from gitexp.app.load import Loaded, load
from gitexp.app.observe import NewObservation, check_observations, observe_all
from gitexp.app.preflight import refuse_ended
from gitexp.app.record import NewTrial, check_all, record_all
from gitexp.blocks import RunTrial
from gitexp.errors import Refused, UsageError
from gitexp.formats import Format, Results, read_results
from gitexp.model import Arm, ExperimentId, Oid, Outcome, RecordId
from gitexp.store.lock import recording_lock
from gitexp.store.repository import MissingObject
from gitexp.store.store import Store

_COMMIT = re.compile(r"[0-9a-f]{7,40}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What the user asks for.

    Attributes:
        format: None: whichever each file has the shape of.
        maps: As typed, 'NAME=METRIC'.
        block: Of the first file; the next ones follow.
    """

    files: tuple[Path, ...]
    arm: Arm | None = None
    format: Format | None = None
    select: str | None = None
    maps: tuple[str, ...] = ()
    block: int | None = None
    trial_id: str | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One trial that was imported, or would be.

    Attributes:
        id: Of its record; None where none was written.
        existed: It was recorded before.
    """

    id: RecordId | None
    arm: Arm
    block: int | None
    case: str | None
    trial_id: str | None
    outcome: Outcome
    metrics: dict[str, float]
    existed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedView:
    """What `import` answers.

    Attributes:
        files: Each file, and the format it was read as.
        observed: How many trials got values that came later.
        known_observed: How many of these had them before.
        cases: How many cases there are now; 0 where the files have none.
        waits: The arm that the cases or blocks imported lack, if one has no trial of them.
        notes: What to know of the trials.
    """

    exp: ExperimentId
    files: tuple[tuple[str, Format], ...]
    trials: tuple[Imported, ...]
    observed: int
    known_observed: int
    cases: int
    max_blocks: int
    waits: Arm | None
    is_dry_run: bool
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def format_named(name: str) -> Format | None:
    """The format of this name; None for 'auto'.

    Raises:
        UsageError: if there is none.
    """
    if name == "auto":
        return None
    try:
        return Format(name)
    except ValueError:
        raise UsageError(
            f"no format is named {name!r}", hint=f"one of: auto, {', '.join(sorted(Format))}"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One file, read and understood."""

    file: str
    read: Results
    drafts: Drafts


def import_files(store: Store, exp: ExperimentId, wanted: Import) -> ImportedView:
    """Record what the files say: all trials or, if anything is refused, none.

    Raises:
        UsageError, Refused: for a file that cannot be read, or be meant; for values that the plan
            cannot use, or that contradict what is recorded; for an experiment that has ended.
    """
    loaded = load(store, exp)
    if loaded.comparison is None:
        refuse_ended(loaded)  # the branch is gone: nothing tells what a file could have measured
    told = tuple(_told(loaded, wanted))
    trials = _with_trial_id([d for one in told for d in one.drafts.trials], wanted.trial_id)
    later = [
        NewObservation(trial=one.trial, metrics=one.metrics)
        for found in told
        for one in found.drafts.later
    ]
    if later and trials:
        raise Refused(
            "some of the files have trials, others values that came later",
            hint="import the trials first, then the values",
            code="mixed",
        )
    if wanted.is_dry_run:
        return _place(store, loaded, told, trials, later, wanted)
    with recording_lock(store.git):
        return _place(store, load(store, exp), told, trials, later, wanted)


def _place(
    store: Store,
    loaded: Loaded,
    told: Sequence[_Told],
    trials: list[Draft],
    later: list[NewObservation],
    wanted: Import,
) -> ImportedView:
    if later:
        return _import_later(store, loaded, told, later, wanted)
    return _import_trials(store, loaded, told, trials, wanted)


def _told(loaded: Loaded, wanted: Import) -> Iterator[_Told]:
    plan = loaded.experiment.plan
    names = Wanted.of(wanted.select, wanted.maps, plan)
    for at, path in enumerate(wanted.files):
        file = path.name[:100] or str(path)
        read = read_results(path, wanted.format)
        block = None if wanted.block is None else wanted.block + at
        here = Names(exp=loaded.experiment.id, plan=plan, wanted=names, file=file)
        drafts = (of_rows if read.rows else of_results)(read, here, arm=wanted.arm, block=block)
        yield _Told(file=file, read=read, drafts=drafts)


def _with_trial_id(trials: list[Draft], trial_id: str | None) -> list[Draft]:
    if trial_id is None:
        return trials
    if len(trials) != 1:
        raise UsageError(
            f"--trial-id names one trial, and there are {len(trials)}",
            hint="leave it out: every trial gets an id from what it is",
        )
    return [replace(trials[0], trial_id=trial_id)]


def _import_trials(
    store: Store, loaded: Loaded, told: Sequence[_Told], trials: list[Draft], wanted: Import
) -> ImportedView:
    others, exported = without_exported(loaded, trials)
    known = {run.trial.trial_id for run in loaded.experiment.trials}
    for draft in others:
        if draft.trial_id is None or draft.trial_id not in known:
            _refuse_other_commit(store, loaded, draft)
    new = placed(store, loaded, others)
    existed = check_all(store, loaded, new)
    ids: tuple[RecordId | None, ...] = (None,) * len(new)
    notes: dict[str, None] = {}
    if not wanted.is_dry_run:
        recorded = record_all(store, loaded, new)
        ids = tuple(view.id for view in recorded)
        notes = dict.fromkeys(v.note for v in recorded if v.note and not v.existed)
    found = (
        *(_of_record(loaded, run) for run in exported),
        *(
            _of_trial(one, id=id, existed=was)
            for one, id, was in zip(new, ids, existed, strict=True)
        ),
    )
    return _view(loaded, told, wanted, trials=found, notes=tuple(notes))


def _import_later(
    store: Store,
    loaded: Loaded,
    told: Sequence[_Told],
    later: Sequence[NewObservation],
    wanted: Import,
) -> ImportedView:
    existed = check_observations(store, loaded, later)
    notes: dict[str, None] = {}
    if not wanted.is_dry_run:
        answers = observe_all(store, loaded, later)
        notes = dict.fromkeys(v.note for v in answers if v.note and not v.existed)
    view = _view(loaded, told, wanted, trials=(), notes=tuple(notes))
    return replace(view, observed=len(later), known_observed=sum(existed))


def _view(
    loaded: Loaded,
    told: Sequence[_Told],
    wanted: Import,
    *,
    trials: tuple[Imported, ...],
    notes: tuple[str, ...],
) -> ImportedView:
    experiment = loaded.experiment
    cases = {trial.case for trial in trials if trial.case is not None}
    if cases:
        revision = loaded.compared().revision
        cases |= {
            run.trial.case
            for run in experiment.trials
            if run.trial.case is not None and run.trial.revision == revision
        }
    return ImportedView(
        exp=experiment.id,
        files=tuple((one.file, one.read.format) for one in told),
        trials=trials,
        observed=0,
        known_observed=0,
        cases=len(cases),
        max_blocks=experiment.plan.max_blocks,
        waits=_lacking(loaded, trials),
        is_dry_run=wanted.is_dry_run,
        warnings=tuple(_warnings(told)),
        notes=notes,
    )


def _warnings(told: Iterable[_Told]) -> Iterator[str]:
    for one in told:
        for text in one.read.warnings:
            yield f"{one.file}: {text}"
        if one.read.is_dirty:
            yield f"{one.file}: there were uncommitted changes when it was measured"
        yield from one.drafts.warnings


def _lacking(loaded: Loaded, trials: Sequence[Imported]) -> Arm | None:
    """The arm that has no trial in any of these blocks, if one has none."""
    blocks = {trial.block for trial in trials if trial.block}
    revision = loaded.compared().revision
    arms = {trial.arm for trial in trials} | {
        run.trial.arm
        for run in loaded.experiment.trials
        if run.trial.block in blocks and run.trial.revision == revision
    }
    return next((arm for arm in Arm if arm not in arms), None) if blocks else None


def _of_record(loaded: Loaded, run: RunTrial) -> Imported:
    trial = run.trial
    hides_values = loaded.experiment.shows_counts_only(trial.revision)
    return Imported(
        id=run.record.id,
        arm=trial.arm,
        block=trial.block,
        case=trial.case,
        trial_id=trial.trial_id,
        outcome=trial.outcome,
        metrics={} if hides_values else dict(run.metrics),
        existed=True,
    )


def _of_trial(trial: NewTrial, *, id: RecordId | None, existed: bool) -> Imported:
    return Imported(
        id=id,
        arm=trial.arm,
        block=trial.block,
        case=trial.case,
        trial_id=trial.trial_id,
        outcome=trial.outcome,
        metrics=dict(trial.values),
        existed=existed,
    )


def _refuse_other_commit(store: Store, loaded: Loaded, draft: Draft) -> None:
    """Nothing, when the file measured what the arm holds now, or does not say what."""
    if draft.commit is None:
        return
    ours = loaded.compared().arm(draft.arm).commit
    said = draft.commit.lower()
    if _COMMIT.match(said) and (ours.startswith(said) or _is_same_tree(store, said, ours)):
        return
    raise Refused(
        f"{draft.where} measured {draft.commit[:12]}, and the {draft.arm} of "
        f"{loaded.experiment.id} is {ours[:12]}",
        hint=f"measure that one: git checkout {ours[:12]}",
        code="other-commit",
    )


def _is_same_tree(store: Store, said: str, ours: Oid) -> bool:
    """Whether the commit differs in its message or history alone."""
    if len(said) != 40:
        return False
    try:
        return store.repository.commit(Oid(said)).tree == store.repository.commit(ours).tree
    except MissingObject:
        return False
