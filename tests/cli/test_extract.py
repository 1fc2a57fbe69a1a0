"""`create --extract`: metrics the plan takes out of output and files."""

from __future__ import annotations

import json

import pytest

from tests.cli.scenes import HYPOTHESIS, refused, trials
from tests.support import GitExp, GitIn

HYPERFINE = """s=$(cat speed).5
cat >out.json <<E
{"results": [{"command": "x", "mean": $s, "stddev": null, "median": $s, "user": 0.1, "system": 0.1,
  "min": $s, "max": $s, "times": [$s]}]}
E"""


def begin_with(git: GitIn, bench: str, *options: str, primary: str = "score:lower") -> GitExp:
    """The experiment `fast`, whose speed is 20 in the control and 10 in the treatment."""
    git.write("bench.sh", f"#!/bin/sh\n{bench}\n").chmod(0o755)
    git.commit("Another benchmark")
    git_exp = GitExp(git.path)
    git_exp(
        *("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", primary),
        *("--max-blocks", "6", "--run", "./bench.sh", *options),
    )
    git.commit("Try a table", {"speed": "10\n"})
    return git_exp


@pytest.mark.parametrize(
    ("rule", "bench"),
    [
        ("regex:took ([0-9.]+) rounds", 'echo "it took $(cat speed).5 rounds"'),
        ("json:mean", 'echo "{\\"mean\\": $(cat speed).5}"'),
        (
            "json:out.json#runs.0.mean",
            'echo "{\\"runs\\": [{\\"mean\\": $(cat speed).5}]}" >out.json',
        ),
        ("hyperfine:out.json", HYPERFINE),
        ("csv:out.csv#t", 'printf "t\\n$(cat speed).5\\n" >out.csv'),
    ],
)
def test_a_rule_of_the_plan_gives_the_metric(git: GitIn, rule: str, bench: str) -> None:
    git_exp = begin_with(git, bench, "--extract", f"score={rule}")

    end = git_exp("run", "--json").objects[-1]

    assert end["verdict"] == "better"
    assert end["primary"]["control"]["median"] == 20.5
    assert end["primary"]["treatment"]["median"] == 10.5
    assert f"score={rule}" in git_exp("show").stdout


def test_a_plain_line_gives_a_declared_metric(git: GitIn) -> None:
    git_exp = begin_with(git, 'echo "score: $(cat speed)"; echo "time: 99"')

    git_exp("run", "--blocks", "1")

    found = {(t["arm"], t["metrics"]["score"]) for t in trials(git)}
    assert found == {("control", 20.0), ("treatment", 10.0)}
    assert all(trial["metrics"]["time"] < 99 for trial in trials(git))


def test_a_size_is_a_metric(git: GitIn) -> None:
    git_exp = begin_with(
        git,
        'head -c "$(cat speed)" /dev/zero >app.bin',
        "--extract=app=size:app.bin",
        primary="app:lower:B",
    )

    git_exp("run", "--blocks", "1")

    assert {t["metrics"]["app"] for t in trials(git)} == {20.0, 10.0}


def test_a_metric_that_is_not_found_stops_the_warm_up_and_says_why(git: GitIn) -> None:
    git_exp = begin_with(git, "echo nothing", "--extract=score=regex:score ([0-9]+)")

    result = git_exp("run", check=False)

    refused(result, 6, r"no line of standard output matches 'score \(\[0-9\]\+\)'", "--extract")


def test_a_trial_whose_metric_is_not_found_failed_and_log_says_why(git: GitIn) -> None:
    bench = 'test "$GITEXP_ARM" = treatment || echo "score 3"'
    git_exp = begin_with(git, bench, "--warm-up=0", "--extract=score=regex:score ([0-9]+)")

    git_exp("run", "--blocks", "1")

    outcomes = {t["arm"]: t["outcome"] for t in trials(git)}
    assert outcomes == {"control": "ok", "treatment": "failed"}
    assert "no line of standard output matches" in git_exp("log").stdout


def test_a_number_an_earlier_trial_or_a_commit_left_is_never_taken(git: GitIn) -> None:
    git.write("out.json", '{"t": 1}')
    git_exp = begin_with(git, "true", "--warm-up=0", "--extract=score=json:out.json#t")

    git_exp("run", "--blocks", "1")

    assert {t["outcome"] for t in trials(git)} == {"failed"}
    assert "out.json was not written by this trial" in git_exp("log").stdout


def test_a_pattern_that_never_ends_stops_the_run(git: GitIn) -> None:
    bench = f"echo {'a' * 5000}!"
    git_exp = begin_with(git, bench, "--warm-up=0", "--extract=score=regex:^(a+)+$")

    result = git_exp("run", check=False, timeout=60)

    assert result.status == 128
    assert "takes more than 5 s" in result.stderr
    assert [t["outcome"] for t in trials(git)] == ["failed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--extract=score=regex:x",), "has no group"),
        (("--extract=other=regex:(x)",), "other is no metric of this plan"),
        (("--extract=score=regex:(x)", "--extract=score=json:a"), "score is given twice"),
        (("--guardrail=failures:+5pp", "--extract=failures=json:a"), "failures is built in"),
        (("--extract=score=size:../x",), "is no path of a file in the checkout"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_a_usage_error(
    git: GitIn, git_exp: GitExp, options: tuple[str, ...], said: str
) -> None:
    result = git_exp(
        *("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower", *options),
        check=False,
    )

    refused(result, 129, said)
    assert git("for-each-ref", "refs/heads/exp") == ""


def test_like_keeps_the_rules_of_metrics_it_keeps(git: GitIn) -> None:
    git_exp = begin_with(
        git, "true", "--extract=score=json:a", "--watch=b:lower", "--extract=b=json:b"
    )

    git_exp("create", "again", "--like", "fast", "--metric", "other:lower")

    plan = git_exp("show", "again", "--json").json["plan"]
    assert [rule["metric"] for rule in plan["extract"]] == ["b"]


def test_the_team_and_the_user_configure_rules(git: GitIn) -> None:
    git.write(".gitexp", "[exp]\n\textract = score=json:team\n\tmetric = score:lower\n")
    git.commit("Team defaults")
    git_exp = GitExp(git.path)

    def made(name: str) -> list[str]:
        git_exp("create", name, "--hypothesis", HYPOTHESIS, "--no-checkout")
        plan = git_exp("show", name, "--json").json["plan"]
        return [rule["select"] for rule in plan["extract"]]

    assert made("one") == ["team"]
    git("config", "exp.extract", "score=json:mine")
    assert made("two") == ["mine"]


@pytest.mark.parametrize(
    ("declared", "line", "value"),
    [("s", "12 ms", 0.012), ("ms", "12 ms", 12.0), ("ms", "12", 12.0), ("kB", "2 MB", 2000.0)],
)
def test_values_are_in_the_declared_unit(
    git: GitIn, declared: str, line: str, value: float
) -> None:
    bench = f'echo "METRIC score={line}"'
    git_exp = begin_with(git, bench, "--warm-up=0", primary=f"score:lower:{declared}")

    git_exp("run", "--blocks", "1")

    assert [t["metrics"]["score"] for t in trials(git)] == [pytest.approx(value)] * 2


def test_a_unit_of_another_kind_stops_the_run(git: GitIn) -> None:
    git_exp = begin_with(git, 'echo "METRIC score=3 ms"', "--warm-up=0", primary="score:lower:B")

    result = git_exp("run", "--json", check=False)

    assert result.status == 128
    assert "declared in B and reported in s" in result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] == "bad-metric"
