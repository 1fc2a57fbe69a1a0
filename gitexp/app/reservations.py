"""The slots of a revision as the records and the local file together have them.

Who holds the file's lock may write to the journal: the lock of the slots comes before the
journal's, never after it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from gitexp.app.load import load
from gitexp.blocks import OpenBlock
from gitexp.lifecycle import Experiment
from gitexp.live.files import Unusable
from gitexp.live.slots import (
    ASSIGNED,
    RUN,
    Reservation,
    Slot,
    Slots,
    SlotsFile,
    file_name,
    names_of,
)
from gitexp.model import (
    Abandoned,
    Arm,
    ExperimentId,
    Oid,
    Outcome,
    PlanHash,
    RecordId,
    Revision,
    State,
    Trial,
    WriterId,
)
from gitexp.runner.environment import host
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The slots, nobody dead among them, and the experiment with all that was recorded."""

    slots: Slots
    experiment: Experiment


def open_slots(store: Store, exp: ExperimentId, plan: PlanHash, revision: Revision) -> SlotsFile:
    """The file of this clone's slots in this revision, under its lock.

    Raises:
        OSError, Unusable: if it cannot be had.
    """
    return SlotsFile(str(store.git.common_dir), _name(store, exp, plan, revision))


def settled(
    store: Store,
    file: SlotsFile,
    experiment: Experiment,
    revision: Revision,
    *,
    read_at: int | None = None,
) -> Settled:
    """What the file says, put right by the records; what was abandoned is recorded as failed.

    The caller saves the slots when it has taken what it wants.

    Args:
        experiment: As it was read before.
        read_at: The turn of the slots when it was; None: not known.
    """
    slots = file.load()
    if slots is None or slots.turn != read_at:
        # what was recorded and given back meanwhile would be given out once more
        experiment = load(store, experiment.id).experiment
    if slots is None or _differs(slots, store, experiment, revision):
        slots = Slots(
            plan=experiment.plan_hash,
            control_tree=revision.control_tree,
            treatment_tree=revision.treatment_tree,
            writer=store.writer,
        )
    if sweep(store, slots, experiment, revision):
        experiment = load(store, experiment.id).experiment
    _reconcile(slots, experiment, revision, store.writer)
    return Settled(slots=slots, experiment=experiment)


def sweep(store: Store, slots: Slots, experiment: Experiment, revision: Revision) -> bool:
    """Give back what nobody will end; a real use that was given up is a failed trial of its arm.

    Returns:
        Whether anything was recorded.
    """
    dead = [held for held in slots.reserved.values() if held.is_abandoned]
    if not dead:
        return False
    # its process may have died after it had recorded the trial
    known = {record.id for record in store.read(experiment.id).records}
    has_recorded = False
    for held in dead:
        if held.kind != RUN and held.trial not in known and experiment.state is State.RUNNING:
            _record_failed(store, experiment, revision, held)
            has_recorded = True
        slots.give_back(held.trial)
    return has_recorded


def sweep_all(store: Store, experiment: Experiment) -> bool:
    """`sweep` in every revision of this clone's; best effort.

    Returns:
        Whether anything was recorded.
    """
    has_recorded = False
    for name in names_of(str(store.git.common_dir), experiment.id, store.known_writer or ""):
        with contextlib.suppress(OSError, Unusable), open_named(store, name) as file:
            slots = file.load()
            if slots is None or slots.plan != experiment.plan_hash:
                continue
            turn = slots.turn
            then = Revision(Oid(slots.control_tree), Oid(slots.treatment_tree))
            has_recorded |= sweep(store, slots, experiment, then)
            if slots.turn != turn:
                slots.closed = True  # what was left open is found by looking again
                file.save(slots)
    return has_recorded


def busy_blocks(store: Store, exp: ExperimentId, plan: PlanHash, revision: Revision) -> set[int]:
    """The blocks of this clone in which somebody has a slot; none where that cannot be told."""
    with (
        contextlib.suppress(OSError, Unusable),
        open_slots(store, exp, plan, revision) as file,
    ):
        slots = file.load()
        return set() if slots is None else slots.busy
    return set()


def close_lanes(store: Store, exp: ExperimentId) -> None:
    """Have the next use look again: the experiment was decided, or has ended; best effort."""
    for name in names_of(str(store.git.common_dir), exp, store.writer):
        with contextlib.suppress(OSError, Unusable), open_named(store, name) as file:
            slots = file.load()
            if slots is not None:
                slots.closed = True
                file.save(slots)


def reserved_trials(
    store: Store, exp: ExperimentId
) -> dict[str, tuple[str, Reservation, Revision]]:
    """What `assign` gave out, by trial: the file's name, the reservation and its revision."""
    found = {}
    for name in names_of(str(store.git.common_dir), exp, store.writer):
        with contextlib.suppress(OSError, Unusable), open_named(store, name) as file:
            slots = file.load()
            for held in () if slots is None else slots.reserved.values():
                if held.kind == ASSIGNED and slots is not None:
                    then = Revision(Oid(slots.control_tree), Oid(slots.treatment_tree))
                    found[held.trial] = name, held, then
    return found


