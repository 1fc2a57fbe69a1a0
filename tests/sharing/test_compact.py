"""`git exp compact`: many refs become one, and nothing anybody can read changes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitexp.app import compact as app
from gitexp.app.compact import Compaction
from gitexp.app.load import load
from gitexp.app.rollback import roll_back
from gitexp.model import Observation, Oid
from gitexp.store import compacting, notes, trees
from gitexp.store.store import Store
from tests.apply.killing import COMPLETED, DIED, restore_folder, run_and_die
from tests.cli.scenes import begin, refused
from tests.sharing.named import Named
from tests.sharing.village import FAST, Village
from tests.support import GitIn, leave_lock

ORIGIN = "origin"
WRITERS = ("ann", "bob", "cat", "ci-1")


@pytest.fixture(scope="session")
def ended_template(shared_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fast`, measured by three clones and a lane in bob's, promoted; everybody has synced."""
    folder = tmp_path_factory.mktemp("ended")
    shutil.copytree(shared_template, folder / "shared.git")
    village = Village(folder)
    ann, bob, cat = (Named(village.clone(name).path, name) for name in ("ann", "bob", "cat"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "ann")
        ann.start()
    ann.record([1, 2])
    ann.synced()
    for clone in (bob, cat):
        clone.synced()
        clone.git("branch", "--quiet", "exp/fast", "origin/exp/fast")
        clone.record([1, 2])
    Named(bob.path, "ci-1").record([1])
    for clone in (bob, cat, ann):
        clone.synced()
    ann.exp("promote", "fast", "--yes")
    ann.git("push", "--quiet", ORIGIN, "main")
    for clone in (ann, bob, cat):
        clone.synced()
    return folder


@pytest.fixture
def ended(ended_template: Path, tmp_path: Path) -> Village:
    """That village, to be changed."""
    folder = tmp_path / "village"
    shutil.copytree(ended_template, folder, symlinks=True)
    _settle(folder)
    return Village(folder)


def _settle(folder: Path) -> None:
    for name in ("ann", "bob", "cat"):
        GitIn(folder / name)("remote", "set-url", ORIGIN, f"file://{folder / 'shared.git'}")


@pytest.fixture
def ann(ended: Village) -> Named:
    return Named(ended.folder / "ann", "ann")


@pytest.fixture
def bob(ended: Village) -> Named:
    return Named(ended.folder / "bob", "bob")


@pytest.fixture
def cat(ended: Village) -> Named:
    return Named(ended.folder / "cat", "cat")


def compacted(clone: Named, remote: str | None = ORIGIN) -> Compaction:
    """What the command does, without the cost of a process."""

    def act(store: Store) -> Compaction:
        app.bring(store, remote)
        return app.compact(store, app.plan(store, FAST, remote))

    return clone.act(act)


def lines(clone: Named) -> set[bytes]:
    """Every record a clone can read, byte for byte."""
    return {record.line for record in clone.act(lambda store: store.read(FAST)).records}


def newcomer(village: Village, name: str = "new") -> Named:
    """A clone made now, with the evidence there is."""
    clone = Named(village.clone(name).path, name)
    clone.synced()
    return clone


def evidence_refs(village: Village) -> list[str]:
    return [*village.refs("refs/notes"), *village.refs("refs/exp")]


def home(writer: str) -> list[str]:
    return [f"refs/notes/exp/fast/{writer}", f"refs/exp/archive/fast/{writer}"]


def said(clone: Named) -> tuple[str, str, str]:
    """What a clone says of the experiment: records, analysis and state, byte for byte."""
    row = clone.exp("status", "fast", "--json").json["experiments"][0]
    state = {key: row[key] for key in ("state", "verdict", "blocks", "problems", "merge")}
    log = clone.exp("log", "fast", "--json").stdout
    return log, clone.exp("analyze", "fast", "--json").stdout, json.dumps(state)


def observe(clone: Named, writer: str, value: float = 0.5) -> int:
    """A value that comes after all is over; the number the record got."""

    def act(store: Store) -> int:
        experiment = load(store, FAST).experiment
        trial = experiment.trials[0].record
        body = Observation(trial=trial.id, metrics={"satisfaction": value})
        assert experiment.plan_commit is not None
        made = store.record(FAST, experiment.plan_hash, body, target=experiment.plan_commit)
        store.flush()
        return made.seq

    return Named(clone.path, writer).act(act)


def test_one_ref_of_each_kind_is_left_and_reads_the_same(
    ended: Village, ann: Named, bob: Named
) -> None:
    before = said(ann), said(bob)
    others = {*evidence_refs(ended)} - {*home("ann")}
    assert len(ended.refs("refs/notes")) == 4

    answer = ann.exp("compact", "fast", "--json").json

    assert evidence_refs(ended) == home("ann")
    assert ({*answer["deleted"]}, answer["stay"], answer["writers"]) == (others, {}, 4)
    assert said(ann) == before[0]
    bob.synced()
    assert said(bob) == before[1]
    assert said(newcomer(ended)) == before[0]
    ended.shared("fsck", "--strict", "--no-dangling")


def test_what_was_compacted_is_not_pushed_again_nor_missed(
    ended: Village, ann: Named, bob: Named, cat: Named
) -> None:
    compacted(ann)

    answers = [clone.synced() for clone in (bob, cat, ann, bob)]

    assert [(answer.pushed, answer.kept, answer.refused) for answer in answers] == [
        ((), (), ())
    ] * 4
    assert evidence_refs(ended) == home("ann")
    assert bob.refs("refs/notes/remotes/").keys() == {"refs/notes/remotes/origin/exp/fast/ann"}


def test_every_commit_of_every_archive_stays_reachable(ended: Village, ann: Named) -> None:
    archives = ended.refs("refs/exp")
    kept = {*ended.shared("rev-list", *archives.values()).split()}

    compacted(ann)

    ended.shared("reflog", "expire", "--all", "--expire=now")
    ended.shared("gc", "--quiet", "--prune=now")
    assert kept <= {*ended.shared("rev-list", *ended.refs("refs/exp").values()).split()}


def test_once_more_there_is_nothing_to_do(ended: Village, ann: Named) -> None:
    compacted(ann)
    before = ended.refs("refs"), ann.refs("refs")

    answer = ann.exp("compact", "fast")

    assert "fast is compacted: 19 records of 4 writers in one ref" in answer.stdout
    assert (ended.refs("refs"), ann.refs("refs")) == before


def test_a_dry_run_says_what_would_change_and_changes_nothing(ended: Village, ann: Named) -> None:
    before = ended.refs("refs"), ann.refs("refs")

    told = ann.exp("compact", "fast", "--dry-run", "--json").json
    text = ann.exp("compact", "fast", "--dry-run").stdout

    assert (ended.refs("refs"), ann.refs("refs")) == before
    assert told["dry_run"] is True
    assert {*told["deleted"]} == {*evidence_refs(ended)} - {*home("ann")}
    assert (
        f"delete {len(told['deleted'])} refs on origin, which then has what they hold"
        in " ".join(text.split())
    )
    assert told["next"] == ["git exp compact fast origin"]


def test_a_running_experiment_is_not_compacted(village: Village) -> None:
    dan = _alone(village)
    dan.synced()
    before = village.refs("refs")

    answer = dan.exp("compact", "fast", check=False)

    refused(answer, 6, "still running", "git exp status fast")
    assert village.refs("refs") == before


def _alone(village: Village) -> Named:
    """A clone with a running experiment, in which a lane measured, too."""
    dan = Named(village.clone("dan").path, "dan")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "dan")
        dan.start()
    dan.record([1])
    Named(dan.path, "ci-2").record([1])
    return dan


