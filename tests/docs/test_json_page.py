"""The page on answers for programs: it names the keys there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scenes import HYPOTHESIS
from tests.support import GitExp, GitIn

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
COMMON = {"schema", "ok", "warnings", "next", "undo"}
PAIR = "arm,block,score\ncontrol,1,5\ntreatment,1,4\n"
PLAN = ("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower", "--json")
RECORD = ("record", "fast", "--arm", "control", "--block", "2", "-m", "score=5", "--json")
OF_ONE = [
    ("show", "fast", "--json"),
    ("log", "fast", "--json"),
    ("analyze", "fast", "--json"),
    ("power", "fast", "--noise", "5%", "--json"),
    ("export", "fast", "--json"),
    ("assign", "fast", "--json"),
    ("trust", "fast", "--json"),
    ("handover", "fast", "--json"),
    ("init", "--json"),
    ("hooks", "status", "--json"),
    ("doctor", "--json"),
    ("sync", "--json"),
]
ENDING = [
    ("promote", "fast", "--override", "why not", "--json"),
    ("restore", "fast", "--dry-run", "--json"),
    ("restore", "fast", "--json"),
    ("rollback", "fast", "--dry-run", "--json"),
    ("rollback", "fast", "--json"),
    ("compact", "fast", "--json"),
]


def keys_of(command: str) -> list[set[str]]:
    """What the page says of a command: its keys, and those of another form of it."""
    [row] = re.findall(rf"^\| `{command}` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    forms = re.split(r"; with `[^`]*`:", row)
    return [set(re.findall(r"`(\w+)`", form)) for form in forms]


def test_the_page_names_the_keys_of_every_answer(
    git: GitIn, git_exp: GitExp, tmp_path: Path
) -> None:
    git("init", "--quiet", "--bare", str(tmp_path / "shared.git"))
    git("remote", "add", "origin", str(tmp_path / "shared.git"))
    git.write("trials.csv", PAIR)
    answers: dict[tuple[str, ...], Any] = {PLAN: git_exp(*PLAN).json}
    git.commit("Lower score", {"score.txt": "80\n"})

    for args in (
        ("import", "fast", "trials.csv", "--json"),
        RECORD,
        ("status", "--json"),
        *OF_ONE,
        ("monitor", "--json"),
        ("auto", "--json"),
    ):
        answers[args] = git_exp(*args).json
    taken_out = ("retract", answers[RECORD]["id"], "--reason", "why not", "--json")
    for args in (taken_out, *ENDING):
        answers[args] = git_exp(*args).json

    for args, answer in answers.items():
        assert set(answer) - COMMON in keys_of(args[0]), args
    assert {args[0] for args in answers} == set(
        re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    )


@pytest.mark.parametrize("typed", [("show", "nope"), ("create",)])
def test_an_error_is_as_the_page_says(git_exp: GitExp, typed: tuple[str, ...]) -> None:
    answer = git_exp(*typed, "--json", check=False)

    assert answer.status != 0
    assert answer.json["schema"] == "gitexp.error/1"
    assert set(answer.json["error"]) == {"code", "message", "hint"}
