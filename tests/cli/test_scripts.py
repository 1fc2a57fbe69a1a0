"""Whole stories: driven by a script, in any batches, in a clone, and with plain git afterwards."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scenes import CREATE, HYPOTHESIS, refused, start, trials
from tests.support import BIN, GitExp, GitIn

WORDS = ("sh", "-c")


def as_printed(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command run exactly as it was printed, in a shell without a terminal."""
    return subprocess.run(
        [*WORDS, command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=120,
    )


def follow(git: GitIn, steps: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Do what `next` says, and then what its answer says, until nothing is left to do.

    Each gitexp command is asked for JSON; that is the only word added to what is printed.
    """
    done: set[str] = set()
    while steps:
        step = steps[0]
        if step in done:
            return
        done.add(step)
        is_ours = step.startswith("git exp ")
        answer = as_printed(f"{step} --json" if is_ours else step, git.path)
        assert answer.returncode == 0, f"{step}\n{answer.stdout}{answer.stderr}"
        if not is_ours:
            steps = steps[1:]
            continue
        # a stream of objects ends with the one that says what is next
        is_stream = answer.stdout.startswith('{"')
        told = json.loads(answer.stdout.splitlines()[-1] if is_stream else answer.stdout)
        yield step, told
        rows = told.get("experiments")
        steps = (rows[0] if rows else told)["next"]


@pytest.mark.parametrize("undo", [True, False])
def test_a_script_gets_from_create_to_promote_by_what_is_printed_next(
    git: GitIn, git_exp: GitExp, undo: bool
) -> None:
    git.write("speed", "10\n")
    created = git_exp(*CREATE, "--run", "./bench.sh", "--json").json

    told = dict(follow(git, created["next"]))

    commands = [step.split()[2] for step in told]
    assert commands[:2] == ["run", "promote"]
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert (git.path / "speed").read_text() == "10\n"
    assert git("branch", "--list", "exp/*") == ""
    [promote] = [answer for step, answer in told.items() if step.split()[2] == "promote"]
    if undo:
        assert as_printed(promote["undo"], git.path).returncode == 0
        assert git("branch", "--list", "exp/*", "--format=%(refname:short)") == "exp/fast"
        assert git("show", "main:speed") == "20"


def test_a_script_drops_what_is_worse_by_what_is_printed_next(git: GitIn, git_exp: GitExp) -> None:
    git.write("speed", "30\n")
    created = git_exp(*CREATE, "--run", "./bench.sh", "--json").json

    told = dict(follow(git, created["next"]))

    commands = [step.split()[2] for step in told]
    assert commands[:2] == ["run", "rollback"]
    assert git("branch", "--list", "exp/*") == ""
    assert (git.path / "speed").read_text() == "20\n"


def test_what_is_undecided_continues_by_what_is_printed_next(git: GitIn, git_exp: GitExp) -> None:
    git.write(
        "bench.sh", "#!/bin/sh\necho METRIC score=$(( (GITEXP_BLOCK * 7 + $(cat speed)) % 5 + 3 ))"
    )
    git.commit("Hardly any difference")
    git.write("speed", "19\n")
    created = git_exp(*CREATE, "--run", "./bench.sh", "--json").json
    as_printed(created["next"][0], git.path)

    answer = git_exp("run", "fast", "--json").objects[-1]

    assert answer["verdict"] == "undecided"
    for step in answer["next"]:
        assert as_printed(step, git.path).returncode == 0, step
    assert git("branch", "--list", "exp/*", "--format=%(refname:short)") == "exp/fast-2"


def test_every_hint_of_a_refusal_can_be_followed(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    refusal = git_exp("promote", "fast", "--json", check=False)

    assert refusal.status == 6
    assert refusal.json["ok"] is False
    assert "git exp run fast" in refusal.json["error"]["hint"]


# --- the same evidence, the same answer ------------------------------------------------------


def values(seed: int) -> list[tuple[float, float]]:
    chance = random.Random(seed)
    return [
        (round(chance.uniform(9, 11), 3), round(chance.uniform(8.2, 10.2), 3)) for _ in range(12)
    ]


LOOKS = ("status", "analyze", "show")
ANSWER = (
    "verdict", "action", "blocks", "primary", "after", "looks", "guardrails", "criteria",
    "control", "treatment", "reason",
)  # fmt: skip


@pytest.mark.parametrize("seed", [3, 4])
def test_when_and_how_often_one_looks_changes_no_number(git: GitIn, seed: int) -> None:
    start(git, "--max-blocks=12", "--min-blocks=7")
    plain = GitIn(git.path.with_name("plain"))
    git("clone", "--quiet", "--branch=main", str(git.path), str(plain.path))
    chance = random.Random(seed)
    git_exp = GitExp(git.path)
    decider = git_exp("show", "--json").json["plan"]["decider"]
    writer = {"GITEXP_WRITER": decider}

    for block, pair in enumerate(values(seed), 1):
        arms = list(zip(("control", "treatment"), pair, strict=True))
        chance.shuffle(arms)
        for arm, value in arms:
            git_exp(
                *("record", "fast", "--arm", arm, "-m", f"score={value}"),
                *("--block", str(block)),
                env=writer,
            )
        if chance.random() < 0.4:
            git_exp(chance.choice(LOOKS), "fast")

    plain("fetch", "--quiet", "origin", "+refs/notes/*:refs/notes/remotes/origin/*")
    plain("fetch", "--quiet", "origin", "+refs/heads/exp/*:refs/remotes/origin/exp/*")
    here = git_exp("analyze", "fast", "--json").json
    there = GitExp(plain.path)("analyze", "fast", "--json").json
    assert here["blocks"]["complete"] == 12
    assert {key: there[key] for key in ANSWER} == {key: here[key] for key in ANSWER}


def test_runs_in_any_batches_come_to_the_same_numbers(ready: GitIn, tmp_path: Path) -> None:
    one, many = GitIn(tmp_path / "one"), ready
    subprocess.run(["cp", "-r", str(ready.path), str(one.path)], check=True)

    GitExp(one.path)("run", "fast")
    while GitExp(many.path)("run", "--blocks=1", "--json").objects[-1]["verdict"] == "collecting":
        GitExp(many.path)("status")

    first = GitExp(one.path)("analyze", "fast", "--json").json
    second = GitExp(many.path)("analyze", "fast", "--json").json
    assert {key: first[key] for key in ANSWER} == {key: second[key] for key in ANSWER}
    assert first["verdict"] == "better"


# --- endings ---------------------------------------------------------------------------------


def test_what_is_not_better_is_not_promoted(ready: GitIn) -> None:
    git_exp, before = GitExp(ready.path), ready("for-each-ref", "refs/heads")

    refused(git_exp("promote", check=False), 6, "fast", "git exp run fast")

    assert ready("for-each-ref", "refs/heads") == before


def test_an_override_is_said_for_ever(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    git_exp("promote", "--override", "the old one loses data")

    message = ready("log", "-1", "--format=%B", "main")
    events = [r.get("event") for r in git_exp("log", "fast", "--json").json["records"]]
    assert "the old one loses data" in message
    assert "Exp-Id: fast" in message
    assert "promoted" in events
    assert any("override" in str(r) for r in git_exp("log", "fast", "--json").json["records"])


def test_a_dry_run_changes_nothing(decided: GitIn) -> None:
    before = decided("for-each-ref")

    for command in ("promote", "rollback"):
        told = GitExp(decided.path)(command, "fast", "--dry-run").stdout
        assert "exp/fast" in told

    assert decided("for-each-ref") == before


def test_a_promotion_says_what_was_shown(decided: GitIn) -> None:
    GitExp(decided.path)("promote")

    keys = ["Id", "Decision", "Effect", "Interval", "Blocks", "Plan-Hash", "Evidence"]
    trailers = {
        key: decided("log", "-1", f"--format=%(trailers:key=Exp-{key},valueonly)", "main").strip()
        for key in keys
    }
    assert all(trailers.values())
    assert (trailers["Id"], trailers["Decision"]) == ("fast", "better")
    assert decided("cat-file", "-t", trailers["Evidence"]) == "commit"
    assert len(decided("rev-list", "--parents", "-1", "main").split()) == 3


def test_promote_rollback_and_restore_go_round(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    speed = decided.path / "speed"
    git_exp("promote")
    assert speed.read_text() == "10\n"

    back = git_exp("rollback", "fast", "--reason", "wrong in production", "--json").json
    assert speed.read_text() == "20\n"
    assert "wrong in production" in decided("log", "-1", "--format=%B")
    assert as_printed(back["undo"], decided.path).returncode == 0
    assert speed.read_text() == "10\n"

    assert git_exp("status", "--all", "--json").json["experiments"][0]["state"] == "promoted"
    assert len(trials(decided)) == 12


def test_an_ended_experiment_takes_no_more_trials(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    git_exp("promote")

    refused(
        git_exp("record", "fast", "--arm=control", "-m", "score=1", "--block=9", check=False),
        6,
        "has ended",
        "--like fast",
    )
    assert git_exp("run", "fast", "--json").objects[-1]["stopped"] == "ended"


@pytest.mark.parametrize("stands_in", ["main", "worktree"])
def test_an_experiment_in_its_own_worktree_is_promoted_by_following_hints(
    git: GitIn, git_exp: GitExp, stands_in: str
) -> None:
    answer = git_exp(*CREATE, "--run", "./bench.sh", "--worktree", "--json").json
    side = GitIn(Path(answer["worktree"]))
    side.commit("Try a table", {"speed": "10\n"})
    GitExp(side.path)("run")
    here = git_exp if stands_in == "main" else GitExp(side.path)

    hint = here("promote", "fast", "--json", check=False).json["error"]["hint"]
    followed = as_printed(hint, here.cwd)
    here("promote", "fast")  # the hint said so itself, or made it possible

    assert followed.returncode == 0, followed.stderr
    assert git("show", "main:speed") == "10"
    assert git("status", "--porcelain") == side("status", "--porcelain") == ""


# --- without us ------------------------------------------------------------------------------


def test_plain_git_is_enough_when_we_are_gone(decided: GitIn, tmp_path: Path) -> None:
    git_exp = GitExp(decided.path)
    git_exp("create", "second", "--base=main", "--hypothesis", HYPOTHESIS, "--no-checkout")
    git_exp("promote", "fast")
    git_exp("init")
    [ref] = decided("for-each-ref", "--format=%(refname)", "refs/notes/exp/fast").splitlines()
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != BIN)
    gone = {"PATH": path}

    shown = decided("log", "--oneline", env=gone)
    decided("exp", env=gone, check=False)
    branches = decided("branch", "--list", "exp/*", "--format=%(refname:short)", env=gone)
    noted = decided("notes", f"--ref={ref}", "list", env=gone)
    decided("fsck", "--strict", "--no-dangling", env=gone)
    decided("gc", "--quiet", "--prune=now", env=gone)
    decided("clone", "--quiet", "--mirror", str(decided.path), str(tmp_path / "mirror"), env=gone)

    assert "Promote exp/fast into main" in shown
    assert branches == "exp/second"
    assert len(noted.splitlines()) == 3
    assert len(trials(decided)) == 12
    assert trials(GitIn(tmp_path / "mirror")) == trials(decided)


def test_commands_printed_for_odd_places_run_as_printed(git: GitIn, tmp_path: Path) -> None:
    where = tmp_path / "a place" / "it's"
    where.parent.mkdir()

    answer = GitExp(git.path)(*CREATE, "--worktree", where, "--json").json
    done = as_printed(f"{answer['next'][0]} && git branch --show-current", git.path)

    assert done.stdout.strip() == "exp/fast", done.stderr