def _roll_back(clone: Named) -> None:
    clone.act(lambda store: roll_back(store, load(store, FAST).experiment, reason="no use"))


def test_without_a_remote_lanes_become_one_ref(village: Village) -> None:
    dan = _alone(village)
    dan.git("remote", "remove", ORIGIN)
    _roll_back(dan)
    before = lines(dan)

    answer = dan.exp("compact", "fast")

    assert "here       2 refs of other lanes dropped" in answer.stdout
    assert [*dan.refs("refs/notes/exp/"), *dan.refs("refs/exp/")] == home("dan")
    assert lines(dan) == before


def test_a_remote_that_deletes_nothing_keeps_both(ended: Village, ann: Named) -> None:
    ended.hook("update", f'test "$3" != {"0" * 40}')
    before = evidence_refs(ended)

    answer = ann.exp("compact", "fast")

    assert "origin does not delete it" in " ".join(answer.stdout.split())
    assert evidence_refs(ended) == before
    assert lines(newcomer(ended)) == lines(ann)
    ended.hook("update", "true")
    compacted(ann)
    assert evidence_refs(ended) == home("ann")


def test_a_remote_that_takes_no_notes_loses_none(ended: Village, ann: Named) -> None:
    ended.hook("update", f'case "$1" in refs/notes/*) test "$3" = {"0" * 40};; esac')
    before = ended.refs("refs/notes")

    answer = ann.exp("compact", "fast", check=False)

    assert answer.status == 6
    assert "origin did not take refs/notes/exp/fast/ann" in answer.stderr
    assert ended.refs("refs/notes") == before


