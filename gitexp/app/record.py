"""Recording trials that were measured elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitexp.app.load import Loaded, load
from gitexp.app.metric_values import awaited, check_meaning, check_values, undeclared_note
from gitexp.app.preflight import refuse_new_revision, refuse_to_measure, refuse_wrong_clock
from gitexp.app.reservations import busy_blocks, sweep_all
from gitexp.app.views import RecordedView
from gitexp.errors import Refused, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, ExperimentId, Outcome, Plan, Record, Trial, Window
from gitexp.runner.environment import host
from gitexp.store.lock import recording_lock
from gitexp.store.store import NewRecord, Store

_LONGEST_ID = 200
"""Of a user's name for a trial, characters: as many as a record holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrial:
    """What the user measured.

    Attributes:
        metrics: Name to value, in base units.
        block: None for a trial without a partner.
        trial_id: The user's own name of it: recorded once, however often it is sent.
        host: Where it was measured; None: here.
        payload: More to keep with it, such as inner samples.
        case: The case of an evaluation it answered.
        window: Where it is many uses, and the metrics their means.
    """

    arm: Arm
    metrics: Mapping[str, float]
    block: int | None = None
    trial_id: str | None = None
    outcome: Outcome = Outcome.OK
    host: str | None = None
    payload: bytes | None = None
    case: str | None = None
    window: Window | None = None

    @property
    def values(self) -> dict[str, float]:
        """Its metrics, with what follows from the outcome, or the window."""
        if self.window is not None:
            return {"failures": self.window.failure_rate} | dict(self.metrics)
        has_failed = self.outcome in (Outcome.FAILED, Outcome.TIMEOUT)
        return {"failures": float(has_failed)} | dict(self.metrics)


def record(store: Store, exp: ExperimentId, new: NewTrial) -> RecordedView:
    """Record the trial for the arm's present commit; durable when this returns.

    Raises:
        UsageError: for values that cannot be meant, or none that the plan asks for.
        Refused: when it cannot belong to the plan, or the block has this arm already.
    """
    with recording_lock(store.git):
        return record_all(store, up_to_date(store, exp), [new])[0]


def up_to_date(store: Store, exp: ExperimentId) -> Loaded:
    """The experiment, uses that were abandoned having become trials of it."""
    loaded = load(store, exp)
    return load(store, exp) if sweep_all(store, loaded.experiment) else loaded


def record_all(store: Store, loaded: Loaded, new: Sequence[NewTrial]) -> tuple[RecordedView, ...]:
    """Record many trials of one experiment: all of them or, if one is refused, none.

    What is recorded already under the same trial id, with the same values, is left as it is.

    Raises:
        UsageError, Refused: as `record`, for the first that cannot be recorded.
    """
    fresh, places = _sort_out(loaded.experiment, new)
    written = _write(store, loaded, _bodies(store, loaded, fresh), fresh)
    return tuple(
        answer(
            loaded.experiment,
            written[place] if isinstance(place, int) else place,
            existed=existed,
        )
        for place, existed in zip(places, _existed(places), strict=True)
    )


def check_all(store: Store, loaded: Loaded, new: Sequence[NewTrial]) -> tuple[bool, ...]:
    """Whether each of these is recorded already; none is recorded.

    Raises:
        UsageError, Refused: as `record_all`.
    """
    fresh, places = _sort_out(loaded.experiment, new)
    _bodies(store, loaded, fresh)
    return _existed(places)


_Place = Record | int
"""The record of a trial that is recorded already, or the index of one to record."""


def _sort_out(
    experiment: Experiment, new: Sequence[NewTrial]
) -> tuple[list[NewTrial], list[_Place]]:
    """The trials to record, and where each one's record is or will be.

    Raises:
        UsageError, Refused: for the first that cannot be recorded, whatever the blocks hold.
    """
    known = _by_trial_id(experiment)
    fresh: list[NewTrial] = []
    places: list[_Place] = []
    named: dict[str, int] = {}
    for one in new:
        check_new(experiment.plan, one)
        if one.trial_id in known:
            _refuse_other_values(one, known[one.trial_id][1])
            places.append(known[one.trial_id][0])
        elif one.trial_id in named:
            _refuse_other_values(one, _told(fresh[named[one.trial_id]]))
            places.append(named[one.trial_id])
        else:
            if one.trial_id is not None:
                named[one.trial_id] = len(fresh)
            places.append(len(fresh))
            fresh.append(one)
    return fresh, places


