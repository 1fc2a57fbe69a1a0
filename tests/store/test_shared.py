"""A repository that a group shares: whatever one of them records, the others can go on."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support import BIN, GitIn

HYPOTHESIS = "a table scores 10 % less"


@pytest.fixture
def shared(tmp_path: Path) -> GitIn:
    folder = tmp_path / "shared"
    folder.mkdir()
    git = GitIn(folder)
    git("init", "--quiet", "--shared=group")
    git.commit("First", {"speed": "20\n"})
    return git


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_one_makes_all_can_write_to(shared: GitIn, umask: int) -> None:
    before = set((shared.path / ".git").rglob("*"))

    def call(*args: str) -> None:
        subprocess.run(
            [str(BIN / "git-exp"), *args],
            cwd=shared.path,
            check=True,
            capture_output=True,
            umask=umask,
        )

    call("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower")
    shared.commit("Change", {"speed": "10\n"})
    call("record", "fast", "--arm", "control", "-m", "score=1", "--block", "1")
    call("exec", "fast", "--", "true")
    call("status")

    locked = {
        path.relative_to(shared.path)
        for path in (shared.path / ".git").rglob("*")
        if path not in before and _keeps_the_group_out(path)
    }
    assert locked == set()


def test_the_command_has_the_umask_that_we_got(shared: GitIn) -> None:
    subprocess.run(
        [str(BIN / "git-exp"), "create", "fast", "--hypothesis", HYPOTHESIS], cwd=shared.path,
        check=True, capture_output=True,
    )  # fmt: skip
    shared.commit("Change", {"speed": "10\n"})

    done = subprocess.run(
        [str(BIN / "git-exp"), "exec", "fast", "--", "sh", "-c", "umask"],
        cwd=shared.path, check=True, capture_output=True, text=True, umask=0o027,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("0027\n", "")


def _keeps_the_group_out(path: Path) -> bool:
    mode = os.lstat(path).st_mode
    if "worktrees" in path.parts:  # git's own, of checkouts that are of one user
        return False
    if stat.S_ISDIR(mode):
        return not mode & stat.S_IWGRP
    # objects are written once
    return not mode & (stat.S_IRGRP if "objects" in path.parts else stat.S_IWGRP)
