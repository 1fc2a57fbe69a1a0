"""`git exp create`: what is registered, what becomes of the user's work, what is refused."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scenes import CREATE, HYPOTHESIS, plain_notes, refused, start, state
from tests.support import GitExp, GitIn

MINIMAL = ("create", "fast", "--hypothesis", HYPOTHESIS, "--run", "./bench.sh")


def plan_line(git: GitIn, exp: str = "fast") -> str:
    """The plan as the plan commit's trailer has it."""
    first = git("rev-list", "--reverse", f"main..exp/{exp}").splitlines()[0]
    return git("log", "-1", "--format=%(trailers:key=Exp-Plan,valueonly)", first).strip()


def plan_of(git: GitIn, exp: str = "fast") -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(plan_line(git, exp))
    return plan


# --- the plan --------------------------------------------------------------------------------


def test_a_hypothesis_and_a_command_are_enough(git: GitIn, git_exp: GitExp) -> None:
    main = git.id("main")

    answer = git_exp(*MINIMAL, "--json").json

    plan = git_exp("show", "fast", "--json").json["plan"]
    assert answer["schema"] == "gitexp.create/1"
    assert answer["ok"] is True
    assert plan["primary"] == {"direction": "lower", "name": "time", "unit": "s"}
    assert plan["target"] == "refs/heads/main"
    assert plan["base"] == main
    expected = {
        "id": "fast",
        "name": "fast",
        "hypothesis": HYPOTHESIS,
        "test": "signed-rank",
        "scale": "log",
        "goal": "better",
        "alpha": 0.05,
        "min_effect": 0,
        "max_regression": 0.1,
        "max_blocks": 20,
        "min_blocks": 10,
        "max_days": 14,
        "revisions": 1,
        "command": "./bench.sh",
        "timeout": 600,
        "warm_up": 1,
        "auto_promote": True,
        "auto_rollback": True,
    }
    assert {key: plan[key] for key in expected} == expected


def test_the_plan_commit_is_empty_and_the_branch_starts_with_it(
    git: GitIn, git_exp: GitExp
) -> None:
    git_exp(*MINIMAL)

    assert git("rev-list", "main..exp/fast").splitlines() == [git.id("exp/fast")]
    assert git.id("exp/fast^{tree}") == git.id("main^{tree}")
    assert git("symbolic-ref", "HEAD") == "refs/heads/exp/fast"


def test_plain_git_sees_plan_branch_and_records(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*MINIMAL)

    [ref] = git("for-each-ref", "--format=%(refname)", "refs/notes/exp/").splitlines()
    records = {record["kind"]: record for record in plain_notes(git, ref)}
    line = plan_line(git)
    assert git("branch", "--list", "exp/*", "--format=%(refname:short)") == "exp/fast"
    assert HYPOTHESIS in git("log", "-1", "--format=%B", "exp/fast")
    assert records["plan"]["text"] == line
    assert records["event"]["event"] == "created"


