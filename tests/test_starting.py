"""What tests start is what users start, however it is started."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import BIN, WARM, GitExp, GitIn, start_cold


def test_interrupts_reach_what_tests_start_even_from_a_shells_background() -> None:
    assert subprocess.run(["sh", "-c", "kill -INT $$"], check=False).returncode == -signal.SIGINT


@pytest.mark.parametrize(
    ("args", "stdin", "env"),
    [
        (["--version"], "", {}),
        (["bogus"], "", {}),
        (["-h"], "", {"COLUMNS": "60"}),
        (["status", "--json"], "", {"GIT_DIR": "/nonexistent"}),
        (["show", "trim"], "", {"HOME": "/nonexistent", "TZ": "Asia/Tokyo"}),
        (["log", "trim", "--json"], "", {}),
        (["analyze", "trim"], "", {}),
        (["trust", "trim"], "yes\n", {}),
    ],
)
def test_a_program_forked_from_one_that_was_loaded_does_what_a_fresh_one_does(
    repo: Path, git: GitIn, git_exp: GitExp, args: list[str], stdin: str, env: dict[str, str]
) -> None:
    git_exp(
        "create", "--id", "trim", "--hypothesis", "trimming makes work.sh 10% faster",
        "--run", "sh work.sh",
    )  # fmt: skip
    git.commit("Trim", {"src/lib.txt": "one\n"})
    program = str(BIN / "git-exp")

    cold, warm = (
        start(program, args, cwd=repo, env={**os.environ, **env}, stdin=stdin, timeout=60)
        for start in (start_cold, WARM.run)
    )

    assert (warm.returncode, warm.stdout, warm.stderr) == (
        cold.returncode,
        cold.stdout,
        cold.stderr,
    )


def test_a_program_that_takes_too_long_is_killed(repo: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        WARM.run("git-exp", ["status"], cwd=repo, env=os.environ, stdin="", timeout=0.001)