def test_what_moved_meanwhile_stays(ended: Village, ann: Named, bob: Named) -> None:
    ann.act(lambda store: app.bring(store, ORIGIN))
    planned = ann.act(lambda store: app.plan(store, FAST, ORIGIN))
    observe(bob, "bob")
    bob.synced()

    done = ann.act(lambda store: app.compact(store, planned))

    stays = {name for name in done.stay if name.startswith("refs/notes/")}
    assert stays == {"refs/notes/exp/fast/bob"}
    assert {*done.stay.values()} == {"it is not what was read on origin"}
    assert {*evidence_refs(ended)} == {*home("ann"), *done.stay}
    assert lines(newcomer(ended)) == lines(bob) | lines(ann)


def test_what_is_recorded_later_is_pushed_and_gathered_again(
    ended: Village, ann: Named, bob: Named
) -> None:
    own = [r.seq for r in bob.records().values() if r.writer == "bob"]
    compacted(ann)
    bob.synced()

    seq = observe(bob, "bob")
    pushed = bob.synced().pushed

    assert seq == max(own) + 1
    assert "refs/notes/exp/fast/bob" in pushed
    assert lines(newcomer(ended)) == lines(bob)
    compacted(ann)
    assert evidence_refs(ended) == home("ann")
    assert lines(ann) == lines(bob)


def test_a_lane_begun_anew_goes_on_with_its_numbers(ended: Village, ann: Named) -> None:
    own = [r.seq for r in ann.records().values() if r.writer == "ci-1"]
    compacted(ann)

    seq = observe(newcomer(ended), "ci-1")

    assert own
    assert seq == max(own) + 1


def test_whoever_compacts_goes_on_with_its_own_numbers(
    ended: Village, ann: Named, cat: Named
) -> None:
    own = [r.seq for r in cat.records().values() if r.writer == "cat"]
    compacted(cat)

    seq = observe(cat, "cat")

    assert seq == max(own) + 1
    assert evidence_refs(ended) == home("cat")
    cat.synced()
    ann.synced()
    assert lines(ann) == lines(cat)


def test_a_note_added_by_hand_hides_nobodys_records(ann: Named) -> None:
    compacted(ann)
    before = lines(ann)
    ann.git("notes", "--ref=exp/fast/ann", "append", "-m", "a remark", "main~1")

    found = ann.store.read(FAST)
    assert {record.line for record in found.records} == before
    assert {problem.kind for problem in found.problems} == {"foreign-line"}


