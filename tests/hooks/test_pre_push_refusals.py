"""Pushes that must not go on, and how each can."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.hooks.desks import ARCHIVE, NOTES, WRITER, Desk, Pushed
from tests.support import GitIn


def _refused(done: Pushed, *said: str) -> None:
    assert done.status != 0, done.stderr
    assert [line.partition(":")[0] for line in done.said] == ["error", "hint"], done.stderr
    assert done.said[1].count("git ") >= 1
    for text in said:
        assert re.search(text, "\n".join(done.said)), f"{text!r} is not in\n{done.stderr}"


def _passed(done: Pushed) -> None:
    assert done.status == 0, done.stderr
    assert "error: " not in done.stderr


def _merge(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "exp/fast")


def _squash(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "--no-edit")


def _squash_like_a_forge(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    listed = git("log", "--reverse", "--format=* %B", "main..exp/fast")
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "-m", f"A faster table (#7)\n\n{listed}")


def _forward(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--ff-only", "exp/fast")


def _rebase(git: GitIn) -> None:
    git("switch", "--quiet", "main")
    git.commit("Elsewhere", {"other.txt": "x\n"})
    git("rebase", "--quiet", "main", "exp/fast")
    _forward(git)


BY_HAND = [_merge, _squash, _squash_like_a_forge, _forward]
Way = Callable[[GitIn], None]


# --- a change on a protected branch -------------------------------------------------------------


@pytest.mark.parametrize("way", [*BY_HAND, _rebase])
def test_a_change_that_is_not_better_stays_off_the_target(begun: Desk, way: Way) -> None:
    way(begun.git)
    before = begun.there()

    _refused(begun.push("origin", "main"), "main would get the change of fast, which .* not ")

    assert begun.there() == before
    assert begun.push("origin", "main:wip").status == 0  # where nobody builds upon it
    assert begun.push("--no-verify", "origin", "main").status == 0


@pytest.mark.parametrize("way", BY_HAND)
def test_a_better_one_passes_however_it_was_merged(decided: Desk, way: Way) -> None:
    way(decided.git)

    done = decided.push("origin", "main")

    _passed(done)
    assert {NOTES, ARCHIVE} <= decided.there().keys()


def test_a_merge_that_was_reverted_before_it_was_pushed_is_none(begun: Desk) -> None:
    _merge(begun.git)
    begun.git("revert", "--no-edit", "-m", "1", "HEAD")

    _passed(begun.push("origin", "main"))


def test_a_revert_that_was_reverted_counts_again(begun: Desk) -> None:
    _merge(begun.git)
    begun.git("revert", "--no-edit", "-m", "1", "HEAD")
    begun.git("revert", "--no-edit", "HEAD")

    _refused(begun.push("origin", "main"), "not better")


def test_code_that_changed_after_the_decision_was_not_measured(decided: Desk) -> None:
    decided.git("switch", "--quiet", "exp/fast")
    decided.git.commit("One more thing", {"speed": "1\n"})
    _merge(decided.git)

    _refused(decided.push("origin", "main"), "fast, which was not measured as it is there")


def test_the_plan_alone_is_no_change(begun: Desk) -> None:
    begun.git("switch", "--quiet", "main")
    begun.git("merge", "--quiet", "--ff-only", "exp/fast^")
    begun.git.commit("Go on", {"other.txt": "x\n"})

    _passed(begun.push("origin", "main"))


def test_commits_that_the_branch_had_do_not_matter(begun: Desk) -> None:
    _merge(begun.git)
    begun.push("--no-verify", "origin", "main")
    begun.git.commit("Go on", {"other.txt": "x\n"})

    _passed(begun.push("origin", "main"))


@pytest.mark.parametrize("detour", ["wip", "alice/main"])
def test_a_detour_over_another_branch_does_not_help(begun: Desk, detour: str) -> None:
    _merge(begun.git)
    begun.push("origin", f"main:{detour}")
    begun.git("fetch", "--quiet")

    _refused(begun.push("origin", "main"), "not better")


def test_what_one_remotes_target_has_may_go_to_a_fork(begun: Desk) -> None:
    _merge(begun.git)
    begun.push("--no-verify", "origin", "main")
    begun.git("init", "--quiet", "--bare", "../fork.git")
    begun.git("remote", "add", "fork", "../fork.git")

    _passed(begun.push("fork", "main"))


def test_a_remote_commit_that_is_not_here_widens_the_range_and_no_more(begun: Desk) -> None:
    other = begun.clone("bob")
    other.git.commit("Elsewhere", {"other.txt": "x\n"})
    other.git("push", "--quiet", "--no-verify", "origin", "main")
    begun.git("switch", "--quiet", "main")
    begun.git.commit("Here", {"here.txt": "x\n"})

    _passed(begun.push("--force", "origin", "main"))
    other.git("push", "--quiet", "--force", "--no-verify", "origin", "main")
    _merge(begun.git)
    _refused(begun.push("--force", "origin", "main"), "not better")


# --- merges that promote made -------------------------------------------------------------------


def test_a_promotion_passes_and_so_does_its_rollback(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")
    _passed(decided.push("origin", "main"))
    decided.exp("rollback", "fast", "--yes", "--reason", "slower after all")
    _passed(decided.push("origin", "main"))
    decided.exp("restore", "fast")
    _passed(decided.push("origin", "main"))


def test_a_stated_override_passes(begun: Desk) -> None:
    begun.exp("promote", "fast", "--yes", "--override", "we cannot wait")

    _passed(begun.push("origin", "main"))


def _reworded(git: GitIn, old: str, new: str) -> None:
    """The last commit again, with another message."""
    message = git("log", "-1", "--format=%B")
    assert re.search(old, message)
    git("commit", "--quiet", "--amend", "-m", re.sub(old, new, message))


def test_a_promotion_whose_evidence_is_not_here_is_refused(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")
    _reworded(decided.git, r"(Exp-Evidence: ).*", rf"\g<1>{'1' * 40}")

    _refused(decided.push("origin", "main"), "not all of the evidence", "git exp sync")


def test_evidence_with_records_that_are_not_here_is_refused(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")
    git = decided.git
    # the evidence commit is here, and one of the notes it pins nobody has fetched
    git("notes", "--ref=refs/notes/other", "add", "-m", '{"v":1}', "main")
    forged = git("commit-tree", "-p", "refs/notes/other", "-m", "x", git("mktree"))
    _reworded(git, r"(Exp-Evidence: ).*", rf"\g<1>{forged}")

    _refused(decided.push("origin", "main"), "not all of the evidence")


def test_an_invented_verdict_is_refused(begun: Desk) -> None:
    begun.exp("promote", "fast", "--yes", "--override", "we cannot wait")
    _reworded(begun.git, r"Exp-Decision: .*", "Exp-Decision: better")
    _reworded(begun.git, r"Exp-Override: .*\n?", "")

    _refused(begun.push("origin", "main"), "says that fast was better, and by the records")


def test_other_code_under_the_words_of_a_promotion_is_refused(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")
    git = decided.git
    message = git("log", "-1", "--format=%B")
    git("switch", "--quiet", "--detach", "main^2")
    side = git.commit("More", {"turbo": "1\n"})
    merge = git("commit-tree", "-p", "main^", "-p", side, "-m", message, f"{side}^{{tree}}")
    git("switch", "--quiet", "main")
    git("reset", "--quiet", "--hard", merge)

    _refused(decided.push("origin", "main"), "does not give what it has in turbo")


def test_a_promotion_by_another_plan_is_refused(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")
    _reworded(decided.git, r"(Exp-Plan-Hash: ).*", rf"\g<1>{'1' * 64}")

    _refused(decided.push("origin", "main"), "another plan", "git exp show fast")


# --- a clone that knows less ----------------------------------------------------------------------


@pytest.fixture
def bob(decided: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Another clone, which never fetched the evidence."""
    decided.push("origin", "exp/fast")
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    return decided.clone("bob")


