"""The journal by itself: numbers, whole lines, what is set aside."""

from __future__ import annotations

import os
import time

import pytest

from gitexp.codec import decode
from gitexp.errors import Refused
from gitexp.model import Created, Oid, Trial
from gitexp.store.files import Folder
from gitexp.store.git import Git
from gitexp.store.journal import Journal
from gitexp.store.payloads import blob_id, payload_blob
from gitexp.store.store import Store
from tests.store.samples import COMMIT, EXP, NOON, PLAN, WRITER, a_line, a_trial
from tests.support import GitIn


@pytest.fixture
def alone(git: GitIn) -> Journal:
    """A journal whose writer has nothing in the notes."""
    folder = Folder(Git.open(git.path).common_dir, "exp", "journal")
    return Journal(folder, WRITER, stored_seq=lambda _: 0, clock=lambda: NOON)


def content(journal: Journal) -> bytes:
    return journal.folder.read(journal.name) or b""


def test_a_line_holds_the_target_and_the_record(alone: Journal) -> None:
    with alone.locked() as session:
        record = session.append(EXP, PLAN, a_trial(), target=COMMIT)

    assert content(alone) == f"{COMMIT} {record.line.decode()}\n".encode()
    assert decode(record.line) == record
    assert record.at == NOON
    assert record.seq == 1


def test_numbers_go_on_from_the_notes_and_from_other_processes(git: GitIn) -> None:
    folder = Folder(Git.open(git.path).common_dir, "exp", "journal")
    one, two = (Journal(folder, WRITER, stored_seq=lambda _: 41) for _ in range(2))

    seqs = []
    for journal in (one, two, two, one, two):
        with journal.locked() as session:
            seqs.append(session.append(EXP, PLAN, a_trial(), target=COMMIT).seq)

    assert seqs == [42, 43, 44, 45, 46]


def test_staging_counts_but_writes_nothing(alone: Journal) -> None:
    with alone.locked() as session:
        first = session.stage(EXP, PLAN, Created(plan_commit=COMMIT), target=COMMIT)
        second = session.stage(EXP, PLAN, Created(plan_commit=COMMIT), target=COMMIT)
        assert content(alone) == b""
    with alone.locked() as session:
        again = session.stage(EXP, PLAN, Created(plan_commit=COMMIT), target=COMMIT)

    assert [entry.record.seq for entry in (first, second, again)] == [1, 2, 1]


def test_a_cut_off_line_is_set_aside(alone: Journal) -> None:
    with alone.locked() as session:
        kept = session.append(EXP, PLAN, a_trial(1), target=COMMIT)
    with open(alone.folder.path / alone.name, "ab") as file:
        file.write(b"%s %s" % (COMMIT.encode(), a_line(7)[:50]))

    assert [entry.record for entry in alone.pending()] == [kept]
    with alone.locked() as session:
        after = session.append(EXP, PLAN, a_trial(2), target=COMMIT)

    assert after.seq == 2
    assert [entry.record for entry in alone.pending()] == [kept, after]
    torn = alone.folder.read(alone.torn_name)
    assert torn == b"%s %s\n" % (COMMIT.encode(), a_line(7)[:50])


def test_a_whole_line_that_lost_its_newline_counts(alone: Journal) -> None:
    with alone.locked() as session:
        kept = session.append(EXP, PLAN, a_trial(1), target=COMMIT)
    path = alone.folder.path / alone.name
    path.write_bytes(path.read_bytes().rstrip(b"\n"))

    with alone.locked() as session:
        after = session.append(EXP, PLAN, a_trial(2), target=COMMIT)

    assert [entry.record for entry in alone.pending()] == [kept, after]
    assert alone.folder.read(alone.torn_name) is None


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"\xff\xfe\x00",
        b"%s {}" % COMMIT.encode(),
        b"%s %s" % (b"0" * 39, a_line(3)),
        b"%s %s" % (COMMIT.encode(), a_line(3).replace(b"ann-1", b"bob-2")),
        b"payload %s AAAA" % COMMIT.encode(),
    ],
)
def test_what_is_no_entry_is_set_aside(alone: Journal, line: bytes) -> None:
    with alone.locked() as session:
        kept = session.append(EXP, PLAN, a_trial(1), target=COMMIT)
    with open(alone.folder.path / alone.name, "ab") as file:
        file.write(line + b"\n")

    with alone.locked():
        pass

    assert [entry.record for entry in alone.pending()] == [kept]
    assert alone.folder.read(alone.torn_name) == line + b"\n"