def test_a_ref_with_forged_records_is_left_alone(ended: Village, ann: Named, bob: Named) -> None:
    """Gathered, they would count: the gathered ref speaks for all its writers."""
    record = next(r for r in ann.records().values() if r.writer == "ann")
    forged = record.line.replace(record.id.encode(), b"01KEAAAAAAAAAAAAAAAAAAAAAA")
    bob.git("notes", "--ref=exp/fast/bob", "append", "-m", forged.decode(), "main~1")
    bob.synced()
    before = lines(ann)

    done = compacted(ann)

    assert done.stay == {
        f"refs/notes/{where}exp/fast/bob": "it holds records that say they are another writer's"
        for where in ("remotes/origin/",)
    }
    assert "refs/notes/exp/fast/bob" in evidence_refs(ended)
    assert lines(ann) == lines(newcomer(ended)) == before


def test_naming_writers_without_their_records_holds_nothing(ann: Named) -> None:
    """Somebody may claim to have compacted: what counts is what is there."""
    repository = ann.store.repository
    tip = Oid(ann.git.id("refs/notes/remotes/origin/exp/fast/bob"))
    own = Oid(ann.git.id("refs/notes/exp/fast/ann"))
    tree = repository.commit(own).tree
    claim = repository.write_commit(tree, [tip], "x\n\nExp-Seq: 9\nExp-Writers: bob ci-1\n")
    unnamed = notes.unite(repository, FAST, own, tip)
    name = "refs/notes/exp/fast/bob"

    assert not compacting.compacted(repository, {name: tip}, {home("ann")[0]: claim})
    assert not compacting.compacted(repository, {name: tip}, {home("ann")[0]: unnamed})
    compacted(ann)
    done = Oid(ann.git.id("refs/notes/exp/fast/ann"))
    assert compacting.compacted(repository, {name: tip}, {home("ann")[0]: done}) == {name}


def test_what_lacks_a_payload_does_not_hold_it(ann: Named) -> None:
    repository = ann.store.repository
    note = repository.write_blob(b"a remark\n")
    payload = repository.write_blob(b"gitexp-payload/1\nwhat it printed\n")
    short = trees.write(repository, None, {Oid(ann.git.id("main")): note})
    whole = trees.write(repository, short, {payload: payload})
    tip = repository.write_commit(whole, [], "x\n\nExp-Seq: 1\n")
    name = "refs/notes/exp/fast/bob"

    def is_compacted_in(tree: Oid) -> bool:
        there = repository.write_commit(tree, [], "x\n\nExp-Seq: 1\nExp-Writers: bob\n")
        return bool(compacting.compacted(repository, {name: tip}, {home("ann")[0]: there}))

    assert not is_compacted_in(short)
    assert is_compacted_in(whole)


def test_several_at_once_lose_nothing_and_agree_in_the_end(
    ended: Village, ann: Named, bob: Named, cat: Named
) -> None:
    before = lines(ann)

    at_once = [
        begin("compact", "fast", cwd=clone.path, env={"GITEXP_WRITER": clone.name})
        for clone in (ann, bob, cat)
    ]
    statuses = [process.wait(timeout=120) for process in at_once]
    for process in at_once:
        process.communicate()

    assert set(statuses) <= {0, 6}
    assert lines(newcomer(ended)) == before
    for clone in (cat, bob, ann):
        compacted(clone)
    assert (len(ended.refs("refs/notes")), len(ended.refs("refs/exp"))) == (1, 1)
    assert lines(newcomer(ended, "later")) == before


