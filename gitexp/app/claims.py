"""The blocks of a `run`, taken where real uses take their slots: none is measured twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from gitexp.app.reservations import open_blocks, open_slots, settled
from gitexp.errors import GitexpError, Refused
from gitexp.lifecycle import Experiment
from gitexp.live.files import Unusable
from gitexp.live.slots import RUN, Reservation, Slot, Slots, SlotsFile
from gitexp.model import Revision
from gitexp.store.files import refusal
from gitexp.store.holders import holder
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A block that is ours.

    Attributes:
        done: The arms that have ended in this attempt.
        experiment: With what others recorded since.
    """

    number: int
    attempt: int
    done: frozenset[str]
    experiment: Experiment


class Claims:
    """One block after the other of this clone in one revision.

    Args:
        is_bounded: Whether there are no more blocks than the plan has.
    """

    def __init__(self, store: Store, revision: Revision, *, is_bounded: bool) -> None:
        self._store = store
        self._revision = revision
        self._is_bounded = is_bounded
        self._read_at: int | None = None
        self._has_ended = False

    def block_ended(self) -> None:
        """Both trials of the present block are recorded, and none is void."""
        self._has_ended = True

    @contextmanager
    def next_block(self, experiment: Experiment) -> Iterator[Claim]:
        """The next block, for as long as this lasts: one that was left open, else a new one.

        Args:
            experiment: With all that this process recorded.

        Raises:
            Refused: when the blocks that are left are in use.
        """
        with self._file(experiment) as file:
            found = settled(self._store, file, experiment, self._revision, read_at=self._read_at)
            claim = self._choose(found.slots, found.experiment)
            held = self._hold(found.slots, claim)
            file.save(found.slots)
            self._read_at = found.slots.turn
        self._has_ended = False
        try:
            yield claim
        finally:
            with suppress(GitexpError, OSError, Unusable):
                self._give_back(claim, held)

    def _file(self, experiment: Experiment) -> SlotsFile:
        folder = self._store.git.common_dir / "exp" / "slots"
        try:
            return open_slots(self._store, experiment.id, experiment.plan_hash, self._revision)
        except BlockingIOError as error:
            locks = sorted(folder.glob(f"{experiment.id}@{self._store.writer}@*.lock"))
            known = (found for found in map(holder, locks) if found is not None)
            found = next(known, None)
            raise Refused(
                "another process keeps the slots of this experiment"
                + ("" if found is None else f": {found}"),
                hint="wait for it, then run it again" if found is None else found.hint,
                code="busy",
            ) from error
        except OSError as error:
            raise refusal(folder, error) from error

    def _choose(self, slots: Slots, experiment: Experiment) -> Claim:
        busy = slots.busy
        for block in open_blocks(experiment, self._revision, self._store.writer):
            if block.number not in busy:
                return Claim(
                    number=block.number,
                    attempt=block.attempt,
                    done=frozenset(block.done),
                    experiment=experiment,
                )
        # what was drawn for real uses and not begun comes before blocks that were not
        waiting = [slot for slot in slots.queue if slot.block not in busy]
        if waiting:
            first = min(waiting, key=lambda slot: slot.block)
            number, attempt = first.block, first.attempt
        else:
            number, attempt = slots.next, 1
            if self._is_bounded and number > slots.limit:
                raise Refused(
                    "the blocks that are left are in use by git exp exec or assign",
                    hint=f"git exp run {experiment.id} again when they have ended",
                    code="reserved",
                )
        return Claim(number=number, attempt=attempt, done=frozenset(), experiment=experiment)

    def _hold(self, slots: Slots, claim: Claim) -> Reservation:
        slots.queue = [slot for slot in slots.queue if slot.block != claim.number]
        slots.next = max(slots.next, claim.number + 1)
        arm = slots.draws.order(claim.number, claim.attempt)[0]
        slot = Slot(claim.number, claim.attempt, 0, arm)
        # the timing lock keeps out every other run, wherever it is
        return slots.reserve(slot, kind=RUN, commit="-", limit_s=0.0)

    def _give_back(self, claim: Claim, held: Reservation) -> None:
        with self._file(claim.experiment) as file:
            slots = file.load()
            if slots is None:
                return
            is_ours_alone = slots.turn == self._read_at
            slots.give_back(held.trial)
            # left open it is for whoever comes next, who has to look again to see it
            slots.closed = slots.closed or not self._has_ended
            file.save(slots)
            if is_ours_alone:
                self._read_at = slots.turn