def _existed(places: Sequence[_Place]) -> tuple[bool, ...]:
    """Whether each was recorded before, or was given before in the same go."""
    given: set[int] = set()
    found = []
    for place in places:
        found.append(not isinstance(place, int) or place in given)
        if isinstance(place, int):
            given.add(place)
    return tuple(found)


def check_new(plan: Plan, new: NewTrial) -> None:
    """Nothing, when this can be a trial of the plan.

    Raises:
        UsageError, Refused: else.
    """
    check_values(new.metrics)
    if new.outcome is Outcome.OK:
        check_meaning(plan, new.metrics)
    _check_trial_id(new.trial_id)
    if new.block is not None and new.block < 1:
        raise UsageError(f"there is no block {new.block}", hint="blocks count from 1")
    _check_window(plan, new)
    declared = {metric.name for metric in plan.declared}
    said = {*new.metrics, *(() if new.window is None else ("failures",))}
    if new.outcome is Outcome.OK and declared.isdisjoint(said):
        name = plan.primary.name
        raise UsageError(f"the primary metric {name} is missing", hint=f"add -m {name}=VALUE")


def _check_trial_id(text: str | None) -> None:
    """Nothing, when exports bring the id back as it is, and it names one trial alone.

    Raises:
        UsageError: else: an empty one is a variable that was not set.
    """
    if text is None:
        return
    if not text or not text.isprintable() or text != text.strip() or len(text) > _LONGEST_ID:
        raise UsageError(
            f"{text[:_LONGEST_ID]!r} cannot be a trial id: 1 to {_LONGEST_ID} printable "
            "characters, no blank at either end",
            hint="leave --trial-id out for a trial without a name of yours",
        )


def _check_window(plan: Plan, new: NewTrial) -> None:
    window = new.window
    if window is None:
        if plan.windows:
            raise Refused(
                "every trial of this plan is a window of many uses",
                hint="say how many: --window count=5000,failures=12",
                code="no-window",
            )
        return
    if not plan.windows:
        raise Refused(
            "the plan takes single uses, no windows",
            hint=f"git exp create --like {plan.id} --windows registers one that does",
            code="window",
        )
    if new.outcome is not Outcome.OK:
        raise UsageError(
            f"a window is not {new.outcome}: it counts the uses that failed",
            hint="--window count=5000,failures=12",
        )
    if "failures" in new.metrics:
        raise UsageError("the window says how many failed", hint="leave -m failures=… out")
    without = [name for name in window.variances if name not in new.metrics]
    if without:
        raise UsageError(
            f"a variance of {without[0]}, and no mean", hint=f"add -m {without[0]}=MEAN"
        )


_Told = tuple[Arm, int | None, Outcome, Window | None, Mapping[str, float]]
"""What two trials of one trial id must agree in."""


def _told(new: NewTrial) -> _Told:
    return new.arm, new.block, new.outcome, new.window, new.values


def _by_trial_id(experiment: Experiment) -> dict[str | None, tuple[Record, _Told]]:
    """Every trial that has a name of the user's, later values included."""
    return {
        run.trial.trial_id: (
            run.record,
            (
                run.trial.arm,
                run.trial.block,
                run.trial.outcome,
                run.trial.window,
                run.metrics,
            ),
        )
        for run in reversed(experiment.trials)
        if run.trial.trial_id is not None
    }


def _refuse_other_values(new: NewTrial, earlier: _Told) -> None:
    *rest, metrics = earlier
    is_same = [new.arm, new.block, new.outcome, new.window] == rest
    others = [name for name, value in new.values.items() if metrics.get(name) != value]
    if is_same and not others:
        return
    what = others[0] if is_same else "its arm, block, outcome or window"
    raise Refused(
        f"the trial id {new.trial_id!r} is recorded already, and {what} differs",
        hint=f"a value that came later: git exp record --for {new.trial_id} -m NAME=VALUE; "
        "another trial needs another id",
        code="trial-id-taken",
    )


