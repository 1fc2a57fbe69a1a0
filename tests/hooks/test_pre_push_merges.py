"""What a merge holds, and the merge after the one that was reverted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hooks.desks import Desk, Pushed
from tests.hooks.test_pre_push_refusals import _merge, _passed, _refused
from tests.support import GitIn

REASON = ("--reason", "slower after all")


def _promote(desk: Desk) -> None:
    desk.exp("promote", "fast", "--yes")


def _roll_back(desk: Desk) -> None:
    desk.exp("rollback", "fast", "--yes", *REASON)


def _revert(desk: Desk) -> None:
    desk.git("revert", "--no-edit", "-m", "1", "HEAD")


def _continue(git: GitIn, tip: str, branch: str = "exp/fast") -> None:
    """More code on the commit that was promoted; nobody measured it."""
    git("switch", "--quiet", "-c", branch, tip)
    git.commit("One more thing", {"turbo": "1\n"})


def _merge_and_drop(git: GitIn, branch: str = "exp/fast") -> None:
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", branch)
    git("branch", "--quiet", "-D", branch)


def _take_main_in_and_forward(git: GitIn) -> None:
    git("merge", "--quiet", "-m", "Take main in", "main")
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--ff-only", "exp/fast")
    git("branch", "--quiet", "-D", "exp/fast")


def _push(desk: Desk) -> Pushed:
    return desk.push("origin", "main")


# --- a second merge -------------------------------------------------------------------------------


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "all-at-once"])
@pytest.mark.parametrize("undo", [_roll_back, _revert])
@pytest.mark.parametrize("merge", [_merge_and_drop, _take_main_in_and_forward])
def test_new_code_after_a_promotion_was_taken_back_was_not_measured(
    decided: Desk, undo: Callable[[Desk], None], merge: Callable[[GitIn], None], is_known: bool
) -> None:
    _promote(decided)
    tip = decided.git.id("main^2")
    undo(decided)
    if is_known:
        _passed(_push(decided))
    _continue(decided.git, tip)
    merge(decided.git)

    _refused(_push(decided), "main would get the change of fast, which was not measured as it is")

    decided.git("revert", "--no-edit", "-m", "1", "HEAD")
    if merge is _merge_and_drop:
        _passed(_push(decided))


def test_so_was_new_code_after_a_merge_by_hand_was(decided: Desk) -> None:
    tip = decided.git.id("exp/fast")
    _merge_and_drop(decided.git)
    _revert(decided)
    _continue(decided.git, tip)
    _merge_and_drop(decided.git)

    _refused(_push(decided), "fast, which was not measured as it is there")


def test_the_code_that_was_measured_may_come_again(decided: Desk) -> None:
    _promote(decided)
    tip = decided.git.id("main^2")
    _roll_back(decided)
    _passed(_push(decided))
    decided.git("switch", "--quiet", "-c", "exp/fast", tip)
    decided.git("commit", "--quiet", "--allow-empty", "-m", "Say it better")
    _merge_and_drop(decided.git)

    _passed(_push(decided))


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "all-at-once"])
def test_work_on_a_promotion_that_holds_is_any_work(decided: Desk, is_known: bool) -> None:
    _promote(decided)
    if is_known:
        _passed(_push(decided))
    _continue(decided.git, "main^2", "feature")
    _merge_and_drop(decided.git, "feature")

    _passed(_push(decided))


def test_so_is_work_on_one_that_was_put_back(decided: Desk) -> None:
    _promote(decided)
    tip = decided.git.id("main^2")
    _roll_back(decided)
    decided.exp("restore", "fast")
    _passed(_push(decided))
    _continue(decided.git, tip, "feature")
    _merge_and_drop(decided.git, "feature")

    _passed(_push(decided))


@pytest.mark.parametrize("start", ["main", "main~2"], ids=["after", "before"])
def test_other_branches_are_merged_as_ever_after_a_rollback(decided: Desk, start: str) -> None:
    _promote(decided)
    _roll_back(decided)
    _passed(_push(decided))
    _continue(decided.git, start, "feature")
    _merge_and_drop(decided.git, "feature")

    _passed(_push(decided))


# --- what was put into the merge itself -----------------------------------------------------------


def _amend(git: GitIn, name: str = "turbo") -> None:
    git.write(name, "1\n")
    git("add", "-A")
    git("commit", "--quiet", "--amend", "--no-edit")


def test_what_was_amended_into_a_promotion_was_not_measured(decided: Desk) -> None:
    _promote(decided)
    made = decided.git.id("main")
    _amend(decided.git)

    done = _push(decided)

    _refused(done, "promotes fast, and merging it does not give what it has in turbo")
    shown = decided.git(*done.said[1].split(" shows ")[0].removeprefix("hint: git ").split())
    assert "+++ b/turbo" in shown
    # the way out: by itself
    decided.git("reset", "--quiet", "--soft", made)
    decided.git("commit", "--quiet", "-m", "Something else")
    _passed(_push(decided))


def test_no_override_covers_what_was_amended(begun: Desk) -> None:
    begun.exp("promote", "fast", "--yes", "--override", "we cannot wait")
    _amend(begun.git)

    _refused(_push(begun), "does not give what it has in turbo")


def test_changing_what_was_merged_is_noticed_too(decided: Desk) -> None:
    _promote(decided)
    _amend(decided.git, "speed")

    _refused(_push(decided), "does not give what it has in speed")


def test_a_promotion_with_another_message_is_the_same(decided: Desk) -> None:
    _promote(decided)
    message = decided.git("log", "-1", "--format=%B")
    decided.git("commit", "--quiet", "--amend", "-m", f"Better: {message}")

    _passed(_push(decided))


def test_what_the_users_merge_driver_made_of_it_belongs_to_it(decided: Desk) -> None:
    git = decided.git
    git.commit("Elsewhere", {".gitattributes": "speed merge=sum\n", "speed": "15\n"})
    git("config", "merge.sum.driver", "echo 25 >%A")
    _promote(decided)
    assert git("show", "main:speed") == "25"
    git("config", "merge.sum.driver", "echo 26 >%A")

    _passed(_push(decided))


def _move_main(desk: Desk, files: dict[str, str]) -> None:
    """A commit on main that the promotion is rebuilt on."""
    desk.git("switch", "--quiet", "--detach", "main^")
    desk.git.commit("Elsewhere", files)
    desk.git("branch", "--quiet", "elsewhere")
    desk.git("switch", "--quiet", "main")


def _rebuild(git: GitIn, files: dict[str, str]) -> None:
    """The promotion on top of what happened elsewhere, with these files in it."""
    message, tip = git("log", "-1", "--format=%B", "main"), git.id("main^2")
    git("reset", "--quiet", "--hard", "elsewhere")
    git("merge", "--quiet", "--no-ff", "--no-commit", tip, check=False)
    for name, text in files.items():
        git.write(name, text)
    git("add", "-A")
    git("commit", "--quiet", "-m", message)


def test_a_promotion_that_was_rebased_is_one(decided: Desk) -> None:
    _promote(decided)
    _move_main(decided, {"other.txt": "x\n"})
    _rebuild(decided.git, {})
    assert decided.git.id("main^") == decided.git.id("elsewhere")

    _passed(_push(decided))


def test_conflicts_of_one_that_was_rebased_are_resolved_by_hand(decided: Desk) -> None:
    _promote(decided)
    _move_main(decided, {"speed": "15\n", "other.txt": "x\n"})
    _rebuild(decided.git, {"speed": "8\n"})

    _passed(_push(decided))


def test_and_nothing_else_comes_with_them(decided: Desk) -> None:
    _promote(decided)
    _move_main(decided, {"speed": "15\n", "other.txt": "x\n"})
    _rebuild(decided.git, {"speed": "8\n", "turbo": "1\n"})

    _refused(_push(decided), "does not give what it has in turbo")


@pytest.mark.parametrize("extra", [True, False], ids=["more", "as-it-was"])
def test_a_promotion_may_be_picked_as_it_is(decided: Desk, extra: bool) -> None:
    git = decided.git
    git("config", "exp.protect", "release/*")
    _promote(decided)
    git("switch", "--quiet", "-c", "release/1", "main^")
    git.commit("Only here", {"other.txt": "x\n"})
    git("cherry-pick", "--no-edit", "-m", "1", "main")
    if extra:
        _amend(git)

    done = decided.push("origin", "release/1")

    if extra:
        _refused(done, "does not give what it has in turbo")
    else:
        _passed(done)


def test_other_clones_judge_it_alike(decided: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _promote(decided)
    decided.push("origin", "main:wip")
    decided.exp("sync")
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    bob = decided.clone("bob")
    bob.exp("sync")
    bob.git("merge", "--quiet", "--ff-only", "origin/wip")

    _passed(_push(bob))

    _amend(bob.git)
    _refused(bob.push("--force", "origin", "main:main"), "does not give what it has in turbo")


def test_a_merge_by_hand_is_the_users(decided: Desk) -> None:
    _merge(decided.git)
    _amend(decided.git)

    _passed(_push(decided))
