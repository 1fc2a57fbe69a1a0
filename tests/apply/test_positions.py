"""Promote, rollback and restore, wherever the user stands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitexp.errors import Refused
from gitexp.model import State
from tests.apply.lab import (
    BRANCH,
    MAIN,
    assert_sound,
    do_promote,
    do_restore,
    do_roll_back,
    head,
    own_refs,
    snapshot,
    state,
)
from tests.support import GitIn

TABLE = "src/new/table.txt"
POSITIONS = ("target", "experiment", "elsewhere", "detached", "linked")


def place(git: GitIn, position: str) -> GitIn:
    """The user's git, standing there."""
    if position == "target":
        git("switch", "--quiet", "main")
    elif position == "elsewhere":
        git("switch", "--quiet", "-c", "other", "main")
    elif position == "detached":
        git("switch", "--quiet", "--detach", "main")
    elif position == "linked":
        git("switch", "--quiet", "--detach", "main")
        git("worktree", "add", "--quiet", "../linked", "main")
        return GitIn(git.path.parent / "linked")
    return git


@pytest.mark.parametrize("position", POSITIONS)
def test_promoting_merges_and_takes_along_whom_it_concerns(decided: GitIn, position: str) -> None:
    git = place(decided, position)
    before, tip, stood = git.id("main"), git.id("exp/fast"), head(git)

    done = do_promote(git.path)

    assert git("rev-parse", f"{done.merge}^@").split() == [before, tip]
    assert git.id("main") == done.merge
    assert git("branch", "--list", "exp/*") == ""
    assert git("status", "--porcelain") == ""
    if position in ("target", "experiment", "linked"):
        assert head(git) == done.stands_on == MAIN
        assert (git.path / TABLE).exists()
    else:
        assert head(git) == stood
        assert done.stands_on is None
        assert not (git.path / TABLE).exists()
    assert state(git.path) is State.PROMOTED
    assert_sound(git)


@pytest.mark.parametrize("position", POSITIONS)
def test_restoring_a_promotion_nobody_has_seen_brings_everything_back(
    decided: GitIn, position: str
) -> None:
    git = place(decided, position)
    before = snapshot(git)
    assert do_promote(git.path).undo == "git exp restore fast"

    done = do_restore(git.path)

    after = snapshot(git)
    assert after.branches == before.branches
    if position != "experiment":
        assert (after.heads, after.files) == (before.heads, before.files)
    assert after.statuses == before.statuses
    assert done.undo == "git exp promote fast"
    assert state(git.path) is State.RUNNING
    assert_sound(git)


@pytest.mark.parametrize("position", POSITIONS)
def test_rolling_back_before_promotion_deletes_the_branch_only(
    decided: GitIn, position: str
) -> None:
    git = place(decided, position)
    before, stood, tip = git.id("main"), head(git), git.id("exp/fast")

    done = do_roll_back(git.path)

    assert git.id("main") == before
    assert git("branch", "--list", "exp/*") == ""
    assert head(git) == (MAIN if position == "experiment" else stood)
    assert not (git.path / TABLE).exists()
    assert git("status", "--porcelain") == ""
    assert (done.tip, done.revert) == (tip, None)
    assert state(git.path) is State.ROLLED_BACK
    assert_sound(git)

    assert do_restore(git.path).tip == tip == git.id("exp/fast")
    assert state(git.path) is State.RUNNING
    assert_sound(git)


@pytest.mark.parametrize("position", POSITIONS)
def test_rolling_back_after_promotion_reverts_on_the_target_even_when_it_moved_on(
    decided: GitIn, position: str
) -> None:
    git = place(decided, position)
    merge = do_promote(git.path).merge
    if position in ("target", "experiment", "linked"):
        git.commit("Go on", {"other.txt": "more\n"})

    done = do_roll_back(git.path)

    assert done.revert == git.id("main")
    assert git("diff", "--name-only", f"{merge}^1", "main", "--", "src") == ""
    assert "slower under load" in git("log", "-1", "--format=%B", "main")
    assert f"Exp-Reverts: {merge}" in git("log", "-1", "--format=%B", "main")
    assert git("status", "--porcelain") == ""
    assert state(git.path) is State.ROLLED_BACK

    again = do_restore(git.path)
    assert git("show", f"main:{TABLE}") == "t"
    assert (again.merge, again.target) == (git.id("main"), MAIN)
    assert state(git.path) is State.PROMOTED

    assert do_roll_back(git.path).revert == git.id("main")
    assert git("status", "--porcelain") == ""
    assert state(git.path) is State.ROLLED_BACK
    assert_sound(git)


