"""What stands in the way is named, and nothing is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitexp.app.opening import open_store
from gitexp.app.promote import promote
from gitexp.decision import MayPromote
from gitexp.errors import GitexpError, Refused, StaleRef
from gitexp.model import Recognised, Verdict
from tests.apply.lab import (
    ALLOWED,
    MAIN,
    SAID,
    Snapshot,
    assert_sound,
    do_promote,
    do_restore,
    do_roll_back,
    experiment,
    head,
    own_refs,
    snapshot,
)
from tests.support import GitIn


class Untouched:
    """Asserts at its end that the repository is as it was at its beginning."""

    def __init__(self, git: GitIn) -> None:
        self._git = git
        self._refs = ""
        self._before: Snapshot | None = None

    def __enter__(self) -> None:
        self._refs, self._before = own_refs(self._git), snapshot(self._git)

    def __exit__(self, *_: object) -> None:
        assert own_refs(self._git) == self._refs
        assert snapshot(self._git) == self._before
        assert_sound(self._git)


# --- files --------------------------------------------------------------------------------


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("stand", ["main", "exp/fast"])
def test_unrelated_changes_come_along(decided: GitIn, stand: str, staged: bool) -> None:
    decided("switch", "--quiet", stand)
    decided.write("README", "mine\n")
    decided.write("notes/todo.txt", "mine, too\n")
    if staged:
        decided("add", "--all")
    before = decided("status", "--porcelain")

    do_promote(decided.path)
    assert decided("status", "--porcelain") == before
    do_roll_back(decided.path)

    assert head(decided) == MAIN
    assert decided("status", "--porcelain") == before
    assert (decided.path / "README").read_text() == "mine\n"
    assert_sound(decided)


@pytest.mark.parametrize("staged", [False, True])
def test_changes_to_the_same_files_are_refused_by_name(decided: GitIn, staged: bool) -> None:
    decided("switch", "--quiet", "main")
    decided.write("src/lib.txt", "mine\n")
    if staged:
        decided("add", "src/lib.txt")

    with Untouched(decided), pytest.raises(Refused) as refused:
        do_promote(decided.path)

    assert refused.value.message == "uncommitted changes are in the way: src/lib.txt"
    assert refused.value.hint == "git stash, and afterwards git stash pop"


@pytest.mark.parametrize("ignored", [False, True])
def test_an_untracked_file_in_the_way_is_refused_ignored_or_not(
    decided: GitIn, ignored: bool
) -> None:
    decided("switch", "--quiet", "main")
    decided.write("src/new/table.txt", "mine\n")
    if ignored:
        decided.write(".git/info/exclude", "table.txt\n")

    with Untouched(decided), pytest.raises(Refused, match="untracked files are in the way"):
        do_promote(decided.path)


def test_a_file_where_a_folder_has_to_be_is_refused(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided.write("src/new", "mine\n")

    with Untouched(decided), pytest.raises(Refused, match="cannot bring your files along"):
        do_promote(decided.path)


def test_a_required_filter_that_fails_is_refused_before_a_file_is_touched(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("config", "filter.bad.required", "true")
    decided("config", "filter.bad.clean", "cat")
    # what the merge is built from is written without trouble, and the user's files are not
    decided("config", "filter.bad.smudge", f'test "$PWD" != "{decided.path}"')
    decided.write(".git/info/attributes", "*.txt filter=bad\n")

    with (
        Untouched(decided),
        pytest.raises(Refused, match=r"filter 'bad'.* fails on src/") as refused,
    ):
        do_promote(decided.path)

    assert refused.value.hint.startswith("mend it until this works: git -C ")
    decided("config", "filter.bad.smudge", "cat")
    do_promote(decided.path)
    assert_sound(decided)


def test_rolling_back_refuses_to_drop_changes_to_the_experiments_files(decided: GitIn) -> None:
    decided.write("src/new/table.txt", "more\n")

    with Untouched(decided), pytest.raises(Refused, match=r"in the way: src/new/table\.txt"):
        do_roll_back(decided.path)


def test_elsewhere_ones_own_changes_do_not_matter(decided: GitIn) -> None:
    decided("switch", "--quiet", "-c", "other", "main")
    decided.write("src/lib.txt", "mine\n")

    do_promote(decided.path)

    assert (decided.path / "src/lib.txt").read_text() == "mine\n"


# --- branches -----------------------------------------------------------------------------


def test_a_target_that_moved_is_merged_with(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    moved = decided.commit("Someone else's", {"README": "another\n"})

    merge = do_promote(decided.path).merge

    assert decided.id(f"{merge}^1") == moved
    assert decided("show", "main:README") == "another"
    assert decided("show", "main:src/new/table.txt") == "t"
    assert_sound(decided)


@pytest.mark.parametrize("stand", ["main", "exp/fast", "other"])
def test_a_conflict_is_refused_with_the_files(decided: GitIn, stand: str) -> None:
    decided("switch", "--quiet", "main")
    decided.commit("The same lines", {"src/lib.txt": "one\ntwo\nthree\n4\n"})
    decided("branch", "other")
    decided("switch", "--quiet", stand)

    with Untouched(decided), pytest.raises(Refused) as refused:
        do_promote(decided.path)

    assert refused.value.message == "main and exp/fast both changed src/lib.txt"
    assert refused.value.hint.startswith("git switch exp/fast && git merge main")


def test_a_revert_that_conflicts_is_refused(decided: GitIn) -> None:
    do_promote(decided.path)
    decided.commit("Build on it", {"src/lib.txt": "one\ntwo\nthree\nfive\n"})

    with Untouched(decided), pytest.raises(Refused) as refused:
        do_roll_back(decided.path)

    assert refused.value.message.startswith("main changed src/lib.txt since")
    assert "git revert -m 1" in refused.value.hint


def test_a_branch_that_moved_since_the_analysis_is_refused(decided: GitIn) -> None:
    store, found = open_store(decided.path), experiment(decided.path)
    analysed = store.git.ref("refs/heads/exp/fast")
    assert analysed is not None
    decided.commit("One more", {"src/lib.txt": "better still\n"})

    with Untouched(decided), pytest.raises(Refused, match="moved since it was analysed"):
        promote(store, found, ALLOWED, tip=analysed, said=SAID)


def test_what_was_merged_by_hand_is_recorded_and_not_merged_again(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("merge", "--quiet", "--no-ff", "--no-edit", "exp/fast")
    before = decided("for-each-ref", "refs/heads")

    done = do_promote(decided.path)

    assert (done.recognised, done.merge) == (Recognised.MERGED, decided.id("main"))
    assert decided("for-each-ref", "refs/heads") == before


def test_what_was_merged_and_reverted_by_hand_cannot_be_merged_again(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("merge", "--quiet", "--no-ff", "--no-edit", "exp/fast")
    decided("revert", "--no-edit", "-m", "1", "HEAD")

    with Untouched(decided), pytest.raises(Refused, match="took it out again"):
        do_promote(decided.path)


def test_a_missing_target_is_refused(decided: GitIn) -> None:
    decided("branch", "--quiet", "-D", "main")

    with Untouched(decided), pytest.raises(Refused, match="no branch main here"):
        do_promote(decided.path)
    with Untouched(decided), pytest.raises(Refused, match="there is no branch to go to"):
        do_roll_back(decided.path)
    decided("switch", "--quiet", "--detach")
    do_roll_back(decided.path)


def test_another_target_can_be_named_but_no_experiment(decided: GitIn) -> None:
    decided("branch", "release", "main")

    with Untouched(decided), pytest.raises(Refused, match="is an experiment itself"):
        do_promote(decided.path, into="exp/fast")
    done = do_promote(decided.path, into="release")

    assert done.target == "refs/heads/release"
    assert decided.id("release") == done.merge
    assert head(decided) == "refs/heads/release"
    do_roll_back(decided.path)
    assert_sound(decided)


# --- operations under way -----------------------------------------------------------------


def test_a_merge_under_way_is_refused_only_where_head_would_move(decided: GitIn) -> None:
    decided("switch", "--quiet", "-c", "side", "main")
    decided.commit("Aside", {"README": "side\n"})
    decided("switch", "--quiet", "main")
    decided("merge", "--quiet", "--no-commit", "--no-ff", "side")

    with Untouched(decided), pytest.raises(Refused, match="a merge is under way here"):
        do_promote(decided.path)

    decided("merge", "--abort")
    do_promote(decided.path)


def test_a_rebase_of_the_experiment_is_refused_wherever_it_is(decided: GitIn) -> None:
    decided("worktree", "add", "--quiet", "--detach", "../linked", "main")
    linked = GitIn(decided.path.parent / "linked")
    decided("switch", "--quiet", "main")
    linked("rebase", "--exec", "false", "main", "exp/fast", check=False)

    with Untouched(decided), pytest.raises(Refused, match="exp/fast is being rebased in"):
        do_promote(decided.path)


def test_a_bisect_from_the_target_is_refused(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("bisect", "start", "main", "main~1")
    decided("checkout", "--quiet", "--detach", "main~1")

    with Untouched(decided), pytest.raises(Refused, match="main is being bisected here"):
        do_promote(decided.path)


def test_an_index_lock_is_refused_and_stays(decided: GitIn) -> None:
    (decided.path / ".git/index.lock").touch()

    with pytest.raises(Refused, match=r"index\.lock is 0 seconds old"):
        do_promote(decided.path)

    assert (decided.path / ".git/index.lock").exists()
    (decided.path / ".git/index.lock").unlink()
    do_promote(decided.path)


def test_a_locked_ref_is_refused_and_the_lock_stays(decided: GitIn) -> None:
    lock = decided.path / ".git/refs/heads/main.lock"
    lock.touch()

    with pytest.raises(StaleRef, match="moved or is locked"):
        do_promote(decided.path)

    lock.unlink()
    assert head(decided) == "refs/heads/exp/fast"
    assert decided("status", "--porcelain") == ""
    do_promote(decided.path)
    assert_sound(decided)


# --- what others may have ------------------------------------------------------------------


def test_a_pushed_promotion_is_not_undone_silently(decided: GitIn, tmp_path: Path) -> None:
    do_promote(decided.path)
    decided("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    decided("remote", "add", "origin", str(tmp_path / "origin.git"))
    decided("push", "--quiet", "origin", "main")

    with Untouched(decided), pytest.raises(Refused) as refused:
        do_restore(decided.path)

    assert "was pushed: refs/remotes/origin/main has it" in refused.value.message
    assert refused.value.hint == "git exp rollback fast, which reverts it on main"
    do_roll_back(decided.path)


def test_a_promotion_the_target_moved_on_from_is_not_undone_silently(decided: GitIn) -> None:
    do_promote(decided.path)
    decided.commit("Go on", {"README": "more\n"})

    with Untouched(decided), pytest.raises(Refused, match="main has moved on") as refused:
        do_restore(decided.path)

    assert refused.value.hint == "git exp rollback fast, which reverts it on main"


def test_a_promotion_that_the_target_lost_is_rolled_back_by_an_event(decided: GitIn) -> None:
    do_promote(decided.path)
    decided("reset", "--quiet", "--hard", "main^1")
    before = decided("rev-parse", "main")

    done = do_roll_back(decided.path)

    assert done.revert is None
    assert decided.id("main") == before
    restored = do_restore(decided.path)
    assert decided.id("exp/fast") == restored.tip


def test_a_change_reverted_by_hand_is_still_marked(decided: GitIn) -> None:
    merge = do_promote(decided.path).merge
    decided("revert", "--no-edit", "-m", "1", merge)

    done = do_roll_back(decided.path)

    assert done.revert == decided.id("main")
    assert decided("diff", "main~1", "main") == ""


def test_a_rolled_back_experiment_is_not_promoted(decided: GitIn) -> None:
    do_roll_back(decided.path)

    with Untouched(decided), pytest.raises(Refused) as refused:
        do_promote(decided.path)

    assert refused.value.hint == "git exp restore fast"


# --- reasons and identity --------------------------------------------------------------------


def test_an_override_is_said_in_the_merge_for_ever(decided: GitIn) -> None:
    permission = MayPromote(
        verdict=Verdict.EQUIVALENT, decided=None, override="simpler\ncode --no-ff"
    )

    merge = do_promote(decided.path, permission=permission).merge

    body = decided("log", "-1", "--format=%B", merge)
    assert "The verdict was equivalent; merged all the same: simpler code --no-ff" in body
    trailers = decided("log", "-1", "--format=%(trailers:only,unfold)", merge).splitlines()
    assert "Exp-Override: simpler code --no-ff" in trailers
    assert "Exp-Decision: equivalent" in trailers


def test_a_reason_too_long_for_a_record_is_refused(decided: GitIn) -> None:
    with Untouched(decided), pytest.raises(Refused, match="501 characters, more than 500"):
        do_roll_back(decided.path, reason="x" * 501)


def test_a_reason_in_any_script_fits(decided: GitIn) -> None:
    do_roll_back(decided.path, reason="遅" * 500)


def test_without_an_identity_nothing_is_begun(decided: GitIn, home: Path) -> None:
    (home / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")

    with Untouched(decided), pytest.raises(Refused, match="does not know who you are"):
        do_promote(decided.path)


def test_a_full_or_read_only_cache_folder_is_an_error_not_a_ruin(
    decided: GitIn, home: Path
) -> None:
    shutil.rmtree(home / "cache", ignore_errors=True)
    (home / "cache").write_text("not a folder")

    with pytest.raises(GitexpError, match="cache"):
        do_promote(decided.path)

    assert not (decided.path / ".git/exp/pending.json").exists()
    (home / "cache").unlink()
    do_promote(decided.path)
