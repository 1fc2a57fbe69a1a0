"""Where the values of a plan come from, and what is said of those that cannot be meant."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gitexp.app.planning import COMMANDS, NEVER_CONFIGURED, PlanOptions
from gitexp.app.settings import spelled
from tests.cli.scenes import HYPOTHESIS, refused, state
from tests.support import GitExp, GitIn

CONFIGURABLE = {
    field.name: spelled(field.name.replace("_", "-"))
    for field in fields(PlanOptions)
    if field.name not in NEVER_CONFIGURED
}
TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "configuration.md"

TOGETHER = """[exp]
\tmetric = latency:lower:s
\tguardrail = maxrss:+20%
\tguardrail = failures:+5pp
\twatch = satisfaction:floor=0.5
\tsecondary = user
\tsecondary = sys
\textract = latency=json:p50
\textract = \"satisfaction=json:out.json#s\"
\tscale = difference
\tminEffect = 0.5
\tmaxRegression = 2
\tgoal = better
\talpha = 0.04
\tmaxBlocks = 33
\tminBlocks = 12
\tstopping = group-sequential
\tspending = pocock
\tonExpiry = spend
\tmaxDays = 7
\ttest = t
\trevisions = 3
\ttimeout = 90s
\twarmUp = 2
\tlink = node_modules
\tlink = .cache
\tharness = bench
\tautoPromote = false
\tautoRollback = no
\tusesPerMonth = 1000
"""


def plan_of(git_exp: GitExp, *options: str) -> dict[str, Any]:
    git_exp("create", "fast", "--hypothesis", HYPOTHESIS, "--no-checkout", *options)
    plan: dict[str, Any] = git_exp("show", "fast", "--json").json["plan"]
    return plan


def test_the_page_names_every_setting_there_is() -> None:
    named = re.findall(r"^\| `(exp\.[A-Za-z]+)` \|", PAGE.read_text(), re.MULTILINE)

    assert len(named) == len(set(named))
    assert set(named) >= set(CONFIGURABLE.values())


def test_every_other_setting_on_the_page_is_asked_for_somewhere() -> None:
    named = re.findall(r"^\| `(exp\.[A-Za-z]+)` \|", PAGE.read_text(), re.MULTILINE)
    sources = "\n".join(p.read_text() for p in (TOP / "gitexp").rglob("*.py"))

    for name in set(named) - set(CONFIGURABLE.values()):
        option = re.sub(r"([A-Z])", r"-\1", name.removeprefix("exp.")).lower()
        assert f'"{option}"' in sources, name


def test_every_option_can_be_a_default_of_the_team(git: GitIn, git_exp: GitExp) -> None:
    git.commit("Team defaults", {".gitexp": TOGETHER, "bench/run": "true"})

    plan = plan_of(git_exp)

    assert plan["primary"] == {"name": "latency", "direction": "lower", "unit": "s"}
    assert [g["metric"]["name"] for g in plan["guardrails"]] == ["maxrss", "failures"]
    assert [g["margin"] for g in plan["guardrails"]] == [0.2, 0.05]
    assert plan["watches"] == [
        {
            "metric": {"name": "satisfaction", "direction": "higher", "unit": None},
            "floor": 0.5,
        }
    ]
    assert [m["name"] for m in plan["secondary"]] == ["user", "sys"]
    assert [e["select"] for e in plan["extract"]] == ["p50", "s"]
    told = {name: plan[name] for name in plan.keys() & EXPECTED.keys()}
    assert told == EXPECTED


EXPECTED = {
    "scale": "difference",
    "min_effect": 0.5,
    "max_regression": 2.0,
    "goal": "better",
    "alpha": 0.04,
    "max_blocks": 33,
    "min_blocks": 12,
    "stopping": "group-sequential",
    "spending": "pocock",
    "on_expiry": "spend",
    "max_days": 7.0,
    "test": "t",
    "revisions": 3,
    "timeout": 90.0,
    "warm_up": 2,
    "links": ["node_modules", ".cache"],
    "harness": ["bench"],
    "auto_promote": False,
    "auto_rollback": False,
    "uses_per_month": 1000.0,
}


def test_the_example_has_every_setting_that_a_team_can_make() -> None:
    given = set(re.findall(r"^\t([A-Za-z]+) =", TOGETHER, re.MULTILINE))
    other_names = {"exp.risk"}  # of the level, which alpha is

    commands = {spelled(name) for name in COMMANDS}
    expected = set(CONFIGURABLE.values()) - commands - other_names
    assert {f"exp.{name}" for name in given} >= expected - {"exp.command"}


def test_what_is_typed_replaces_all_values_of_the_team(git: GitIn, git_exp: GitExp) -> None:
    git.commit("Team defaults", {".gitexp": TOGETHER, "bench/run": "true"})

    plan = plan_of(git_exp, "--guardrail", "user:+10%", "--secondary", "sys")

    assert [g["metric"]["name"] for g in plan["guardrails"]] == ["user"]
    assert [m["name"] for m in plan["secondary"]] == ["sys"]


def test_what_is_typed_beats_a_truth_value_of_the_team(git: GitIn, git_exp: GitExp) -> None:
    git.commit("Team defaults", {".gitexp": "[exp]\n\tautoPromote = true\n"})

    assert plan_of(git_exp, "--no-auto-promote")["auto_promote"] is False


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("maxBlocks", "many", "'many' is not a whole number"),
        ("autoPromote", "perhaps", "'perhaps' is not true or false"),
        ("scale", "linear", "'linear' is not log or difference"),
        ("guardrail", "maxrss:10%", "not a guardrail"),
        ("extract", "time=xml:a", "is not regex"),
        ("timeout", "soon", "not a duration"),
    ],
)
def test_a_wrong_value_is_named_by_where_it_stands(
    git: GitIn, git_exp: GitExp, key: str, value: str, said: str
) -> None:
    command = ("create", "fast", "--hypothesis", HYPOTHESIS)
    git.commit("Team defaults", {".gitexp": f"# ours\n[exp]\n\n\t{key} = {value}\n"})

    refused(git_exp(*command, check=False), 129, rf"exp\.{key} in \.gitexp, line 4: .*{said}")

    git("config", f"exp.{key}", value)
    refused(git_exp(*command, check=False), 129, rf"exp\.{key} in git's configuration: .*{said}")


def test_a_setting_of_the_team_that_has_no_effect_is_told(git: GitIn, git_exp: GitExp) -> None:
    text = "[exp]\n\tmaxBlock = 40\n\tmax-days = 3\n\tworktreeDir = /tmp\n\tfdr = 0.1\n"
    git.commit("Team defaults", {".gitexp": text})

    notes = git_exp("create", "fast", "--hypothesis", HYPOTHESIS, "--json").json["notes"]

    assert notes == [
        "exp.maxblock in .gitexp, line 2, is no setting of a team: did you mean exp.maxBlocks?",
        "exp.max-days in .gitexp, line 3, is no setting of a team: did you mean exp.maxDays?",
        "exp.worktreedir in .gitexp, line 4, is no setting of a team",
    ]


def test_commands_of_the_team_are_proposed_both(git: GitIn, git_exp: GitExp) -> None:
    text = "[exp]\n\trun = ./bench.sh --n 3\n\tsetup = make\n"
    git.commit("Team defaults", {".gitexp": text})

    result = git_exp("create", "fast", "--hypothesis", HYPOTHESIS)

    assert "--run './bench.sh --n 3'" in result.stdout
    assert "--setup 'make'" in result.stdout


def test_the_line_named_is_one_of_our_section(git: GitIn, git_exp: GitExp) -> None:
    text = "[exp]\n\tmaxBlocks = many\n[other]\n\tmaxBlocks = 5\n"
    git.commit("Team defaults", {".gitexp": text})

    command = ("create", "fast", "--hypothesis", HYPOTHESIS)
    refused(git_exp(*command, check=False), 129, r"exp\.maxBlocks in \.gitexp, line 2: 'many'")


@pytest.mark.parametrize("key", ["link", "harness"])
def test_paths_that_lead_out_are_refused_by_where_they_stand(
    git: GitIn, git_exp: GitExp, key: str
) -> None:
    git.commit("Team defaults", {".gitexp": f"[exp]\n\t{key} = ../../etc\n"})
    before = state(git)

    for more in ((), (f"--{key}", "/etc")):
        place = rf"--{key}: '/etc'" if more else rf"exp\.{key} in \.gitexp, line 2: '\.\./\.\./etc'"
        command = ("create", "fast", "--hypothesis", HYPOTHESIS, *more)
        refused(git_exp(*command, check=False), 129, place)

    assert state(git) == before


def test_settings_beside_the_plan_are_named_by_where_they_stand(
    git: GitIn, git_exp: GitExp
) -> None:
    git.commit("Team defaults", {".gitexp": "[exp]\n\tfdr = 7\n"})
    refused(git_exp("status", check=False), 129, r"exp\.fdr in \.gitexp, line 2: '7'")
    done = git_exp("status", check=False, env={"GITEXP_FDR": "much"})
    refused(done, 129, "GITEXP_FDR: 'much'")

    git.commit("None", {".gitexp": ""})
    git_exp("create", "fast", "--hypothesis", HYPOTHESIS, "--run", "true")
    git.commit("Try", {"tried": ""})
    done = git_exp("run", check=False, env={"GITEXP_CPU_AFFINITY": "all"})
    refused(done, 129, "GITEXP_CPU_AFFINITY: 'all'")


def test_a_huge_team_file_is_refused_and_not_read(git: GitIn, git_exp: GitExp) -> None:
    lines = "".join(f"\tguardrail = m{n}:+10%\n" for n in range(5000))
    git.commit("Team defaults", {".gitexp": f"[exp]\n{lines}"})

    done = git_exp("create", "fast", "--hypothesis", HYPOTHESIS, check=False)
    refused(done, 128, r"\.gitexp has \d+ bytes, and 64 KiB are the most")