def test_asking_twice_changes_nothing(decided: GitIn) -> None:
    first = do_promote(decided.path)
    before = own_refs(decided)
    second = do_promote(decided.path)
    assert (second.existed, second.merge, second.undo) == (
        True,
        first.merge,
        "git exp rollback fast",
    )
    assert own_refs(decided) == before

    do_roll_back(decided.path)
    before = own_refs(decided)
    assert do_roll_back(decided.path).existed
    assert own_refs(decided) == before

    do_restore(decided.path)
    do_roll_back(decided.path)


def test_restoring_what_runs_is_no_change(decided: GitIn) -> None:
    assert do_restore(decided.path).existed


def test_switching_back_after_a_promotion_leads_to_the_branch_before(decided: GitIn) -> None:
    decided("switch", "--quiet", "-c", "other", "main")
    decided("switch", "--quiet", "main")

    do_promote(decided.path)

    decided("switch", "--quiet", "-")
    assert head(decided) == "refs/heads/other"
    assert "exp: promote fast" in decided("reflog", "main")


def test_a_branch_left_by_hand_comes_back_where_it_was_last(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("branch", "--quiet", "-D", "exp/fast")

    done = do_restore(decided.path)

    assert decided.id(BRANCH) == done.tip


# --- other worktrees -----------------------------------------------------------------------


def test_the_target_checked_out_elsewhere_is_refused_with_the_way(decided: GitIn) -> None:
    decided("worktree", "add", "--quiet", "../linked", "main")
    before = snapshot(decided)

    with pytest.raises(Refused) as refused:
        do_promote(decided.path)

    linked = (decided.path.parent / "linked").resolve()
    there = f"git -C {linked} exp promote fast"
    assert refused.value.hint == f"git switch --detach && {there}"
    assert snapshot(decided) == before
    assert_sound(decided)


def test_the_experiment_checked_out_elsewhere_is_refused_and_the_hint_works(
    decided: GitIn,
) -> None:
    decided("switch", "--quiet", "main")
    decided("worktree", "add", "--quiet", "../linked", "exp/fast")

    with pytest.raises(Refused) as refused:
        do_promote(decided.path)

    assert "exp/fast is checked out in another worktree" in refused.value.message
    subprocess.run(refused.value.hint.split(), check=True, capture_output=True)
    do_promote(decided.path)
    assert_sound(decided)


def test_rolling_back_from_the_experiments_own_worktree_detaches_it(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("worktree", "add", "--quiet", "../linked", "exp/fast")
    linked = GitIn(decided.path.parent / "linked")

    do_roll_back(linked.path)

    assert head(linked) == decided.id("main")
    assert linked("status", "--porcelain") == ""
    assert head(decided) == MAIN
    assert_sound(decided)


def test_a_worktree_that_is_gone_is_in_nobodys_way(decided: GitIn) -> None:
    decided("worktree", "add", "--quiet", "../linked", "main")
    (decided.path.parent / "linked").rename(decided.path.parent / "moved")

    do_promote(decided.path)

    assert "linked" in decided("worktree", "list")  # it may be on a disk that is unplugged


def test_a_bare_repository_needs_no_files(decided: GitIn, tmp_path: Path) -> None:
    bare = GitIn(tmp_path / "bare.git")
    decided("clone", "--quiet", "--mirror", ".", str(bare.path))
    bare("symbolic-ref", "HEAD", MAIN)

    merge = do_promote(bare.path).merge
    assert bare.id("main") == merge
    assert_sound(bare)
    do_roll_back(bare.path)
    do_restore(bare.path)
    do_roll_back(bare.path)
    assert head(bare) == MAIN
    assert_sound(bare)


def test_a_bare_repository_whose_head_is_the_experiment_ends_on_the_target(
    decided: GitIn, tmp_path: Path
) -> None:
    bare = GitIn(tmp_path / "bare.git")
    decided("clone", "--quiet", "--mirror", ".", str(bare.path))

    do_promote(bare.path)

    assert head(bare) == MAIN


def test_from_a_subfolder_the_worktree_is_found(decided: GitIn) -> None:
    do_promote(decided.path / "src")

    assert head(decided) == MAIN
    assert decided("status", "--porcelain") == ""


def test_inside_the_git_dir_files_cannot_follow(decided: GitIn) -> None:
    with pytest.raises(Refused, match="inside the git dir"):
        do_promote(decided.path / ".git")
    assert_sound(decided)
