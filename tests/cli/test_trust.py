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


# --- tampering --------------------------------------------------------------------------------


def _hash(git: GitIn) -> str:
    return str(GitExp(git.path)("show", "fast", "--json").json["plan_hash"])


def _refuses(git: GitIn, tmp_path: Path, cwd: Path | None = None, **env: str) -> None:
    """Nothing that runs commands does, and nothing was run."""
    for args in (("run", "fast"), ("auto", "--run")):
        result = GitExp(git.path)(*args, cwd=cwd, env=env, check=False)
        assert "trust" in result.stdout + result.stderr, result
    assert not (tmp_path / "trace").exists()


def _planted(folder: Path, plan: str) -> None:
    (folder / "gitexp" / "trusted").mkdir(parents=True)
    (folder / "gitexp" / "trusted" / plan).touch()


def test_marks_that_came_with_a_clone_are_not_looked_at(cloned: GitIn, tmp_path: Path) -> None:
    plan = _hash(cloned)
    for folder in (cloned.path, cloned.path / ".git", cloned.path / ".git/exp"):
        _planted(folder, plan)
        _planted(folder / ".local/state", plan)
    team = f"[exp]\n\ttrust = {plan}\n\ttrusted = fast\n\tstateDir = .\n"
    cloned.commit("Settings of the team", {".gitexp": team})
    cloned("config", "exp.trust", plan)

    _refuses(cloned, tmp_path)
    # a state folder named relative to where one stands would be the clone's
    _refuses(cloned, tmp_path, cwd=cloned.path, XDG_STATE_HOME=".")
    _refuses(cloned, tmp_path, cwd=cloned.path / "src", XDG_STATE_HOME="")


@pytest.mark.parametrize("kind", ["folder", "dangling link", "another name", "its beginning"])
def test_only_a_file_of_the_plans_own_hash_is_a_mark(
    cloned: GitIn, tmp_path: Path, kind: str
) -> None:
    plan, marks = _hash(cloned), tmp_path / "other-state/gitexp/trusted"
    marks.mkdir(parents=True)
    if kind == "folder":
        (marks / plan).mkdir()
    elif kind == "dangling link":
        (marks / plan).symlink_to("nowhere")
    else:
        (marks / (plan.upper() if kind == "another name" else plan[:40])).touch()

    _refuses(cloned, tmp_path)


def test_a_plan_that_was_changed_after_it_was_trusted_is_another(
    cloned: GitIn, tmp_path: Path
) -> None:
    GitExp(cloned.path)("trust", "fast")
    message = cloned("log", "-1", "--format=%B", "exp/fast~1")
    assert '"command":"./bench.sh"' in message
    forged = message.replace('"command":"./bench.sh"', '"command":"./bench.sh;touch x"')
    tree = cloned.id("exp/fast^{tree}")
    plan = cloned("commit-tree", "-p", "main", "-m", forged, "main^{tree}")
    cloned("update-ref", "refs/heads/exp/fast", cloned("commit-tree", "-p", plan, "-m", "x", tree))
    for ref in cloned("for-each-ref", "--format=%(refname)", "refs/notes", "refs/exp").splitlines():
        cloned("update-ref", "-d", ref)
    shutil.rmtree(cloned.path / ".git/exp", ignore_errors=True)
    cloned("reset", "--quiet", "--hard")

    result = GitExp(cloned.path)("run", "fast", check=False)

    assert result.status != 0
    assert not (tmp_path / "trace").exists()
    assert not [*cloned.path.parent.rglob("x")]


def test_trust_that_was_taken_away_is_missed_at_once(cloned: GitIn, tmp_path: Path) -> None:
    GitExp(cloned.path)("trust", "fast")
    GitExp(cloned.path)("run", "--blocks", "1")
    assert (tmp_path / "trace").exists()
    (tmp_path / "trace").unlink()

    shutil.rmtree(tmp_path / "other-state/gitexp/trusted")

    _refuses(cloned, tmp_path)
