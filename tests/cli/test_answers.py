"""What the commands that look, and `record`, answer: to people, to scripts and to programs."""

from __future__ import annotations

import json
import re

import pytest

from gitexp.cli.main import COMMANDS
from tests.cli.scenes import begin, refused, start, state, trials
from tests.support import GitExp, GitIn

ANALYZE_KEYS = [
    "id",
    "verdict",
    "action",
    "plan",
    "revision",
    "control",
    "treatment",
    "blocks",
    "primary",
    "after",
    "looks",
    "guardrails",
    "secondary",
    "alerts",
    "health",
    "criteria",
    "impact",
    "next",
]
PRIMARY_KEYS = [
    "metric",
    "unit",
    "direction",
    "test",
    "control",
    "treatment",
    "effect",
    "rel_effect",
    "interval",
    "level",
    "interval_kind",
    "p_value",
    "nominal_level",
    "statistic",
    "df",
    "hedges_g",
    "cohens_d",
    "d_z",
]


# --- record ----------------------------------------------------------------------------------


def test_measurements_made_elsewhere_decide_like_any_other(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    for block in range(1, 7):
        for arm, value in (("control", 20 + block), ("treatment", 10 + block)):
            git_exp("record", "fast", "--arm", arm, "-m", f"score={value}", "--block", str(block))

    answer = git_exp("analyze", "--json").json

    assert (answer["verdict"], answer["blocks"]["used"]) == ("better", 6)
    assert answer["primary"]["control"]["median"] == 23.5


def test_a_trial_without_a_block_is_shown_and_not_used(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    answer = git_exp("record", "fast", "--arm=control", "-m", "score=3", "--json").json

    assert "unpaired" in answer["note"]
    assert git_exp("log", "--json").json["records"][-1]["marks"] == ["unpaired"]
    assert git_exp("analyze", "--json").json["blocks"]["complete"] == 0


def test_trials_recorded_at_the_same_time_are_all_kept(ready: GitIn) -> None:
    calls = [
        ("record", "fast", f"--arm={arm}", "-m", f"score={value + block}", f"--block={block}")
        for block in (1, 2, 3)
        for arm, value in (("control", 20), ("treatment", 10))
    ]

    writers = [begin(*call, cwd=ready.path) for call in calls]
    told = [writer.communicate() for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * 6, told
    found = sorted((t["block"], t["arm"], t["metrics"]["score"]) for t in trials(ready))
    assert found == sorted(
        (block, arm, value + block)
        for block in (1, 2, 3)
        for arm, value in (("control", 20), ("treatment", 10))
    )


@pytest.mark.parametrize("trial_id", ["", " ", "a ", "a\nb", "\x1b[31mred", "\udcff", "t" * 201])
def test_a_trial_id_that_names_nothing(ready: GitIn, trial_id: str) -> None:
    """An empty one is a variable that was not set: two trials would be taken for one."""
    before = state(ready)

    result = GitExp(ready.path)(
        *("record", "fast", "--arm", "control", "-m", "score=1", "--trial-id", trial_id),
        check=False,
    )

    refused(result, 129, "cannot be a trial id")
    assert state(ready) == before


def test_a_trial_id_is_recorded_once(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    call = ("record", "fast", "--arm=control", "-m", "score=3", "--block=1", "--trial-id=ci-17")

    first = git_exp(*call, "--json").json
    second = git_exp(*call, "--json").json

    assert (first["existed"], second["existed"]) == (False, True)
    assert first["id"] == second["id"]
    assert len(trials(ready)) == 1


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--arm=control", "-m", "score=nan"), 129, "finite"),
        (("--arm=control", "-m", "score=1e999"), 129, "finite"),
        (("--arm=control", "-m", "score"), 129, "NAME=12.3"),
        (("--arm=control", "-m", "other=3"), 129, "score is missing"),
        (("--arm=control", "-m", "score=1", "-m", "score=2"), 129, "twice"),
        (("--arm=control", "-m", "score=3", "--block=0"), 129, "from 1"),
        (("--arm=middle", "-m", "score=3"), 129, "treatment"),
        (("-m", "score=3"), 129, "--arm"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    ready: GitIn, options: tuple[str, ...], status: int, said: str
) -> None:
    before = state(ready)

    refused(GitExp(ready.path)("record", "fast", *options, check=False), status, said)

    assert state(ready) == before


def test_a_slot_is_filled_once(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    call = ("record", "fast", "--arm=control", "-m", "score=3", "--block=1")
    git_exp(*call)

    refused(git_exp(*call, check=False), 6, "--block 2")

    assert len(trials(ready)) == 1


def test_blocks_left_out_are_run_later(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    for arm, value in (("control", 20), ("treatment", 10)):
        git_exp("record", "fast", "--arm", arm, "-m", f"score={value}", "--block=3")
    assert git_exp("log", "--json").json["records"][-1]["marks"] == ["waiting"]

    answer = git_exp("run", "--json").objects[-1]

    assert (answer["verdict"], answer["blocks_run"]) == ("better", 5)
    assert sorted(t["block"] for t in trials(ready)) == sorted([*range(1, 7)] * 2)


def test_a_block_far_ahead_is_refused(ready: GitIn) -> None:
    call = ("record", "fast", "--arm=control", "-m", "score=3", "--block=70")

    refused(GitExp(ready.path)(*call, check=False), 6, "--block 1$")

    assert trials(ready) == []


# --- status ----------------------------------------------------------------------------------


def test_bare_git_exp_is_status(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)

    said = [git_exp().stdout, git_exp("status").stdout, decided("exp") + "\n"]

    ageless = {re.sub(r" +\d+\w\n", "\n", text) for text in said}
    assert len(ageless) == 1
    assert "fast" in said[0]


def test_status_without_experiments_says_how_to_start(git_exp: GitExp) -> None:
    result = git_exp("status")

    assert "git exp create" in result.stdout
    assert git_exp("status", "--json").json["experiments"] == []


def test_status_tells_programs_where_an_experiment_stands(decided: GitIn) -> None:
    answer = GitExp(decided.path)("status", "--json").json

    [row] = answer["experiments"]
    assert answer["schema"] == "gitexp.status/1"
    assert (row["id"], row["state"], row["verdict"]) == ("fast", "running", "better")
    assert row["blocks"] == {
        "complete": 6,
        "max": 6,
        "decided_at": 6,
        "waiting": {},
        "awaiting": {},
    }
    assert row["is_current"] is True
    assert row["next"] == ["git exp promote fast"]
    assert (row["control"], row["treatment"]) == (decided.id("main"), decided.id("exp/fast"))


def test_status_before_any_analysis_shows_plain_medians_and_says_so(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    for arm, value in (("control", 20), ("treatment", 10)):
        git_exp("record", "fast", "--arm", arm, "-m", f"score={value}", "--block=1")

    row = git_exp("status", "fast", "--json").json["experiments"][0]

    assert row["verdict"] == "collecting"
    assert row["estimate"]["is_analysed"] is False
    assert row["estimate"]["change"] == pytest.approx(-0.5)


def test_before_there_is_a_change_the_next_step_is_to_make_one(git: GitIn, git_exp: GitExp) -> None:
    start(git, speed=None)

    steps = ["git commit -am 'the change'", "git exp run fast"]
    assert git_exp("status", "fast", "--json").json["experiments"][0]["next"] == steps
    assert git_exp("status", "--json").json["experiments"][0]["next"] == steps
    assert git_exp("analyze", "fast", "--json").json["next"] == steps

    git("switch", "--quiet", "main")
    go = ["git switch exp/fast", *steps]
    assert git_exp("status", "fast", "--json").json["experiments"][0]["next"] == go
    assert git_exp("status", "--json").json["experiments"][0]["next"] == go
    assert git_exp("analyze", "fast", "--json").json["next"] == go


def test_status_has_stable_lines_for_scripts(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)

    lines = git_exp("status", "--porcelain=v1").stdout
    nul = git_exp("status", "--porcelain=v1", "-z").stdout

    fields = lines.split()
    assert fields[:5] == ["exp", "fast", "running", "better", "*"]
    assert fields[5:9] == [decided.id("main"), decided.id("exp/fast"), "6", "6"]
    assert nul == lines.replace("\n", "\0")


def test_status_exits_with_the_verdict_when_asked(decided: GitIn, ready: GitIn) -> None:
    assert GitExp(decided.path)("status", "fast", "--exit-code").status == 0
    assert GitExp(ready.path)("status", "fast", "--exit-code", check=False).status == 3
    assert GitExp(ready.path)("status", "fast").status == 0
    refused(GitExp(ready.path)("status", "--exit-code", check=False), 129, "ID")


def test_ended_experiments_are_shown_on_request(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    git_exp("promote", "fast")

    row = git_exp("status", "--all", "--json").json["experiments"][0]

    assert (row["state"], row["verdict"]) == ("promoted", "better")
    assert row["merge"] == decided.id("main")


# --- show, log, analyze ----------------------------------------------------------------------


def test_show_tells_the_plan_as_it_was_registered(ready: GitIn) -> None:
    answer = GitExp(ready.path)("show", "--json").json

    trailer = ready("log", "-1", "--format=%(trailers:key=Exp-Plan,valueonly)", "exp/fast~1")
    assert answer["plan"] == json.loads(trailer)
    assert (answer["is_trusted"], answer["plan_commit"]) == (True, ready.id("exp/fast~1"))


def test_log_shows_every_record_as_it_is_stored(decided: GitIn) -> None:
    answer = GitExp(decided.path)("log", "fast", "--json").json

    kinds = [record["kind"] for record in answer["records"]]
    assert answer["schema"] == "gitexp.log/1"
    assert kinds[:2] == ["plan", "event"]
    assert (kinds.count("trial"), kinds.count("env")) == (12, 1)
    assert answer["records"][-1]["event"] == "decided"
    assert all(record["v"] == 1 for record in answer["records"])
    seqs = [record["seq"] for record in answer["records"]]
    assert seqs == list(range(1, len(seqs) + 1))


def test_analyze_has_every_key_programs_rely_on(decided: GitIn) -> None:
    answer = GitExp(decided.path)("analyze", "--json").json

    assert set(ANALYZE_KEYS) <= set(answer)
    assert set(PRIMARY_KEYS) <= set(answer["primary"])
    assert {"hash", "alpha", "min_blocks", "max_blocks", "stopping", "test"} <= set(answer["plan"])
    assert {"n", "mean", "sd", "median", "min", "max"} <= set(answer["primary"]["control"])
    assert {"next", "crossed_at", "boundary"} <= set(answer["looks"])
    assert {"name", "met", "text"} <= set(answer["criteria"][0])
    assert (answer["verdict"], answer["action"]) == ("better", "promote")
    assert answer["looks"]["crossed_at"] == 6


def test_analyze_answers_in_full_and_with_a_status(decided: GitIn, ready: GitIn) -> None:
    git_exp = GitExp(decided.path)

    short, long = git_exp("analyze", "--exit-code"), git_exp("analyze", "--verbose")

    assert short.status == 0
    assert len(long.stdout) > len(short.stdout)
    assert GitExp(ready.path)("analyze", "--exit-code", check=False).status == 3


def test_looking_changes_nothing(decided: GitIn) -> None:
    git_exp, before = GitExp(decided.path), state(decided)

    for command in ("status", "show", "log", "analyze"):
        git_exp(command, "fast")

    assert state(decided) == before


def test_a_branch_name_is_as_good_as_an_id(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    assert git_exp("show", "exp/fast").stdout == git_exp("show", "fast").stdout


@pytest.mark.parametrize("command", ["status", "show", "log", "analyze", "run", "promote"])
def test_an_unknown_id_names_the_nearest(ready: GitIn, command: str) -> None:
    before = state(ready)

    refused(GitExp(ready.path)(command, "fats", check=False), 128, "did you mean fast")

    assert state(ready) == before


def test_an_omitted_id_needs_an_experiment_checked_out(ready: GitIn) -> None:
    ready("switch", "--quiet", "main")

    refused(GitExp(ready.path)("analyze", check=False), 129, "git exp status --all")


def test_an_omitted_id_where_there_is_no_experiment_says_how_to_start(git_exp: GitExp) -> None:
    refused(git_exp("analyze", check=False), 129, "git exp create")


@pytest.mark.parametrize("text", ["../../etc", "--all", "a b", "refs/heads/main", "fast~1", "*"])
def test_text_that_is_no_id_is_refused_as_unknown(ready: GitIn, text: str) -> None:
    result = GitExp(ready.path)("show", "--", text, check=False)

    refused(result, 128, "no experiment is named")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_every_command_ends_with_an_example(git_exp: GitExp, name: str) -> None:
    lines = git_exp(name, "-h").stdout.splitlines()

    assert any(line.strip().startswith(f"git exp {name}") for line in lines[2:])


def test_records_of_newer_versions_are_counted_and_not_lost(ready: GitIn) -> None:
    [ref] = ready("for-each-ref", "--format=%(refname)", "refs/notes/exp/").splitlines()
    known = json.loads(ready("notes", f"--ref={ref}", "show", "exp/fast~1").splitlines()[-1])
    newer = {**known, "kind": "weather", "seq": 99, "id": "01M82JN2DBTKQW7309BST5B7Q8", "v": 9}
    ready("notes", f"--ref={ref}", "append", "-m", json.dumps(newer, sort_keys=True), "exp/fast~1")

    shown = GitExp(ready.path)("show", "--json").json
    GitExp(ready.path)("run", "--blocks", "1")

    assert shown["unknown"] == {"weather": 1}
    assert "weather" in ready("notes", f"--ref={ref}", "show", "exp/fast~1")


def test_failures_in_one_arm_alone_count_against_it(git: GitIn) -> None:
    start(git, run="test $GITEXP_ARM = control && ./bench.sh")

    answer = GitExp(git.path)("run", "--json").objects[-1]

    assert answer["verdict"] == "worse"
    assert answer["treatment"]["failed"] == 6


def test_a_guardrail_nobody_reports_is_told(git: GitIn) -> None:
    start(git, "--guardrail=errors:lower:bool:+5pp")

    answer = GitExp(git.path)("run", "--json").objects[-1]

    assert answer["verdict"] == "undecided"
    assert "not shown to be within the margin of errors" in answer["reason"]
    [check] = [check for check in answer["health"] if check["state"] != "ok"]
    assert (check["check"], check["state"]) == ("metrics", "warn")
    assert "no trial reports errors" in check["value"]
