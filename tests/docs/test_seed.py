"""docs/seed.md names a command for every feature, and a test that exists or a reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gitexp.app.hypothesis import hypothesis_warnings
from gitexp.cli.main import COMMANDS
from tests.cli.scenes import record_blocks, start
from tests.support import GitExp, GitIn

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "seed.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| feature", "|---"))
]


def test_every_feature_has_a_command_and_a_test_or_a_reason() -> None:
    assert len(ROWS) > 80
    for row in ROWS:
        assert len(row) == 3, row
        assert "`git exp " in row[1], row
        assert row[2], row


def test_every_command_of_the_page_exists() -> None:
    named = set(re.findall(r"`git exp ([a-z]+)", PAGE))

    assert named <= COMMANDS.keys()


def test_every_test_of_the_page_exists() -> None:
    for path, name in re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", PAGE):
        file = ROOT / path
        assert file.is_file(), path
        functions = {
            node.name for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }  # fmt: skip
        assert not name or name in functions, f"{path}::{name}"


@pytest.mark.parametrize(
    "text",
    [
        "Running security-analyst + code-cleanup in parallel saves 15min per PR",
        "Pattern matching prevents 50% of bugs",
        "Parallel testing saves 20min per run",
        "Parallel agents save 15min per PR",
        "Parallel agents save 15min",
    ],
)
def test_the_good_hypotheses_pass_without_a_word(text: str) -> None:
    assert hypothesis_warnings(text) == ()


@pytest.mark.parametrize("text", ["Make things faster", "100x improvement"])
def test_the_poor_hypotheses_are_warned_of(text: str) -> None:
    assert hypothesis_warnings(text)


def test_help_says_when_an_experiment_is_worth_it(git_exp: GitExp) -> None:
    told = " ".join(git_exp("create", "-h").stdout.split())

    assert "Worth an experiment: " in told
    assert "Not worth one: bug fixes, documentation, what is urgent" in told


def test_the_summary_has_all_that_the_idea_asked_for(git: GitIn, git_exp: GitExp) -> None:
    start(git, "--uses-per-month", "50")
    record_blocks(git, [(20.0 + k, 10.0 + k) for k in range(6)])
    git_exp("auto")
    git("switch", "--quiet", "main")

    found = git_exp("status", "--json").json["summary"]
    page = " ".join(git_exp("status").stdout.split())

    assert (found["running"], found["promoted"], found["rolled_back"]) == (0, 1, 0)
    assert (found["expired"], found["success_rate"]) == (0, 1.0)
    assert 0 <= found["days_since_promotion"] < 1
    assert found["per_month"]["score"] == pytest.approx(-500, rel=0.2)
    assert 0 < found["false_promotions"] <= 0.05
    assert "100% of those ended were promoted, last promotion just now" in page
    assert "a month by what was promoted" in page
    assert "false promotions to be expected" in page
