"""The state of an experiment when several clones ended it or began it again."""

from __future__ import annotations

from datetime import timedelta

import pytest

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
    Verdict,
    WriterId,
)
from gitexp.states import standing
from tests.making import ANN, BOB, START, Notebook

TIP, MERGE, REVERT = Oid("d" * 40), Oid("e" * 40), Oid("f" * 40)
EARLY, LATE = START - timedelta(hours=1), START + timedelta(hours=1)
"""What a clock that is wrong says."""


def promoted(after: Record | None = None, *, merge: Oid = MERGE) -> Promoted:
    return Promoted(target="refs/heads/main", tip=TIP, merge=merge, evidence=None, after=_id(after))


def rolled_back(after: Record | None = None, *, revert: Oid | None = None) -> RolledBack:
    return RolledBack(tip=TIP, reason="slow", revert=revert, after=_id(after))


def restored(after: Record | None = None, *, merge: Oid | None = None) -> Restored:
    return Restored(tip=TIP, merge=merge, after=_id(after))


def expired(after: Record | None = None) -> Expired:
    return Expired(verdict=Verdict.UNDECIDED, after=_id(after))


def _id(record: Record | None) -> RecordId | None:
    return None if record is None else record.id


def test_without_events_it_runs() -> None:
    found = standing([])

    assert (found.state, found.event, found.chain) == (State.RUNNING, None, ())


def test_a_promotion_outranks_a_rollback_that_did_not_know_of_it() -> None:
    notebook = Notebook()
    merged = notebook.add(promoted(), at=EARLY)
    dropped = notebook.add(rolled_back(), writer=BOB, at=LATE)

    found = standing(notebook.records)

    assert found.state is State.PROMOTED
    assert found.event == merged
    assert found.rivals == (dropped,)


def test_causes_outrank_clocks() -> None:
    notebook = Notebook()
    merged = notebook.add(promoted(), at=LATE)
    notebook.add(rolled_back(merged, revert=REVERT), writer=BOB, at=EARLY)

    found = standing(notebook.records)

    assert found.state is State.ROLLED_BACK
    assert found.last(Promoted) == merged
    assert found.rivals == ()


def test_two_records_of_one_merge_are_followed_together() -> None:
    notebook = Notebook()
    first = notebook.add(promoted())
    notebook.add(promoted(), writer=BOB)
    notebook.add(rolled_back(first, revert=REVERT))

    assert standing(notebook.records).state is State.ROLLED_BACK


def test_of_two_merges_the_one_that_was_not_reverted_holds() -> None:
    notebook = Notebook()
    first = notebook.add(promoted())
    second = notebook.add(promoted(merge=Oid("a" * 40)), writer=BOB)
    notebook.add(rolled_back(first, revert=REVERT))

    found = standing(notebook.records)

    assert (found.state, found.event) == (State.PROMOTED, second)


def test_a_restoration_outranks_a_second_rollback_it_did_not_know_of() -> None:
    notebook = Notebook()
    first = notebook.add(rolled_back())
    notebook.add(rolled_back(), writer=BOB)
    back = notebook.add(restored(first))

    assert standing(notebook.records).state is State.RUNNING

    notebook.add(rolled_back(back))
    assert standing(notebook.records).state is State.ROLLED_BACK


def test_an_expired_experiment_stays_expired_when_its_branch_is_dropped() -> None:
    notebook = Notebook()
    over = notebook.add(expired())
    notebook.add(rolled_back(over))

    assert standing(notebook.records).state is State.EXPIRED


def test_a_writers_own_events_follow_each_other_even_unsaid() -> None:
    notebook = Notebook()
    notebook.add(promoted())
    notebook.add(rolled_back(revert=REVERT))
    notebook.add(restored(merge=MERGE))

    assert standing(notebook.records).state is State.PROMOTED


@pytest.mark.parametrize("turns", [2, 3])
def test_events_that_follow_each_other_in_a_circle_are_no_endless_loop(turns: int) -> None:
    notebook = Notebook()
    writers = [ANN, BOB, WriterId("cat-1")][:turns]
    ids = [notebook.add(rolled_back(), writer=writer) for writer in writers]
    bodies: list[StateEvent] = [rolled_back(ids[i - 1]) for i in range(turns)]
    circle = [
        Record(
            **{
                name: getattr(record, name)
                for name in ("id", "exp", "plan", "writer", "seq", "at", "line")
            },
            body=body,
        )
        for record, body in zip(ids, bodies, strict=True)
    ]

    assert standing(circle).state is State.RUNNING