def give_back(common_dir: str, name: str, trial: str, *, voided: Slot | None = None) -> None:
    """The trial is recorded. A void one has its block given out again.

    Raises:
        OSError, Unusable: if the file cannot be written.
    """
    with SlotsFile(common_dir, name) as file:
        slots = file.load()
        if slots is None:
            return
        slots.give_back(trial)
        if voided is not None:
            slots.again(voided.block, voided.attempt + 1)
        file.save(slots)


def offer_again(common_dir: str, name: str, held: Reservation) -> None:
    """The trial could not be recorded: somebody else gets its slot.

    Raises:
        OSError, Unusable: if the file cannot be written.
    """
    with SlotsFile(common_dir, name) as file:
        slots = file.load()
        if slots is not None and held.trial in slots.reserved:
            slots.give_back(held.trial)
            slots.queue.insert(0, held.slot)
            file.save(slots)


def open_named(store: Store, name: str) -> SlotsFile:
    """The file of this name, under its lock."""
    return SlotsFile(str(store.git.common_dir), name)


def _name(store: Store, exp: ExperimentId, plan: PlanHash, revision: Revision) -> str:
    return file_name(exp, plan, revision.control_tree, revision.treatment_tree, store.writer)


def _differs(slots: Slots, store: Store, experiment: Experiment, revision: Revision) -> bool:
    found = slots.plan, slots.control_tree, slots.treatment_tree, slots.writer
    trees = revision.control_tree, revision.treatment_tree
    return found != (experiment.plan_hash, *trees, store.writer)


def _record_failed(
    store: Store, experiment: Experiment, revision: Revision, held: Reservation
) -> None:
    store.record(
        experiment.id,
        experiment.plan_hash,
        Trial(
            arm=Arm(held.slot.arm),
            commit=Oid(held.commit),
            revision=revision,
            block=held.slot.block,
            attempt=held.slot.attempt,
            slot=held.slot.place,
            host=host(),
            outcome=Outcome.FAILED,
            exit_code=None,
            metrics={"failures": 1.0},
            trial_id=held.trial if held.kind == ASSIGNED else None,
        ),
        target=Oid(held.commit),
        id=RecordId(held.trial),
    )


def open_blocks(
    experiment: Experiment, revision: Revision, writer: WriterId
) -> tuple[OpenBlock, ...]:
    """The writer's blocks that were begun, or left out, and have not ended; by number."""
    own = experiment.series.get((revision, writer))
    if own is None:
        return ()
    found = {block.number: block for block in own.open}
    ended = {block.number for block in (*own.blocks, *own.held_back)}
    ended |= _given_up(experiment, revision, writer)
    for number in range(1, own.next_number):
        if number not in ended and number not in found:
            found[number] = OpenBlock(
                writer=writer, revision=revision, number=number, attempt=1, done=frozenset()
            )
    return tuple(found[number] for number in sorted(found))


def _given_up(experiment: Experiment, revision: Revision, writer: WriterId) -> set[int]:
    return {
        record.body.block
        for record in experiment.records
        if isinstance(record.body, Abandoned)
        and record.writer == writer
        and record.body.revision == revision
    }


def _reconcile(slots: Slots, experiment: Experiment, revision: Revision, writer: WriterId) -> None:
    """Give out again what is open and nobody has, and no more blocks than the plan has."""
    own = experiment.series.get((revision, writer))
    begun = 0 if own is None else own.next_number - 1
    of_others = sum(
        len(series.blocks)
        for (which, who), series in experiment.series.items()
        if which == revision and who != writer
    )
    # blocks that were given up have numbers, and leave room for others
    kept = begun - len(_given_up(experiment, revision, writer))
    slots.limit = begun + max(experiment.plan.max_blocks - of_others - kept, 0)
    slots.next = max(slots.next, begun + 1)
    slots.closed = False
    missing = [
        slot
        for block in open_blocks(experiment, revision, writer)
        for slot in _missing(slots, block)
    ]
    missing += _lost(slots, begun)
    # what was drawn keeps its place: the order in which arms follow each other is the draw's
    wanted = {_key(slot) for slot in missing}
    queue = [slot for slot in slots.queue if _key(slot) in wanted or slot.block > begun]
    known = {_key(slot) for slot in queue}
    slots.queue = [*(slot for slot in missing if _key(slot) not in known), *queue]


def _missing(slots: Slots, block: OpenBlock) -> list[Slot]:
    """The slots of an open block that nobody has."""
    held = [r for r in slots.reserved.values() if r.slot.block == block.number]
    if any(r.kind == RUN for r in held):
        return []
    taken = {r.slot.arm for r in held if r.slot.attempt >= block.attempt} | set(block.done)
    return [
        Slot(block.number, block.attempt, place, arm)
        for place, arm in enumerate(slots.draws.order(block.number, block.attempt))
        if arm not in taken
    ]


def _lost(slots: Slots, begun: int) -> list[Slot]:
    """The slots of blocks whose number was taken by a `run` that died before it recorded any."""
    present = slots.busy | {slot.block for slot in slots.queue}
    return [
        Slot(number, 1, place, arm)
        for number in range(begun + 1, slots.next)
        if number not in present
        for place, arm in enumerate(slots.draws.order(number, 1))
    ]


def _key(slot: Slot) -> tuple[int, int, str]:
    return slot.block, slot.attempt, slot.arm
