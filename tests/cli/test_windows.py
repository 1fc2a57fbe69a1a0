"""Windows of live use: many uses as one record."""

from __future__ import annotations

import pytest

from tests.cli.scenes import refused
from tests.support import GitExp, GitIn

PLAN = (
    *("create", "live", "--hypothesis", "requests are 5 % faster", "--windows"),
    *("--guardrail", "failures:+1pp", "--min-blocks", "4", "--max-blocks", "6"),
)


@pytest.fixture
def live(git: GitIn) -> GitIn:
    GitExp(git.path)(*PLAN)
    git.commit("Another cache", {"cache.txt": "lru\n"})
    return git


def _window(git: GitIn, arm: str, block: int, time: float, *options: str) -> None:
    GitExp(git.path)(
        *("record", "live", "--arm", arm, "--block", str(block), "-m", f"time={time}"),
        *("--window", f"count={5000 + block},failures={block}", *options),
    )


def _fill(git: GitIn, blocks: int, *, ratio: float = 0.9) -> None:
    for block in range(1, blocks + 1):
        base = 0.8 + block / 50
        _window(git, "control", block, base, "--variance", "time=0.04")
        _window(git, "treatment", block, base * (ratio + block / 500))


def test_a_plan_of_windows_tests_their_means(live: GitIn) -> None:
    _fill(live, 6)
    exp = GitExp(live.path)

    answer = exp("analyze", "live", "--json").json

    assert (answer["plan"]["test"], answer["verdict"]) == ("t", "better")
    assert (answer["control"]["n"], answer["control"]["uses"]) == (6, 30021)
    assert answer["treatment"]["failed_uses"] == 21
    assert answer["guardrails"][0]["state"] == "ok"
    assert "6 windows of 30,021 uses, 21 failed" in exp("analyze", "live").stdout
    assert "5,001 uses, 1 failed" in exp("log", "live").stdout
    assert "windows of live use" in exp("show", "live").stdout
    row = exp("status", "live", "--json").json["experiments"][0]
    assert row["uses"] == {"control": 30021, "treatment": 30021}
    assert row["failed"] == {"control": 21, "treatment": 21}
    assert "30,021" in exp("status", "live").stdout


def test_no_rank_is_taken_of_windows(live: GitIn) -> None:
    _fill(live, 6)

    answer = GitExp(live.path)("analyze", "live", "--verbose", "--json").json

    methods = {row["method"] for row in answer["others"]["tests"]}
    assert methods <= {"t", "welch", "ratio-of-means", "equivalence"}
    assert not [check for check in answer["health"] if check["check"] == "odd values"]


def test_few_uses_without_failures_resolve_no_guardrail(git: GitIn) -> None:
    GitExp(git.path)(*PLAN)
    git.commit("Another cache", {"cache.txt": "lru\n"})
    for block in range(1, 7):
        for arm, time in (("control", 1.0 + block / 50), ("treatment", 0.7 + block / 90)):
            GitExp(git.path)(
                *("record", "live", "--arm", arm, "--block", str(block), "-m", f"time={time}"),
                *("--window", "count=5"),
            )

    answer = GitExp(git.path)("analyze", "live", "--json").json

    assert answer["guardrails"][0]["state"] == "unresolved"
    assert answer["verdict"] == "undecided"


def test_a_plan_of_failures_alone_needs_nothing_but_the_counts(git: GitIn) -> None:
    exp = GitExp(git.path)
    exp(*PLAN[:5], "--metric", "failures:lower", "--min-blocks", "4", "--max-blocks", "6")
    git.commit("Another cache", {"cache.txt": "lru\n"})
    record = ("record", "live", "--block", "1", "--window")
    exp(*record, "count=5000,failures=101", "--arm", "control")
    exp(*record, "count=5000,failures=49", "--arm", "treatment")
    rows = "".join(
        f"control,{n},5000,{100 + n}\ntreatment,{n},5000,{50 - n}\n" for n in range(2, 7)
    )
    git.write("counts.csv", f"arm,block,count,failures\n{rows}")

    exp("import", "live", "counts.csv")

    answer = exp("analyze", "live", "--json").json
    assert answer["verdict"] == "better"
    assert answer["control"]["failed_uses"] == sum(range(101, 107))
    assert answer["primary"]["effect"] == pytest.approx(-0.0110, abs=0.0005)


def test_uses_that_fail_raise_the_alarm(live: GitIn) -> None:
    for block in range(1, 4):
        _window(live, "control", block, 1.0)
        GitExp(live.path)(
            *("record", "live", "--arm", "treatment", "--block", str(block), "-m", "time=1.1"),
            *("--window", f"count=1000,failures={10 * block}"),
        )

    [alert] = GitExp(live.path)("analyze", "live", "--json").json["alerts"]

    assert alert["check"] == "error rate"
    assert "60 of 3000 uses of the treatment failed, 6 of 15006 of the control" in alert["value"]


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("-m", "time=1"), 6, "window of many uses"),
        (("-m", "time=1", "--window", "count=0"), 129, "no window"),
        (("-m", "time=1", "--window", "count=5,failures=6"), 129, "no window"),
        (("-m", "time=1", "--window", "count=five"), 129, "no window"),
        (("-m", "time=1", "--window", "failures=1"), 129, "no window"),
        (("-m", "time=1", "--window", "count=5,count=6"), 129, "no window"),
        (("-m", "time=1", "--window", "count=5", "--variance", "time=-1"), 129, "below 0"),
        (("-m", "time=1", "--window", "count=5", "--variance", "x=1"), 129, "no mean"),
        (("-m", "time=1", "-m", "failures=0", "--window", "count=5"), 129, "says how many"),
        (("-m", "time=1", "--outcome", "failed", "--window", "count=5"), 129, "is not failed"),
    ],
)
def test_what_is_no_window_is_refused(
    live: GitIn, args: tuple[str, ...], status: int, said: str
) -> None:
    result = GitExp(live.path)(
        "record", "live", "--arm", "control", "--block", "1", *args, check=False
    )

    refused(result, status, said)


@pytest.mark.parametrize(
    "options", [("--test", "signed-rank"), ("--test", "mann-whitney"), ("--run", "./bench.sh")]
)
def test_a_plan_of_windows_takes_no_ranks_and_runs_nothing(
    git: GitIn, options: tuple[str, ...]
) -> None:
    result = GitExp(git.path)(*PLAN, *options, check=False)

    refused(result, 129, options[0])


def test_windows_without_blocks_are_tested_by_welch(git: GitIn) -> None:
    exp = GitExp(git.path)
    exp("create", "live", "--hypothesis", "requests are 5 % faster", "--windows", "--test", "welch")
    git.commit("Another cache", {"cache.txt": "lru\n"})
    exp("record", "live", "--arm", "control", "-m", "time=1", "--window", "count=10")

    again = exp("create", "--like", "live", "--no-checkout", "--json").json
    plan = exp("show", again["id"], "--json").json["plan"]

    assert (plan["windows"], plan["test"]) == (True, "welch")
    assert exp("analyze", "live", "--json").json["control"]["uses"] == 10
