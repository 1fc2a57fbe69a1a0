"""Trial ids and blocks of what a file tells.

One case of an evaluation is one block: both arms answered the same input. Blocks of cases come in
the order of a hash, so that nobody can choose which cases are looked at first; a case that has a
block keeps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gitexp.app.import_drafts import Draft
from gitexp.app.load import Loaded
from gitexp.app.record import NewTrial
from gitexp.blocks import RunTrial
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, PlanHash, Revision, WriterId
from gitexp.store.store import Store


def placed(store: Store, loaded: Loaded, drafts: Sequence[Draft]) -> tuple[NewTrial, ...]:
    """The drafts as trials, in the order in which they are to be recorded.

    Raises:
        Refused: for values that contradict each other or what is recorded, and for cases that have
            a block of another clone.
    """
    experiment, revision = loaded.experiment, loaded.compared().revision
    named = [_with_id(draft, experiment.plan_hash, revision) for draft in drafts]
    _refuse_same_id(named)
    known: dict[str | None, RunTrial] = {
        run.trial.trial_id: run for run in experiment.trials if run.trial.trial_id
    }
    for draft in named:
        if draft.trial_id in known:
            _refuse_other_values(experiment, draft, known[draft.trial_id])
    kept = [_where_it_was(draft, known) for draft in named]
    if experiment.plan.test.is_paired:
        blocks = _blocks_of_cases(experiment, revision, store.writer, kept, known)
        kept = [_in_block(draft, blocks) for draft in kept]
        kept.sort(key=lambda draft: (draft.block is None, draft.block or 0))
    return tuple(_trial(draft) for draft in kept)


def without_exported(
    loaded: Loaded, drafts: Sequence[Draft]
) -> tuple[tuple[Draft, ...], tuple[RunTrial, ...]]:
    """The drafts that are no trials of this very experiment, and the records of the others.

    What was exported carries the ids of its records where trials have no name of a user's.

    Raises:
        Refused: when such a trial has other values here.
    """
    runs = {str(run.record.id): run for run in loaded.experiment.trials}
    others, found = [], []
    for draft in drafts:
        run = runs.get(draft.trial_id or "")
        if run is None:
            others.append(draft)
        else:
            _refuse_other_values(loaded.experiment, draft, run)
            found.append(run)
    return tuple(others), tuple(found)


def _with_id(draft: Draft, plan: PlanHash, revision: Revision) -> Draft:
    """The draft with a trial id: the user's, or one that follows from what it is."""
    if draft.trial_id is not None:
        return draft
    told = (plan, revision.control_tree, revision.treatment_tree, draft.arm, draft.identity)
    return replace(draft, trial_id=f"import-{_hash(*told)[:24]}")


def _refuse_same_id(drafts: Iterable[Draft]) -> None:
    seen: dict[str | None, Draft] = {}
    for draft in drafts:
        other = seen.setdefault(draft.trial_id, draft)
        if _told(other) != _told(draft):
            raise Refused(
                f"{draft.where} and {other.where} have one trial id, {_name(draft)}, and other "
                "values",
                hint="give each trial an id of its own",
                code="trial-id-twice",
            )


def _refuse_other_values(experiment: Experiment, draft: Draft, run: RunTrial) -> None:
    """Nothing, when the draft says what is recorded of its trial.

    Raises:
        Refused: else, with what is recorded, where the plan does not keep that to itself.
    """
    trial = run.trial
    other = next((n for n, v in draft.metrics.items() if run.metrics.get(n) != v), None)
    if draft.arm is not trial.arm:
        what = f"as a trial of the {trial.arm}"
    elif draft.outcome is not trial.outcome:
        what = f"as {trial.outcome}"
    elif draft.block is not None and draft.block != trial.block:
        what = "unpaired" if trial.block is None else f"in block {trial.block}"
    elif other is not None:
        value = run.metrics.get(other)
        what = f"without {other}" if value is None else f"with {other} {value:g}"
        if experiment.shows_counts_only(trial.revision):
            what = f"with another {other}"
    else:
        return
    raise Refused(
        f"{draft.where} is recorded already, {what} (trial {run.record.id})",
        hint="what is recorded stays; another trial needs another id: --trial-id NAME",
        code="trial-id-taken",
    )


def _where_it_was(draft: Draft, known: Mapping[str | None, RunTrial]) -> Draft:
    run = known.get(draft.trial_id)
    return draft if run is None else replace(draft, block=run.trial.block)


def _blocks_of_cases(
    experiment: Experiment,
    revision: Revision,
    writer: WriterId,
    drafts: Sequence[Draft],
    known: Mapping[str | None, RunTrial],
) -> dict[str, int]:
    """Every case that is to be recorded, with its block.

    Raises:
        Refused: for a case that another clone has begun, or that has this arm already.
    """
    begun: dict[str, int] = {}
    arms: dict[tuple[str, Arm], RunTrial] = {}
    elsewhere: dict[str, RunTrial] = {}
    for run in experiment.trials:
        trial = run.trial
        if trial.case is None or not trial.block or trial.revision != revision:
            continue
        if run.record.writer == writer:
            begun.setdefault(trial.case, trial.block)
            arms.setdefault((trial.case, trial.arm), run)
        else:
            elsewhere.setdefault(trial.case, run)
    fresh = [d for d in drafts if d.case is not None and d.trial_id not in known]
    for draft in fresh:
        assert draft.case is not None
        if draft.case in elsewhere:
            raise _begun_elsewhere(draft, elsewhere[draft.case])
        if (draft.case, draft.arm) in arms:
            raise _answered(draft, arms[draft.case, draft.arm])
    own = experiment.series.get((revision, writer))
    first = 1 if own is None else own.next_number
    # a block that this very file names is not free either
    first = max([first, *(d.block + 1 for d in drafts if d.block and d.case is None)])
    new = {draft.case for draft in fresh if draft.case is not None} - begun.keys()
    order = sorted(new, key=lambda case: _hash(experiment.plan_hash, case))
    return begun | {case: number for number, case in enumerate(order, first)}


def _begun_elsewhere(draft: Draft, run: RunTrial) -> Refused:
    writer = run.record.writer
    return Refused(
        f"{draft.where} has its block in the clone of {writer}, who imported the {run.trial.arm}",
        hint=f"one case is one block: import both arms as {writer}, in one clone",
        code="case-elsewhere",
    )


def _answered(draft: Draft, run: RunTrial) -> Refused:
    return Refused(
        f"{draft.where} has its {draft.arm} trial already ({run.record.id})",
        hint="one case is one block, however often it is asked: more cases tell more",
        code="block-taken",
    )


def _in_block(draft: Draft, blocks: Mapping[str, int]) -> Draft:
    if draft.case is None or draft.case not in blocks:
        return draft
    return replace(draft, block=blocks[draft.case])


def _trial(draft: Draft) -> NewTrial:
    return NewTrial(
        arm=draft.arm,
        metrics=draft.metrics,
        block=draft.block,
        trial_id=draft.trial_id,
        outcome=draft.outcome,
        host=draft.host,
        payload=draft.payload,
        case=draft.case,
        window=draft.window,
    )


def _told(draft: Draft) -> tuple[object, ...]:
    return draft.arm, draft.block, draft.case, draft.outcome, draft.window, dict(draft.metrics)


def _name(draft: Draft) -> str:
    return (draft.trial_id or "")[:80]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
