"""`git push` with our hook in it, while the disk is full for git, the hook and the remote alike."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults import injection, lab
from tests.faults.lab import DECIDED
from tests.faults.test_system_calls import MOST_CALLS_OF_A_GIT, STRIDE

pytestmark = pytest.mark.skipif(
    injection.STRACE is None, reason="strace, which brings the faults about, is not installed"
)
PUSH = ("git", "push", "--quiet", "origin", "exp/fast")


def chosen() -> list[int]:
    """From which call of a name on there is no space, in every process."""
    every = [*range(1, MOST_CALLS_OF_A_GIT)]
    chance = random.Random("push" if "CI" in os.environ else None)
    return every if STRIDE else chance.sample(every, 2)


def test_a_push_on_a_full_disk(faults_home: Path) -> None:
    shutil.rmtree(faults_home, ignore_errors=True)
    made = lab.make(faults_home / "here", faults_home / "saved", (("init",), DECIDED))
    made.git(*PUSH[1:])
    made.type("status")
    after = lab.found(made)
    assert [name for name in after.shared if name.startswith("refs/notes/exp/fast/")]
    for number in chosen():
        made.reset()
        before = lab.found(made)
        done = subprocess.run(
            injection.without_space(number, PUSH), cwd=made.git.path, capture_output=True, text=True
        )
        told = f"{number}: {done.returncode}\n{done.stdout}{done.stderr}"

        made.type("status")
        lab.assert_whole(made)
        now = lab.found(made)
        assert "Traceback" not in told
        assert now.records == before.records, told
        assert {*before.shared} <= {*now.shared} <= {*after.shared}, told
        made.git(*PUSH[1:])
        made.type("sync")
        assert {*after.shared} <= {*lab.found(made).shared}, told
