"""Records as git itself sees them: notes in any shape, archives, summaries."""

from __future__ import annotations

import subprocess

import pytest

from gitexp import refs
from gitexp.codec import canonical, decode, plan_hash
from gitexp.errors import StaleRef
from gitexp.model import Created, Oid, PlanBody, Problem, Trial
from gitexp.store import notes, trees
from gitexp.store.notes import SEAL_BYTES
from gitexp.store.store import Store
from gitexp.store.tree_objects import TREE_MODE, TreeEntry
from tests.store.samples import EXP, PLAN, a_plan, a_trial
from tests.support import GitIn


def fill(store: Store, target: Oid, count: int, first: int = 0) -> set[str]:
    return {
        store.record(EXP, PLAN, a_trial(n), target=target).id for n in range(first, first + count)
    }


def ids(store: Store) -> set[str]:
    return {record.id for record in store.read(EXP).records}


def problems(store: Store) -> tuple[Problem, ...]:
    return store.read(EXP).problems


def keys(git: GitIn, ref: str) -> list[str]:
    return [line.split()[1] for line in git("notes", f"--ref={ref}", "list").splitlines()]


def test_git_notes_shows_what_was_recorded(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    record = store.record(EXP, PLAN, a_trial(), target=head)
    store.flush()

    assert git("notes", f"--ref={own_notes}", "show", head) == record.line.decode()
    assert keys(git, own_notes) == [head]
    git("fsck", "--strict")


def test_a_long_note_is_sealed_and_starts_afresh(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    kept: set[str] = set()
    for batch in range(12):
        kept |= fill(store, head, 5, first=5 * batch)
        store.flush()

    sizes = {
        key: len(git("notes", f"--ref={own_notes}", "show", key)) if key == head else
        int(git("cat-file", "-s", key))
        for key in keys(git, own_notes)
    }  # fmt: skip
    assert head in sizes
    assert len(sizes) > 3
    assert all(size < SEAL_BYTES + 5 * 600 for size in sizes.values())
    assert all(size >= SEAL_BYTES for key, size in sizes.items() if key != head)
    assert ids(store) == kept
    git("fsck", "--strict")


@pytest.mark.usefixtures("no_early_flush")
def test_a_flush_that_was_killed_once_its_refs_had_moved_stores_nothing_twice(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    fill(store, head, 3)
    store.flush()  # the first record was flushed at once
    fill(store, head, 40, first=3)
    journal = store.journal.folder
    pending = journal.read(store.journal.name) or b""
    store.flush()
    journal.write(store.journal.name, pending)  # as if it had died before it set this aside
    kept = ids(store) | fill(store, head, 2, first=43)

    Store.open(git.path).flush()

    found = [
        line
        for key in keys(git, own_notes)
        for line in git("cat-file", "blob", git("rev-parse", f"{own_notes}:{key[:2]}/{key[2:]}"))
        .strip()
        .splitlines()
    ]
    assert len(found) == len({*found}) == len(kept) == 45
    assert ids(store) == kept


def test_one_great_flush_is_sealed_in_pieces(store: Store, git: GitIn, head: Oid) -> None:
    kept = fill(store, head, 300)
    store.flush()

    found = store.read(EXP)
    assert {record.id for record in found.records} == kept
    own = refs.notes(EXP, store.writer)
    assert max(int(git("cat-file", "-s", k)) for k in keys(git, own) if k != head) < 2 * SEAL_BYTES


@pytest.mark.parametrize("width", [(40,), (2, 38), (2, 2, 36), (2, 2, 2, 34), (4, 36)])
def test_notes_are_read_in_any_fanout_and_rewritten_in_ours(
    store: Store, git: GitIn, head: Oid, own_notes: str, width: tuple[int, ...]
) -> None:
    kept = fill(store, head, 3)
    store.flush()
    blob = git("rev-parse", f"{own_notes}:{head[:2]}/{head[2:]}")
    git("update-ref", own_notes, spread(git, head, blob, width, parent=own_notes))

    assert ids(store) == kept
    later = fill(store, head, 1, first=9)
    store.flush()

    assert ids(store) == kept | later
    assert git("ls-tree", "-r", "--name-only", own_notes) == f"{head[:2]}/{head[2:]}"
    assert sorted(record.seq for record in store.read(EXP).records) == [1, 2, 3, 4]


def spread(git: GitIn, key: str, blob: str, width: tuple[int, ...], *, parent: str) -> str:
    parts, rest = [], key
    for count in width:
        parts.append(rest[:count])
        rest = rest[count:]
    oid = git("mktree", stdin=f"100644 blob {blob}\t{parts.pop()}\n")
    for part in reversed(parts):
        oid = git("mktree", stdin=f"040000 tree {oid}\t{part}\n")
    return git("commit-tree", "-p", parent, "-m", "moved", oid)


def test_two_spellings_of_a_key_are_united(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    kept = fill(store, head, 1)
    store.flush()
    tip = git.id(own_notes)
    kept |= fill(store, head, 1, first=1)
    store.flush()
    flat = git("rev-parse", f"{own_notes}:{head[:2]}/{head[2:]}")
    listing = git("ls-tree", tip)
    tree = git("mktree", stdin=f"{listing}\n100644 blob {flat}\t{head}\n")
    git("update-ref", own_notes, git("commit-tree", "-p", own_notes, "-m", "both", tree))

    assert ids(store) == kept
    kept |= fill(store, head, 1, first=2)
    store.flush()

    assert ids(store) == kept
    assert git("ls-tree", "-r", "--name-only", own_notes) == f"{head[:2]}/{head[2:]}"


def test_lines_added_with_git_notes_stay_and_are_reported(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    kept = fill(store, head, 1)
    store.flush()
    git("notes", f"--ref={own_notes}", "append", "-m", "looks fast to me", head)
    git("notes", f"--ref={own_notes}", "add", "-m", "on the base", "main")

    assert ids(store) == kept
    assert [p.kind for p in problems(store)] == ["foreign-line", "foreign-line"]
    kept |= fill(store, head, 1, first=1)
    store.flush()

    assert ids(store) == kept
    assert "looks fast to me" in git("notes", f"--ref={own_notes}", "show", head)
    assert git("notes", f"--ref={own_notes}", "show", "main") == "on the base"


def test_entries_that_are_no_notes_stay(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    fill(store, head, 1)
    store.flush()
    blob = git("hash-object", "-w", "--stdin", stdin="hello\n")
    sub = git("mktree", stdin=f"120000 blob {blob}\tlink\n160000 commit {head}\tsub\n")
    listing = git("ls-tree", own_notes)
    tree = git("mktree", stdin=f"{listing}\n100644 blob {blob}\tREADME\n040000 tree {sub}\tzz\n")
    git("update-ref", own_notes, git("commit-tree", "-p", own_notes, "-m", "more", tree))
    fill(store, head, 1, first=1)
    store.flush()

    assert len(ids(store)) == 2
    assert {p.kind for p in problems(store)} == {"foreign-entry"}
    assert "README" in git("ls-tree", "--name-only", own_notes).split()
    assert git("rev-parse", f"{own_notes}:zz") == sub


@pytest.mark.usefixtures("no_early_flush")
def test_a_ref_that_moved_is_never_overwritten(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    kept = fill(store, head, 2)
    updates = notes.flush_changes(store.repository, store.writer, store.journal.pending())
    git("notes", f"--ref={own_notes}", "add", "-m", "meanwhile", "main")

    with pytest.raises(StaleRef):
        store.git.update_refs(updates, reason="test")

    assert git.id(own_notes) != updates[-1].new
    store.flush()
    assert ids(store) == kept
    assert git("notes", f"--ref={own_notes}", "show", "main") == "meanwhile"


def test_a_lane_goes_on_where_its_remote_stands(
    git: GitIn, head: Oid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITEXP_WRITER", "ci")
    first = Store.open(git.path)
    kept = fill(first, head, 3)
    first.flush()
    own = refs.notes(EXP, first.writer)
    git("update-ref", f"refs/notes/remotes/up/stream/exp/{EXP}/ci", own)
    git("update-ref", "-d", own)
    subprocess.run(["rm", "-r", str(first.git.common_dir / "exp" / "journal")], check=True)

    second = Store.open(git.path)
    record = second.record(EXP, PLAN, a_trial(3), target=head)
    second.flush()

    assert record.seq == 4
    assert ids(second) == kept | {record.id}
    git("merge-base", "--is-ancestor", f"refs/notes/remotes/up/stream/exp/{EXP}/ci", own)


def test_a_lanes_archive_goes_on_where_its_remote_stands(
    git: GitIn, head: Oid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITEXP_WRITER", "ci")
    first = Store.open(git.path)
    first.record(EXP, PLAN, a_trial(), target=head)
    first.flush()
    own, tracked = refs.archive(EXP, first.writer), f"refs/exp/remotes/up/archive/{EXP}/ci"
    git("update-ref", tracked, own)
    git("update-ref", "-d", own)
    idea = Oid(git.commit("idea"))

    second = Store.open(git.path)
    second.record(EXP, PLAN, a_trial(2), target=idea)
    second.flush()

    assert git("log", "-1", "--format=%P", own).split() == [git.id(tracked), idea]


def test_uniting_keeps_the_lines_of_both(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    kept = fill(store, head, 4)
    store.flush()
    common = git.id(own_notes)
    kept |= fill(store, head, 30, first=4)
    store.flush()
    ours = Oid(git.id(own_notes))
    git("update-ref", own_notes, common)
    kept |= fill(store, head, 2, first=40)
    store.flush()
    theirs = Oid(git.id(own_notes))

    united = notes.unite(store.repository, EXP, ours, theirs)
    git("update-ref", own_notes, united)

    found = store.read(EXP)
    assert kept == {record.id for record in found.records}
    assert store.repository.commit(united).parents == (ours, theirs)
    assert {p.kind for p in found.problems} <= {"duplicate-seq"}
    git("fsck", "--strict")


def test_archives_keep_plan_and_measured_commits(store: Store, git: GitIn, head: Oid) -> None:
    body = PlanBody(plan=a_plan(), canonical=canonical(a_plan()))
    hashed = plan_hash(body.canonical)
    with store.journal.locked() as session:
        staged = [
            session.stage(EXP, hashed, body, target=head),
            session.stage(EXP, hashed, Created(plan_commit=head), target=head),
        ]
        updates = notes.flush_changes(store.repository, store.writer, staged)
        store.git.update_refs(updates, reason="test")
        session.mark_flushed(staged)
    idea = Oid(git.commit("idea"))
    store.record(EXP, hashed, a_trial(), target=idea)
    store.flush()
    before = git.id(refs.archive(EXP, store.writer))
    store.record(EXP, hashed, a_trial(2), target=idea)
    store.flush()

    archive = refs.archive(EXP, store.writer)
    assert git.id(archive) == before
    root, tip = git("rev-list", "--reverse", "--first-parent", archive, "^" + head).split()[-2:]
    assert tip == before
    assert git("rev-parse", f"{archive}^{{tree}}") == git("mktree")
    assert git("rev-parse", f"{archive}^1", f"{archive}^2").split() == [root, idea]
    assert git("rev-parse", f"{root}^1") == head
    assert f"Exp-Plan: {body.canonical}" in git("log", "-1", "--format=%B", root)
    git("fsck", "--strict")


def test_another_writers_archive_begins_with_the_plan_too(
    git: GitIn, head: Oid, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = canonical(a_plan())
    git("commit", "--quiet", "--amend", "--allow-empty", "-m", f"plan\n\nExp-Plan: {text}")
    planned = git.id("HEAD")
    idea = Oid(git.commit("idea"))
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    other = Store.open(git.path)
    other.record(EXP, PLAN, a_trial(), target=idea)
    other.flush()

    root = git("log", "-1", "--format=%P%n%B", refs.archive(EXP, other.writer))
    assert root.splitlines()[0].split() == [planned, idea]
    assert f"Exp-Plan: {text}" in root
    assert head != planned


def test_a_measured_commit_that_vanished_does_not_stop_a_flush(store: Store, head: Oid) -> None:
    gone = Oid("c3" * 20)
    store.record(EXP, PLAN, a_trial(1), target=head)
    store.record(EXP, PLAN, a_trial(2), target=gone)
    store.flush()

    assert len(ids(store)) == 2
    assert not store.read(EXP).problems


def test_plain_git_log_shows_summaries(store: Store, git: GitIn, head: Oid) -> None:
    base = Oid(git.id("main"))
    store.write_summaries({head: "12 of 20 blocks", base: "promoted"})
    git("config", "notes.displayRef", refs.SUMMARY)
    assert "12 of 20 blocks" in git("log", "-1", head)
    assert "promoted" in git("log", "-1", base)
    before = git.id(refs.SUMMARY)

    store.write_summaries({head: "12 of 20 blocks"})
    assert git.id(refs.SUMMARY) == before
    store.write_summaries({head: None})

    assert "12 of 20 blocks" not in git("log", "-1", head)
    assert "promoted" in git("log", "-1", base)
    git("fsck", "--strict")


def test_writing_notes_touches_only_their_folders(store: Store, head: Oid) -> None:
    repository = store.repository
    blobs = [repository.write_blob(b"%d" % n) for n in range(300)]
    tree = trees.write(repository, None, {blob: blob for blob in blobs})
    changed = trees.write(repository, tree, {head: blobs[0]})

    before = {entry.name: entry for entry in repository.tree(tree)}
    after = {entry.name: entry for entry in repository.tree(changed)}
    assert {name for name in after if after[name] != before.get(name)} == {head[:2].encode()}
    assert trees.find(repository, changed, head) == (blobs[0],)
    assert TreeEntry(head[:2].encode(), TREE_MODE, after[head[:2].encode()].oid) in after.values()


def test_records_round_trip_through_notes_byte_for_byte(
    store: Store, git: GitIn, head: Oid, own_notes: str
) -> None:
    record = store.record(EXP, PLAN, a_trial(1), target=head, payload=b"tail\n")
    store.flush()

    assert decode(git("notes", f"--ref={own_notes}", "show", head).encode()) == record
    assert isinstance(record.body, Trial)
    assert git("cat-file", "blob", str(record.body.payload)) == "gitexp-payload/1\ntail"
