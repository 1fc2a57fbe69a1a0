"""A second clone measures the same two commits, and holds nobody up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import GitExp, GitIn


@pytest.fixture
def nina(git: GitIn, tmp_path: Path) -> GitIn:
    """The owner's clone, with a shared repository everybody pushes to."""
    shared = tmp_path / "shared.git"
    git("init", "--quiet", "--bare", str(shared))
    git("remote", "add", "origin", str(shared))
    git("push", "--quiet", "origin", "main")
    git.commit("Measure", {"bench.sh": "echo METRIC score=1\n"})
    return git


@pytest.fixture
def otto(nina: GitIn, tmp_path: Path) -> GitIn:
    """A clone made before the owner's last commit, whose main has not been pulled since."""
    folder = tmp_path / "otto"
    nina("clone", "--quiet", nina("remote", "get-url", "origin"), str(folder))
    return GitIn(folder)


def _create(nina: GitIn) -> None:
    GitExp(nina.path)(
        *("create", "fast", "--hypothesis", "a table scores 10 % more", "--max-blocks", "6"),
        *("--metric", "score:higher:score", "--test", "signed-rank", "--run", "sh bench.sh"),
    )
    nina.commit("Change", {"src/lib.txt": "one\n"})


def _share(nina: GitIn) -> None:
    refspec = ["refs/notes/exp/*:refs/notes/exp/*", "refs/exp/archive/*:refs/exp/archive/*"]
    nina("push", "--quiet", "origin", "main", "exp/fast", *refspec)


def _take(otto: GitIn) -> None:
    GitExp(otto.path)("init")
    otto("fetch", "--quiet")


def test_a_stale_target_branch_does_not_change_the_control(nina: GitIn, otto: GitIn) -> None:
    _create(nina)
    _share(nina)
    _take(otto)

    ours = GitExp(nina.path)("status", "fast", "--json").json["experiments"][0]
    theirs = GitExp(otto.path)("status", "fast", "--json").json["experiments"][0]

    assert theirs["control"] == ours["control"] == nina.id("main")


def test_before_init_a_clone_is_told_how_to_get_the_evidence(nina: GitIn, otto: GitIn) -> None:
    _create(nina)
    _share(nina)
    otto("fetch", "--quiet")

    shown = GitExp(otto.path)("status", "fast", "--json").json["experiments"][0]

    assert shown["next"] == ["git exp init"]


def test_blocks_of_others_do_not_stop_the_decider(nina: GitIn, otto: GitIn) -> None:
    _create(nina)
    GitExp(nina.path)("run", "--blocks", "1")
    _share(nina)
    _take(otto)
    otto("branch", "--quiet", "exp/fast", "origin/exp/fast")
    GitExp(otto.path)("trust", "fast")
    theirs = GitExp(otto.path)("run", "fast", "--json")
    shared = GitExp(otto.path)("sync", "--json")
    GitExp(nina.path)("init")
    nina("fetch", "--quiet")

    ours = GitExp(nina.path)("run", "fast", "--json")

    assert theirs.objects[-1]["stopped"] == "waiting"
    assert theirs.objects[-1]["next"] == ["git exp sync"]
    assert shared.json["next"] == []
    assert "wait until" in theirs.stderr
    assert ours.objects[-1]["blocks"]["complete"] == 6
    assert ours.objects[-1]["verdict"] == "undecided"


def test_the_code_of_others_uses_up_no_revision(nina: GitIn, otto: GitIn) -> None:
    _create(nina)
    _share(nina)
    _take(otto)
    otto("switch", "--quiet", "-c", "exp/fast", "origin/exp/fast")
    otto.commit("Another idea", {"src/lib.txt": "two\n"})
    GitExp(otto.path)("trust", "fast")
    GitExp(otto.path)("run", "fast", "--blocks", "1")
    otto("push", "--quiet", "origin", "refs/notes/exp/*:refs/notes/exp/*")
    GitExp(nina.path)("init")
    nina("fetch", "--quiet")

    ours = GitExp(nina.path)("run", "fast", "--blocks", "1", "--json")

    assert ours.objects[-1]["blocks"]["complete"] == 1


def test_only_the_decider_records_a_decision(nina: GitIn, otto: GitIn) -> None:
    _create(nina)
    for block in range(1, 7):
        for arm, value in (("control", 1.0), ("treatment", 1.5 + block / 100)):
            GitExp(nina.path)(
                *("record", "fast", "--arm", arm, "-m", f"score={value}", "--block", str(block))
            )
    GitExp(nina.path)("analyze", "fast")
    _share(nina)
    _take(otto)
    GitExp(otto.path)("trust", "fast")

    theirs = GitExp(otto.path)("run", "fast", "--json").objects[-1]
    GitExp(nina.path)("run", "fast")

    assert (theirs["stopped"], theirs["verdict"]) == ("decided", "better")
    assert "decided" not in _events(otto)
    assert _events(nina).count("decided") == 1


def _events(git: GitIn) -> list[str]:
    records = GitExp(git.path)("log", "fast", "--json").json["records"]
    return [record["event"] for record in records if record["kind"] == "event"]
