"""What would change, shown without touching anything."""

from __future__ import annotations

import pytest

from gitexp.app.endings import drop_checkouts
from gitexp.app.opening import open_store
from gitexp.app.promote import promotion
from gitexp.app.restore import restoration
from gitexp.app.rig import worktrees_of
from gitexp.app.rollback import rollback
from gitexp.changes import creation_changes, steps
from gitexp.changes.messages import one_line, plain
from gitexp.codec import canonical, plan_hash
from gitexp.model import Oid
from tests.apply.lab import (
    ALLOWED,
    EXP,
    SAID,
    assert_sound,
    create,
    do_promote,
    do_restore,
    do_roll_back,
    experiment,
    own_refs,
    plan_for,
    snapshot,
)
from tests.support import GitIn


def test_steps_say_what_would_happen_and_nothing_does(decided: GitIn) -> None:
    store, found = open_store(decided.path), experiment(decided.path)
    tip, main = decided.id("exp/fast"), decided.id("main")
    before, objects = (snapshot(decided), own_refs(decided)), decided("count-objects")

    changes = promotion(store, found, ALLOWED, tip=Oid(tip), said=SAID)
    dropping = rollback(store, found, reason="slower")

    assert steps(changes, here="refs/heads/exp/fast") == (
        f"merge exp/fast ({tip[:12]}) into main",
        f"move branch main from {main[:12]} to the merge",
        f"delete branch exp/fast ({tip[:12]})",
        "leave you on main",
    )
    assert dropping is not None
    assert steps(dropping, here="refs/heads/exp/fast") == (
        f"delete branch exp/fast ({tip[:12]})",
        "leave you on main",
    )
    assert restoration(store, found) is None
    assert (snapshot(decided), own_refs(decided)) == before
    assert decided("count-objects") == objects


def test_reverts_and_creations_are_told_likewise(decided: GitIn) -> None:
    merge = do_promote(decided.path).merge
    store, found = open_store(decided.path), experiment(decided.path)

    reverting = rollback(store, found, reason="slower")
    plan = plan_for(decided, "again")
    text = canonical(plan)
    carry = (EXP, Oid(merge))
    creating = creation_changes(plan, canonical=text, plan_hash=plan_hash(text), carry=carry)

    assert reverting is not None
    assert steps(reverting, here="refs/heads/exp/fast")[0] == f"revert {merge[:12]} on main"
    assert steps(creating, here="refs/heads/exp/fast") == (
        f"register the plan in a commit on {plan.base[:12]}",
        f"take over the change of {merge[:12]} in a second commit",
        "create branch exp/again at the new commit",
        "check out exp/again",
    )


def test_texts_keep_typography_and_lose_what_could_deceive() -> None:
    assert plain("−4.5\u202f%\nsecond \x1b[31mred\u202e") == "−4.5\u202f%\nsecond [31mred"
    assert one_line("two\n lines\u2028 three") == "two lines three"


def test_our_checkouts_go_with_the_experiment(decided: GitIn) -> None:
    store = open_store(decided.path)
    path = worktrees_of(store).root / EXP / ("a" * 12)
    decided("worktree", "add", "--quiet", "--detach", str(path), "main")

    do_roll_back(decided.path)

    assert not path.exists()
    assert str(path) not in decided("worktree", "list")
    drop_checkouts(store, EXP)


def test_a_submodule_is_left_as_git_leaves_it(git: GitIn) -> None:
    inner = GitIn(git.path.parent / "inner")
    inner.path.mkdir()
    inner("init", "--quiet")
    first = inner.commit("One", {"file": "1\n"})
    inner.commit("Two", {"file": "2\n"})
    allowed = ("-c", "protocol.file.allow=always")
    git(*allowed, "submodule", "--quiet", "add", str(inner.path), "sub")
    git.commit("Add a submodule")
    create(git.path, plan_for(git))
    GitIn(git.path / "sub")("checkout", "--quiet", first)
    git.commit("Older submodule", {"src/lib.txt": "changed\n"})
    git("switch", "--quiet", "main")
    GitIn(git.path / "sub")("checkout", "--quiet", "-")

    do_promote(git.path)
    do_restore(git.path)

    assert git("status", "--porcelain") == ""
    assert_sound(git)


def test_git_dir_and_work_tree_may_be_named_by_the_environment(
    decided: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided("switch", "--quiet", "main")
    apart = decided.path.parent / "apart.git"
    (decided.path / ".git").rename(apart)
    monkeypatch.setenv("GIT_DIR", str(apart))
    monkeypatch.setenv("GIT_WORK_TREE", str(decided.path))

    do_promote(decided.path)
    do_roll_back(decided.path)
    do_restore(decided.path)

    assert (decided.path / "src/new/table.txt").exists()
    assert decided("status", "--porcelain") == ""
