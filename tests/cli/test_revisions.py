"""A plan that registers several revisions: each from nothing, at its share, and no more of them."""

from __future__ import annotations

import pytest

from tests.cli.scenes import refused, start, state, trials
from tests.support import GitExp, GitIn


@pytest.fixture
def twice(git: GitIn) -> GitIn:
    """git on exp/fast, of which three blocks of the first of two revisions were run."""
    start(git, "--revisions", "2", "--max-blocks", "7")
    GitExp(git.path)("run", "--blocks", "3")
    return git


def test_a_revision_starts_at_nothing_and_shares_no_block(twice: GitIn) -> None:
    twice.commit("Tune", {"speed": "9\n"})

    answer = GitExp(twice.path)("run", "--blocks", "2", "--json").objects[-1]

    assert answer["blocks"]["complete"] == 2
    first, second = twice.id("exp/fast~1^{tree}"), twice.id("exp/fast^{tree}")
    by_tree: dict[str, list[int]] = {first: [], second: []}
    for trial in trials(twice):
        by_tree[trial["tree"]].append(trial["block"])
    # both arms of every block are the revision's own, the control's too
    assert sorted(by_tree[first]) == [1, 1, 2, 2, 3, 3]
    assert sorted(by_tree[second]) == [1, 1, 2, 2]


def test_each_is_tested_at_its_share_of_the_level(twice: GitIn) -> None:
    answer = GitExp(twice.path)("analyze", "--json").json

    assert answer["primary"]["level"] == 0.975


def test_returning_to_an_earlier_one_resumes_it(twice: GitIn) -> None:
    twice.commit("Tune", {"speed": "9\n"})
    GitExp(twice.path)("run", "--blocks", "2")
    twice.commit("Go back", {"speed": "10\n"})

    answer = GitExp(twice.path)("run", "--json").objects[-1]

    # the tree counts, not the commit
    assert (answer["blocks_run"], answer["verdict"]) == (4, "better")


def test_beyond_those_registered_run_and_record_refuse_and_say_how_to_go_on(twice: GitIn) -> None:
    git_exp = GitExp(twice.path)
    twice.commit("Tune", {"speed": "9\n"})
    git_exp("run", "--blocks", "1")
    twice.commit("Tune more", {"speed": "8\n"})
    before = state(twice)

    refused(git_exp("run", check=False), 6, "2 revisions", "git exp create --like fast")
    refused(
        git_exp("record", "fast", "--arm", "control", "-m", "score=1", "--block", "1", check=False),
        6,
        "git exp create --like fast",
    )

    assert state(twice) == before


def test_a_moved_target_is_another_revision(twice: GitIn) -> None:
    twice("switch", "--quiet", "main")
    twice.commit("Go on", {"other": "1\n"})
    twice("switch", "--quiet", "exp/fast")
    twice("merge", "--quiet", "--no-edit", "main")

    shown = GitExp(twice.path)("run", "--blocks", "1", "--json").objects[-1]

    assert shown["blocks"]["complete"] == 1
    assert GitExp(twice.path)("show", "--json").json["revisions_used"] == 2


def test_a_half_run_block_uses_up_no_revision(twice: GitIn) -> None:
    git_exp = GitExp(twice.path)
    twice.commit("Tune", {"speed": "9\n"})
    git_exp("record", "fast", "--arm", "control", "-m", "score=1", "--block", "1")
    twice.commit("Tune more", {"speed": "8\n"})

    assert git_exp("run", "--blocks", "1", "--json").objects[-1]["blocks"]["complete"] == 1
    assert git_exp("show", "--json").json["revisions_used"] == 2


def test_one_revision_decided_leaves_the_other_open(twice: GitIn) -> None:
    git_exp = GitExp(twice.path)
    git_exp("run")
    twice.commit("Tune", {"speed": "20\n", "notes": "as it was\n"})

    answer = git_exp("run", "--json").objects[-1]

    assert (answer["verdict"], answer["blocks_run"]) == ("undecided", 7)
    # one experiment, judged twice, at one level in all
    summary = git_exp("status", "--json").json["summary"]
    assert (summary["judged"], summary["false_promotions"]) == (1, 0.025)
