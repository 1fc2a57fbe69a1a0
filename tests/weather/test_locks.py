"""Locks that stay: whose they are, how old, and what to type."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.scenes import refused
from tests.support import GitExp, GitIn

LINUX = pytest.mark.skipif(
    not Path("/proc/locks").exists(), reason="only Linux tells who has a lock"
)
HOLD = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that keeps the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    args = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(args, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def old_lock(path: Path, hours: int = 2) -> Path:
    """A lock file of a git that was killed then."""
    path.touch()
    then = time.time() - hours * 3600 - 60
    os.utime(path, (then, then))
    return path


@LINUX
def test_a_command_that_was_stopped_is_named(decided: GitIn) -> None:
    with held(decided.path / ".git/exp/lock") as holder:
        holder.send_signal(signal.SIGSTOP)
        result = GitExp(decided.path)("promote", check=False)

    refused(result, 6, f"process {holder.pid}", ", stopped", "begun", "second")
    assert f"kill -CONT {holder.pid}" in result.stderr


@LINUX
def test_a_run_that_measures_is_named(ready: GitIn) -> None:
    with held(ready.path / ".git/exp/timing.lock") as holder:
        (ready.path / ".git/exp/timing.lock").write_text(f"{holder.pid}\n")
        refused(GitExp(ready.path)("run", check=False), 6, f"process {holder.pid}")


@pytest.mark.parametrize("name", ["index", "HEAD", "packed-refs", "refs/heads/main"])
def test_a_lock_file_that_git_left_is_told_with_its_age(decided: GitIn, name: str) -> None:
    lock = old_lock(decided.path / f".git/{name}.lock")
    before = decided("for-each-ref"), decided("status", "--porcelain")

    told = GitExp(decided.path)("doctor", "--json", check=False).json["findings"]
    [found] = [each for each in told if f"lock file on {name}" in each["text"]]
    assert "2 hours old" in found["text"]
    assert found["fix"].endswith(f"rm {lock}")
    if name != "HEAD":
        result = GitExp(decided.path)("promote", check=False)
        refused(result, 6 if name == "index" else 128, "2 hours")
        assert f"rm {lock}" in result.stderr
        assert (decided("for-each-ref"), decided("status", "--porcelain")) == before

    lock.unlink()
    GitExp(decided.path)("promote")
    assert decided("symbolic-ref", "HEAD") == "refs/heads/main"


@LINUX
def test_a_lock_file_that_a_process_has_open_is_not_to_be_removed(decided: GitIn) -> None:
    lock = decided.path / ".git/index.lock"
    with held(lock) as holder:
        old_lock(lock)
        told = GitExp(decided.path)("doctor", "--json", check=False).json["findings"]
        [found] = [each for each in told if "lock file on index" in each["text"]]

    assert f"process {holder.pid}" in found["text"]
    assert "rm " not in found["fix"]
