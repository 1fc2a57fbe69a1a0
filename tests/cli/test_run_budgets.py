"""`git exp run --max-time, --max-failures, --max-cost`: what a run may use up."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.cli.scenes import BENCH, refused, slots, start, trials
from tests.support import GitExp, GitIn

COSTLY = BENCH + 'echo "METRIC tokens=10"\n'
FAILING = BENCH + 'test "$GITEXP_ARM" = control\n'


def with_bench(git: GitIn, bench: str, *options: str) -> GitExp:
    git.write("bench.sh", bench).chmod(0o755)
    git.commit("Another benchmark")
    start(git, *options)
    return GitExp(git.path)


def follow(git_exp: GitExp, command: str, *more: str, check: bool = True) -> list[Any]:
    """The objects of the command that the program printed as the next one."""
    words = shlex.split(command)
    assert words[:2] == ["git", "exp"]
    return git_exp(*words[2:], "--json", *more, check=check).objects


def test_a_cost_ends_the_run_before_the_next_block(git: GitIn) -> None:
    git_exp = with_bench(git, COSTLY)

    result = git_exp("run", "--max-cost", "tokens=50", "--json", check=False)

    end = result.objects[-1]
    assert (result.status, end["stopped"], end["blocks_run"]) == (5, "max-cost", 3)
    assert end["reached"] == {
        "budget": "max-cost",
        "metric": "tokens",
        "limit": 50.0,
        "used": 60.0,
    }
    assert end["verdict"] == "collecting"
    assert end["next"] == ["git exp run fast --max-cost tokens=50"]


def test_following_the_next_command_comes_to_the_verdict(git: GitIn) -> None:
    git_exp = with_bench(git, COSTLY)
    end = git_exp("run", "--max-cost", "tokens=50", "--json", check=False).objects[-1]

    again = follow(git_exp, end["next"][0], check=False)[-1]

    assert (again["stopped"], again["verdict"], again["blocks_run"]) == ("decided", "better", 3)
    assert [slot[:2] for slot in slots(git)] == [(n, 1) for n in range(1, 7) for _ in "ct"]


def test_a_decision_comes_before_a_budget(git: GitIn) -> None:
    git_exp = with_bench(git, COSTLY)

    assert git_exp("run", "--max-cost", "tokens=120", "--exit-code").status == 0


def test_warm_up_trials_are_paid_for_too(git: GitIn) -> None:
    git_exp = with_bench(git, COSTLY, "--warm-up", "1")

    end = git_exp("run", "--max-cost", "tokens=20", "--json", check=False).objects[-1]

    assert (end["stopped"], end["blocks_run"], end["reached"]["used"]) == ("max-cost", 0, 20.0)
    assert end["next"] == ["git exp run fast --max-cost tokens=40"]  # the same would run nothing
    assert follow(git_exp, end["next"][0], check=False)[-1]["blocks_run"] == 1


def test_a_cost_that_is_not_reported_is_refused_and_the_trial_kept(git: GitIn) -> None:
    git_exp = with_bench(git, BENCH)

    result = git_exp("run", "--max-cost", "tokens=50", check=False)

    refused(result, 6, r"budget of tokens cannot be kept", r"METRIC tokens=")
    assert len(trials(git)) == 1


def test_failures_end_the_run(git: GitIn) -> None:
    git_exp = with_bench(git, FAILING)

    result = git_exp("run", "--max-failures", "2", check=False)
    end = git_exp("run", "--max-failures", "2", "--json", check=False).objects[-1]

    assert result.status == 5
    assert "2 trials failed, and --max-failures allows 2" in result.stdout
    assert (end["stopped"], end["blocks_run"]) == ("max-failures", 2)
    assert end["next"] == ["git exp log fast", "git exp run fast --max-failures 2"]


def test_time_ends_the_run_when_a_block_would_not_fit(git: GitIn) -> None:
    git_exp = with_bench(git, BENCH + "sleep 0.3\n")

    result = git_exp("run", "--max-time", "2s", "--json", check=False)

    end = result.objects[-1]
    assert (result.status, end["stopped"]) == (5, "max-time")
    assert 1 <= end["blocks_run"] <= 3
    assert end["next"] == ["git exp run fast --max-time 2s"]


def test_when_not_one_block_fits_the_next_command_has_time_for_it(git: GitIn) -> None:
    git_exp = with_bench(git, BENCH + "sleep 0.1\n", "--warm-up", "1")

    first = git_exp("run", "--max-time", "10ms", "--json", check=False).objects[-1]
    second = follow(git_exp, first["next"][0], check=False)[-1]

    assert (first["stopped"], first["blocks_run"]) == ("max-time", 0)
    assert second["blocks_run"] >= 1


def test_blocks_that_are_left_and_other_options_are_in_the_next_command(git: GitIn) -> None:
    git_exp = with_bench(git, COSTLY)

    options = ("--blocks", "3", "--allow-shared", "--max-cost", "tokens=20.5")
    end = git_exp("run", *options, "--json", check=False).objects[-1]

    assert end["next"] == ["git exp run fast --blocks 1 --allow-shared --max-cost tokens=20.5"]


def test_the_page_says_which_budget_and_what_next(git: GitIn) -> None:
    git_exp = with_bench(git, COSTLY)

    told = git_exp("run", "--max-cost", "tokens=20", check=False).stdout

    assert "tokens adds up to 20, and --max-cost allows 20" in told
    assert told.splitlines()[-1].split(maxsplit=1) == [
        "next",
        "git exp run fast --max-cost tokens=20",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-time", "soon"), "not a duration"),
        (("--max-time", "0s"), "not a duration"),
        (("--max-failures", "0"), "max-failures"),
        (("--max-cost", "tokens"), "not a metric and an amount"),
        (("--max-cost", "tokens=-1"), "not a metric and an amount"),
        (("--max-cost", "tokens=nan"), "not a metric and an amount"),
        (("--max-cost", "; rm=1"), "not a metric and an amount"),
        (("--max-cost", "a=1e999"), "beyond"),
        (("--max-cost", "a=1", "--max-cost", "a=2"), "twice"),
        (tuple(w for n in "abcd" for w in ("--max-cost", f"{n}=1")), "at most 3"),
        (("--aa", "--max-time", "1m"), "keeps no budget"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_a_usage_error(
    ready: GitIn, options: tuple[str, ...], said: str
) -> None:
    result = GitExp(ready.path)("run", *options, check=False)

    refused(result, 129, said)
    assert trials(ready) == []


def test_the_verdict_is_at_most_2_kib_however_much_there_is_to_tell(git: GitIn) -> None:
    names = [f"{'m' * 90}_{number}" for number in range(15)]
    costs = [f"{'c' * 98}_{number}" for number in range(3)]
    bench = BENCH + "".join(f'echo "METRIC {name}=1.5"\n' for name in (*names, *costs))
    guards = [word for name in names for word in ("--guardrail", f"{name}:lower:+10%")]
    git.write("bench.sh", bench).chmod(0o755)
    git.commit("Another benchmark")
    long = "f" * 64
    GitExp(git.path)(
        *("create", "--id", long, "--hypothesis", "a table lowers the score by 20 %"),
        *("--metric", f"{names[0]}:lower:{'u' * 40}", "--warm-up", "0", "--run", "./bench.sh"),
        *guards[2:],
    )
    git.commit("Try a table", {"speed": "10\n"})

    limits = [word for name in costs for word in ("--max-cost", f"{name}=3")]
    result = GitExp(git.path)("run", "--json", *limits, check=False)

    last = result.stdout.splitlines(keepends=True)[-1]
    end = json.loads(last)
    assert len(last.encode()) <= 2048
    assert (end["id"], end["verdict"], end["stopped"]) == (long, "collecting", "max-cost")
    assert end["next"] == [f"git exp run {long} " + " ".join(limits)]
    assert end["left_out"]["guardrails"] + len(end["guardrails"]) == 14
