"""`doctor`: every ailment made for real, seen, and repaired where that is safe."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitexp.app.record import NewTrial, record
from gitexp.app.rig import worktrees_of
from gitexp.cli.main import main
from gitexp.errors import INTERRUPTED
from gitexp.live import lane, slots
from gitexp.model import Arm, ExperimentId
from gitexp.store.intent import Pending
from gitexp.store.lock import repository_lock
from gitexp.store.store import Store
from tests.cli.scenes import record_blocks, start
from tests.cli.test_places import as_nobody
from tests.support import GitExp, GitIn, leave_lock

OWN = "refs/notes/exp/fast/ann"
TRIAL = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
PAIRS = [(20.0, 10.0), (21.0, 11.0)]


def ails(git: GitIn, *options: str, **env: str) -> list[dict[str, Any]]:
    """What is wrong or notable, but for hooks, set-up and the machine, which vary."""
    found = GitExp(git.path)("doctor", "--json", *options, check=False, env=env).json["findings"]
    return [f for f in found if f["severity"] != "ok" and f["area"] not in ("machine", "hooks")]


def matching(found: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    return [finding for finding in found if text in finding["text"]]


def snapshot(*folders: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with its time and content, and every folder."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = status.st_mtime_ns, status.st_mode, content
    return found


# --- ailments that are repaired ---------------------------------------------------------------


def age(path: Path) -> None:
    os.utime(path, (1, 1))


def waiting(git: GitIn) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gitexp.store.journal.FLUSH_INTERVAL_S", 1e9)
        new = NewTrial(arm=Arm.CONTROL, metrics={"score": 20.0}, block=4)
        record(Store.open(git.path), ExperimentId("fast"), new)


def lost(git: GitIn) -> None:
    record_blocks(git, PAIRS)
    git("update-ref", OWN, f"{OWN}~1")


def unarchived(git: GitIn) -> None:
    git("update-ref", "-d", "refs/exp/archive/fast/ann")


def locked(git: GitIn) -> None:
    leave_lock(git.path / ".git" / f"{OWN}.lock")


def temporary(git: GitIn) -> None:
    leave_lock(git.path / ".git/exp/pending.json.1-abcd.tmp")


def interrupted(git: GitIn) -> None:
    Pending(git.path / ".git").begin("exp: promote fast")


def checkouts(git: GitIn) -> None:
    folder = worktrees_of(Store.open(git.path)).root / "old" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "file").touch()


def gone(git: GitIn) -> None:
    folder = worktrees_of(Store.open(git.path)).root / "fast" / "0123456789ab"
    git("worktree", "add", "--quiet", "--detach", str(folder))
    shutil.rmtree(folder)


def scratch(git: GitIn) -> None:
    folder = worktrees_of(Store.open(git.path)).root / "scratch" / TRIAL
    folder.mkdir(parents=True)
    age(folder)


def old_slots(git: GitIn) -> None:
    name = "old@ann@0123456789ab"
    with slots.SlotsFile(str(git.path / ".git"), name) as file:
        file.save(slots.Slots(plan="p", control_tree="c", treatment_tree="t", writer="ann"))


def dead_slots(git: GitIn) -> None:
    GitExp(git.path)("assign", "fast")
    [name] = slots.names_of(str(git.path / ".git"), "fast", "ann")
    with slots.SlotsFile(str(git.path / ".git"), name) as file:
        found = file.load()
        assert found is not None
        for held in found.reserved.values():
            held.since = 1.0
        file.save(found)


def old_lane(git: GitIn) -> None:
    common = str(git.path / ".git")
    kept = lane.Lane(
        exp="old", plan="p", writer="ann", closed="ended", inode=Path(common).stat().st_ino,
        expires=time.time() + 1000, limit_s=1.0, slots="", commits={}, checkouts={}, scratch="",
        units={}, patterns=(), refs="",
    )  # fmt: skip
    lane.keep(common, "id-old", kept, os.environ)


def unset(git: GitIn) -> None:
    git("init", "--quiet", "--bare", "../there.git")
    git("remote", "add", "origin", "../there.git")
    GitExp(git.path)("init")
    git("config", "--unset-all", "notes.displayRef")


def no_summaries(git: GitIn) -> None:
    (git.path / ".git/refs/notes").mkdir(exist_ok=True)
    (git.path / ".git/refs/notes/exp-summary").write_text(f"{'1' * 40}\n")


REPAIRED: dict[str, tuple[Callable[[GitIn], None], str, str, str]] = {
    "waiting": (waiting, "note", "records", "1 record waits in the journal"),
    "lost": (lost, "warn", "records", "git lost records of fast"),
    "unarchived": (unarchived, "warn", "archives", "no archive keeps"),
    "locked": (locked, "warn", "locks", f"a lock file on {OWN}"),
    "temporary": (temporary, "note", "locks", "a temporary file of killed commands"),
    "interrupted": (interrupted, "error", "locks", "left a change half done: exp: promote fast"),
    "checkouts": (checkouts, "note", "leftovers", "no experiment old any more, and its checkouts"),
    "gone": (gone, "note", "leftovers", "whose folder is gone"),
    "scratch": (scratch, "note", "leftovers", "a trial that was killed left files"),
    "old-slots": (old_slots, "note", "leftovers", "slots of old are kept"),
    "dead-slots": (dead_slots, "note", "leftovers", "that nobody will end"),
    "old-lane": (old_lane, "note", "leftovers", "a lane of experiments that ended"),
    "unset": (unset, "warn", "sharing", "configuration is gone: notes.displayRef"),
    "no-summaries": (no_summaries, "warn", "archives", "git lost the summaries"),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_is_safe_is_repaired_and_then_gone(name: str, ready: GitIn) -> None:
    make, severity, area, text = REPAIRED[name]
    make(ready)

    [found] = matching(ails(ready), text)
    assert (found["severity"], found["area"], found["is_repairable"]) == (severity, area, True)
    assert found["fix"] == "git exp doctor --fix"

    fixed = GitExp(ready.path)("doctor", "--fix", "--yes", "--json", check=False).json
    assert len(fixed["done"]) == 1
    assert fixed["failed"] == []
    assert matching(fixed["findings"], text) == []
    assert matching(ails(ready), text) == []


def test_what_git_lost_is_in_the_notes_again(ready: GitIn) -> None:
    record_blocks(ready, PAIRS)
    before = GitExp(ready.path)("log", "fast", "--json").json["records"]
    ready("update-ref", OWN, f"{OWN}~1")

    GitExp(ready.path)("doctor", "--fix", check=False)

    shutil.rmtree(ready.path / ".git/exp/journal")
    assert GitExp(ready.path)("log", "fast", "--json").json["records"] == before


def test_a_use_that_was_given_up_is_a_failed_trial(ready: GitIn) -> None:
    dead_slots(ready)

    GitExp(ready.path)("doctor", "--fix", check=False)

    records = GitExp(ready.path)("log", "fast", "--json").json["records"]
    assert [r["outcome"] for r in records if r["kind"] == "trial"] == ["failed"]


def test_an_archive_that_git_lost_is_made_again(ready: GitIn) -> None:
    record_blocks(ready, PAIRS)
    archive = "refs/exp/archive/fast/ann"
    tip = ready("rev-parse", archive)
    parents = ready("rev-list", "--no-walk", f"{archive}^@").split()
    (ready.path / ".git/objects" / tip[:2] / tip[2:]).unlink()
    shutil.rmtree(ready.path / ".git/exp/journal")

    [found] = matching(ails(ready), "cannot be read")
    assert (found["severity"], found["is_repairable"]) == ("error", True)
    GitExp(ready.path)("doctor", "--fix")

    assert matching(ails(ready), "cannot be read") == []
    for commit in parents:
        if ready("log", "-1", "--format=%s", commit) != "gitexp: archive of fast":
            assert ready("merge-base", "--is-ancestor", commit, archive) == ""


# --- ailments that are told -------------------------------------------------------------------


def blocked(git: GitIn) -> None:
    git("update-ref", "refs/exp/archive/fast/x", "HEAD")
    for ref in git("for-each-ref", "--format=%(refname)", "refs/exp").splitlines():
        git("update-ref", "-d", ref)
    git("update-ref", "refs/exp", "HEAD")


def foreign(git: GitIn) -> None:
    git("update-ref", "refs/notes/exp/Upper/x", "HEAD")


def no_experiment(git: GitIn) -> None:
    git("branch", "exp/Other", "main")


def foreign_line(git: GitIn) -> None:
    git("notes", f"--ref={OWN}", "append", "-m", "hello", "HEAD~1")


def branch_locked(git: GitIn) -> None:
    leave_lock(git.path / ".git/refs/heads/exp/fast.lock")


def remote_gone(git: GitIn) -> None:
    git("update-ref", "refs/notes/remotes/away/exp/fast/bob", OWN)


def overwritten(git: GitIn) -> None:
    git("remote", "add", "origin", "../there.git")
    git("config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*")


def unshared(git: GitIn) -> None:
    git("remote", "add", "origin", "../there.git")


def spelled(git: GitIn) -> None:
    # git files a few notes without folders
    git("notes", f"--ref={OWN}", "add", "-m", "hello", "main")


TOLD: dict[str, tuple[Callable[[GitIn], None], str, str, str]] = {
    "blocked": (blocked, "error", "refs", "the ref refs/exp is in the way"),
    "foreign": (foreign, "note", "refs", "refs/notes/exp/Upper/x is none of ours"),
    "no-experiment": (no_experiment, "note", "refs", "exp/Other is no experiment"),
    "foreign-line": (foreign_line, "warn", "records", "foreign-line"),
    "branch-locked": (branch_locked, "warn", "locks", "a lock file on refs/heads/exp/fast"),
    "remote-gone": (remote_gone, "note", "sharing", "the remote away is gone"),
    "overwritten": (overwritten, "error", "sharing", "git fetch overwrites"),
    "unshared": (unshared, "note", "sharing", "no remote is known to have"),
    "spelled": (spelled, "note", "archives", "filed as git spreads them"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_not_ours_to_repair_is_told_and_left(name: str, ready: GitIn) -> None:
    make, severity, area, text = TOLD[name]
    make(ready)

    [found] = matching(ails(ready), text)
    assert (found["severity"], found["area"], found["is_repairable"]) == (severity, area, False)
    assert found["fix"] or severity == "note"

    refs = ready("for-each-ref")
    locks = [*(ready.path / ".git/refs").rglob("*.lock")]
    ails(ready, "--fix", "--yes")
    assert len(matching(ails(ready), text)) == 1
    assert [*(ready.path / ".git/refs").rglob("*.lock")] == locks
    assert ready("for-each-ref") == refs


def test_both_arms_running_the_same_code_are_told(ready: GitIn) -> None:
    found = ails(ready, PYTHONPATH=str(ready.path))

    assert [f["area"] for f in matching(found, "PYTHONPATH")] == ["isolation"]


@pytest.mark.parametrize(
    ("change", "said"),
    [(None, "not installed"), ("\n# edited\n", "edited"), ("#!/bin/sh\n", None)],
)
def test_hooks_that_do_not_run_are_told(change: str | None, said: str | None, ready: GitIn) -> None:
    hook = ready.path / ".git/hooks/pre-push"
    if change is not None:
        GitExp(ready.path)("hooks", "install")
    if change is not None and said is not None:
        hook.write_text(hook.read_text() + change)
    answer = GitExp(ready.path)("doctor", "--json", check=False).json["findings"]
    found = [f for f in answer if f["area"] == "hooks"]

    if said is None:
        assert [f["severity"] for f in found] == ["ok"]
    else:
        assert said in found[-1]["text"]
        assert found[-1]["fix"] == "git exp hooks install"


# --- what is not touched ----------------------------------------------------------------------


def test_checkouts_go_when_their_experiment_has_ended_and_not_before(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("run", "fast", "--blocks", "1")
    worktrees = worktrees_of(Store.open(ready.path))
    made = worktrees.paths(ExperimentId("fast"))
    kept = worktrees.root.parent / "kept"
    shutil.copytree(worktrees.root, kept)

    git_exp("doctor", "--fix")
    assert len(made) == 2
    assert all(path.is_dir() for path in made)

    git_exp("rollback", "fast", "--yes")
    shutil.copytree(kept, worktrees.root, dirs_exist_ok=True)
    [_] = matching(ails(ready), "fast was rolled back, and its checkouts are in")
    git_exp("doctor", "--fix")
    assert not any(path.exists() for path in made)
    assert worktrees.paths(ExperimentId("fast")) == ()


def test_nothing_goes_while_another_experiment_of_that_name_runs(
    ready: GitIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_exp = GitExp(ready.path)
    git_exp("rollback", "fast", "--yes")
    bob = GitIn(tmp_path / "bob")
    ready("clone", "--quiet", "--branch", "main", ".", str(bob.path))
    with monkeypatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "bob")
        start(bob)
    ready("fetch", "--quiet", str(bob.path), "+refs/notes/exp/*:refs/notes/remotes/bob/exp/*")
    name = slots.file_name("fast", "p", "c", "t", "ann")
    with slots.SlotsFile(str(ready.path / ".git"), name) as file:
        file.save(slots.Slots(plan="p", control_tree="c", treatment_tree="t", writer="ann"))

    assert matching(ails(ready), "slots of") == []
    ready("update-ref", "-d", "refs/notes/remotes/bob/exp/fast/bob")
    [_] = matching(ails(ready), "slots of fast are kept")


def test_a_checkout_in_use_stays(ready: GitIn) -> None:
    checkouts(ready)
    worktrees = worktrees_of(Store.open(ready.path))
    [path] = worktrees.paths(ExperimentId("old"))
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        answer = GitExp(ready.path)("doctor", "--fix", "--json", check=False)

    assert answer.status == 128
    assert "is in use" in answer.json["failed"][0]
    assert (path / "file").exists()


def test_a_lock_that_a_git_may_hold_now_is_nothing_to_tell(ready: GitIn) -> None:
    lock = ready.path / ".git" / f"{OWN}.lock"
    lock.touch()

    assert matching(ails(ready, "--fix"), "a lock file") == []
    assert lock.exists()


def test_a_change_that_is_under_way_is_left_to_its_command(ready: GitIn) -> None:
    interrupted(ready)
    with repository_lock(Store.open(ready.path).git):
        found = ails(ready, "--fix")

    assert [f["severity"] for f in matching(found, "at this moment")] == ["note"]
    assert (ready.path / ".git/exp/pending.json").exists()


def test_evidence_that_a_remote_has_is_nothing_to_tell(ready: GitIn) -> None:
    ready("init", "--quiet", "--bare", "../there.git")
    ready("remote", "add", "origin", "../there.git")
    [_] = matching(ails(ready), "no remote is known to have the latest evidence of fast")

    GitExp(ready.path)("sync")

    assert matching(ails(ready), "no remote is known") == []


# --- where it works ---------------------------------------------------------------------------


def test_without_fix_nothing_at_all_is_written(ready: GitIn, home: Path) -> None:
    lost(ready)
    for make in (waiting, locked, interrupted, checkouts, gone, scratch, old_slots, old_lane):
        make(ready)
    before = snapshot(ready.path, home)

    answer = GitExp(ready.path)("doctor", check=False)

    assert answer.status == 1
    assert snapshot(ready.path, home) == before


def test_all_at_once_is_repaired(ready: GitIn) -> None:
    for make in (waiting, locked, interrupted, checkouts, gone, scratch, old_slots, old_lane):
        make(ready)

    fixed = GitExp(ready.path)("doctor", "--fix", "--json").json

    assert len(fixed["done"]) == 8
    assert not any(finding["is_repairable"] for finding in fixed["findings"])


def test_a_repository_without_an_experiment_is_well(repo: Path) -> None:
    before = snapshot(repo)

    answer = GitExp(repo)("doctor")

    assert "error" not in answer.stdout
    assert snapshot(repo) == before


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    answer = GitExp(tmp_path)("doctor", check=False)

    assert answer.status == 128
    assert answer.stderr.startswith("error: not inside a git repository")


def test_a_bare_repository_and_a_linked_worktree_are_looked_at(ready: GitIn) -> None:
    ready("clone", "--quiet", "--bare", ".", "../bare.git")
    ready("worktree", "add", "--quiet", "../linked", "main")

    bare = GitExp(ready.path.parent / "bare.git")("doctor", check=False)
    linked = GitExp(ready.path.parent / "linked")("doctor")

    assert "Traceback" not in bare.stderr
    assert "repository" not in linked.stdout.split()


def test_a_kind_of_repository_that_cannot_be_read_is_a_finding(repo: Path) -> None:
    GitIn(repo)("config", "extensions.refStorage", "reftable")
    GitIn(repo)("config", "core.repositoryFormatVersion", "1")

    answer = GitExp(repo)("doctor", "--json", check=False)

    assert answer.status == 1
    [found] = answer.json["findings"]
    assert (found["area"], found["severity"]) == ("repository", "error")


def test_a_repository_that_cannot_be_written_is_looked_at(ready: GitIn) -> None:
    waiting(ready)
    paths = [ready.path / ".git", *(ready.path / ".git").rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in reversed(paths):
        path.chmod(modes[path] & ~0o222)
    try:
        looked = as_nobody(ready, "doctor")
        fixed = as_nobody(ready, "doctor", "--fix")
    finally:
        for path in paths:
            path.chmod(modes[path])

    assert (looked[0], looked[2]) == (0, "")
    assert "1 record waits in the journal" in looked[1]
    assert (fixed[0], fixed[2]) == (128, "")
    assert "not done   could not move 1 pending record to the notes" in fixed[1]


def test_on_a_terminal_a_no_changes_nothing(
    ready: GitIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    temporary(ready)
    before = snapshot(ready.path)
    monkeypatch.chdir(ready.path)
    monkeypatch.setattr("gitexp.cli.grace.is_watched", lambda: True)
    monkeypatch.setattr("gitexp.cli.doctor.is_watched", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)

    assert main(["doctor", "--fix"]) == INTERRUPTED

    assert "will remove a temporary file of killed commands" in capsys.readouterr().err
    assert snapshot(ready.path) == before
    assert main(["doctor", "--fix", "--yes"]) == 0
    assert "done       removed a temporary file" in capsys.readouterr().out


@pytest.mark.parametrize("harm", ["link", "packed-refs"])
def test_what_cannot_be_read_at_all_is_a_finding(harm: str, ready: GitIn, tmp_path: Path) -> None:
    if harm == "link":
        (ready.path / ".git/exp").rename(tmp_path / "elsewhere")
        (ready.path / ".git/exp").symlink_to(tmp_path / "elsewhere")
    else:
        (ready.path / ".git/packed-refs").write_text("garbage\n")

    answer = GitExp(ready.path)("doctor", "--json", check=False)

    assert answer.status == 1
    assert [f["severity"] for f in answer.json["findings"] if f["area"] == "repository"] == [
        "error"
    ]


def test_what_is_damaged_is_told_without_a_traceback(ready: GitIn) -> None:
    tip = ready("rev-parse", OWN)
    (ready.path / ".git/objects" / tip[:2] / tip[2:]).unlink()
    (ready.path / ".git/refs/exp/archive/fast/bob").write_text("garbage\n")
    (ready.path / ".git/exp/pending.json").write_text("{garbage")
    (ready.path / ".git/exp/slots").mkdir()
    (ready.path / ".git/exp/slots/fast@ann@0123456789ab").write_text("garbage")

    answer = GitExp(ready.path)("doctor", "--fix", check=False)

    assert answer.status in (1, 128)
    assert "Traceback" not in answer.stderr
    assert "error" in answer.stdout


def test_hostile_names_move_no_terminal(ready: GitIn) -> None:
    ready("update-ref", "refs/notes/exp/up\u202e$(touch${IFS}x)/x", "HEAD")
    ready("branch", "exp/\u202eevil", "main")

    answer = GitExp(ready.path)("doctor")

    assert "\u202e" not in answer.stdout + answer.stderr
    assert "\\u202e" in answer.stdout
    # copied into a shell, the name is one word
    assert "'refs/notes/exp/up\\u202e$(touch${IFS}x)/x'" in answer.stdout
