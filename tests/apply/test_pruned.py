"""`git prune --expire=now` while a promotion is under way."""

from __future__ import annotations

from typing import Any

import pytest

from gitexp.app.opening import open_store
from gitexp.store import workshop
from gitexp.store.git import Git
from tests.apply.killing import DIED, run_and_kill_git
from tests.apply.lab import assert_sound, begin, do_promote
from tests.support import GitIn


def _is_whole(git: GitIn, evidence: str | None) -> None:
    assert evidence is not None
    assert git("cat-file", "-t", evidence) == "commit"
    (archive,) = git("for-each-ref", "--format=%(refname)", "refs/exp/archive/fast/").splitlines()
    assert evidence in git("rev-list", archive).splitlines()
    assert git("fsck", "--no-dangling") == ""


def test_the_evidence_outlasts_it_while_the_merge_is_made(
    git: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(git)
    real = workshop.build

    def build(*args: Any) -> Any:
        made = real(*args)
        git("prune", "--expire=now")
        return made

    monkeypatch.setattr(workshop, "build", build)

    _is_whole(git, do_promote(git.path).evidence)


def test_the_evidence_outlasts_it_just_before_the_refs_move(
    git: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(git)
    real, taken = Git.update_refs, []

    def update_refs(self: Git, updates: Any, *, reason: str) -> None:
        parents = [
            git("log", "-1", "--format=%P", update.new).split()[-1]
            for update in updates
            if update.name.startswith("refs/exp/archive/") and "promote" in reason
        ]
        for evidence in parents:
            (git.path / ".git/objects" / evidence[:2] / evidence[2:]).unlink()
            taken.append(evidence)
        real(self, updates, reason=reason)

    monkeypatch.setattr(Git, "update_refs", update_refs)

    evidence = do_promote(git.path).evidence

    assert taken == [evidence]
    _is_whole(git, evidence)


@pytest.mark.parametrize("call", [10, 11, 12, 13])  # of one name; no ref has moved before 11
def test_a_promotion_killed_while_its_refs_move_outlasts_it(git: GitIn, call: int) -> None:
    begin(git)
    main = git.id("main")
    ended = run_and_kill_git(lambda: do_promote(git.path), command="update-ref", call=call)
    assert ended == DIED
    assert (git.path / ".git/exp/pending.json").exists()

    git("prune", "--expire=now")
    open_store(git.path)

    assert_sound(git)
    has_moved = git.id("main") != main
    assert has_moved == (git("for-each-ref", "refs/heads/exp/fast") == "")
