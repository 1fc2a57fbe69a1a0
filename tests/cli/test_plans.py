"""Plans of other kinds than the default, from `create` to the verdict."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gitexp.app.create import CreateOptions, create
from gitexp.app.planning import PlanOptions
from gitexp.store.store import Store
from tests.cli.scenes import HYPOTHESIS, record_blocks, refused, state
from tests.support import GitExp, GitIn

RECORDED = ("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower")
RATE = ("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "pass:higher:bool")


def change(git: GitIn) -> None:
    git.commit("Try a table", {"speed": "10\n"})


def halved(count: int) -> list[tuple[float, float]]:
    """Scores of which the treatment has half, more or less."""
    return [(20.0 + 0.1 * k, 10.0 + 0.1 * ((7 * k) % 5)) for k in range(count)]


# --- stopping -----------------------------------------------------------------------------------


def test_a_fixed_plan_looks_once_and_decides_there(git: GitIn, git_exp: GitExp) -> None:
    told = git_exp(*RECORDED, "--stopping", "fixed", "--max-blocks", "8", "--json").json
    change(git)
    record_blocks(git, halved(7))
    young = git_exp("analyze", "--json").json
    record_blocks(git, [(21.0, 11.0)], is_paired=False)
    git_exp("record", "fast", "--arm=control", "-m", "score=21", "--block=8")
    git_exp("record", "fast", "--arm=treatment", "-m", "score=10.5", "--block=8")

    found = git_exp("analyze", "--json").json

    assert told["earliest_decision"] == 8
    assert (young["verdict"], young["looks"]["next"]) == ("collecting", 8)
    assert young["primary"]["interval"] == [None, None]
    assert (found["verdict"], found["looks"]["decided_at"]) == ("better", 8)
    assert found["primary"]["nominal_level"] == pytest.approx(0.05)
    assert found["primary"]["interval_kind"] == "fixed"
    assert "One look, after block 8" in " ".join(git_exp("analyze").stdout.split())


def test_pocock_decides_before_obrien_and_fleming(git: GitIn, git_exp: GitExp) -> None:
    evenly = git_exp(*RECORDED, "--spending", "pocock", "--min-blocks", "5", "--json").json
    git_exp("create", "late", *RECORDED[2:], "--min-blocks", "5", "--base", "main")
    git("switch", "-q", "exp/fast")
    change(git)
    record_blocks(git, halved(12))

    found = git_exp("analyze", "--json").json

    late = git_exp("create", "late", "--if-not-exists", "--json").json
    assert evenly["earliest_decision"] < late["earliest_decision"]
    assert found["looks"]["decided_at"] == evenly["earliest_decision"]
    assert found["plan"]["spending"] == "pocock"


@pytest.mark.parametrize("test", ["signed-rank", "t"])
def test_an_always_valid_plan_decides_at_any_block(git: GitIn, git_exp: GitExp, test: str) -> None:
    told = git_exp(*RECORDED, "--stopping", "always-valid", "--test", test, "--json").json
    change(git)
    record_blocks(git, halved(20))

    found = git_exp("analyze", "--json", "-v").json

    primary = found["primary"]
    assert found["verdict"] == "better"
    assert found["looks"]["decided_at"] >= told["earliest_decision"]
    assert primary["p_value"] <= primary["nominal_level"] == pytest.approx(0.05)
    assert primary["interval"][1] < 0
    assert primary["interval_kind"] == "always-valid"
    page = " ".join(git_exp("analyze", "-v", env={"COLUMNS": "140"}).stdout.split())
    assert "holds at any time" in page
    assert "decided, in its always-valid form" in page


# --- tests --------------------------------------------------------------------------------------


def test_mcnemar_decides_about_answers_in_blocks(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*RATE, "--test", "mcnemar", "--max-blocks", "12", "--min-blocks", "12")
    change(git)
    record_blocks(git, [(0, 1)] * 10 + [(1, 1)] * 2, metric="pass")

    found = git_exp("analyze", "--json", "-v").json

    assert found["verdict"] == "better"
    assert found["primary"]["p_value"] == pytest.approx(2 * 0.5**10)
    assert found["primary"]["effect"] == pytest.approx(10 / 12)
    assert found["primary"]["rel_effect"] is None
    methods = [row["method"] for row in found["others"]["tests"] if row["is_registered"]]
    assert methods == ["mcnemar"]
    assert "+83pp" in git_exp("analyze").stdout


def test_boschloo_decides_about_answers_without_blocks(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*RATE, "--test", "boschloo", "--max-blocks", "12", "--min-blocks", "12")
    change(git)
    record_blocks(git, [(0, 1)] * 10 + [(1, 1)] * 2, metric="pass", is_paired=False)

    found = git_exp("analyze", "--json").json

    assert (found["verdict"], found["blocks"]["used"]) == ("better", 12)
    assert found["primary"]["p_value"] < 0.001
    assert "unpaired trials" in git_exp("analyze").stdout


def test_mann_whitney_decides_about_trials_without_blocks(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*RECORDED, "--test", "mann-whitney", "--max-blocks", "10", "--min-blocks", "10")
    change(git)
    record_blocks(git, halved(10), is_paired=False)

    found = git_exp("analyze", "--json").json

    assert found["verdict"] == "better"
    assert found["primary"]["p_value"] == pytest.approx(2 / 184756)
    assert found["primary"]["df"] is None


# --- secondary metrics ----------------------------------------------------------------------------


def test_secondary_metrics_are_adjusted_for_their_number_and_decide_nothing(
    git: GitIn, git_exp: GitExp
) -> None:
    secondary = ("--secondary", "maxrss", "--secondary", "depth:lower:count")
    git_exp(*RECORDED, *secondary, "--max-blocks", "10")
    change(git)
    same = [(20.0, 20.0 + 0.01 * (-1) ** k) for k in range(10)]
    record_blocks(git, same, others={"maxrss": (9e6, 3e6), "depth": (4.0, 4.0)})

    found = git_exp("analyze", "--json").json

    memory, depth = found["secondary"]
    assert found["verdict"] == "undecided"
    assert (memory["metric"], memory["rel_effect"]) == ("maxrss", pytest.approx(-2 / 3))
    assert memory["adjusted_p"] >= memory["p_value"]
    assert (depth["adjusted_p"], depth["effect"]) == (None, 0.0)
    page = git_exp("analyze").stdout
    assert "SECONDARY" in page
    assert "maxrss ↓" in page


# --- combinations that mean nothing ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--test=welch --guardrail=maxrss:+10%", "--test welch has not"),
        ("--test=mann-whitney --goal=no-regression", "--test mann-whitney has not"),
        ("--scale=difference --goal=no-regression", "how much worse may score be"),
        ("--goal=no-regression --min-effect=5%", "leave it out"),
        ("--watch=score:lower", "score is the primary metric already"),
        ("--guardrail=maxrss:+10% --secondary=maxrss", "--secondary: maxrss is given twice"),
        ("--stopping=fixed --spending=pocock", "spends nothing"),
        ("--stopping=fixed --min-blocks=5", "looks once"),
        ("--stopping=always-valid --spending=pocock", "spends nothing"),
        ("--stopping=always-valid --on-expiry=spend", "nothing left to spend"),
        ("--stopping=always-valid --test=welch", "--test signed-rank or t would do"),
        ("--test=mcnemar", "no yes-or-no metric; write --metric score:lower:bool"),
        ("--metric=pass:higher:bool --test=boschloo --scale=log", "leave --scale out"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    git: GitIn, git_exp: GitExp, options: str, said: str
) -> None:
    before = state(git)

    refused(git_exp(*RECORDED, *options.split(), check=False), 129, said)

    assert state(git) == before


# --- what is left at expiry -----------------------------------------------------------------------

SLIGHT = ([(314159.5, 271828.5), (314159.5, 311311.5), (314159.5, 299792.5)] * 4)[:11]
"""Better by a last look that spends everything, and by none that is scheduled."""
SPENDING = PlanOptions(
    hypothesis=HYPOTHESIS, metric="score:lower", on_expiry="spend", max_blocks="30"
)


def assert_no_value(text: str) -> None:
    for digits in ("314159", "271828", "311311", "299792"):
        assert digits not in text, text


def test_until_it_ends_no_command_shows_a_value(git: GitIn, git_exp: GitExp) -> None:
    git.write("bench.sh", "#!/bin/sh\necho METRIC score=314159.5\n").chmod(0o755)
    git.commit("Add a benchmark")
    git_exp(*RECORDED, "--on-expiry=spend", "--max-blocks=30", "--run=./bench.sh", "--warm-up=0")
    change(git)
    record_blocks(git, SLIGHT)

    for command in ("status", "status fast", "analyze", "analyze -v", "log", "show", "power fast"):
        for form in ((), ("--json",)):
            done = git_exp(*command.split(), *form, check=command != "power fast")
            assert_no_value(done.stdout)
    ran = git_exp("run", "--blocks", "1", "--json", "--progress").objects
    assert_no_value(json.dumps([o for o in ran if o["kind"] != "plan"]))
    assert_no_value(git("log", "--notes=exp-summary", "exp/fast"))
    found = git_exp("analyze", "--json", "-v").json
    assert (found["verdict"], found["blocks"]["complete"]) == ("collecting", 12)
    assert (found["primary"]["effect"], found["others"]) == (None, None)
    assert "only counts are shown" in found["reason"]


def test_at_expiry_the_rest_of_the_error_rate_decides(git: GitIn, git_exp: GitExp) -> None:
    began = datetime.now(UTC) - timedelta(days=20)
    create(
        Store.open(git.path, clock=lambda: began),
        CreateOptions(plan=SPENDING, name="fast"),
    )
    change(git)
    record_blocks(git, SLIGHT, clock=lambda: began + timedelta(hours=1))
    young = git_exp("analyze", "--json").json

    git_exp("run", "fast")

    assert (young["verdict"], young["primary"]["effect"]) == ("collecting", None)
    found = git_exp("analyze", "--json").json
    assert (found["verdict"], found["looks"]["decided_at"]) == ("better", 11)
    assert found["primary"]["nominal_level"] > 0.04
    [row] = git_exp("status", "fast", "--json").json["experiments"]
    assert (row["state"], row["verdict"]) == ("expired", "better")
    assert row["estimate"]["change"] == found["primary"]["rel_effect"]
    git_exp("promote", "fast", "--yes")
    assert git("show", "main:speed") == "10"


# --- what create says of its reach ----------------------------------------------------------------


def test_create_says_what_it_can_find_once_the_noise_is_known(git: GitIn, git_exp: GitExp) -> None:
    run = ("--run", "./work.sh")
    first = git_exp(*RECORDED, *run).stdout
    change(git)
    record_blocks(git, halved(10))
    git("switch", "-q", "main")

    second = git_exp("create", "again", *RECORDED[2:], *run, "--guardrail", "failures:+5pp")

    told = " ".join(second.stdout.split())
    assert "not known before the noise is" in " ".join(first.split())
    assert "with probability .8, by the noise of fast" in told
    assert "failures ↓ within +5pp: takes about" in told
    assert "more than the 20 of the plan" in told
    answer = git_exp("create", "again", "--if-not-exists", "--json").json
    assert 0 < answer["detects"] < 1
    assert answer["guardrails"][0]["is_resolvable"] is False
