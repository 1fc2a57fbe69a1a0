"""A real use recorded after its command ended: durable, never analysed here."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from gitexp import refs
from gitexp.app.load import load
from gitexp.app.opening import open_store
from gitexp.app.reservations import close_lanes, give_back, offer_again, open_slots, settled
from gitexp.app.rig import trial_payload, worktrees_of
from gitexp.codec import metrics_fit
from gitexp.errors import GitexpError
from gitexp.live.child import Ended
from gitexp.live.files import Unusable
from gitexp.live.lane import Lane
from gitexp.live.slots import Reservation, SlotsFile
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    ExperimentId,
    Oid,
    Outcome,
    PlanHash,
    RecordId,
    Revision,
    State,
    Trial,
)
from gitexp.runner.declared import in_declared_units
from gitexp.runner.environment import host
from gitexp.runner.metrics import read_metrics
from gitexp.runner.process import Finished
from gitexp.runner.trial import Measurement, measurement
from gitexp.store.store import Store


def record_use(
    common_dir: str, lane: Lane, held: Reservation, ended: Ended, *, metrics_file: str
) -> str | None:
    """Record the trial of this reservation and give its slot back.

    A use without the primary metric is no failure here: the value may come later.

    Returns:
        What the user should know, if anything.

    Raises:
        GitexpError, OSError: if it cannot be recorded; another use gets the slot then.
    """
    store = None
    try:
        store = open_store(_somewhere(lane))
        measured = in_declared_units(_measured(ended, metrics_file), lane.units)
        outcome, metrics, complaint = _judged(measured)
        has_ended = _has_ended(store, ExperimentId(lane.exp), lane.slots)
        if not has_ended:
            store.record(
                ExperimentId(lane.exp),
                PlanHash(lane.plan),
                Trial(
                    arm=Arm(held.slot.arm),
                    commit=Oid(held.commit),
                    revision=_revision(store, lane.slots),
                    block=held.slot.block,
                    attempt=held.slot.attempt,
                    slot=held.slot.place,
                    host=host(),
                    outcome=outcome,
                    exit_code=measured.exit_code,
                    metrics=metrics,
                ),
                target=Oid(held.commit),
                payload=trial_payload(measured, outcome),
                id=RecordId(held.trial),
            )
    except BaseException as error:
        # it has nothing to do with the arm, so it must not become a failed trial of it
        is_recorded = False
        with contextlib.suppress(Exception):  # in doubt whoever sweeps looks at the records
            # an error of ours comes before the record, others may come from what follows it
            is_recorded = not isinstance(error, GitexpError) and _is_recorded(store, held)
            if not is_recorded:
                offer_again(common_dir, lane.slots, held)
        if not is_recorded or store is None:
            raise
    voided = held.slot if outcome is Outcome.VOID and not has_ended else None
    with contextlib.suppress(OSError, Unusable):  # the record is found when it is looked for
        give_back(common_dir, lane.slots, held.trial, voided=voided)
    if has_ended:
        return f"not recorded: {lane.exp} has ended meanwhile"
    _look_after(store, ExperimentId(lane.exp), lane, held.slot.arm)
    return complaint


def _is_recorded(store: Store | None, held: Reservation) -> bool:
    """Whether the trial got into the journal before something went wrong."""
    if store is None:
        return False
    entries = (*store.journal.pending(), *store.journal.kept())
    return any(entry.record.id == held.trial for entry in entries)


def _somewhere(lane: Lane) -> Path:
    """A folder of the repository: the command may have removed the one we are in."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(next(iter(lane.checkouts.values())))


def _has_ended(store: Store, exp: ExperimentId, name: str) -> bool:
    """Asked of the branch first: reading all records takes longer than recording one."""
    with SlotsFile(str(store.git.common_dir), name) as file:
        slots = file.load()
    is_closed = slots is None or slots.closed
    if store.repository.ref(refs.branch(exp)) is not None and not is_closed:
        return False
    return load(store, exp).experiment.state is not State.RUNNING


def _revision(store: Store, name: str) -> Revision:
    """Of the slots: what the trial belongs to, whatever the branches have come to since."""
    with SlotsFile(str(store.git.common_dir), name) as file:
        slots = file.load()
    if slots is None:
        raise GitexpError(
            "what was reserved for it is gone", hint="it counts for nothing", code="no-reservation"
        )
    return Revision(Oid(slots.control_tree), Oid(slots.treatment_tree))


def _measured(ended: Ended, metrics_file: str) -> Measurement:
    path = Path(metrics_file)
    finished = Finished(
        wall_s=ended.wall_s,
        user_s=ended.user_s,
        sys_s=ended.sys_s,
        maxrss_bytes=ended.maxrss_bytes,
        exit_code=ended.exit_code,
        signal=ended.signal,
        timed_out=False,
    )
    # standard output is the user's: there is no file of it to look into
    reported = read_metrics(path.with_name("no-output"), path)
    return measurement(finished, reported, tail="")


def _judged(measured: Measurement) -> tuple[Outcome, Mapping[str, float], str | None]:
    """Outcome, metrics as a record can hold them, and what is wrong with the report."""
    metrics, complaint = dict(measured.metrics), measured.complaint
    if not metrics_fit(metrics):
        complaint = complaint or f"{len(metrics)} metrics are more than a record can hold"
        metrics = {name: v for name, v in metrics.items() if name in BUILT_IN_METRICS}
    if complaint is None or measured.outcome is not Outcome.OK:
        return measured.outcome, metrics, None
    # every report of that arm would be as useless: as in `run`, such a trial failed
    complaint = f"recorded as failed: its report cannot be used: {complaint}"
    return Outcome.FAILED, metrics | {"failures": 1.0}, complaint


def _look_after(store: Store, exp: ExperimentId, lane: Lane, arm: str) -> None:
    """What this use found out for those after it; nothing of it concerns the user."""
    with contextlib.suppress(GitexpError, OSError, Unusable):
        if not worktrees_of(store).is_as_made(Path(lane.checkouts[arm])):
            # the next use must not run what this one has changed: it makes a new checkout
            close_lanes(store, exp)
        with SlotsFile(str(store.git.common_dir), lane.slots) as file:
            slots = file.load()
            if slots is None or not any(r.is_abandoned for r in slots.reserved.values()):
                return
        loaded = load(store, exp)
        revision = _revision(store, lane.slots)
        plan = loaded.experiment.plan_hash
        with open_slots(store, exp, plan, revision) as file:
            file.save(settled(store, file, loaded.experiment, revision).slots)
