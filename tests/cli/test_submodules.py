"""An experiment on a project with a submodule, from create to promote and back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.scenes import CREATE, copy, refused
from tests.support import GitExp, GitIn

BY_FILE = ("-c", "protocol.file.allow=always")
BENCH = 'echo "METRIC score=$(cat lib/speed).$GITEXP_BLOCK"\n'


@pytest.fixture(scope="module")
def measured(_sealed_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The treatment uses the third commit of `lib`, control the first; it is better."""
    base = tmp_path_factory.mktemp("submodule")
    lib, git = GitIn(base / "lib"), GitIn(base / "repo")
    for made in (lib, git):
        made.path.mkdir()
        made("init", "--quiet")
    for speed in (40, 30, 20):
        lib.commit(f"Speed {speed}", {"speed": f"{speed}\n"})
    git(*BY_FILE, "submodule", "--quiet", "add", "../lib", "lib")
    GitIn(git.path / "lib")("checkout", "--quiet", "HEAD~2")
    git.commit("Begin", {"bench.sh": BENCH, "README": "one\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "ann")
        GitExp(git.path)(*CREATE, "--run", "sh bench.sh")
        GitIn(git.path / "lib")("checkout", "--quiet", "main")
        git.commit("Use a faster lib")
        GitExp(git.path)("run")
    return git.path


@pytest.fixture
def git(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    monkeypatch.setenv("GITEXP_WRITER", "ann")
    return copy(measured, tmp_path / "repo")


def main_moves_on(git: GitIn) -> None:
    """main itself goes to the second commit of the submodule: the treatment's contains it."""
    git("switch", "--quiet", "main")
    git("submodule", "--quiet", "update")
    GitIn(git.path / "lib")("checkout", "--quiet", "main~1")
    git.commit("Use a newer lib")
    git("switch", "--quiet", "exp/fast")
    git("submodule", "--quiet", "update")


def seen(git: GitIn) -> tuple[str, ...]:
    return (
        git("status", "--porcelain=v2", "--branch").replace(git.id("HEAD"), "HEAD"),
        git("submodule", "status"),
        git("ls-tree", "-r", "HEAD"),
    )


@pytest.mark.parametrize("moved", [False, True], ids=["", "main moved on"])
@pytest.mark.parametrize("stand", ["main", "exp/fast"])
@pytest.mark.parametrize("recurse", ["false", "true"])
def test_promote_leaves_the_submodule_as_git_merge_does(
    git: GitIn, tmp_path: Path, stand: str, recurse: str, moved: bool
) -> None:
    if moved:
        main_moves_on(git)
    git("switch", "--quiet", stand)
    shutil.copytree(git.path, tmp_path / "plain", symlinks=True)
    plain = GitIn(tmp_path / "plain")
    plain("switch", "--quiet", "main")
    plain("merge", "--quiet", "--no-ff", "-m", "Merge", "exp/fast")
    git("config", "submodule.recurse", recurse)

    done = GitExp(git.path)("promote", "fast", "--yes", *(["--override", "moved"] if moved else []))

    assert done.status == 0
    assert git("symbolic-ref", "--short", "HEAD") == "main"
    assert seen(git) == seen(plain)


def test_a_submodule_that_went_two_ways_is_refused_by_name(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    git("submodule", "--quiet", "update")
    GitIn(git.path / "lib").commit("Another way", {"README": "x\n"})
    git.commit("Go another way")
    before = seen(git), git("for-each-ref")

    done = GitExp(git.path)("promote", "fast", "--yes", "--override", "try", check=False)

    refused(done, 6, "main and exp/fast both changed lib")
    assert (seen(git), git("for-each-ref")) == before


@pytest.mark.parametrize("end", ["promote", "rollback"])
def test_nothing_of_ours_remains_in_the_submodules_repository(git: GitIn, end: str) -> None:
    # the template's checkouts are in another place: the copy makes its own
    assert "fast" in GitExp(git.path)("run", "fast", "--blocks", "1").stdout
    lib = GitIn(git.path / "lib")
    assert lib("worktree", "list", "--porcelain").count("detached") >= 2

    GitExp(git.path)(end, "fast", "--yes")

    ours = os.environ["XDG_CACHE_HOME"]
    assert ours not in lib("worktree", "list", "--porcelain")
    assert ours not in git("worktree", "list", "--porcelain")
    for place in (git, lib):
        place("fsck", "--strict")
    assert lib("status", "--porcelain") == ""


def test_work_on_a_submodule_is_carried_into_the_experiment(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    git("submodule", "--quiet", "update")
    GitIn(git.path / "lib")("checkout", "--quiet", "main~1")
    before = git("diff", "HEAD")

    GitExp(git.path)(*CREATE[:1], "second", *CREATE[2:], "--run", "sh bench.sh")

    assert git("symbolic-ref", "--short", "HEAD") == "exp/second"
    assert git("diff", "HEAD") == before
