"""How an experiment ended or began again, when several clones had their say.

Each such event names the one it follows, so that what happened after what needs no clock. Clones
that did not know of each other leave several last events; then the strongest holds: what was
merged is merged, whatever another clone did to the branch meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitexp.model import (
    Expired,
    Oid,
    Promoted,
    Record,
    RecordId,
    Restored,
    RolledBack,
    State,
    StateEvent,
    WriterId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state, and how it came about.

    Attributes:
        event: The last event; None: it has been running from the start.
        chain: The events that led to it, the last one included, oldest first.
        rivals: Last events of clones that did not know of it, oldest first.
    """

    state: State
    event: Record | None
    chain: tuple[Record, ...]
    rivals: tuple[Record, ...]

    def last(self, kind: type[StateEvent]) -> Record | None:
        """The newest event of this kind that led here."""
        found = [record for record in self.chain if isinstance(record.body, kind)]
        return found[-1] if found else None


def standing(records: Iterable[Record]) -> Standing:
    """What these records make of the state."""
    events = {r.id: r for r in records if isinstance(r.body, StateEvent)}
    before = _before(events.values())
    heads = _last_events(events, before)
    if not heads:
        return Standing(state=State.RUNNING, event=None, chain=(), rivals=())
    holds = max(heads, key=_strength)
    chain = _chain(holds, events, before)
    return Standing(
        state=_state(chain),
        event=holds,
        chain=chain,
        rivals=tuple(sorted((e for e in heads if e is not holds), key=lambda e: (e.at, e.id))),
    )


def _last_events(
    events: Mapping[RecordId, Record], before: Mapping[RecordId, RecordId]
) -> list[Record]:
    """Those that none follows. Two clones may both have recorded one merge: that is one event."""
    followed = {*before.values()}
    merges = {_merge(events[id]) for id in followed if id in events} - {None}
    return [e for e in events.values() if e.id not in followed and _merge(e) not in merges]


def _merge(event: Record) -> Oid | None:
    body = event.body
    return body.merge if isinstance(body, Promoted) else None


def _before(events: Iterable[Record]) -> dict[RecordId, RecordId]:
    """Each event's predecessor: the one it names, else the one its writer recorded before it."""
    found: dict[RecordId, RecordId] = {}
    latest: dict[WriterId, RecordId] = {}
    for event in sorted(events, key=lambda event: event.seq):
        assert isinstance(event.body, StateEvent)
        named = event.body.after or latest.get(event.writer)
        if named is not None:
            found[event.id] = named
        latest[event.writer] = event.id
    return found


def _strength(event: Record) -> tuple[int, float, str]:
    match event.body:
        case Promoted():
            rank = 3
        case Restored(merge=merge):
            rank = 3 if merge is not None else 2
        case RolledBack():
            rank = 1
        case _:
            rank = 0
    return rank, event.at.timestamp(), event.id


def _chain(
    last: Record, events: Mapping[RecordId, Record], before: Mapping[RecordId, RecordId]
) -> tuple[Record, ...]:
    chain = [last]
    seen = {last.id}
    while (earlier := before.get(chain[-1].id)) in events and earlier not in seen:
        assert earlier is not None
        seen.add(earlier)
        chain.append(events[earlier])
    return tuple(reversed(chain))


def _state(chain: Iterable[Record]) -> State:
    state = State.RUNNING
    for record in chain:
        match record.body:
            case Promoted():
                state = State.PROMOTED
            case RolledBack():
                # an expired experiment stays expired when its branch is dropped
                state = State.EXPIRED if state is State.EXPIRED else State.ROLLED_BACK
            case Expired() if state is State.RUNNING:
                state = State.EXPIRED
            case Restored(merge=None):
                state = State.RUNNING
            case Restored():
                state = State.PROMOTED
            case _:
                pass
    return state
