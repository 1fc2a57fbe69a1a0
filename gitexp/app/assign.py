"""The arm of one use that somebody measures elsewhere, told beforehand."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gitexp.app.lanes import open_lane
from gitexp.app.load import Loaded, load
from gitexp.app.preflight import refuse_to_measure, refuse_wrong_clock
from gitexp.app.reservations import open_named, open_slots, reserved_trials, settled
from gitexp.errors import Refused, UsageError
from gitexp.live.slots import ASSIGNED, Reservation
from gitexp.model import Arm, ExperimentId, Oid, Outcome, Record, RecordId, Revision, Trial
from gitexp.runner.environment import host
from gitexp.store.files import refusal
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedView:
    """What `assign` answers.

    Attributes:
        trial: Names the use until it is recorded, and the trial then.
        path: The checkout of that arm.
        hours: After so long without a value it is a failed trial.
        next: The command that completes it.
    """

    id: ExperimentId
    trial: RecordId
    arm: Arm
    block: int
    path: str
    hours: float
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A slot given out and not completed yet."""

    arm: Arm
    block: int
    attempt: int
    slot: int
    revision: Revision
    id: RecordId
    commit: Oid
    file: str


def assign(store: Store, exp: ExperimentId) -> AssignedView:
    """Reserve the next slot; nobody else gets it.

    Raises:
        Refused: when there is nothing to assign.
    """
    loaded = load(store, exp)
    lane = open_lane(store, loaded)
    experiment, revision = loaded.experiment, loaded.compared().revision
    try:
        with open_slots(store, exp, experiment.plan_hash, revision) as file:
            slots = settled(store, file, experiment, revision).slots
            slot = slots.take()
            if slot is None:
                raise Refused(
                    f"all blocks of {exp} are measured or taken",
                    hint=f"git exp analyze {exp}",
                    code="used-up",
                )
            held = slots.reserve(
                slot, kind=ASSIGNED, commit=lane.commits[slot.arm], limit_s=lane.limit_s
            )
            file.save(slots, durable=True)
    except OSError as error:
        raise refusal(store.git.common_dir / "exp" / "slots", error) from error
    value = f"{experiment.plan.primary.name}=VALUE"
    return AssignedView(
        id=exp,
        trial=RecordId(held.trial),
        arm=Arm(slot.arm),
        block=slot.block,
        path=lane.checkouts[slot.arm],
        hours=lane.limit_s / 3600,
        next=(f"git exp record {exp} --trial-id {held.trial} -m {shlex.quote(value)}",),
    )


def find_assigned(
    store: Store, exp: ExperimentId, trial_id: str | None, *, arm: Arm | None, block: int | None
) -> Assigned | None:
    """What was assigned under this trial id; None when nothing was.

    Raises:
        UsageError: when the arm or the block typed is another.
    """
    found = None if trial_id is None else reserved_trials(store, exp).get(trial_id)
    if found is None:
        return None
    name, held, revision = found
    assigned = _assigned(name, held, revision)
    if arm not in (None, assigned.arm) or block not in (None, assigned.block):
        raise UsageError(
            f"{trial_id} was assigned to the {assigned.arm} in block {assigned.block}",
            hint="leave out --arm and --block",
        )
    return assigned


def record_assigned(
    store: Store,
    loaded: Loaded,
    assigned: Assigned,
    metrics: Mapping[str, float],
    outcome: Outcome,
) -> Record:
    """Record the trial that completes what was assigned, and give its slot back.

    Raises:
        Refused: when the experiment has ended meanwhile.
    """
    refuse_to_measure(loaded)
    refuse_wrong_clock(store, loaded)
    with open_named(store, assigned.file) as file:
        slots = file.load()
        if slots is None or assigned.id not in slots.reserved:
            raise Refused(
                f"{assigned.id} was recorded just now",
                hint=f"git exp log {loaded.experiment.id}",
                code="recorded",
            )
        # under the lock: two records of one id would spoil each other
        written = _record(store, loaded, assigned, metrics, outcome)
        slots.give_back(assigned.id)
        if outcome is Outcome.VOID:
            slots.again(assigned.block, assigned.attempt + 1)
        with suppress(OSError):  # it is found among the records when it is looked for
            file.save(slots)
    return written


def _record(
    store: Store,
    loaded: Loaded,
    assigned: Assigned,
    metrics: Mapping[str, float],
    outcome: Outcome,
) -> Record:
    return store.record(
        loaded.experiment.id,
        loaded.experiment.plan_hash,
        Trial(
            arm=assigned.arm,
            commit=assigned.commit,
            revision=assigned.revision,
            block=assigned.block,
            attempt=assigned.attempt,
            slot=assigned.slot,
            host=host(),
            outcome=outcome,
            exit_code=0 if outcome is Outcome.OK else None,
            metrics=metrics,
            trial_id=assigned.id,
        ),
        target=assigned.commit,
        id=assigned.id,
    )


def _assigned(name: str, held: Reservation, revision: Revision) -> Assigned:
    return Assigned(
        arm=Arm(held.slot.arm),
        block=held.slot.block,
        attempt=held.slot.attempt,
        slot=held.slot.place,
        revision=revision,
        id=RecordId(held.trial),
        commit=Oid(held.commit),
        file=name,
    )
