"""Promotions that were made anew, taken in with others, or came with another project's history."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.desks import Desk, install
from tests.hooks.test_pre_push_refusals import _passed, _refused
from tests.support import GitIn


def _promote(desk: Desk, *options: str) -> None:
    desk.exp("promote", "fast", "--yes", *options)
    desk.git("switch", "--quiet", "main")


def _move_origin(desk: Desk) -> None:
    """Somebody else pushes to main."""
    other = desk.clone("other").git
    other.commit("Elsewhere", {"other.txt": "x\n"})
    other("push", "--quiet", "origin", "main")


def _pull_rebasing_merges(desk: Desk) -> None:
    """git makes the merge anew, and the commits of the treatment as well."""
    tip = desk.git.id("main^2")
    desk.git("pull", "--quiet", "--rebase=merges", "origin", "main")
    assert desk.git.id("main^2") != tip


@pytest.mark.parametrize("options", [(), ("--override", "we cannot wait")])
def test_a_pull_that_rebases_merges_keeps_a_promotion(
    decided: Desk, options: tuple[str, ...]
) -> None:
    _move_origin(decided)
    _promote(decided, *options)
    _pull_rebasing_merges(decided)

    _passed(decided.push("origin", "main"))


def test_one_that_was_not_better_keeps_its_reason(begun: Desk) -> None:
    _move_origin(begun)
    _promote(begun, "--override", "we cannot wait")
    _pull_rebasing_merges(begun)

    _passed(begun.push("origin", "main"))


def test_nothing_else_comes_in_with_the_commits_that_were_rebased(decided: Desk) -> None:
    git = decided.git
    _move_origin(decided)
    _promote(decided)
    _pull_rebasing_merges(decided)
    message = git("log", "-1", "--format=%B")
    git("switch", "--quiet", "--detach", "main^2")
    tip = git.commit("One more thing", {"turbo": "1\n"})
    git("switch", "--quiet", "main")
    git("reset", "--quiet", "--hard", "origin/main")
    git("merge", "--quiet", "--no-ff", "-m", message, tip)

    _refused(decided.push("origin", "main"), "does not give what it has in turbo")


def test_the_reason_for_one_treatment_is_none_for_another(begun: Desk) -> None:
    git = begun.git
    tip = git.id("exp/fast")
    _promote(begun, "--override", "we cannot wait")
    message = git("log", "-1", "--format=%B")
    git("switch", "--quiet", "--detach", tip)
    other = git.commit("Another table", {"speed": "1\n"})
    git("switch", "--quiet", "main")
    git("reset", "--quiet", "--hard", "main^")
    git("merge", "--quiet", "--no-ff", "-m", message, other)

    _refused(begun.push("origin", "main"), "does not give what it has in speed")


@pytest.mark.parametrize("listed", [None, "--format=* %B"], ids=["git", "forge"])
def test_a_squash_of_a_branch_that_had_a_promotion_may_hold_more(
    decided: Desk, listed: str | None
) -> None:
    git = decided.git
    git("branch", "develop", "main")
    _promote(decided, "--into", "develop")
    git("switch", "--quiet", "develop")
    git.commit("Other work", {"turbo": "1\n"})
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--squash", "develop")
    if listed is None:
        git("commit", "--quiet", "--no-edit")
    else:
        said = git("log", "--reverse", listed, "main..develop")
        git("commit", "--quiet", "-m", f"Everything of July (#7)\n\n{said}")
    assert "Exp-Decision: better" in git("log", "-1", "--format=%B")

    _passed(decided.push("origin", "main"))


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_another_projects_history_is_taken_in_as_it_is(
    decided: Desk, tmp_path: Path, is_by_hand: bool
) -> None:
    mono = _another_project(tmp_path)
    if is_by_hand:
        decided.git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "exp/fast")
    else:
        _promote(decided)
    _add_subtree(mono.git, decided.path)
    _passed(mono.push("origin", "main"))

    decided.git.commit("Go on", {"more.txt": "x\n"})
    mono.git("pull", "--quiet", "--no-rebase", "--no-edit", "-Xsubtree=lib", str(decided.path))
    _passed(mono.push("origin", "main"))


def _add_subtree(git: GitIn, other: Path) -> None:
    """As `git subtree add --prefix=lib` does it."""
    git("fetch", "--quiet", str(other), "main")
    unrelated = ("--strategy=ours", "--no-commit", "--allow-unrelated-histories")
    git("merge", "--quiet", *unrelated, "FETCH_HEAD")
    git("read-tree", "--prefix=lib/", "-u", "FETCH_HEAD")
    git("commit", "--quiet", "-m", "Take the library in")


def _another_project(folder: Path) -> Desk:
    """One with its own experiment and nothing of `fast`."""
    git = GitIn(folder / "mono")
    GitIn(folder)("init", "--quiet", "mono")
    GitIn(folder)("init", "--quiet", "--bare", "mono.git")
    git.commit("Begin", {"README": "all of it\n"})
    git("remote", "add", "origin", "../mono.git")
    git("push", "--quiet", "origin", "main")
    desk = Desk(git.path)
    desk.exp(
        *("create", "slow", "--hypothesis", "a table lowers the time by 20 %"),
        *("--run", "true", "--no-checkout"),
    )
    install(git.path / ".git")
    return desk