def test_without_any_evidence_it_is_refused_until_it_was_synced(bob: Desk) -> None:
    bob.git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "origin/exp/fast")

    _refused(bob.push("origin", "main"), "nothing is here that was recorded", "git exp sync")

    bob.exp("sync")
    _passed(bob.push("origin", "main"))


def test_what_nobody_decided_is_analysed(begun: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun.measure(3, 4, 5, 6)
    begun.push("origin", "exp/fast")
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    bob = begun.clone("bob")
    bob.exp("sync")
    bob.git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "origin/exp/fast")
    records = bob.exp("log", "fast", "--json").json["records"]
    assert not [r for r in records if r.get("event") == "decided"]

    _passed(bob.push("origin", "main"))


def test_a_shallow_clone_pushes_as_ever(decided: Desk) -> None:
    decided.push("origin", "exp/fast")
    shallow = decided.clone("shallow", "--depth", "1")
    shallow.git.commit("Go on", {"other.txt": "x\n"})

    _passed(shallow.push("origin", "main"))


# --- which branches are protected ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("protect", "branch", "is_protected"),
    [
        (["release/*"], "release/1.0", True),
        (["release/*", "refs/heads/stable"], "stable", True),
        (["release/*"], "main", False),
        (["*"], "wip", True),
        ([], "wip", False),
        ([], "main", True),
        (["*"], "exp/fast", False),
    ],
)
def test_protected_is_what_the_configuration_says(
    begun: Desk, protect: list[str], branch: str, is_protected: bool
) -> None:
    for pattern in protect:
        begun.git("config", "--add", "exp.protect", pattern)
    _merge(begun.git)

    done = begun.push("origin", f"main:refs/heads/{branch}")

    assert (done.status != 0) == is_protected, done.stderr