def test_of_two_that_hold_everything_the_first_by_name_stays(
    ended: Village, ann: Named, cat: Named
) -> None:
    """Else each could delete the other's at the same moment."""
    ended.hook("update", f'test "$3" != {"0" * 40}')
    ann.act(lambda store: app.bring(store, ORIGIN))
    compacted(cat)
    ann.act(lambda store: app.compact(store, app.plan(store, FAST, ORIGIN)))
    ended.hook("update", "true")

    done = compacted(cat)

    assert done.into == "refs/notes/exp/fast/ann"
    assert [*ended.refs("refs/notes")] == ["refs/notes/exp/fast/ann"]
    assert len(ended.refs("refs/exp")) == 1
    assert lines(newcomer(ended)) == lines(ann)


def test_killed_between_any_two_steps_nothing_is_lost_and_the_next_goes_on(
    ended: Village, ann: Named
) -> None:
    # what a mirror lost is kept here, to be dropped once it is gathered
    ended.shared("update-ref", "-d", "refs/notes/exp/fast/cat")
    ann.synced()
    before, shared = lines(ann), _shared(ended)
    saved = ended.folder.with_name("saved")
    subprocess.run(["cp", "-a", str(ended.folder), str(saved)], check=True)

    for step in range(1, 100):
        restore_folder(saved, ended.folder)
        how = run_and_die(lambda: compacted(ann), at=step)
        assert lines(ann) == before
        assert _shared(ended) >= shared
        compacted(ann)
        assert evidence_refs(ended) == home("ann")
        assert lines(ann) == before
        assert [*ann.refs("refs/notes/remotes/")] == ["refs/notes/remotes/origin/exp/fast/ann"]
        if how == COMPLETED:
            break
        assert how == DIED
    assert 5 < step < 99


def test_what_a_killed_git_left_locked_is_in_nobodys_way(ended: Village, ann: Named) -> None:
    before = lines(ann)
    for name in home("ann"):
        leave_lock(ann.path / ".git" / f"{name}.lock")

    compacted(ann)

    assert evidence_refs(ended) == home("ann")
    assert lines(ann) == before


PRUNE = """#!/bin/sh
test "$1" = prepared && grep -q " refs/notes/exp/" && mkdir "{mark}" 2>/dev/null || exit 0
git prune --expire=now
"""
"""What a `git gc --prune=now` that began before the refs moved does; once, and leaves a mark."""


def test_a_lane_outlives_git_collecting_what_was_just_gathered(bob: Named) -> None:
    before = lines(bob)
    bob.git("remote", "remove", ORIGIN)
    hook = bob.path / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(PRUNE.format(mark=bob.path / "pruned"))
    hook.chmod(0o755)

    compacted(bob, None)

    assert (bob.path / "pruned").is_dir()
    hook.unlink()
    assert lines(bob) == before
    assert [*bob.refs("refs/notes/exp/")] == home("bob")[:1]
    bob.git("fsck", "--strict", "--no-dangling", "--no-reflogs", "--connectivity-only")


def test_the_first_look_outlives_git_collecting_what_it_gathered(
    ann: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, pruned = compacting.check, list[str]()

    def check_after_gc(*args: Any) -> None:
        if not pruned:
            pruned.append(ann.git("prune", "--expire=now"))
        check(*args)

    monkeypatch.setattr(compacting, "check", check_after_gc)
    before = lines(ann)

    planned = ann.act(lambda store: app.plan(store, FAST, ORIGIN))

    assert pruned
    assert set(planned.pushed) == set(home("ann"))
    assert lines(ann) == before


def test_no_sync_of_the_same_clone_comes_in_between(ended: Village, ann: Named) -> None:
    lock, begun = ann.path / ".git" / "exp" / "sync.lock", ended.folder / "begun"
    take = f"import fcntl; fcntl.flock(open('{lock}'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    ended.hook("pre-receive", f'"{sys.executable}" -c "{take}" && touch "{begun}"; exit 0')

    compacted(ann)

    assert lock.exists()
    assert not begun.exists()
    assert evidence_refs(ended) == home("ann")


def _shared(village: Village) -> set[bytes]:
    """What the shared repository itself holds."""
    store = Store.open(village.shared.path)
    return {record.line for record in store.read(FAST).records}
