"""`git exp handover` and `git exp retract` through the installed program, between two clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.scenes import refused
from tests.support import GitExp, GitIn

SHARED = ("refs/notes/exp/*:refs/notes/exp/*", "refs/exp/archive/*:refs/exp/archive/*")


@pytest.fixture
def ann(git: GitIn, tmp_path: Path) -> GitIn:
    """The creator's clone, with two blocks, pushed."""
    shared = tmp_path / "shared.git"
    git("init", "--quiet", "--bare", str(shared))
    git("remote", "add", "origin", str(shared))
    GitExp(git.path)(
        *("create", "fast", "--hypothesis", "a table scores 10 % more", "--max-blocks", "12"),
        *("--metric", "score:higher:score"),
    )
    git.commit("Change", {"src/lib.txt": "one\n"})
    block(git, 1)
    block(git, 2)
    push(git, "main", "exp/fast")
    return git


@pytest.fixture
def bob(ann: GitIn, tmp_path: Path) -> GitIn:
    """A teammate's clone that has fetched all of it."""
    folder = tmp_path / "bob"
    ann("clone", "--quiet", ann("remote", "get-url", "origin"), str(folder))
    GitExp(folder)("init")
    fetch(GitIn(folder))
    return GitIn(folder)


def push(git: GitIn, *branches: str) -> None:
    GitExp(git.path)("status")  # what was recorded a moment ago becomes notes
    git("push", "--quiet", "--no-verify", "origin", *branches, *SHARED)


def fetch(git: GitIn) -> None:
    git("fetch", "--quiet", "origin")


def block(git: GitIn, number: int) -> None:
    for arm, value in (("control", 1.0), ("treatment", 1.2 + number / 100)):
        GitExp(git.path)(
            *("record", "fast", "--arm", arm, "-m", f"score={value}", "--block", str(number))
        )


def counts(git: GitIn) -> tuple[int, int]:
    """Blocks that count, and that wait."""
    blocks = GitExp(git.path)("analyze", "fast", "--json").json["blocks"]
    return blocks["complete"], blocks["waiting"]


def decider(git: GitIn) -> str:
    return str(GitExp(git.path)("handover", "fast", "--json").json["decider"])


def writer(git: GitIn) -> str:
    records = GitExp(git.path)("log", "fast", "--json").json["records"]
    return str(records[-1]["writer"])


def test_the_new_decider_counts_its_own_blocks_and_the_old_ones(ann: GitIn, bob: GitIn) -> None:
    block(bob, 1)
    assert counts(bob) == (2, 1)

    taken = GitExp(bob.path)("handover", "fast", "--json")

    assert taken.json["is_here"] is True
    assert taken.json["predecessor"] == writer(ann)
    assert counts(bob) == (3, 0)


def test_the_old_decider_hears_of_it_and_waits(ann: GitIn, bob: GitIn) -> None:
    GitExp(bob.path)("handover", "fast")
    push(bob)
    block(ann, 3)
    assert counts(ann) == (3, 0)

    GitExp(ann.path)("init")
    fetch(ann)

    assert counts(ann) == (2, 1)
    noted = GitExp(ann.path)(
        *("record", "fast", "--arm", "control", "-m", "score=1", "--block", "4", "--json")
    )
    assert writer(bob) in noted.json["note"]


def test_a_handover_to_oneself_changes_nothing(ann: GitIn) -> None:
    before = ann("for-each-ref")  # the push has left nothing in the journal

    told = GitExp(ann.path)("handover", "fast")

    assert "this clone decides fast already" in told.stdout
    assert ann("for-each-ref") == before


def test_it_can_be_given_away(ann: GitIn, bob: GitIn) -> None:
    block(bob, 1)
    push(bob)
    GitExp(ann.path)("init")
    fetch(ann)

    told = GitExp(ann.path)("handover", "fast", "--to", writer(bob), "--json")

    assert told.json["is_here"] is False
    assert counts(ann) == (3, 0)


def test_nobody_unknown_can_be_made_the_decider(ann: GitIn) -> None:
    told = GitExp(ann.path)("handover", "fast", "--to", "nobody-1", check=False)

    refused(told, 6, "nothing is known here of a writer nobody-1")


def test_an_ended_experiment_cannot_be_handed_over(ann: GitIn) -> None:
    GitExp(ann.path)("rollback", "fast", "--yes")

    refused(GitExp(ann.path)("handover", "fast", check=False), 6, "fast is rolled-back")


def first_trial(git: GitIn) -> str:
    records = GitExp(git.path)("log", "fast", "--json").json["records"]
    return str(next(record["id"] for record in records if record["kind"] == "trial"))


def test_a_retracted_trial_takes_its_block_out(ann: GitIn) -> None:
    trial = first_trial(ann)

    told = GitExp(ann.path)("retract", trial[:10].lower(), "--reason", "the laptop slept", "--json")
    again = GitExp(ann.path)("retract", trial, "--reason", "another", "--json")

    assert (told.json["trial"], told.json["existed"]) == (trial, False)
    assert (again.json["existed"], again.json["reason"]) == (True, "the laptop slept")
    assert counts(ann) == (1, 0)
    marks = {r["id"]: r["marks"] for r in GitExp(ann.path)("log", "fast", "--json").json["records"]}
    assert "retracted" in marks[trial]


def test_the_retraction_of_another_waits(ann: GitIn, bob: GitIn) -> None:
    told = GitExp(bob.path)("retract", first_trial(ann), "--reason", "noise", "--json")

    assert "waits until" in told.json["note"]
    assert counts(bob) == (2, 0)


def test_no_trial_can_leave_a_decision(ann: GitIn) -> None:
    for number in range(3, 13):
        block(ann, number)
    GitExp(ann.path)("promote", "fast", "--dry-run")
    trial = first_trial(ann)

    refused(GitExp(ann.path)("retract", trial, "--reason", "x", check=False), 6, "decided")


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("nothing-like-it", "--reason", "x"), 128, "no trial is named 'nothing-like-it'"),
        (("01", "--reason", "x"), 128, "no trial is named '01'"),
        (("TRIAL", "--reason", " "), 129, "needs a reason"),
    ],
)
def test_what_cannot_be_retracted_is_refused(
    ann: GitIn, args: tuple[str, ...], status: int, said: str
) -> None:
    trial = first_trial(ann)
    typed = [trial if arg == "TRIAL" else arg for arg in args]

    refused(GitExp(ann.path)("retract", *typed, check=False), status, said)
