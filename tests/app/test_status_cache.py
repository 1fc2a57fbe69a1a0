"""`status` from kept rows shows what `status` made anew shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitexp.app.status_cache import RowCache
from gitexp.model import ExperimentId, Oid, Revision
from gitexp.store.store import Store
from tests.cli.scenes import prepare, start
from tests.support import GitExp, GitIn


@pytest.fixture
def running(git: GitIn, git_exp: GitExp) -> str:
    """An experiment with three recorded blocks, and another one beside it."""
    for name in ("other", "fast"):
        git_exp("create", name, "--hypothesis", "a table makes it 10 % faster", "--base", "main")
        git.commit(f"Change for {name}", {"src/lib.txt": f"{name}\n"})
    for block in (1, 2, 3):
        _record(git_exp, block)
    git_exp("status")
    return "fast"


def _record(git_exp: GitExp, block: int) -> None:
    for arm, value in (("control", 1.0), ("treatment", 0.9)):
        git_exp("record", "fast", "--arm", arm, "-m", f"time={value}", "--block", str(block))


def _shown(git_exp: GitExp) -> Any:
    return git_exp("status", "--all", "--json").json["experiments"]


def _anew(git_exp: GitExp, repo: Path) -> Any:
    for kept in (repo / ".git/exp/cache").glob("status-rows*"):
        kept.unlink()
    return _shown(git_exp)


def test_kept_rows_say_what_fresh_ones_say(running: str, git_exp: GitExp, repo: Path) -> None:
    kept = _shown(git_exp)

    assert running in [row["id"] for row in kept]
    assert kept == _anew(git_exp, repo)


def test_a_new_block_an_analysis_and_a_commit_each_show_at_once(
    running: str, git_exp: GitExp, git: GitIn, repo: Path
) -> None:
    _record(git_exp, 4)
    assert _row(_shown(git_exp), running)["blocks"]["complete"] == 4

    git_exp("analyze", running)
    assert _row(_shown(git_exp), running)["estimate"]["is_analysed"]

    git("switch", "--quiet", "main")
    git.commit("Meanwhile on main", {"README": "more\n"})
    git("switch", "--quiet", f"exp/{running}")
    git("merge", "--quiet", "--no-edit", "main")
    shown = _shown(git_exp)
    assert _row(shown, running)["blocks"]["complete"] == 0
    assert shown == _anew(git_exp, repo)


def test_rows_of_decided_experiments_are_kept_too(git: GitIn, git_exp: GitExp, repo: Path) -> None:
    prepare(git)
    start(git)
    git_exp("run", "fast")
    assert _row(_shown(git_exp), "fast")["verdict"] == "better"

    store = Store.open(repo)
    row = RowCache(store, store.our_refs()).get(ExperimentId("fast"))

    assert row is not None
    (judged,) = row.judged
    tips = ("main^{tree}", "exp/fast^{tree}")
    assert judged.revision == Revision(*(Oid(git.id(tip)) for tip in tips))
    assert _shown(git_exp) == _anew(git_exp, repo)


def test_a_damaged_cache_is_as_good_as_none(running: str, git_exp: GitExp, repo: Path) -> None:
    before = _shown(git_exp)
    cache = repo / ".git/exp/cache/status-rows"
    cache.write_bytes(cache.read_bytes().replace(b'"fast"', b'"slow"'))

    assert _shown(git_exp) == before
    assert _row(_shown(git_exp), running)["state"] == "running"


def _row(rows: Any, exp: str) -> Any:
    return next(row for row in rows if row["id"] == exp)