def _bodies(store: Store, loaded: Loaded, new: Sequence[NewTrial]) -> list[Trial]:
    """The trials as records will hold them.

    Raises:
        Refused: when the experiment takes no trials, or a block has no place for one.
    """
    if not new:
        return []
    refuse_to_measure(loaded)
    refuse_new_revision(loaded)
    refuse_wrong_clock(store, loaded)
    comparison = loaded.compared()
    slots, here = _Slots(store, loaded), host()
    return [
        Trial(
            arm=one.arm,
            commit=comparison.arm(one.arm).commit,
            revision=comparison.revision,
            block=one.block,
            attempt=1 if one.block is None else slots.take(one.block, one.arm, one.outcome),
            slot=None,
            host=one.host or here,
            outcome=one.outcome,
            exit_code=0 if one.outcome is Outcome.OK else None,
            metrics=one.values,
            trial_id=one.trial_id,
            case=one.case,
            window=one.window,
        )
        for one in new
    ]


def _write(
    store: Store, loaded: Loaded, bodies: Sequence[Trial], new: Sequence[NewTrial]
) -> tuple[Record, ...]:
    return store.record_all(
        loaded.experiment.id,
        loaded.experiment.plan_hash,
        [
            NewRecord(body=body, target=body.commit, payload=one.payload)
            for body, one in zip(bodies, new, strict=True)
        ],
    )


class _Slots:
    """The places of this writer's blocks in the present revision, taken one by one."""

    def __init__(self, store: Store, loaded: Loaded) -> None:
        experiment, revision = loaded.experiment, loaded.compared().revision
        own = experiment.series.get((revision, store.writer))
        self._id, self._max_blocks = experiment.id, experiment.plan.max_blocks
        self._busy = busy_blocks(store, experiment.id, experiment.plan_hash, revision)
        self._next = 1 if own is None else own.next_number
        # a later attempt when a void discarded the first
        self._attempts = {} if own is None else {found.number: found.attempt for found in own.open}
        self._taken: dict[tuple[int, Arm], str] = {}
        for run in experiment.trials:
            trial = run.trial
            if not trial.block or trial.revision != revision or run.record.writer != store.writer:
                continue
            if trial.attempt >= self._attempts.get(trial.block, 1):
                self._taken[trial.block, trial.arm] = f" ({run.record.id})"

    def take(self, block: int, arm: Arm, outcome: Outcome) -> int:
        """The attempt the trial belongs to; its place is taken from then on.

        Raises:
            Refused: when it is taken, or the block could never enter.
        """
        if block > max(self._next, self._max_blocks):
            raise Refused(
                f"block {block} would wait for all blocks before it, and the plan ends with "
                f"block {self._max_blocks}",
                hint=f"the next new block is --block {self._next}",
                code="block-ahead",
            )
        if block in self._busy:
            raise Refused(
                f"block {block} is in use by git exp exec, assign or run",
                hint=f"git exp assign {self._id} gives out one that is not",
                code="block-in-use",
            )
        if (block, arm) in self._taken:
            raise Refused(
                f"block {block} has its {arm} trial already{self._taken[block, arm]}",
                hint=f"the next new block is --block {self._next}",
                code="block-taken",
            )
        attempt = self._attempts.get(block, 1)
        self._next = max(self._next, block + 1)
        if outcome is Outcome.VOID:
            self._attempts[block] = attempt + 1
            for each in Arm:
                self._taken.pop((block, each), None)
        else:
            self._taken[block, arm] = ""
        return attempt


def _note(experiment: Experiment, written: Record, trial: Trial) -> str | None:
    plan = experiment.plan
    notes = []
    if written.at > plan.expires:
        notes.append("recorded after the plan's last day: it is shown, not used")
    elif trial.block is None and plan.test.is_paired:
        notes.append(
            "without --block it is unpaired: it is shown, the registered test never uses it"
        )
    elif written.writer != experiment.decider:
        notes.append(f"it waits until {experiment.decider}, who decides, takes it in")
    if trial.outcome is Outcome.OK and plan.primary.name not in trial.metrics:
        notes.append(f"{plan.primary.name} is awaited: until it comes the trial does not count")
    undeclared = undeclared_note(plan, trial.metrics)
    return "; ".join([*notes, *([undeclared] if undeclared else [])]) or None


def answer(experiment: Experiment, written: Record, *, existed: bool) -> RecordedView:
    trial = written.body
    assert isinstance(trial, Trial)
    is_ok = trial.outcome is Outcome.OK
    note = _note(experiment, written, trial)
    return RecordedView(
        id=written.id,
        exp=written.exp,
        arm=trial.arm,
        block=trial.block,
        outcome=trial.outcome,
        existed=existed,
        awaits=awaited(experiment.plan, trial.metrics) if is_ok and not existed else (),
        note="this trial id is recorded already" if existed else note,
    )