def test_the_plan_hash_is_the_sha_256_of_the_line(git: GitIn, git_exp: GitExp) -> None:
    answer = git_exp(*MINIMAL, "--json").json

    [ref] = git("for-each-ref", "--format=%(refname)", "refs/notes/exp/").splitlines()
    told = git("log", "-1", "--format=%(trailers:key=Exp-Plan-Hash,valueonly)", "exp/fast").strip()
    assert hashlib.sha256(plan_line(git).encode()).hexdigest() == told == answer["plan_hash"]
    assert {record["plan"] for record in plain_notes(git, ref)} == {told}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            (
                "--risk=high --goal=no-regression --max-regression=5% --max-blocks=9 --timeout=90 "
                "--description=why --setup=make --link=deps --link=x/y --harness=bench.sh"
            ),
            {
                "alpha": 0.01,
                "goal": "no-regression",
                "max_regression": 0.05,
                "max_blocks": 9,
                "min_blocks": 9,
                "timeout": 90,
                "description": "why",
                "setup": "make",
                "links": ["deps", "x/y"],
                "harness": ["bench.sh"],
            },
        ),
        (
            "--alpha=2.5% --min-effect=15% --timeout=2h --no-auto-promote --revisions=3",
            {
                "alpha": 0.025,
                "min_effect": 0.15,
                "timeout": 7200,
                "auto_promote": False,
                "auto_rollback": True,
                "revisions": 3,
            },
        ),
        ("--scale=difference --min-effect=0.5", {"scale": "difference", "test": "t"}),
        (
            "--metric=acc:higher:pp --test=signed-rank",
            {"scale": "difference", "test": "signed-rank"},
        ),
    ],
)
def test_options_are_registered(
    git: GitIn, git_exp: GitExp, options: str, expected: dict[str, Any]
) -> None:
    git_exp(*MINIMAL, *options.split())

    plan = plan_of(git)
    assert {key: plan[key] for key in expected} == expected


def test_guardrails_are_registered_with_margin_and_kind(git: GitIn, git_exp: GitExp) -> None:
    git_exp(
        *MINIMAL,
        "--guardrail=maxrss:+10%",
        "--guardrail=errors:lower:bool:+5pp",
        "--guardrail=failures:+1",
    )

    guardrails = plan_of(git)["guardrails"]
    found = {g["metric"]["name"]: (g["margin"], g["relative"]) for g in guardrails}
    assert found == {"maxrss": (0.1, True), "errors": (0.05, False), "failures": (1, False)}


# --- names -----------------------------------------------------------------------------------


def test_the_id_is_given_or_made_from_the_name(git: GitIn, git_exp: GitExp) -> None:
    rest = ("--hypothesis", HYPOTHESIS, "--no-checkout")

    git_exp("create", "Table-driven tokenizer (v2)", *rest)
    git_exp("create", "Another name", "--id", "chosen", *rest)

    assert git("branch", "--list", "exp/*", "--format=%(refname:short)").splitlines() == [
        "exp/chosen",
        "exp/table-driven-tokenizer-v2",
    ]
    assert plan_of(git, "chosen")["name"] == "Another name"


@pytest.mark.parametrize("name", [(), ("日本語",)])
def test_without_a_usable_name_the_id_is_a_time(
    git: GitIn, git_exp: GitExp, name: tuple[str, ...]
) -> None:
    answer = git_exp("create", *name, "--hypothesis", HYPOTHESIS, "--json").json

    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", answer["id"])
    assert git("symbolic-ref", "HEAD") == f"refs/heads/exp/{answer['id']}"


@pytest.mark.parametrize("bad", ["Fast", "a..b", "a.lock", "-x", "con", "x" * 65, "é", "a/b", ""])
def test_ids_git_or_a_file_system_could_not_hold_are_refused(
    git: GitIn, git_exp: GitExp, bad: str
) -> None:
    before = state(git)

    result = git_exp("create", f"--id={bad}", "--hypothesis", HYPOTHESIS, check=False)

    refused(result, 129)
    assert state(git) == before


def test_an_id_is_used_once(ready: GitIn) -> None:
    git_exp, before = GitExp(ready.path), state(ready)

    refused(git_exp(*MINIMAL, check=False), 6, "fast", "--like fast")
    again = git_exp(*MINIMAL, "--if-not-exists", "--json").json

    assert state(ready) == before
    assert (again["id"], again["existed"]) == ("fast", True)


# --- where it starts -------------------------------------------------------------------------


