"""Two trees that were judged already are answered from the record, and run again when asked."""

from __future__ import annotations

import pytest

from tests.cli.scenes import state, trials
from tests.support import GitExp, GitIn


@pytest.fixture
def again(decided: GitIn) -> GitIn:
    """git on exp/fast-2, which holds what exp/fast was found better with."""
    GitExp(decided.path)("create", "--like", "fast")
    return decided


def test_the_same_trees_are_answered_from_the_record(again: GitIn) -> None:
    before = state(again)

    result = GitExp(again.path)("run", "--exit-code", "--json")

    (answer,) = result.objects
    assert (answer["kind"], answer["verdict"]) == ("answered", "better")
    assert (answer["answered_by"], answer["blocks_run"]) == ("fast", 0)
    assert answer["next"] == ["git exp analyze fast", "git exp run fast-2 --again"]
    assert state(again) == before
    assert trials(again, "fast-2") == []


def test_the_answer_says_which_when_and_how_to_run_all_the_same(again: GitIn) -> None:
    said = " ".join(GitExp(again.path)("run").stdout.split())

    assert "nothing run: fast has judged these two trees" in said
    assert "better, 20" in said
    assert "UTC, after 6 blocks" in said
    assert "git exp run fast-2 --again" in said


def test_create_says_that_the_change_it_carries_was_judged(decided: GitIn) -> None:
    notes = GitExp(decided.path)("create", "--like", "fast", "--json").json["notes"]

    assert any("these two trees were judged in fast: better" in note for note in notes)


@pytest.mark.parametrize("asked", [("--again",), ("--blocks", "6")])
def test_asked_for_the_blocks_are_run(again: GitIn, asked: tuple[str, ...]) -> None:
    answer = GitExp(again.path)("run", *asked, "--json").objects[-1]

    assert (answer["kind"], answer["blocks_run"]) == ("verdict", 6)


def test_what_was_begun_goes_on_without_being_asked_again(again: GitIn) -> None:
    GitExp(again.path)("run", "--blocks", "2")

    answer = GitExp(again.path)("run", "--json").objects[-1]

    assert (answer["kind"], answer["blocks_run"]) == ("verdict", 4)


@pytest.mark.parametrize(
    "changed",
    [
        ("--run", "sh ./bench.sh"),
        ("--metric", "time:lower:s"),
        ("--min-effect", "60%"),
        ("--guardrail", "failures:+50pp"),
    ],
    ids=lambda options: options[0],
)
def test_another_question_is_another_experiment(decided: GitIn, changed: tuple[str, ...]) -> None:
    GitExp(decided.path)("create", "--like", "fast", *changed)

    answer = GitExp(decided.path)("run", "--json").objects[-1]

    assert answer["kind"] == "verdict"
    assert answer["blocks_run"] > 0


def test_other_code_is_run(again: GitIn) -> None:
    again.commit("Tune", {"speed": "9\n"})

    assert GitExp(again.path)("run", "--json").objects[-1]["blocks_run"] == 6


def test_undecided_is_no_answer(ready: GitIn) -> None:
    ready.commit("Change nothing that is measured", {"speed": "20\n", "notes": "none\n"})
    git_exp = GitExp(ready.path)
    assert git_exp("run", "--json").objects[-1]["verdict"] == "undecided"
    git_exp("create", "--like", "fast")

    assert git_exp("run", "--json").objects[-1]["blocks_run"] == 6


def test_what_was_rolled_back_answers_with_its_verdict(ready: GitIn) -> None:
    ready.commit("Make it worse", {"speed": "40\n"})
    git_exp = GitExp(ready.path)
    git_exp("run")
    git_exp("create", "--like", "fast")
    git_exp("rollback", "fast", "--yes")

    result = git_exp("run", "fast-2", "--exit-code", "--json", check=False)

    assert (result.objects[-1]["answered_by"], result.status) == ("fast", 1)


def test_without_any_cache_the_answer_is_the_same(again: GitIn) -> None:
    for kept in (again.path / ".git/exp/cache").iterdir():
        kept.unlink()

    assert GitExp(again.path)("run", "--json").objects[-1]["answered_by"] == "fast"
