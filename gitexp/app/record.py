"""Recording one trial that was measured elsewhere."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from gitexp.app.load import Loaded, load
from gitexp.app.preflight import refuse_new_revision, refuse_to_measure, refuse_wrong_clock
from gitexp.app.views import RecordedView
from gitexp.errors import Refused, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import (
    LARGEST_VALUE,
    Arm,
    ExperimentId,
    Outcome,
    Record,
    Revision,
    Trial,
)
from gitexp.runner.environment import host
from gitexp.store.store import Store

_METRIC_NAME = re.compile(r"[^\s=:][^\s=]{0,199}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrial:
    """What the user measured.

    Attributes:
        metrics: As typed, 'name=value', values in base units.
        block: None for a trial without a partner.
        trial_id: The user's own name of it: recorded once, however often it is sent.
    """

    arm: Arm
    metrics: tuple[str, ...]
    block: int | None
    trial_id: str | None


def record(store: Store, exp: ExperimentId, new: NewTrial) -> RecordedView:
    """Record the trial for the arm's present commit; durable when this returns.

    Raises:
        UsageError: for metrics that cannot be read, or without the primary one.
        Refused: when it cannot belong to the plan, or the block has this arm already.
    """
    loaded = load(store, exp)
    metrics = _parse_metrics(new.metrics, loaded.experiment)
    known = _same_trial_id(loaded.experiment, new.trial_id)
    if known is not None:
        return _answer(known, existed=True, note="this trial id is recorded already")
    _refuse(store, loaded, new)
    comparison = loaded.compared()
    arm = comparison.arm(new.arm)
    written = store.record(
        exp,
        loaded.experiment.plan_hash,
        Trial(
            arm=new.arm,
            commit=arm.commit,
            revision=comparison.revision,
            block=new.block,
            attempt=_attempt(loaded.experiment, comparison.revision, store, new.block),
            slot=None,
            host=host(),
            outcome=Outcome.OK,
            exit_code=0,
            metrics={"failures": 0.0} | metrics,
            trial_id=new.trial_id,
        ),
        target=arm.commit,
    )
    return _answer(written, existed=False, note=_note(loaded.experiment, written))


def _parse_metrics(texts: tuple[str, ...], experiment: Experiment) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not _METRIC_NAME.match(name) or not math.isfinite(value):
            raise UsageError(
                f"{text!r} is not a metric with a finite value", hint="write -m NAME=12.3"
            )
        if abs(value) > LARGEST_VALUE:
            raise UsageError(
                f"{text!r} is beyond {LARGEST_VALUE:g}", hint="write it in a larger unit"
            )
        if name in metrics:
            raise UsageError(f"{name} is given twice", hint="one trial gives one value per metric")
        metrics[name] = value
    primary = experiment.plan.primary.name
    if primary not in metrics:
        raise UsageError(f"the primary metric {primary} is missing", hint=f"add -m {primary}=VALUE")
    return metrics


def _refuse(store: Store, loaded: Loaded, new: NewTrial) -> None:
    refuse_to_measure(loaded)
    refuse_new_revision(loaded)
    refuse_wrong_clock(store, loaded)
    if new.block is None:
        return
    if new.block < 1:
        raise UsageError(f"there is no block {new.block}", hint="blocks count from 1")
    revision = loaded.compared().revision
    free = _next_block(loaded.experiment, revision, store)
    if new.block > max(free, loaded.experiment.plan.max_blocks):
        raise Refused(
            f"block {new.block} would wait for all blocks before it, and the plan ends with "
            f"block {loaded.experiment.plan.max_blocks}",
            hint=f"the next new block is --block {free}",
            code="block-ahead",
        )
    discarded = _attempt(loaded.experiment, revision, store, new.block) - 1
    for run in loaded.experiment.trials:
        trial = run.trial
        is_same = (trial.block, trial.arm, trial.revision) == (new.block, new.arm, revision)
        if is_same and run.record.writer == store.writer and trial.attempt > discarded:
            raise Refused(
                f"block {new.block} has its {new.arm} trial already ({run.record.id})",
                hint=f"the next new block is --block {free}",
                code="block-taken",
            )


def _next_block(experiment: Experiment, revision: Revision, store: Store) -> int:
    own = experiment.series.get((revision, store.writer))
    return 1 if own is None else own.next_number


def _attempt(experiment: Experiment, revision: Revision, store: Store, block: int | None) -> int:
    """The attempt the block waits for: a later one when a void discarded the first."""
    own = experiment.series.get((revision, store.writer))
    begun = () if own is None else own.open
    return next((found.attempt for found in begun if found.number == block), 1)


def _same_trial_id(experiment: Experiment, trial_id: str | None) -> Record | None:
    if trial_id is None:
        return None
    found = (r.record for r in experiment.trials if r.trial.trial_id == trial_id)
    return next(found, None)


def _note(experiment: Experiment, written: Record) -> str | None:
    plan = experiment.plan
    assert isinstance(written.body, Trial)
    if written.at > plan.expires:
        return "recorded after the plan's last day: it is shown, not used"
    if written.body.block is None and plan.test.is_paired:
        return "without --block it is unpaired: it is shown, the registered test never uses it"
    if written.writer != experiment.decider:
        return f"it waits until {experiment.decider}, who decides, takes it in"
    return None


def _answer(written: Record, *, existed: bool, note: str | None) -> RecordedView:
    trial = written.body
    assert isinstance(trial, Trial)
    return RecordedView(
        id=written.id,
        exp=written.exp,
        arm=trial.arm,
        block=trial.block,
        existed=existed,
        note=note,
    )
