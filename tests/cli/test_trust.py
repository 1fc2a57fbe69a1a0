"""A command that came with a clone runs only after the user has agreed to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.scenes import refused
from tests.support import GitExp, GitIn


@pytest.fixture
def cloned(ready: GitIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    """A copy of a repository with an experiment, in the hands of a user who trusts nothing."""
    shutil.copytree(ready.path, tmp_path / "clone", symlinks=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other-state"))
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    return GitIn(tmp_path / "clone")


def test_an_experiment_like_an_untrusted_one_is_not_trusted(cloned: GitIn, tmp_path: Path) -> None:
    git_exp = GitExp(cloned.path)

    created = git_exp("create", "--like", "fast", "--id", "mine")

    assert "git exp trust mine" in created.stdout
    refused(git_exp("run", "mine", check=False), 6, r"\./bench\.sh", "trust mine")
    assert not (tmp_path / "trace").exists()


def test_an_experiment_with_the_users_own_command_is_trusted(cloned: GitIn) -> None:
    git_exp = GitExp(cloned.path)

    git_exp("create", "--like", "fast", "--id", "mine", "--run", "./bench.sh mine")

    assert git_exp("show", "mine", "--json").json["is_trusted"] is True


def test_an_experiment_like_a_trusted_one_is_trusted(cloned: GitIn) -> None:
    git_exp = GitExp(cloned.path)
    git_exp("trust", "fast")

    git_exp("create", "--like", "fast", "--id", "mine")

    assert git_exp("show", "mine", "--json").json["is_trusted"] is True


def test_a_team_file_cannot_choose_where_checkouts_are_written(
    git: GitIn, git_exp: GitExp, tmp_path: Path
) -> None:
    git.commit("Settings of the team", {".gitexp": f"[exp]\n\tworktreeDir = {tmp_path}/theirs\n"})
    git_exp("create", "fast", "--hypothesis", "a table is 10 % faster", "--run", "true")
    git.commit("Change", {"src/lib.txt": "one\n"})

    git_exp("run", "--blocks", "1")

    assert not (tmp_path / "theirs").exists()