def test_uncommitted_work_comes_along_exactly_as_with_git_switch(
    git: GitIn, git_exp: GitExp
) -> None:
    git.write("README", "staged\n")
    git("add", "README")
    git.write("README", "staged, then edited\n")
    git.write("speed", "10\n")
    git.write("staged-new", "x\n")
    git("add", "staged-new")
    git.write("new", "untracked\n")
    git("rm", "--quiet", "--cached", "work.sh")
    before = git("status", "--porcelain=v2"), git("ls-files", "--stage")

    git_exp(*MINIMAL)

    assert (git("status", "--porcelain=v2"), git("ls-files", "--stage")) == before
    assert (git.path / "README").read_text() == "staged, then edited\n"
    assert git("symbolic-ref", "HEAD") == "refs/heads/exp/fast"


def test_a_revision_as_base_keeps_the_branch_as_target(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*MINIMAL, "--base", "HEAD~1")

    assert git.id("exp/fast~1") == git.id("main~1") == plan_of(git)["base"]
    assert plan_of(git)["target"] == "refs/heads/main"
    assert not (git.path / "bench.sh").exists()


def test_a_branch_as_base_is_the_target(git: GitIn, git_exp: GitExp) -> None:
    git("branch", "release", "main~1")

    git_exp(*MINIMAL, "--base", "release", "--no-checkout")

    assert json.loads(plan_line(git))["target"] == "refs/heads/release"
    assert git.id("exp/fast~1") == git.id("release")


def test_work_that_another_base_would_overwrite_is_kept(git: GitIn, git_exp: GitExp) -> None:
    git.write("speed", "mine\n")
    before = state(git)

    refused(git_exp(*MINIMAL, "--base", "HEAD~1", check=False), 6, "speed")

    assert state(git) == before
    assert (git.path / "speed").read_text() == "mine\n"


def test_no_checkout_leaves_the_user_where_they_are(git: GitIn, git_exp: GitExp) -> None:
    git.write("speed", "mine\n")

    git_exp(*MINIMAL, "--no-checkout")

    assert git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert git("status", "--porcelain") == " M speed"


def test_a_worktree_is_made_beside_the_checkout_or_where_it_is_wanted(
    git: GitIn, git_exp: GitExp, tmp_path: Path
) -> None:
    first = git_exp(*MINIMAL, "--worktree", "--json").json
    second = git_exp(
        "create", "other", "--hypothesis", HYPOTHESIS, "--worktree", tmp_path / "w x", "--json"
    ).json

    assert Path(first["worktree"]) == git.path.with_name(f"{git.path.name}-fast")
    assert Path(second["worktree"]) == tmp_path / "w x"
    for answer in (first, second):
        branch = GitIn(Path(answer["worktree"]))("symbolic-ref", "HEAD")
        assert branch == f"refs/heads/exp/{answer['id']}"
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_worktree_path_that_is_taken_is_refused(
    git: GitIn, git_exp: GitExp, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    before = state(git)

    refused(git_exp(*MINIMAL, "--worktree", tmp_path / "taken", check=False), 6, "taken")

    assert state(git) == before


def test_a_linked_worktree_can_start_one(git: GitIn, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    side = GitIn(tmp_path / "side")

    GitExp(side.path)(*MINIMAL)

    assert side("symbolic-ref", "HEAD") == "refs/heads/exp/fast"
    assert plan_of(git)["target"] == "refs/heads/side"


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (("switch", "--quiet", "--detach"), "detached"),
        (("switch", "--quiet", "--orphan", "empty"), "git add --all && git commit -m"),
        (("switch", "--quiet", "-c", "exp/other"), "itself an experiment"),
    ],
)
def test_where_nothing_could_take_the_change_it_is_refused(
    git: GitIn, git_exp: GitExp, prepare: tuple[str, ...], said: str
) -> None:
    git(*prepare)
    before = state(git)

    refused(git_exp(*MINIMAL, check=False), 6, said)

    assert state(git) == before


def test_a_base_that_does_not_exist_is_refused(git: GitIn, git_exp: GitExp) -> None:
    before = state(git)

    refused(git_exp(*MINIMAL, "--base", "nowhere", check=False), 128, "nowhere")

    assert state(git) == before


