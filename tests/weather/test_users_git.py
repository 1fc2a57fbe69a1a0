"""What a user's own git may do to a repository at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.scenes import HYPOTHESIS, trials
from tests.support import GitExp, GitIn


def collect(git: GitIn) -> None:
    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "--quiet", "--prune=now")


def prune_notes(git: GitIn) -> None:
    for name in git("for-each-ref", "--format=%(refname)", "refs/notes/").splitlines():
        git("notes", f"--ref={name}", "prune")


def repack(git: GitIn) -> None:
    git("pack-refs", "--all", "--prune")
    git("repack", "-a", "-d", "--quiet")
    git("prune-packed", "--quiet")


ACTS: dict[str, Callable[[GitIn], None]] = {
    "gc --prune=now": collect,
    "notes prune": prune_notes,
    "repack": repack,
}


@pytest.mark.parametrize("name", ACTS)
def test_it_may_come_between_any_two_commands(ready: GitIn, name: str) -> None:
    act, exp = ACTS[name], GitExp(ready.path)
    for args in (
        ("run", "--blocks", "2"),
        ("run",),
        ("promote",),
        ("rollback", "fast", "--reason", "slower elsewhere"),
        ("restore", "fast"),
    ):
        exp(*args)
        before = trials(ready)
        act(ready)
        assert trials(ready) == before
        told = exp("status", "fast", "--json").json["experiments"][0]
        assert told["problems"] == []
        ready("fsck", "--strict")
    assert len(before) == 12


def test_it_may_come_while_trials_are_measured(ready: GitIn) -> None:
    # the benchmark itself collects in the user's repository, before every trial is recorded
    user = ready.path
    script = f"git -C '{user}' gc --quiet --prune=now; git -C '{user}' notes prune\n"
    ready("switch", "--quiet", "main")
    bench = (user / "bench.sh").read_text()
    ready.commit("Tidy up", {"bench.sh": bench.replace("echo", f"{script}echo", 1)})
    GitExp(user)("create", "tidy", "--hypothesis", HYPOTHESIS, "--metric", "score:lower",
                 "--max-blocks", "6", "--warm-up", "0", "--run", "./bench.sh")  # fmt: skip
    ready.commit("Faster", {"speed": "10\n"})

    answer = GitExp(user)("run", "--json").objects[-1]
    GitExp(user)("promote")
    collect(ready)

    assert answer["verdict"] == "better"
    assert len(trials(ready, "tidy")) == 12
    assert GitExp(user)("analyze", "tidy", "--json").json["verdict"] == "better"
    ready("fsck", "--strict")


def test_notes_prune_removes_no_note_of_a_measured_commit(ready: GitIn) -> None:
    GitExp(ready.path)("run", "--blocks", "3")
    ready.commit("Measured commits are no branch's any more", {"speed": "9\n"})
    ready("reset", "--quiet", "--hard", "HEAD~2")
    before = trials(ready)

    collect(ready)
    prune_notes(ready)

    assert trials(ready) == before
    assert len(before) == 6


def test_a_worktree_folder_deleted_by_hand(ready: GitIn, tmp_path: Path) -> None:
    ready("switch", "--quiet", "main")
    there = tmp_path / "there"
    GitExp(ready.path)("create", "else", "--hypothesis", HYPOTHESIS, "--metric", "score:lower",
                       "--run", "./bench.sh", "--max-blocks", "6", "--warm-up", "0",
                       "--worktree", str(there))  # fmt: skip
    GitIn(there).commit("Faster", {"speed": "10\n"})
    shutil.rmtree(there)

    GitExp(ready.path)("run", "else")
    GitExp(ready.path)("promote", "else")

    assert (ready.path / "speed").read_text() == "10\n"
    assert ready("for-each-ref", "refs/heads/exp/else") == ""


def test_the_checkouts_deleted_by_hand(ready: GitIn, home: Path) -> None:
    GitExp(ready.path)("run", "--blocks", "1")
    shutil.rmtree(home / "cache")

    GitExp(ready.path)("run", "--blocks", "1")
    shutil.rmtree(home / "cache")
    ready("worktree", "prune")
    answer = GitExp(ready.path)("run", "--json").objects[-1]

    assert answer["verdict"] == "better"
    assert len(trials(ready)) == 12


def test_our_own_folder_in_the_git_dir_deleted_by_hand(ready: GitIn) -> None:
    GitExp(ready.path)("run", "--blocks", "2")
    GitExp(ready.path)("status")
    shutil.rmtree(ready.path / ".git/exp")

    assert len(trials(ready)) == 4
    answer = GitExp(ready.path)("run", "--json").objects[-1]

    assert answer["verdict"] == "better"
    assert len({(t["block"], t["arm"]) for t in trials(ready)}) == 12
