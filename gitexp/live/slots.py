"""The slots of one writer's blocks in one revision: which are given out, and to whom.

One small file, `<common dir>/exp/slots/<experiment>@<writer>@<12 hex>`, read and replaced under its
lock by everybody who takes a block or a slot: `exec`, `assign`, and `run`. It is local, and no
evidence: what was measured is in the records, and without the file all of it follows from them, but
for which slots are in use at this moment. No dataclasses and no JSON: they take longer to import
than `exec` may take to start.
"""

from __future__ import annotations

import os
import time

from gitexp.live import files, processes
from gitexp.live.draws import CONTROL, TREATMENT, Draws
from gitexp.live.sha256 import sha256

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ("exp", "slots")
FORMAT = "gitexp-slots/1"
USE, ASSIGNED, RUN = "use", "assigned", "run"
"""Who reserved: a process of `exec`, somebody who was told by `assign`, a `run`."""

_KINDS = (USE, ASSIGNED, RUN)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MOST = 1_000_000


class Slot:
    """One slot of a block: the arm that is due there."""

    __slots__ = ("arm", "attempt", "block", "place")

    def __init__(self, block: int, attempt: int, place: int, arm: str) -> None:
        self.block = block
        self.attempt = attempt
        self.place = place
        self.arm = arm


class Reservation:
    """A slot somebody has. Of a `run`, the whole block.

    Attributes:
        trial: The id its trial will have.
        commit: Of the arm, as it was then.
        since: Seconds since 1970.
        limit_s: After so long whoever cannot be asked has given up.
    """

    __slots__ = ("boot", "commit", "kind", "limit_s", "machine", "pid", "since", "slot", "start",
                 "trial")  # fmt: skip

    def __init__(
        self,
        *,
        trial: str,
        kind: str,
        slot: Slot,
        commit: str,
        since: float,
        limit_s: float,
        pid: int,
        start: str,
        boot: str,
        machine: str,
    ) -> None:
        self.trial = trial
        self.kind = kind
        self.slot = slot
        self.commit = commit
        self.since = since
        self.limit_s = limit_s
        self.pid = pid
        self.start = start
        self.boot = boot
        self.machine = machine

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody will end it."""
        if self.kind == ASSIGNED:
            return time.time() > self.since + self.limit_s
        if processes.is_gone(self.pid, self.start, self.boot, self.machine):
            return True
        is_near = self.machine == processes.machine() and self.boot == processes.boot()
        return not is_near and time.time() > self.since + self.limit_s


class Slots:
    """What the file says.

    Attributes:
        next: The first block never begun.
        limit: The last block there may be.
        closed: The experiment was decided or ended: what is prepared has to be looked at again.
        turn: Counts what was given back, so that a `run` knows there are records it has not read.
        queue: Slots to be given out before another block begins, in order.
        reserved: By the id of the trial.
    """

    __slots__ = ("closed", "control_tree", "limit", "next", "plan", "queue", "reserved",
                 "treatment_tree", "turn", "writer")  # fmt: skip

    def __init__(self, *, plan: str, control_tree: str, treatment_tree: str, writer: str) -> None:
        self.plan = plan
        self.control_tree = control_tree
        self.treatment_tree = treatment_tree
        self.writer = writer
        self.next = 1
        self.limit = 0
        self.closed = False
        self.turn = 0
        self.queue: list[Slot] = []
        self.reserved: dict[str, Reservation] = {}

    @property
    def draws(self) -> Draws:
        return Draws(
            plan=self.plan,
            control_tree=self.control_tree,
            treatment_tree=self.treatment_tree,
            writer=self.writer,
        )

    @property
    def busy(self) -> set[int]:
        """The blocks in which somebody has a slot."""
        return {found.slot.block for found in self.reserved.values()}

    def take(self) -> Slot | None:
        """The next slot of a real use; None when there is none left."""
        if not self.queue:
            self._begin()
        return self.queue.pop(0) if self.queue else None

    def _begin(self) -> None:
        left = self.limit - self.next + 1
        if left < 1:
            return
        draws = self.draws
        for block, place in draws.interleaved(self.next, most=left):
            self.queue.append(Slot(block, 1, place, draws.order(block, 1)[place]))
        self.next = 1 + max(slot.block for slot in self.queue)

    def again(self, block: int, attempt: int) -> None:
        """Give both slots of a block out once more, under this attempt: the one before was void."""
        known = [slot for slot in self.queue if slot.block == block]
        known += [held.slot for held in self.reserved.values() if held.slot.block == block]
        if any(slot.attempt >= attempt for slot in known):
            return
        self.queue = [slot for slot in self.queue if slot.block != block]
        for place, arm in enumerate(self.draws.order(block, attempt)):
            self.queue.append(Slot(block, attempt, place, arm))

    def reserve(
        self, slot: Slot, *, kind: str, commit: str, limit_s: float, trial: str = ""
    ) -> Reservation:
        """Note who has the slot: this process, or whoever it tells."""
        pid = os.getpid()
        found = Reservation(
            trial=trial or trial_id(),
            kind=kind,
            slot=slot,
            commit=commit,
            since=time.time(),
            limit_s=limit_s,
            pid=pid,
            start=processes.started(pid),
            boot=processes.boot(),
            machine=processes.machine(),
        )
        self.reserved[found.trial] = found
        return found

    def give_back(self, trial: str) -> None:
        """The trial is recorded, or will never be."""
        if self.reserved.pop(trial, None) is not None:
            self.turn += 1


class SlotsFile:
    """The file, under its lock. A context manager; `save` before leaving it.

    Raises:
        OSError: if it cannot be had.
        Unusable: if something else is in its place.
    """

    def __init__(self, common_dir: str, name: str, *, patience_s: float = 5.0) -> None:
        self.name = name
        self._folder = files.folder(common_dir, *FOLDER, create=True)
        try:
            self._lock = files.lock(self._folder, f"{name}.lock", patience_s=patience_s)
        except BaseException:
            os.close(self._folder)
            raise

    def __enter__(self) -> SlotsFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)
        os.close(self._folder)

    def load(self) -> Slots | None:
        """What it holds; None when there is nothing that can be read."""
        text = files.read(self._folder, self.name)
        try:
            return None if text is None else parse(text)
        except (ValueError, IndexError, KeyError):
            return None

    def save(self, slots: Slots, *, durable: bool = False) -> None:
        files.write(self._folder, self.name, format_slots(slots), durable=durable)


def file_name(exp: str, plan: str, control_tree: str, treatment_tree: str, writer: str) -> str:
    """The name of the file of this revision."""
    parts = "\n".join((plan, control_tree, treatment_tree)).encode("ascii")
    return f"{exp}@{writer}@{sha256(parts).hexdigest()[:12]}"


def names_of(common_dir: str, exp: str, writer: str) -> list[str]:
    """The files of all revisions of an experiment, sorted."""
    try:
        found = files.folder(common_dir, *FOLDER, create=False)
    except OSError:
        return []
    try:
        names = os.listdir(found)
    finally:
        os.close(found)
    prefix = f"{exp}@{writer}@"
    return sorted(n for n in names if n.startswith(prefix) and "." not in n[len(prefix) :])


def trial_id() -> str:
    """A fresh ULID, as `codec.ulid` makes them."""
    number = (int(time.time() * 1000) & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def format_slots(slots: Slots) -> str:
    return "".join(f"{line}\n" for line in _lines(slots))


def _lines(slots: Slots) -> Iterator[str]:
    yield FORMAT
    yield f"plan {slots.plan}"
    yield f"trees {slots.control_tree} {slots.treatment_tree}"
    yield f"writer {slots.writer}"
    yield f"next {slots.next} {slots.limit} {int(slots.closed)} {slots.turn}"
    for slot in slots.queue:
        yield f"queue {_words(slot)}"
    for r in slots.reserved.values():
        yield (
            f"reserved {r.trial} {r.kind} {_words(r.slot)} {r.commit} {r.since!r} {r.limit_s!r} "
            f"{r.pid} {r.start} {r.boot} {r.machine}"
        )


def _words(slot: Slot) -> str:
    return f"{slot.block} {slot.attempt} {slot.place} {slot.arm}"


def parse(text: str) -> Slots:
    """What `format_slots` wrote.

    Raises:
        ValueError, IndexError: if it is something else.
    """
    lines = text.splitlines()
    if lines[0] != FORMAT:
        raise ValueError("not a file of slots")
    _, plan = lines[1].split(" ")
    _, control, treatment = lines[2].split(" ")
    _, writer = lines[3].split(" ")
    slots = Slots(plan=plan, control_tree=control, treatment_tree=treatment, writer=writer)
    _, following, limit, closed, turn = lines[4].split(" ")
    slots.next, slots.limit = _within(following, 1), _within(limit, 0)
    slots.closed, slots.turn = closed != "0", int(turn)
    for line in lines[5:]:
        words = line.split(" ")
        if words[0] == "queue":
            slots.queue.append(_slot(words[1:5]))
        else:
            found = _reservation(words)
            slots.reserved[found.trial] = found
    return slots


def _slot(words: list[str]) -> Slot:
    block, attempt, place, arm = words
    if arm not in (CONTROL, TREATMENT) or place not in ("0", "1"):
        raise ValueError("not a slot")
    return Slot(_within(block, 1), _within(attempt, 1), int(place), arm)


def _reservation(words: list[str]) -> Reservation:
    _, trial, kind, *slot, commit, since, limit_s, pid, start, boot, machine = words
    if kind not in _KINDS or len(trial) != 26 or not trial.isalnum():
        raise ValueError("not a reservation")
    return Reservation(
        trial=trial,
        kind=kind,
        slot=_slot(slot),
        commit=commit,
        since=float(since),
        limit_s=float(limit_s),
        pid=_within(pid, 1, 2**31),
        start=start,
        boot=boot,
        machine=machine,
    )


def _within(text: str, low: int, high: int = 2 * MOST) -> int:
    number = int(text)
    if not low <= number <= high:
        raise ValueError(f"{number} is out of range")
    return number
