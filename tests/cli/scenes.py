"""Experiments made through the installed program, and what a user would compare afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gitexp.app.record import NewTrial, record
from gitexp.app.trust import trust
from gitexp.model import Arm, ExperimentId, PlanHash
from gitexp.store.store import Store
from tests.support import BIN, GitExp, GitIn, Result

HYPOTHESIS = "a table of prefixes lowers the score by 20 %"
BENCH = """#!/bin/sh
test -z "$TRACE" || echo "$GITEXP_BLOCK $GITEXP_ARM" >>"$TRACE"
echo "METRIC score=$(cat speed).$GITEXP_BLOCK"
"""
"""Its score depends on the arm and the block alone, so two schedules can be compared exactly."""

CREATE = (
    "create",
    "fast",
    "--hypothesis",
    HYPOTHESIS,
    "--metric",
    "score:lower",
    "--max-blocks",
    "6",
    "--warm-up",
    "0",
)


def prepare(git: GitIn, bench: str = BENCH, *, speed: int = 20) -> None:
    """A benchmark committed on main."""
    git.write("bench.sh", bench).chmod(0o755)
    git.commit("Add a benchmark", {"speed": f"{speed}\n"})


def start(git: GitIn, *options: str, run: str = "./bench.sh", speed: int | None = 10) -> Result:
    """The experiment `fast` on its branch, with a change in it unless `speed` is None."""
    done = GitExp(git.path)(*CREATE, "--run", run, *options)
    if speed is not None:
        git.commit("Try a table", {"speed": f"{speed}\n"})
    return done


def copy(template: Path, folder: Path) -> GitIn:
    """A copy of a repository whose plans this test's user trusts."""
    shutil.copytree(template, folder, symlinks=True)
    git = GitIn(folder)
    for line in git("log", "--all", "--format=%B", "--grep=^Exp-Plan: ").splitlines():
        if line.startswith("Exp-Plan-Hash: "):
            trust(PlanHash(line.removeprefix("Exp-Plan-Hash: ").strip()))
    return git


def state(git: GitIn) -> tuple[str, str, str]:
    """Refs, HEAD and status: what a refusal must leave as it was."""
    head = git("symbolic-ref", "--quiet", "HEAD", check=False) or git("rev-parse", "HEAD")
    is_bare = git("rev-parse", "--is-bare-repository") == "true"
    status = "" if is_bare else git("status", "--porcelain", "--ignored")
    return git("for-each-ref"), head, status


def refused(result: Result, status: int, *said: str) -> None:
    """Assert that the command ended as a user may expect of one that did nothing."""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    told = f"{result.args} -> {result.status}\n{result.stdout}{result.stderr}"
    assert result.status == status, told
    assert "Traceback" not in result.stderr, told
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"], told
    for text in said:
        assert re.search(text, result.stderr), f"{text!r} is not in:\n{told}"


def trials(git: GitIn, exp: str = "fast") -> list[dict[str, Any]]:
    """The trial records, oldest first."""
    records = GitExp(git.path)("log", exp, "--json").json["records"]
    return [record for record in records if record["kind"] == "trial"]


def slots(git: GitIn, exp: str = "fast") -> list[tuple[int, int, int, str]]:
    """(block, attempt, slot, arm) of every trial, in order."""
    return sorted((t["block"], t["attempt"], t["slot"], t["arm"]) for t in trials(git, exp))


def measured(git: GitIn, exp: str = "fast") -> list[tuple[int, str, float]]:
    """(block, arm, score) of every trial, in order."""
    return sorted((t["block"], t["arm"], t["metrics"]["score"]) for t in trials(git, exp))


def plain_notes(git: GitIn, ref: str) -> list[dict[str, Any]]:
    """Every record under a notes ref, read with nothing but git."""
    found = []
    for line in git("notes", f"--ref={ref}", "list").splitlines():
        for text in git("cat-file", "blob", line.split()[0]).splitlines():
            if text.startswith("{"):
                found.append(json.loads(text))
    return found


def begin(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The program in the background, in a process group of its own."""
    return subprocess.Popen(
        [str(BIN / "git-exp"), *args],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def record_blocks(
    git: GitIn,
    pairs: Iterable[tuple[float, float]],
    *,
    exp: str = "fast",
    metric: str = "score",
    first: int = 1,
    is_paired: bool = True,
    others: Mapping[str, tuple[float, float]] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> None:
    """What `git exp record` would record, in one process: a start for each takes too long."""
    store = Store.open(git.path, clock=clock) if clock else Store.open(git.path)
    for number, pair in enumerate(pairs, first):
        for at, arm in enumerate(Arm):
            values = {metric: pair[at]} | {name: both[at] for name, both in (others or {}).items()}
            block = number if is_paired else None
            new = NewTrial(arm=arm, metrics=values, block=block)
            record(store, ExperimentId(exp), new)
    store.flush()