def test_payloads_travel_in_the_journal(alone: Journal) -> None:
    noise = os.urandom(200_000)
    with alone.locked() as session:
        record = session.append(EXP, PLAN, a_trial(), target=COMMIT, payload=noise)

    (entry,) = alone.pending()
    assert entry.payload == payload_blob(noise)
    assert isinstance(record.body, Trial)
    assert record.body.payload == blob_id(payload_blob(noise))


def test_what_is_too_large_is_refused_before_anything_is_written(alone: Journal) -> None:
    with alone.locked() as session:
        with pytest.raises(ValueError, match="262144 at most"):
            session.append(EXP, PLAN, a_trial(), target=COMMIT, payload=bytes(256 * 1024))
        with pytest.raises(ValueError, match="4096 at most"):
            session.append(EXP, PLAN, a_trial(text="h" * 4096), target=COMMIT)
        with pytest.raises(ValueError, match="only trials"):
            session.append(EXP, PLAN, Created(plan_commit=COMMIT), target=COMMIT, payload=b"x")

    assert content(alone) == b""


def test_flushed_lines_are_kept_and_the_journal_begins_anew(alone: Journal) -> None:
    with alone.locked() as session:
        one = session.append(EXP, PLAN, a_trial(1), target=COMMIT, payload=b"x")
        staged = session.stage(EXP, PLAN, Created(plan_commit=COMMIT), target=COMMIT)
        session.mark_flushed([staged])
    with alone.locked() as session:
        two = session.append(EXP, PLAN, a_trial(2), target=COMMIT)
        session.mark_flushed()

    assert alone.is_empty
    assert [entry.record for entry in alone.kept()] == [one, staged.record, two]
    assert alone.kept()[0].payload == payload_blob(b"x")


def test_kept_files_are_outdated_after_an_hour(alone: Journal) -> None:
    with alone.locked() as session:
        session.append(EXP, PLAN, a_trial(1), target=COMMIT)
        session.mark_flushed()
    (name,) = alone.flushed.names()
    assert alone.outdated() == []
    long_ago = time.time() - 3700
    os.utime(alone.flushed.path / name, (long_ago, long_ago))

    assert alone.outdated() == [name]


def test_a_deleted_lock_file_locks_nobody_out_twice(alone: Journal, git: GitIn) -> None:
    folder = Folder(Git.open(git.path).common_dir, "exp", "journal")
    other = Journal(folder, WRITER, stored_seq=lambda _: 0)
    with alone.locked() as session:
        session.append(EXP, PLAN, a_trial(1), target=COMMIT)
        (alone.folder.path / f"{WRITER}.lock").unlink()
    with other.locked() as session:
        assert session.append(EXP, PLAN, a_trial(2), target=COMMIT).seq == 2


def test_a_journal_that_is_a_link_is_refused(alone: Journal, git: GitIn) -> None:
    alone.folder.path.mkdir(parents=True)
    victim = git.path / "victim"
    victim.write_text("precious")
    (alone.folder.path / alone.name).symlink_to(victim)

    with pytest.raises(Refused, match="not an ordinary file"), alone.locked() as session:
        session.append(EXP, PLAN, a_trial(1), target=COMMIT)

    assert victim.read_text() == "precious"


def test_a_linked_folder_is_refused(alone: Journal, git: GitIn) -> None:
    outside = git.path / "outside"
    outside.mkdir()
    (Git.open(git.path).common_dir / "exp").symlink_to(outside)

    with pytest.raises(Refused, match="not an ordinary file or folder"), alone.locked():
        pass

    assert list(outside.iterdir()) == []


def test_numbers_survive_the_loss_of_every_file(store: Store, head: Oid) -> None:
    for number in range(3):
        store.record(EXP, PLAN, a_trial(number), target=head)
    store.flush()
    for path in sorted((store.git.common_dir / "exp" / "journal").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    record = Store.open(store.git.cwd).record(EXP, PLAN, a_trial(3), target=head)

    assert record.seq == 4
