"""Killed at any step, a command has happened or it has not, once the next one ran."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.app.opening import open_store
from tests.apply.killing import COMPLETED, DIED, restore_folder, run_and_die, run_and_kill_git
from tests.apply.lab import (
    Snapshot,
    assert_sound,
    create,
    decide,
    do_promote,
    do_restore,
    do_roll_back,
    own_refs,
    plan_for,
    snapshot,
)
from tests.apply.test_positions import place
from tests.support import GitIn

Act = Callable[[], object]
MOST_STEPS = 200
MOST_CALLS = 1000


def prepared(git: GitIn, operation: str, position: str) -> tuple[GitIn, Act]:
    """A repository in which the operation is the next thing, and the operation."""
    if operation.startswith("create"):
        return _prepared_creation(git, operation, position)
    so_far: dict[str, tuple[Callable[[Path], object], ...]] = {
        "promote": (),
        "rollback": (),
        "revert": (do_promote,),
        "restore": (do_roll_back,),
        "undo-promotion": (do_promote,),
        "undo-revert": (do_promote, do_roll_back),
    }
    if operation == "promote":
        git("switch", "--quiet", "main")
        git.commit("Someone else's", {"README": "moved on\n"})
        git("switch", "--quiet", "exp/fast")
    user = place(git, position)
    for earlier in so_far[operation]:
        earlier(user.path)
    if operation == "undo-promotion":
        user.write("README", "not committed\n")
    acts: dict[str, Callable[[Path], object]] = {
        "promote": do_promote,
        "rollback": do_roll_back,
        "revert": do_roll_back,
        "restore": do_restore,
        "undo-promotion": do_restore,
        "undo-revert": do_restore,
    }
    return user, lambda: acts[operation](user.path)


def _prepared_creation(git: GitIn, operation: str, position: str) -> tuple[GitIn, Act]:
    if position == "experiment":
        git("switch", "--quiet", "-c", "base", "main~1")
    user = place(git, position) if position != "experiment" else git
    user.write("README", "not committed\n")
    worktree = git.path.parent / "new" if operation == "create-worktree" else None
    plan = plan_for(git)
    return user, lambda: create(user.path, plan, worktree=worktree)


EVERY_STEP = "GITEXP_TEST_EVERY_STEP" in os.environ
"""Take minutes, and leave no step out."""

CASES = [
    ("promote", "target", 1),
    ("promote", "experiment", 1),
    ("promote", "elsewhere", 5),
    ("promote", "linked", 5),
    ("promote", "detached", 5),
    ("undo-promotion", "target", 1),
    ("undo-promotion", "experiment", 3),
    ("undo-promotion", "elsewhere", 4),
    ("undo-promotion", "linked", 4),
    ("revert", "target", 2),
    ("revert", "experiment", 5),
    ("revert", "elsewhere", 5),
    ("revert", "linked", 5),
    ("undo-revert", "target", 2),
    ("undo-revert", "elsewhere", 5),
    ("undo-revert", "linked", 5),
    ("rollback", "target", 3),
    ("rollback", "experiment", 1),
    ("rollback", "linked", 3),
    ("restore", "target", 1),
    ("create", "target", 1),
    ("create", "experiment", 2),
    ("create", "detached", 4),
    ("create", "linked", 4),
    ("create-worktree", "target", 1),
]
"""What, where the user stands, and how many steps to go on by: the parts are mostly the same."""


class Trial:
    """One operation in one repository, to be interrupted again and again."""

    def __init__(self, user: GitIn, act: Act) -> None:
        self.user, self.act = user, act
        self.root = user.path.parent
        self.saved = self.root.with_name(f"{self.root.name}-saved")
        subprocess.run(["cp", "-a", str(self.root), str(self.saved)], check=True)
        self.before, self.refs = snapshot(self.user), own_refs(self.user)
        assert run_and_die(self.act, at=0) == COMPLETED
        open_store(self.user.path)
        self.after = snapshot(self.user)
        assert self.after != self.before

    def reset(self) -> None:
        restore_folder(self.saved, self.root)

    def outcome(self) -> str:
        """What is there once the next command has run."""
        open_store(self.user.path)
        assert_sound(self.user)
        now: Snapshot = snapshot(self.user)
        if now == self.before:
            assert own_refs(self.user) == self.refs
            return "before"
        assert now == self.after
        return "after"


@pytest.fixture
def at_home(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("operation", "position", "stride"), CASES)
def test_killed_between_any_two_steps(
    repository_template: Path,
    decided_template: Path,
    at_home: Path,
    operation: str,
    position: str,
    stride: int,
) -> None:
    is_new = operation.startswith("create")
    template = repository_template if is_new else decided_template
    shutil.copytree(template, at_home / "repo", symlinks=True)
    trial = Trial(*prepared(GitIn(at_home / "repo"), operation, position))

    outcomes = []
    for step in range(1, MOST_STEPS, 1 if EVERY_STEP else stride):
        trial.reset()
        how = run_and_die(trial.act, at=step)
        outcomes.append(trial.outcome())
        if how == COMPLETED:
            break
        assert how == DIED

    assert outcomes == sorted(outcomes, reverse=True)  # all of before, then all of after
    assert {"before", "after"} == set(outcomes)
    assert 10 < step < MOST_STEPS - stride


def _large_change(git: GitIn) -> None:
    """A change that adds, alters and removes files and turns one into a folder, refs packed."""
    git("switch", "--quiet", "main")
    git.commit(
        "Many files",
        {"old/gone.txt": "gone\n", "kind": "a file\n", "big.txt": "line\n" * 20_000, "z": "z\n"},
    )
    create(git.path, plan_for(git))
    git("rm", "--quiet", "-r", "old", "kind")
    git.write("big.txt", "another line\n" * 20_000)
    git.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (git.path / "link").symlink_to("big.txt")
    git.commit("All kinds of changes", {"kind/inner.txt": "a folder\n", "a/b/c.txt": "deep\n"})
    decide(git)
    git("pack-refs", "--all")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to stop git in the middle")
@pytest.mark.parametrize(
    ("command", "position", "stride"),
    [
        ("checkout", "target", 1),
        ("update-ref", "target", 2),
        ("update-ref", "elsewhere", 7),
        ("symbolic-ref -m", "experiment", 2),
        ("config --remove-section", "elsewhere", 3),
        ("worktree add", "elsewhere", 5),
        ("read-tree", "target", 2),
        ("merge", "target", 5),
    ],
)
def test_killed_in_the_middle_of_git(
    repository_template: Path, at_home: Path, command: str, position: str, stride: int
) -> None:
    shutil.copytree(repository_template, at_home / "repo", symlinks=True)
    git = GitIn(at_home / "repo")
    _large_change(git)
    git("config", "branch.exp/fast.description", "a table")
    user = place(git, position)
    user.write("z", "not committed\n")
    trial = Trial(user, lambda: do_promote(user.path))

    for call in range(1, MOST_CALLS, 1 if EVERY_STEP else stride):
        trial.reset()
        how = run_and_kill_git(trial.act, command=command, call=call)
        trial.outcome()
        if how == COMPLETED:
            break
        assert how == DIED
    assert call > stride
