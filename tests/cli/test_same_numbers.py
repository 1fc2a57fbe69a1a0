"""A number that is shown in two places is the same number."""

from __future__ import annotations

from typing import Any

from tests.cli.scenes import CREATE, HYPOTHESIS, record_blocks, start
from tests.support import GitExp, GitIn

RECORDED = ("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower")


def _shown(git_exp: GitExp) -> tuple[dict[str, Any], dict[str, Any]]:
    """The experiment as `analyze` and as `status` show it."""
    analysis = git_exp("analyze", "fast", "--json").json
    [row] = git_exp("status", "fast", "--json").json["experiments"]
    return analysis, row


def _record(git_exp: GitExp, arm: str, value: float, *more: str) -> None:
    git_exp("record", "fast", "--arm", arm, "-m", f"score={value}", *more)


def _assert_same(analysis: dict[str, Any], row: dict[str, Any]) -> None:
    assert row["verdict"] == analysis["verdict"]
    assert row["blocks"]["complete"] == analysis["blocks"]["complete"]
    primary, estimate = analysis["primary"], row["estimate"]
    assert estimate["control_median"] == primary["control"]["median"]
    assert estimate["treatment_median"] == primary["treatment"]["median"]
    assert estimate["change"] == primary["rel_effect"]


def test_status_counts_trials_without_blocks_as_analyze_does(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*RECORDED, "--test", "welch", "--max-blocks", "8", "--min-blocks", "5")
    git.commit("Try a table", {"speed": "1\n"})
    for number in range(4):
        _record(git_exp, "control", 20 + number)
        _record(git_exp, "treatment", 15 + number % 2)
    _record(git_exp, "control", 30)
    young, row = _shown(git_exp)
    assert (young["blocks"]["complete"], row["blocks"]["complete"]) == (4, 4)

    for number in range(6):
        _record(git_exp, "treatment", 15 + number % 2)
        _record(git_exp, "control", 25 + number)

    analysis, row = _shown(git_exp)
    assert analysis["verdict"] == "better"
    assert analysis["blocks"]["used"] < analysis["blocks"]["complete"]
    _assert_same(analysis, row)


def test_status_shows_the_medians_of_the_blocks_that_decided(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*RECORDED, "--max-blocks", "6")
    git.commit("Try a table", {"speed": "1\n"})
    for number in range(1, 10):
        _record(git_exp, "control", 20 + number, "--block", str(number))
        _record(git_exp, "treatment", 10 + number, "--block", str(number))

    analysis, row = _shown(git_exp)

    assert analysis["blocks"]["used"] == 6
    _assert_same(analysis, row)


def test_status_shows_the_block_that_decided_though_more_were_run(
    git: GitIn, git_exp: GitExp
) -> None:
    start(git, "--max-blocks", "20")
    record_blocks(git, [(20.0 + 0.1 * k, 10.0 + 0.1 * ((7 * k) % 5)) for k in range(20)])

    analysis, analysed = _shown(git_exp)
    git_exp("run", "fast")  # which records the decision, and runs nothing
    _, recorded = _shown(git_exp)
    page = git_exp("status", "fast").stdout

    decided_at = analysis["looks"]["decided_at"]
    assert 0 < decided_at < 20
    assert analysed["blocks"]["decided_at"] == recorded["blocks"]["decided_at"] == decided_at
    assert f"{decided_at}/20, {20 - decided_at} later ones not used" in page
    assert f" {decided_at}/20 " in git_exp("status").stdout


def test_status_shows_invalid_what_analyze_shows_invalid(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    message = decided("log", "-1", "--format=%B", "HEAD~1")
    tree = decided.id("HEAD^{tree}")
    edited = message.replace('"max_blocks":6', '"max_blocks":7')
    base = decided("commit-tree", "main^{tree}", "-p", "main", "-m", edited)
    tip = decided("commit-tree", tree, "-p", base, "-m", "Try a table")
    decided("update-ref", "refs/heads/exp/fast", tip)

    [row] = git_exp("status", "fast", "--json").json["experiments"]
    analysis = git_exp("analyze", "fast", "--json").json

    assert analysis["verdict"] == "invalid"
    assert row["verdict"] == "invalid"
    assert row["reason"] == analysis["reason"]


def test_a_guardrail_that_took_longer_does_not_move_the_deciding_block(
    git: GitIn, git_exp: GitExp
) -> None:
    git.write("bench.sh", BENCH).chmod(0o755)
    git.commit("Add a benchmark")
    options = ("--guardrail", "size:lower:+5%", "--min-blocks", "6", "--max-blocks", "14")
    without = [arg for arg in CREATE if arg not in ("--max-blocks", "6")]
    git_exp(*without, *options, "--run", "./bench.sh")
    git.commit("Try a table", {"speed": "10\n"})

    git_exp("run", "fast")

    analysis = git_exp("analyze", "fast", "--json").json
    assert analysis["verdict"] == "better"
    assert analysis["looks"]["decided_at"] < analysis["looks"]["ended_at"]
    used = analysis["blocks"]["used"]
    assert analysis["looks"]["decided_at"] == used
    text = git_exp("analyze", "fast").stdout
    status = git_exp("status", "fast").stdout
    git_exp("promote", "fast", "--yes")
    merge = git("log", "-1", "--format=%B", "main")
    for told in (text, status, merge):
        assert f"decided at block {used}" in " ".join(told.split())
    assert f"Exp-Blocks: {used} of 14" in merge


BENCH = """#!/bin/sh
echo "METRIC score=$(cat speed 2>/dev/null || echo 20).$GITEXP_BLOCK"
n=100
test "$GITEXP_ARM" = control || n=$((96 + GITEXP_BLOCK * 5 % 13))
echo "METRIC size=$n"
"""
