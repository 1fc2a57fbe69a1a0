"""A repository that was moved or copied, and caches that cannot be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.scenes import copy, refused, trials
from tests.disks import can_mount, mounted
from tests.support import GitExp, GitIn


def test_a_repository_moved_between_two_blocks(ready: GitIn, tmp_path: Path) -> None:
    GitExp(ready.path)("run", "--blocks", "2")
    moved = GitIn(tmp_path / "elsewhere" / "repo")
    moved.path.parent.mkdir()
    ready.path.rename(moved.path)

    answer = GitExp(moved.path)("run", "--json").objects[-1]
    GitExp(moved.path)("promote")

    assert answer["verdict"] == "better"
    assert len(trials(moved)) == 12
    assert (moved.path / "speed").read_text() == "10\n"
    assert "exp/fast" not in moved("worktree", "list")


def test_a_copy_measures_for_itself(ready: GitIn, tmp_path: Path) -> None:
    GitExp(ready.path)("run", "--blocks", "2")
    other = copy(ready.path, tmp_path / "other")
    for git in (ready, other):
        GitExp(git.path)("run")

    here, there = ({record["id"] for record in trials(git)} for git in (ready, other))

    assert len(here) == len(there) == 12
    assert len(here & there) == 4


def test_a_cache_that_is_a_file(ready: GitIn, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    GitExp(ready.path)("status", env=environment)
    result = GitExp(ready.path)("run", env=environment, check=False)

    refused(result, 128, "cache")
    assert trials(ready) == []


needs_mount = pytest.mark.skipif(not can_mount(), reason="mounting needs root")


@needs_mount
def test_a_full_cache_disk(ready: GitIn, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "64k"):
        environment = {"XDG_CACHE_HOME": str(tmp_path / "small")}
        (tmp_path / "small/filled").write_bytes(b"." * 56 * 1024)
        GitExp(ready.path)("status", env=environment)
        result = GitExp(ready.path)("run", env=environment, check=False)
        refused(result, result.status, "[Nn]o space left")
        assert result.status in (6, 128)
        assert trials(ready) == []

    GitExp(ready.path)("run")
    assert len(trials(ready)) == 12


@needs_mount
def test_a_full_disk_below_the_repository(ready: GitIn, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "4m"):
        git = copy(ready.path, tmp_path / "small/repo")
        GitExp(git.path)("run", "--blocks", "1")
        left = shutil.disk_usage(git.path).free
        filled = tmp_path / "small/filled"
        filled.write_bytes(b"." * (left - 4096))
        acknowledged = 1
        while acknowledged < 6:
            result = GitExp(git.path)("run", "--blocks", "1", check=False)
            if result.status != 0:
                refused(result, result.status, "[Nn]o space left|cannot write")
                break
            acknowledged += 1
        assert acknowledged < 6
        assert len(trials(git)) >= 2 * acknowledged

        filled.unlink()
        answer = GitExp(git.path)("run", "--json").objects[-1]
        assert answer["verdict"] == "better"
        assert len({(t["block"], t["arm"]) for t in trials(git)}) == 12
        git("fsck", "--strict", "--no-dangling")
