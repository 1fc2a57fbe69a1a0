"""What git lost is written again from kept journal files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gitexp import refs
from gitexp.model import Oid, Trial
from gitexp.store.store import Store
from tests.store.samples import EXP, PLAN, a_trial
from tests.support import GitIn


@pytest.fixture
def filled(store: Store, head: Oid) -> set[str]:
    """Twelve records in three flushes, a payload with each."""
    found: set[str] = set()
    for number in range(12):
        record = store.record(EXP, PLAN, a_trial(number), target=head, payload=b"p%d" % number)
        found.add(record.id)
        if number % 4 == 3:
            store.flush()
    return found


def delete(git: GitIn, oid: str) -> None:
    (git.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()


def assert_whole(store: Store, git: GitIn, expected: set[str]) -> None:
    found = Store.open(git.path).read(EXP)
    assert {record.id for record in found.records} == expected
    assert found.problems == ()
    assert store.journal.is_empty
    git("fsck", "--strict", "--no-reflogs", "--connectivity-only")


def test_a_lost_ref_is_rebuilt(store: Store, git: GitIn, own_notes: str, filled: set[str]) -> None:
    git("update-ref", "-d", own_notes)

    assert {record.id for record in store.read(EXP).records} == filled

    assert_whole(store, git, filled)


def test_all_refs_lost_are_rebuilt_and_numbers_go_on(
    store: Store, git: GitIn, head: Oid, own_notes: str, filled: set[str]
) -> None:
    git("update-ref", "-d", own_notes)
    git("update-ref", "-d", refs.archive(EXP, store.writer))

    record = Store.open(git.path).record(EXP, PLAN, a_trial(99), target=head)

    assert record.seq == 13
    store.flush()
    store.read(EXP)
    assert_whole(store, git, filled | {record.id})
    assert git.id(refs.archive(EXP, store.writer))


@pytest.mark.parametrize("what", ["commit", "tree", "folder", "note", "payload", "archive"])
@pytest.mark.parametrize("then", ["read", "record"])
def test_a_damaged_tip_is_rebuilt(
    store: Store, git: GitIn, head: Oid, own_notes: str, filled: set[str], what: str, then: str
) -> None:
    spelled = f"{head[:2]}/{head[2:]}"
    payload = git("ls-tree", "-r", "--name-only", own_notes).splitlines()
    oid = {
        "commit": own_notes,
        "tree": f"{own_notes}^{{tree}}",
        "folder": f"{own_notes}:{head[:2]}",
        "note": f"{own_notes}:{spelled}",
        "payload": f"{own_notes}:{next(p for p in payload if p != spelled)}",
        "archive": refs.archive(EXP, store.writer),
    }[what]
    delete(git, git.id(oid))

    again = Store.open(git.path)
    expected = set(filled)
    if then == "record":
        expected.add(again.record(EXP, PLAN, a_trial(50), target=head).id)
        again.flush()
    found = again.read(EXP)

    assert {record.id for record in found.records} == expected
    assert_whole(again, git, expected)
    payloads = (b.payload for r in found.records if isinstance(b := r.body, Trial) and b.payload)
    assert {again.payload(oid) for oid in payloads} == {b"p%d" % n for n in range(12)}


def test_a_lost_tip_costs_nothing_that_was_recorded_long_ago(
    store: Store, git: GitIn, head: Oid, own_notes: str, filled: set[str]
) -> None:
    """`git gc --prune=now` can take the commit of a flush; its journal is kept for an hour only."""
    store.journal.forget(store.journal.flushed.names())
    latest = store.record(EXP, PLAN, a_trial(99), target=head)
    store.flush()
    delete(git, git.id(own_notes))

    store.read(EXP)

    assert_whole(store, git, filled | {latest.id})


def test_a_lost_archive_that_kept_nothing_new_is_replaced(
    store: Store, git: GitIn, filled: set[str]
) -> None:
    """As when git collects what a sync has just united."""
    archive = refs.archive(EXP, store.writer)
    before = git.id(archive)
    git("update-ref", f"refs/exp/remotes/origin/archive/{EXP}/{store.writer}", before)
    united = git("commit-tree", f"{before}^{{tree}}", "-p", before, "-m", "united")
    git("update-ref", archive, united)
    delete(git, united)

    store.read(EXP)

    assert_whole(store, git, filled)
    assert git.id(archive) == before


def test_kept_files_go_only_once_their_records_were_read_back(
    store: Store, git: GitIn, own_notes: str, filled: set[str]
) -> None:
    git("update-ref", "-d", own_notes)
    folder = store.journal.flushed
    for name in folder.names():
        age(folder.path / name)

    store.flush()

    assert folder.names() == [] or all(
        time.time() - (folder.path / name).stat().st_mtime < 60 for name in folder.names()
    )
    assert {record.id for record in store.read(EXP).records} == filled
    assert_whole(store, git, filled)


def test_kept_files_of_healthy_notes_are_deleted_after_an_hour(
    store: Store, filled: set[str]
) -> None:
    folder = store.journal.flushed
    for name in folder.names():
        age(folder.path / name)

    store.flush()

    assert folder.names() == []
    assert {record.id for record in store.read(EXP).records} == filled


def age(path: Path) -> None:
    long_ago = time.time() - 4000
    os.utime(path, (long_ago, long_ago))