# --- plans ----------------------------------------------------------------------------------------


def _change_plan(desk: Desk) -> None:
    git = desk.git
    git("switch", "--quiet", "exp/fast")
    message = git("log", "-1", "--format=%B", "HEAD^").replace('"max_blocks":6', '"max_blocks":9')
    plan = git("commit-tree", "-p", "HEAD^^", "-m", message, "HEAD^^{tree}")
    changed = git("commit-tree", "-p", plan, "-m", "Try a table", "HEAD^{tree}")
    git("reset", "--quiet", "--hard", changed)


def test_a_plan_that_changed_after_the_first_trial_is_refused(begun: Desk) -> None:
    kept = begun.here("exp/fast")
    _change_plan(begun)

    _refused(begun.push("origin", "exp/fast"), "plan on exp/fast is not the one its trials")
    _refused(begun.push("origin", "HEAD:refs/heads/exp/fast"), "git exp create --like fast")

    begun.git("reset", "--quiet", "--hard", kept)
    _passed(begun.push("origin", "exp/fast"))


# --- what others recorded -------------------------------------------------------------------------


def test_a_mirror_of_a_clone_without_the_evidence_is_refused(bob: Desk) -> None:
    before = bob.there()

    _refused(bob.push("--mirror", "origin"), "erase what ann recorded of fast", "git exp sync")

    assert bob.there() == before


def test_so_is_one_that_the_configuration_makes_a_mirror(bob: Desk) -> None:
    bob.git("config", "remote.origin.mirror", "true")
    bob.git.commit("Go on", {"other.txt": "x\n"})

    _refused(bob.push("origin"), "erase what ann recorded of fast from origin")


@pytest.mark.parametrize("ref", [NOTES, ARCHIVE])
def test_deleting_what_others_recorded_is_refused(bob: Desk, ref: str) -> None:
    _refused(bob.push("origin", f":{ref}"), "erase what ann recorded", "--no-verify")

    assert ref in bob.there()
    assert bob.push("--no-verify", "origin", f":{ref}").status == 0


def test_replacing_what_others_recorded_is_refused(bob: Desk) -> None:
    _refused(bob.push("origin", f"+main:{NOTES}"), "erase what ann recorded")


def test_own_evidence_is_ones_own_to_delete(decided: Desk) -> None:
    decided.push("origin", "exp/fast")
    assert WRITER in NOTES

    _passed(decided.push("origin", f":{NOTES}", f":{ARCHIVE}"))

    assert not {NOTES, ARCHIVE} & decided.there().keys()
