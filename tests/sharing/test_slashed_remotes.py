"""A remote whose name has a slash is a remote like any other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hooks.desks import Desk, install
from tests.sharing.village import Clone, Village

REMOTE = "team/alice"
TRACKED = f"refs/remotes/{REMOTE}"


def _join(village: Village, name: str) -> Clone:
    """A clone whose only remote has a slash in its name, with hooks."""
    clone = village.clone(name, "--origin", "plain")
    clone.git("remote", "rename", "plain", REMOTE)
    install(clone.path / ".git")
    return clone


@pytest.fixture
def ann(village: Village) -> Clone:
    return _join(village, "ann")


@pytest.fixture
def bob(village: Village) -> Clone:
    return _join(village, "bob")


def _row(clone: Clone) -> dict[str, Any]:
    row: dict[str, Any]
    (row,) = clone.exp("status", "fast", "--json").json["experiments"]
    return row


def test_an_experiment_lives_from_create_to_push_over_it(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1, 2, 3, 4, 5])
    assert {"refs/heads/exp/fast", ann.own_notes()} <= {*ann.sync(REMOTE)["pushed"]}

    # the other clone sees it, measures it and gives its block
    bob.exp("init")
    assert _row(bob)["source"] == REMOTE
    first = _row(bob)["next"][0]
    assert first == f"git branch exp/fast {REMOTE}/exp/fast"
    bob.git(*first.split()[1:])
    bob.record([1])
    bob.sync()
    ann.sync()
    assert (bob.writer, 1) in ann.admitted()

    # decided, merged and pushed; the hook takes the evidence along
    assert ann.exp("analyze", "--json").json["verdict"] == "better"
    ann.exp("promote", "fast", "--yes")
    ann.git("push", "--quiet", REMOTE, "main")
    assert village.refs("refs/notes/exp/fast/")[ann.own_notes()] == ann.git.id(ann.own_notes())
    assert "was pushed" in ann.exp("restore", "fast", check=False).stderr

    # who only fetched knows, and is told what is behind
    bob.exp("sync")
    assert _row(bob)["state"] == "promoted"
    bob.git("switch", "--quiet", "main")
    assert f"main is behind {REMOTE}/main" in bob.exp("rollback", "fast", check=False).stderr


def test_a_merge_made_there_is_recognised(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.sync()
    bob.git("fetch", "--quiet")
    bob.git("merge", "--quiet", "--no-ff", "-m", "By hand", f"{REMOTE}/exp/fast")
    bob.git("push", "--quiet", "--no-verify", REMOTE, "main")

    assert [done["merge"] for done in ann.sync()["experiments"]] == [bob.git.id("main")]


def test_pre_push_judges_what_only_such_a_remote_has(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.sync()
    bob.git("fetch", "--quiet")
    bob.git("merge", "--quiet", "--no-ff", "-m", "By hand", f"{REMOTE}/exp/fast")

    refused = Desk(bob.path).push(REMOTE, "main")

    assert refused.status != 0
    assert "nothing is here that was recorded of it" in refused.stderr


def test_control_is_where_the_remotes_target_says(ann: Clone, bob: Clone) -> None:
    bob.git.commit("Elsewhere", {"other.txt": "x\n"})
    bob.git("push", "--quiet", REMOTE, "main")
    ann.start()
    ann.git("fetch", "--quiet")
    ann.git("merge", "--quiet", "-m", "Take main in", f"{REMOTE}/main")

    control = _row(ann)["control"]

    assert control == ann.git.id(f"{TRACKED}/main")


def test_a_branch_that_only_ends_like_an_experiments_is_none(ann: Clone) -> None:
    ann.git("push", "--quiet", REMOTE, "main:refs/heads/team/exp/fast")
    ann.git("fetch", "--quiet")
    assert ann.git.id(f"{TRACKED}/team/exp/fast")

    assert ann.exp("status", "--all", "--json").json["experiments"] == []