def test_units_have_one_spelling(git: GitIn, git_exp: GitExp) -> None:
    guards = ("--guardrail", "binary:lower:bytes:+10%", "--guardrail", "wait:lower:sec:+10%")

    git_exp(*MINIMAL, *guards)

    units = [guard["metric"]["unit"] for guard in plan_of(git)["guardrails"]]
    assert units == ["B", "s"]


# --- another one like it ---------------------------------------------------------------------


def test_like_copies_the_plan_and_the_change(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    ready("commit", "--quiet", "--amend", "--no-edit", "--author=Zoe <zoe@example.com>")
    author = ready("log", "-1", "--format=%an <%ae>", "exp/fast")

    answer = git_exp("create", "--like", "fast", "--max-blocks", "7", "--json").json

    old, new = plan_of(ready), plan_of(ready, "fast-2")
    same = ("hypothesis", "primary", "command", "test", "warm_up", "base", "target")
    assert answer["id"] == "fast-2"
    assert new["like"] == "fast"
    assert new["max_blocks"] == 7
    assert {key: new[key] for key in same} == {key: old[key] for key in same}
    assert ready.id("exp/fast-2^{tree}") == ready.id("exp/fast^{tree}")
    assert ready("merge-base", "main", "exp/fast-2") == ready("merge-base", "main", "exp/fast")
    assert ready("log", "-1", "--format=%an <%ae>", "exp/fast-2") == author
    assert author == "Zoe <zoe@example.com>"
    assert ready("status", "--porcelain") == ""


def test_what_like_prints_next_works(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    answer = git_exp("create", "--like", "fast", "--json").json

    assert answer["next"] == ["git exp run fast-2"]
    verdict = git_exp("run", "fast-2", "--json").objects[-1]
    assert (verdict["kind"], verdict["verdict"]) == ("verdict", "better")


def test_like_from_another_base_says_that_the_change_is_still_to_be_made(ready: GitIn) -> None:
    ready("switch", "--quiet", "main")
    ready.commit("More of it", {"more.txt": "more\n"})

    answer = GitExp(ready.path)("create", "--like", "fast", "--base", "main", "--json").json

    assert answer["next"] == ["git commit -am 'the change'", "git exp run fast-2"]


def test_like_again_takes_the_next_number(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("create", "--like", "fast")

    answer = git_exp("create", "--like", "fast-2", "--no-checkout", "--json").json

    assert answer["id"] == "fast-3"


# --- where values come from ------------------------------------------------------------------


def test_a_flag_beats_a_variable_beats_configuration_beats_the_team_file(
    git: GitIn, git_exp: GitExp
) -> None:
    git.commit("Team defaults", {".gitexp": "[exp]\n\tmaxBlocks = 11\n\talpha = 0.04\n"})
    variable = {"GITEXP_MAX_BLOCKS": "13"}
    found = []

    def register(name: str, *options: str, env: dict[str, str] | None = None) -> None:
        git_exp(
            "create", name, "--hypothesis", HYPOTHESIS, "--no-checkout", *options, env=env or {}
        )
        found.append(plan_of(git, name)["max_blocks"])

    register("team")
    git("config", "exp.maxBlocks", "12")
    register("own")
    register("variable", env=variable)
    register("flag", "--max-blocks", "14", env=variable)

    assert found == [11, 12, 13, 14]
    assert plan_of(git, "flag")["alpha"] == 0.04


def test_a_level_that_is_typed_beats_one_configured_by_its_other_name(
    git: GitIn, git_exp: GitExp
) -> None:
    git("config", "exp.alpha", "0.04")
    git_exp("create", "high", "--hypothesis", HYPOTHESIS, "--no-checkout", "--risk", "high")
    git("config", "--unset", "exp.alpha")
    git("config", "exp.risk", "high")
    git_exp("create", "low", "--hypothesis", HYPOTHESIS, "--no-checkout", "--alpha", "0.04")

    high, low = plan_of(git, "high"), plan_of(git, "low")
    assert (high["alpha"], high["guardrail_alpha"]) == (0.01, 0.025)
    assert (low["alpha"], low["guardrail_alpha"]) == (0.04, 0.05)


def test_configuration_of_one_call_counts(git: GitIn) -> None:
    git("-c", "exp.maxBlocks=9", "exp", *MINIMAL)

    assert plan_of(git)["max_blocks"] == 9


def test_a_wrong_value_is_refused_wherever_it_comes_from(git: GitIn, git_exp: GitExp) -> None:
    before = state(git)

    result = git_exp(*MINIMAL, check=False, env={"GITEXP_MAX_BLOCKS": "many"})

    refused(result, 129, "GITEXP_MAX_BLOCKS: 'many' is not a whole number")
    assert state(git) == before


def test_a_team_file_that_is_no_configuration_is_reported(git: GitIn, git_exp: GitExp) -> None:
    git.commit("Team defaults", {".gitexp": "maxBlocks: 12\n"})
    before = state(git)

    refused(git_exp(*MINIMAL, check=False), 128, r"\.gitexp", "git config --file .gitexp --list")

    assert state(git) == before


def test_a_command_of_the_team_file_is_proposed_and_not_taken(git: GitIn, git_exp: GitExp) -> None:
    git.commit("Team defaults", {".gitexp": "[exp]\n\trun = ./bench.sh\n\tsetup = make\n"})

    result = git_exp("create", "fast", "--hypothesis", HYPOTHESIS)

    assert plan_of(git).get("command") is None
    assert plan_of(git).get("setup") is None
    assert "./bench.sh" in result.stdout


# --- what is asked for and refused -----------------------------------------------------------


def test_everything_missing_or_wrong_is_named_at_once(git: GitIn, git_exp: GitExp) -> None:
    before = state(git)

    result = git_exp(
        *("create", "fast", "--metric", "speed", "--alpha", "0.7", "--max-blocks", "5"),
        *("--min-blocks", "9", "--timeout", "soon", "--guardrail", "maxrss:10%"),
        check=False,
    )

    for option in ("hypothesis", "metric", "alpha", "min-blocks", "timeout", "guardrail"):
        assert f"--{option}" in result.stderr
    refused(result, 129)
    assert state(git) == before


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--metric", "speed"), 129, "speed:lower or speed:higher"),
        (("--metric", "speed:up"), 129, "no direction"),
        (("--metric", "time:higher"), 129, "built in"),
        (("--alpha", "0"), 129, "between 0 and 0.5"),
        (("--alpha", "0.5"), 129, "between 0 and 0.5"),
        (("--alpha", "-0.1"), 129, "alpha"),
        (("--alpha", "nan"), 129, "alpha"),
        (("--max-blocks", "5"), 6, "--max-blocks 6 would do"),
        (("--max-blocks", "6", "--risk", "high"), 6, r"--max-blocks \d+ would do"),
        (("--max-blocks", "0"), 129, "max-blocks"),
        (("--min-blocks", "30"), 129, "--max-blocks 30 would do"),
        (("--guardrail", "maxrss:+0%"), 129, "not above 0"),
        (("--guardrail", "maxrss"), 129, "not a guardrail"),
        (("--guardrail", "errors:lower:bool:+10%"), 129, r"\+10pp"),
        (("--guardrail", "time:+10%"), 129, "primary metric already"),
        (("--guardrail", "maxrss:+1%", "--guardrail", "maxrss:+2%"), 129, "twice"),
        (("--min-effect", "-5%"), 129, "below 0"),
        (("--min-effect", "5"), 129, "5%"),
        (("--timeout", "0"), 129, "duration"),
        (("--max-days", "0"), 129, "above 0"),
        (("--revisions", "0"), 129, "revisions"),
        (("--harness", "nothing/here"), 6, "nothing/here is not in main"),
        (("--harness", "../outside"), 129, "harness"),
        (("--hypothesis", "  "), 129, "hypothesis"),
        (("--risk", "high", "--alpha", "0.05"), 129, "leave out one of both"),
        (("--run", " "), 129, "--run: says no command"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(
    git: GitIn, git_exp: GitExp, options: tuple[str, ...], status: int, said: str
) -> None:
    before = state(git)

    refused(git_exp(*MINIMAL, *options, check=False), status, said)

    assert state(git) == before


def test_too_many_blocks_that_would_do_would_really_do(git_exp: GitExp) -> None:
    result = git_exp(*MINIMAL, "--risk", "high", "--max-blocks", "3", check=False)

    found = re.search(r"--max-blocks (\d+)", result.stderr.splitlines()[-1])
    assert found
    git_exp(*MINIMAL, "--risk", "high", "--max-blocks", found[1])


def test_a_vague_hypothesis_only_warns(git: GitIn, git_exp: GitExp) -> None:
    result = git_exp("create", "fast", "--hypothesis", "Make things faster")

    assert "warning: " in result.stderr
    assert "for example" in result.stderr
    assert git("branch", "--list", "exp/fast") != ""


@pytest.mark.parametrize("blocker", ["refs/heads/exp", "refs/notes/exp"])
def test_a_ref_in_the_way_of_ours_is_named(git: GitIn, git_exp: GitExp, blocker: str) -> None:
    git("update-ref", blocker, "main")
    before = state(git)

    refused(git_exp(*MINIMAL, check=False), 6, "git ")

    assert state(git) == before


def test_a_foreign_branch_of_that_name_is_left_alone(git: GitIn, git_exp: GitExp) -> None:
    git("branch", "exp/fast")
    before = state(git)

    refused(git_exp(*MINIMAL, check=False), 6, "fast")
    status = git_exp("status", "--json").json

    assert state(git) == before
    assert status["foreign"] == ["exp/fast"]


def test_text_that_looks_like_options_or_escapes_stays_text(git: GitIn, git_exp: GitExp) -> None:
    nasty = "--upload-pack=x \x1b[31m 15 % 'quoted' \"double\" $HOME `id` ünïcode\u202e"

    git_exp("create", "--hypothesis", nasty, "--id", "fast", "--run", "./bench.sh")

    assert plan_of(git)["hypothesis"] == nasty
    shown = git_exp("show", "fast").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_error_envelope_names_the_failure_for_programs(git_exp: GitExp) -> None:
    result = git_exp("create", "fast", "--json", check=False)

    assert result.status == 129
    assert result.json["schema"] == "gitexp.error/1"
    assert result.json["ok"] is False
    assert set(result.json["error"]) == {"code", "message", "hint"}
    assert result.json["error"]["code"] == "usage"


def test_nothing_is_asked_without_a_terminal(git_exp: GitExp) -> None:
    result = git_exp(*CREATE[:2], check=False, stdin="an answer\n")

    refused(result, 129, "hypothesis")


def test_the_change_can_be_committed_with_what_is_printed_next(git: GitIn) -> None:
    git.write("speed", "10\n")

    start(git, speed=None)
    git("commit", "--quiet", "-am", "the change")

    assert git("diff", "--name-only", "main", "exp/fast") == "speed"


def test_without_checkout_the_printed_steps_begin_on_the_new_branch(git_exp: GitExp) -> None:
    answer = git_exp(*MINIMAL, "--no-checkout", "--json").json

    assert answer["next"][0] == "git switch exp/fast"


def test_like_with_another_goal_leaves_the_min_effect_behind(git_exp: GitExp) -> None:
    git_exp(*MINIMAL, "--min-effect", "5%")

    git_exp("create", "--like", "fast", "--base", "main", "--goal", "no-regression")

    plan = git_exp("show", "fast-2", "--json").json["plan"]
    assert (plan["goal"], plan["min_effect"]) == ("no-regression", 0.0)
