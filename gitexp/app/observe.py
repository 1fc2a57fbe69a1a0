"""Values of a trial that come later: scores given, mistakes found the next day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitexp.app.load import Loaded
from gitexp.app.metric_values import check_meaning, check_values, undeclared_note
from gitexp.app.preflight import refuse_ended, refuse_wrong_clock
from gitexp.app.trial_lookup import TrialNames, find_trial
from gitexp.app.views import ObservedView
from gitexp.blocks import RunTrial
from gitexp.errors import Refused, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Observation, Outcome, Record, RecordId
from gitexp.store.lock import recording_lock
from gitexp.store.store import NewRecord, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObservation:
    """What came later.

    Attributes:
        trial: Its id, the beginning of it, or the name its user gave it.
        metrics: Name to value, in base units.
    """

    trial: str
    metrics: Mapping[str, float]


def observe(
    store: Store, trial: str, metrics: Mapping[str, float], *, exp: ExperimentId | None = None
) -> ObservedView:
    """Record values of a trial that came later; durable when this returns.

    Args:
        exp: Where the trial is looked for; None: everywhere.

    Raises:
        UnknownTrial: if there is none of that name, or several.
        UsageError: for values that no record can hold, or none.
        Refused: when they could not count, or contradict what is recorded.
    """
    with recording_lock(store.git):
        loaded, run = find_trial(store, trial, exp=exp)
        new = NewObservation(trial=run.record.id, metrics=metrics)
        return observe_all(store, loaded, [new])[0]


def observe_all(
    store: Store, loaded: Loaded, new: Sequence[NewObservation]
) -> tuple[ObservedView, ...]:
    """Record later values of many trials of one experiment: all or, if one is refused, none.

    Raises:
        UnknownTrial, UsageError, Refused: as `observe`, for the first that is refused.
    """
    experiment = loaded.experiment
    found = _sort_out(store, loaded, new)
    written = iter(
        store.record_all(
            experiment.id,
            experiment.plan_hash,
            [
                NewRecord(
                    body=Observation(trial=run.record.id, metrics=fresh), target=run.trial.commit
                )
                for run, fresh in found
                if fresh
            ],
        )
    )
    return tuple(
        _answer(experiment, run, one.metrics, next(written) if fresh else None)
        for one, (run, fresh) in zip(new, found, strict=True)
    )


def check_observations(
    store: Store, loaded: Loaded, new: Sequence[NewObservation]
) -> tuple[bool, ...]:
    """Whether all values of each are recorded already; none is recorded.

    Raises:
        UnknownTrial, UsageError, Refused: as `observe_all`.
    """
    return tuple(not fresh for _, fresh in _sort_out(store, loaded, new))


def _sort_out(
    store: Store, loaded: Loaded, new: Sequence[NewObservation]
) -> list[tuple[RunTrial, dict[str, float]]]:
    """Each one's trial, and those of its values that are not recorded yet."""
    experiment, names = loaded.experiment, TrialNames(loaded.experiment)
    known = _known_values(experiment)
    found: list[tuple[RunTrial, dict[str, float]]] = []
    for one in new:
        check_values(one.metrics)
        check_meaning(experiment.plan, one.metrics)
        if not one.metrics:
            raise UsageError("there is no value to record", hint="add -m NAME=VALUE")
        run = names.find(one.trial)
        _refuse(experiment, run)
        fresh = _fresh_values(run, known[run.record.id], one.metrics)
        known[run.record.id] |= fresh
        found.append((run, fresh))
    if any(fresh for _, fresh in found):
        refuse_ended(loaded)
        refuse_wrong_clock(store, loaded)
    return found


def _known_values(experiment: Experiment) -> defaultdict[RecordId, dict[str, float]]:
    """What is recorded of each trial so far, whether it has entered or not."""
    known: defaultdict[RecordId, dict[str, float]] = defaultdict(dict)
    for record in experiment.records:
        if isinstance(record.body, Observation):
            known[record.body.trial] = {**record.body.metrics, **known[record.body.trial]}
    for run in experiment.trials:
        known[run.record.id] |= run.metrics
    return known


def _fresh_values(
    run: RunTrial, known: Mapping[str, float], metrics: Mapping[str, float]
) -> dict[str, float]:
    """The values that are not recorded yet.

    Raises:
        Refused: for one that differs from what is.
    """
    for name, value in metrics.items():
        if known.get(name, value) != value:
            raise Refused(
                f"trial {run.record.id} has {name} {known[name]:g} already: a value that was "
                "recorded stays",
                hint=f"if it is wrong, take the trial out: git exp retract {run.record.id} "
                "--reason WHY",
                code="value-taken",
            )
    return {name: value for name, value in metrics.items() if name not in known}


def _refuse(experiment: Experiment, run: RunTrial) -> None:
    """Nothing, when values of this trial can still count."""
    exp, trial = experiment.id, run.record.id
    again = f"git exp create --like {exp} measures again"
    if run.trial.block == 0 or run.trial.outcome is Outcome.VOID:
        what = "a warm-up" if run.trial.block == 0 else "void"
        raise Refused(
            f"trial {trial} is {what}: no value of it counts",
            hint=f"git exp log {exp} shows those that do",
            code="no-count",
        )
    if trial in experiment.retractions:
        raise Refused(
            f"trial {trial} was retracted: {experiment.retractions[trial]}",
            hint=f"git exp log {exp} shows those that count",
            code="no-count",
        )
    if run.trial.revision in experiment.decisions:
        raise Refused(
            f"{exp} is decided, and no value can join a decision",
            hint=again,
            code="decided",
        )


def _answer(
    experiment: Experiment, run: RunTrial, metrics: Mapping[str, float], written: Record | None
) -> ObservedView:
    notes = []
    if written is None:
        notes.append("these values are recorded already")
    elif written.at > experiment.plan.expires:
        notes.append("recorded after the plan's last day: it is shown, not used")
    elif written.writer != experiment.decider:
        notes.append(f"it waits until {experiment.decider}, who decides, takes it in")
    undeclared = undeclared_note(experiment.plan, metrics)
    return ObservedView(
        id=None if written is None else written.id,
        exp=experiment.id,
        trial=run.record.id,
        arm=run.trial.arm,
        block=run.trial.block,
        metrics=metrics,
        existed=written is None,
        note="; ".join([*notes, *([undeclared] if undeclared else [])]) or None,
    )
