"""What the checks of the evidence say to somebody who looks, end to end."""

from __future__ import annotations

from tests.cli.scenes import prepare, start, trials
from tests.support import GitExp, GitIn

FAILING = """#!/bin/sh
if test "$GITEXP_ARM" = treatment && test "$GITEXP_BLOCK" -gt 6; then exit 1; fi
if test "$GITEXP_BLOCK" = 14; then echo "METRIC score=9000"; exit; fi
slower=$(test "$GITEXP_ARM" = treatment && echo "$GITEXP_BLOCK" || echo 0)
echo "METRIC score=1$((GITEXP_BLOCK % 5))$slower"
"""
"""A treatment that gets worse from block to block, then fails; one value of the control is odd."""


def test_checks_and_alerts_are_shown_with_their_numbers_and_what_to_do(git: GitIn) -> None:
    git_exp = GitExp(git.path)
    prepare(git, FAILING)
    start(git, "--max-blocks=60")
    git_exp("run", "fast", "--blocks=14")
    git("switch", "--quiet", "main")
    git.commit("Go on", {"other": "1\n"})

    answer = git_exp("analyze", "fast", "--json").json
    page = " ".join(git_exp("analyze", "fast").stdout.split())
    [row] = git_exp("status", "--json").json["experiments"]

    odd = next(t for t in trials(git) if t["metrics"].get("score") == 9000)
    told = {check["check"]: check for check in (*answer["health"], *answer["alerts"])}
    raised = {name for name, check in told.items() if check["state"] != "ok"}
    assert raised == {"base", "drift", "error rate", "anomalies"}
    assert told["error rate"]["value"].startswith("the treatment failed 8 times in 14 trials")
    assert odd["id"] in told["anomalies"]["value"]
    for name in raised:
        check = told[name]
        assert check["threshold"]
        assert check["advice"]
        assert " ".join(check["value"].split()) in page
    # what is fine is for those who ask
    assert told["order balance"]["state"] == "ok"
    assert "order balance" not in page
    assert "order balance" in git_exp("analyze", "fast", "--verbose").stdout
    assert {check["check"] for check in row["health"]} == {"base", "drift"}
    assert {alert["check"] for alert in row["alerts"]} == {"error rate", "anomalies"}
    assert "2 alerts, 2 warn" in git_exp("status").stdout


def test_a_base_that_moves_on_is_told_and_leaves_the_verdict_alone(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    git_exp("analyze", "fast")
    before = git_exp("status", "--json").json["experiments"][0]
    decided("switch", "--quiet", "main")
    decided.commit("Go on", {"other": "1\n"})
    decided.commit("And on", {"other": "2\n"})

    [row] = git_exp("status", "--json").json["experiments"]

    assert before["health"] == []
    [base] = row["health"]
    assert base["value"].startswith("main has 2 commits that the control ")
    assert base["advice"].endswith("git exp create --like fast")
    assert (row["verdict"], row["reason"]) == (before["verdict"], before["reason"])


def test_before_the_first_trial_a_base_that_moved_can_be_merged(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    ready("switch", "--quiet", "main")
    ready.commit("Go on", {"other": "1\n"})

    [base] = git_exp("analyze", "fast", "--json").json["health"]
    ready(*base["advice"].rpartition(": ")[2].split(" && ")[0].split()[1:])
    ready(*base["advice"].rpartition(" && ")[2].split()[1:])

    assert git_exp("analyze", "fast", "--json").json["health"] == []


def test_an_experiment_past_its_last_day_is_told(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("create", "short", "--like", "fast", "--max-days", "0.0000001")
    ready.commit("Try it", {"speed": "9\n"})

    [alert] = git_exp("analyze", "short", "--json").json["alerts"]

    assert alert["check"] == "duration"
    assert "git exp rollback short" in alert["advice"]


def test_the_way_out_of_ranks_over_several_hosts_works(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("create", "ranks", "--like", "fast", "--test", "mann-whitney")

    git_exp("create", "pooled", "--like", "ranks", "--test", "welch")

    assert git_exp("show", "pooled", "--json").json["plan"]["test"] == "welch"
