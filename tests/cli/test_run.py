"""`git exp run`: blocks, outcomes, metrics, what ends a run and what forbids one."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitexp.codec import ulid
from gitexp.model import Environment, ExperimentId, Oid, PlanHash
from gitexp.store.store import Store
from tests.cli.scenes import (
    begin,
    copy,
    measured,
    plain_notes,
    refused,
    slots,
    start,
    state,
    trials,
)
from tests.support import GitExp, GitIn


def script(body: str) -> str:
    return f"#!/bin/sh\n{body}\n"


def with_bench(git: GitIn, body: str, *options: str, speed: int = 10) -> GitExp:
    """The experiment `fast` with this benchmark in both arms; without warm-up blocks."""
    git.write("bench.sh", script(body)).chmod(0o755)
    git.commit("Another benchmark")
    start(git, *options, speed=speed)
    return GitExp(git.path)


# --- until it is decided ---------------------------------------------------------------------


def test_it_runs_until_decided_and_says_so(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    result = git_exp("run", "--exit-code")

    assert "better" in result.stdout
    assert measured(ready) == sorted(
        (block, arm, float(f"{speed}.{block}"))
        for block in range(1, 7)
        for arm, speed in (("control", 20), ("treatment", 10))
    )
    assert git_exp("status", "fast", "--json").json["experiments"][0]["verdict"] == "better"


def test_every_trial_is_a_note_on_the_commit_it_measured(decided: GitIn) -> None:
    [ref] = decided("for-each-ref", "--format=%(refname)", "refs/notes/exp/").splitlines()

    kinds = [r["kind"] for r in plain_notes(decided, ref)]
    assert kinds.count("trial") == 12
    for commit in ("main", "exp/fast"):
        assert decided("notes", f"--ref={ref}", "show", commit).count('"kind":"trial"') == 6


def test_the_stream_has_plan_trials_looks_and_the_verdict(ready: GitIn) -> None:
    objects = GitExp(ready.path)("run", "fast", "--json").objects

    kinds = [item["kind"] for item in objects]
    assert (kinds[0], kinds[-1]) == ("plan", "verdict")
    assert kinds[1:-1] == ["trial", "trial", "look"] * 6
    assert {item["schema"] for item in objects} == {"gitexp.run/1"}
    assert objects[-1]["verdict"] == "better"
    assert objects[-1]["stopped"] == "decided"


def test_a_trial_is_told_only_when_it_is_durable(ready: GitIn) -> None:
    running = begin("run", "fast", "--json", cwd=ready.path)

    assert running.stdout is not None
    told = [json.loads(running.stdout.readline()) for _ in range(4)]
    running.kill()
    running.communicate()

    kept = {trial["id"] for trial in trials(ready)}
    assert {item["id"] for item in told if item["kind"] == "trial"} <= kept


def test_running_a_decided_experiment_measures_nothing(decided: GitIn) -> None:
    before = decided("for-each-ref")

    answer = GitExp(decided.path)("run", "--json").objects

    assert [item["kind"] for item in answer] == ["verdict"]
    assert answer[0]["blocks_run"] == 0
    assert decided("for-each-ref") == before


def test_blocks_asked_for_are_run_even_past_the_decision(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)

    answer = git_exp("run", "--blocks", "2", "--json", "--exit-code").objects[-1]
    analysed = git_exp("analyze", "--json").json

    marks = [r["marks"] for r in git_exp("log", "--json").json["records"] if r["kind"] == "trial"]
    assert (answer["verdict"], answer["stopped"], answer["blocks_run"]) == ("better", "blocks", 2)
    assert answer["blocks"]["after"] == 2
    assert analysed["after"]["control"]["n"] == 8
    assert marks.count(["after"]) == 4
    assert marks.count([]) == 12


def test_fewer_blocks_leave_it_collecting(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    result = git_exp("run", "--blocks", "2", "--exit-code", check=False)

    assert result.status == 3
    assert len(trials(ready)) == 4
    assert git_exp("run", "--exit-code").status == 0
    assert [slot[:2] for slot in slots(ready)] == [(n, 1) for n in range(1, 7) for _ in "ct"]


@pytest.mark.parametrize(("speed", "verdict", "status"), [(30, "worse", 1), (10, "better", 0)])
def test_the_exit_status_is_the_verdicts(git: GitIn, speed: int, verdict: str, status: int) -> None:
    start(git, speed=speed)

    result = GitExp(git.path)("run", "--json", "--exit-code", check=False)

    assert (result.objects[-1]["verdict"], result.status) == (verdict, status)


def test_it_can_be_run_from_a_subfolder_and_from_the_target(ready: GitIn) -> None:
    GitExp(ready.path / "src")("run", "--blocks", "1")
    ready("switch", "--quiet", "main")

    GitExp(ready.path)("run", "fast", "--blocks", "1")

    assert len(trials(ready)) == 4
    assert ready("status", "--porcelain") == ""


def test_the_users_checkout_is_not_what_is_measured(ready: GitIn) -> None:
    ready.write("speed", "99\n")

    result = GitExp(ready.path)("run", "--blocks", "1")

    assert "uncommitted changes are not measured" in result.stderr
    assert {score for _, _, score in measured(ready)} == {20.1, 10.1}
    assert (ready.path / "speed").read_text() == "99\n"


def test_warm_up_blocks_are_recorded_and_not_counted(git: GitIn) -> None:
    start(git, "--warm-up", "2")

    answer = GitExp(git.path)("run", "--blocks", "1", "--json").objects[-1]

    records = GitExp(git.path)("log", "--json").json["records"]
    warm = [r for r in records if r["kind"] == "trial" and r["block"] == 0]
    assert [r["marks"] for r in warm] == [["warm-up"]] * 4
    assert sorted((r["attempt"], r["arm"]) for r in warm) == [
        (n, arm) for n in (1, 2) for arm in ("control", "treatment")
    ]
    assert answer["blocks"]["complete"] == 1


def test_the_command_is_told_where_it_is(git: GitIn, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    git_exp = with_bench(
        git,
        'echo "$GITEXP_ID $GITEXP_ARM $GITEXP_BLOCK ${#GITEXP_TRIAL} ${GITEXP_SEED:+seed}'
        f' ${{GIT_DIR:-none}} $(git rev-parse HEAD)" >>{seen}; echo METRIC score=1',
    )

    git_exp("run", "--blocks", "1", env={"GIT_DIR": str(git.path / ".git")})

    heads = {"control": git.id("main"), "treatment": git.id("exp/fast")}
    lines = seen.read_text().splitlines()
    assert sorted(lines) == [f"fast {arm} 1 26 seed none {heads[arm]}" for arm in sorted(heads)]


# --- what a trial can come to ----------------------------------------------------------------


def test_void_trials_are_run_again_as_another_attempt(git: GitIn, tmp_path: Path) -> None:
    git_exp = with_bench(
        git,
        f"if test $GITEXP_BLOCK = 2 && mkdir {tmp_path}/once 2>/dev/null; then exit 125; fi\n"
        "echo METRIC score=$(cat speed).$GITEXP_BLOCK",
    )

    git_exp("run", "--blocks", "3")

    records = git_exp("log", "--json").json["records"]
    second = [r for r in records if r["kind"] == "trial" and r["block"] == 2]
    assert [(r["attempt"], r["outcome"]) for r in second] == [(1, "void"), (2, "ok"), (2, "ok")]
    assert second[0]["marks"] == ["void"]
    assert git_exp("analyze", "--json").json["blocks"]["complete"] == 3


def test_a_command_that_is_always_void_is_given_up(git: GitIn) -> None:
    git_exp = with_bench(git, "exit 125")

    refused(git_exp("run", check=False), 6, "void")

    assert {t["outcome"] for t in trials(git)} == {"void"}


def test_failures_and_timeouts_are_data(git: GitIn) -> None:
    git_exp = with_bench(
        git,
        'test "$GITEXP_BLOCK$GITEXP_ARM" = 1treatment && exit 3\n'
        'test "$GITEXP_BLOCK$GITEXP_ARM" = 2treatment && exec sleep 60\n'
        "echo METRIC score=$(cat speed)",
        "--timeout=5s",  # for the others it is long enough on a busy machine, too
    )

    answer = git_exp("run", "--blocks", "3", "--json").objects[-1]

    found = {(t["block"], t["arm"]): (t["outcome"], t.get("exit")) for t in trials(git)}
    assert found[1, "treatment"] == ("failed", 3)
    assert found[2, "treatment"][0] == "timeout"
    assert [found[n, "control"] for n in (1, 2, 3)] == [("ok", 0)] * 3
    assert (answer["treatment"]["failed"], answer["treatment"]["timeout"]) == (1, 1)
    assert answer["blocks"]["complete"] == 3


def test_a_command_that_fails_in_both_arms_is_not_run_for_ever(git: GitIn) -> None:
    git_exp = with_bench(git, "echo broken >&2; exit 1")

    refused(git_exp("run", check=False), 6, "both arms failed", "log fast")

    assert len(trials(git)) == 6


def test_metrics_come_from_lines_and_from_the_file_named(git: GitIn) -> None:
    git_exp = with_bench(
        git,
        "echo METRIC score=2 ms; echo METRIC score=4 ms; echo METRIC other=7; echo noise\n"
        'echo "depth=12" >>"$GITEXP_METRICS"\n'
        """echo '{"name": "size", "value": 3, "unit": "KiB"}' >>"$GITEXP_METRICS\"""",
    )

    git_exp("run", "--blocks", "1")

    metrics = trials(git)[0]["metrics"]
    assert metrics["score"] == pytest.approx(0.003)
    assert (metrics["other"], metrics["depth"], metrics["size"]) == (7, 12, 3072)
    assert {"time", "user", "sys", "maxrss", "failures"} <= set(metrics)


def test_a_treatment_cannot_change_how_it_is_measured(git: GitIn) -> None:
    start(git, "--harness", "bench.sh")
    git.write("bench.sh", script("echo METRIC score=0.001"))
    git.commit("Cheat")

    result = GitExp(git.path)("run", check=False)

    refused(result, 6, "harness")
    assert GitExp(git.path)("analyze", "--exit-code", check=False).status == 4
    assert trials(git) == []


def test_set_up_runs_once_in_each_checkout_and_links_bring_what_is_ignored(
    git: GitIn, tmp_path: Path
) -> None:
    git.write("deps/lib", "dependency\n")
    git.commit("Ignore", {".gitignore": "deps\n"})
    git_exp = with_bench(
        git,
        "cat deps/lib made >/dev/null && echo METRIC score=$(cat speed)",
        f"--setup=echo once >>{tmp_path}/setups; echo x >made",
        "--link=deps",
    )

    git_exp("run", "--blocks", "2")
    git_exp("run", "--blocks", "1")

    assert (tmp_path / "setups").read_text() == "once\n" * 2
    assert {t["outcome"] for t in trials(git)} == {"ok"}


def test_a_set_up_that_fails_is_shown(git: GitIn) -> None:
    start(git, "--setup", "echo no compiler here >&2; exit 4")

    refused(GitExp(git.path)("run", check=False), 6, "no compiler here")

    assert trials(git) == []


# --- who may run, and when -------------------------------------------------------------------


def test_only_one_run_at_a_time(git: GitIn, tmp_path: Path) -> None:
    with_bench(git, f"touch {tmp_path}/up; sleep 30; echo METRIC score=1")
    running = begin("run", cwd=git.path)
    while not (tmp_path / "up").exists():
        time.sleep(0.02)

    second = GitExp(git.path)("run", check=False)
    running.terminate()
    running.communicate()

    refused(second, 6, str(running.pid))


def test_another_writers_blocks_wait_for_the_decider(ready: GitIn) -> None:
    git_exp, bob = GitExp(ready.path), {"GITEXP_WRITER": "bob"}
    git_exp("run", "--blocks", "4")

    result = git_exp("run", "--json", env=bob)
    again = git_exp("run", env=bob)

    end = result.objects[-1]
    assert (end["stopped"], end["verdict"]) == ("waiting", "collecting")
    assert (end["blocks"]["complete"], end["blocks"]["waiting"]) == (4, 2)
    assert git_exp("analyze", "--json").json["blocks"]["waiting_by"] == {"bob": 2}
    assert "waiting for ann to sync" in again.stdout
    assert end["next"] == ["git exp sync"]
    assert git_exp("log", "--json").json["records"][-1]["marks"] == ["waiting"]


def test_a_plan_that_came_with_a_clone_runs_only_when_trusted(
    ready: GitIn, tmp_path: Path, home: Path
) -> None:
    ready("clone", "--quiet", str(ready.path), str(tmp_path / "clone"))
    clone = GitIn(tmp_path / "clone")
    clone("fetch", "--quiet", "origin", "+refs/notes/*:refs/notes/remotes/origin/*")
    git_exp, other = GitExp(clone.path), {"XDG_STATE_HOME": str(tmp_path / "state")}
    clone("switch", "--quiet", "exp/fast")
    before = state(clone)

    untrusted = git_exp("run", "fast", check=False, env=other)

    refused(untrusted, 6, r"\./bench\.sh", "trust fast")
    assert state(clone) == before
    git_exp("trust", "fast", env=other)
    git_exp("run", "fast", "--blocks", "1", env=other)
    inside = [p for p in clone.path.rglob("*") if "trust" in p.name]
    assert inside == []
    assert list((tmp_path / "state").rglob("*trusted/*"))
    assert home.exists()


def test_one_that_expired_unmeasured_is_undecided_and_its_branch_is_known(git: GitIn) -> None:
    start(git, "--max-days", "0.000000001")
    GitExp(git.path)("run", "--blocks", "2", check=False)

    answer = GitExp(git.path)("analyze", "fast", "--json").json

    assert (answer["verdict"], answer["blocks"]["complete"]) == ("undecided", 0)
    assert answer["treatment"]["commit"] == git.id("exp/fast")


def test_an_expired_plan_measures_nothing_more(git: GitIn) -> None:
    start(git, "--max-days", "0.000000001")
    git_exp = GitExp(git.path)

    answer = git_exp("run", "--json").objects

    assert answer[-1]["stopped"] == "expired"
    assert trials(git) == []
    row = git_exp("status", "--json", "--all").json["experiments"][0]
    assert (row["state"], row["verdict"]) == ("expired", "undecided")


def test_both_arms_alike_is_refused(git: GitIn) -> None:
    start(git, speed=None)
    before = state(git)

    refused(GitExp(git.path)("run", check=False), 6, "same code", "commit the change")

    assert state(git) == before


def test_a_plan_without_a_command_says_how_to_record(git: GitIn, git_exp: GitExp) -> None:
    git_exp("create", "fast", "--hypothesis", "one table makes it 10 % faster")
    git.commit("Change", {"speed": "1\n"})

    refused(git_exp("run", check=False), 6, "git exp record fast --arm treatment -m time=")


def test_a_clock_behind_the_newest_record_is_refused(ready: GitIn) -> None:
    plan = PlanHash(GitExp(ready.path)("show", "--json").json["plan_hash"])
    future = time.time_ns() // 1_000_000 + 3_600_000
    ahead = Store.open(ready.path, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    ahead.record(
        ExperimentId("fast"),
        plan,
        Environment(facts={"host": "mill"}),
        target=Oid(ready.id("main")),
        id=ulid(future, os.urandom(10)),
    )
    ahead.flush()

    refused(GitExp(ready.path)("run", check=False), 6, "clock")

    assert trials(ready) == []


# --- revisions -------------------------------------------------------------------------------


def test_amending_a_message_keeps_the_revision(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("run", "--blocks", "3")
    ready("commit", "--quiet", "--amend", "-m", "Try a table, said better")

    answer = git_exp("run", "--json").objects[-1]

    assert (answer["verdict"], answer["blocks_run"]) == ("better", 3)


def test_changed_code_is_another_experiment_and_going_back_resumes(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("run", "--blocks", "3")
    ready.commit("Tune", {"speed": "9\n"})
    before = state(ready)

    refused(git_exp("run", check=False), 6, "create --like fast")

    assert state(ready) == before
    ready("reset", "--quiet", "--hard", "HEAD~1")
    assert git_exp("run", "--json").objects[-1]["blocks_run"] == 3


def test_a_plan_may_allow_revisions_and_only_the_present_one_decides(git: GitIn) -> None:
    start(git, "--revisions", "2", "--max-blocks", "7")
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "3")
    git.commit("Tune", {"speed": "9\n"})

    answer = git_exp("run", "--blocks", "1", "--json").objects[-1]

    assert answer["blocks"]["complete"] == 1
    assert answer["treatment"]["commit"] == git.id("exp/fast")


def test_a_plan_edited_after_its_first_trial_is_noticed(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)
    git_exp("run", "--blocks", "1")
    message = ready("log", "-1", "--format=%B", "exp/fast~1")
    assert '"alpha":0.05' in message
    edited = message.replace('"alpha":0.05', '"alpha":0.4')
    plan = ready("commit-tree", "main^{tree}", "-p", "main", "-m", edited)
    tip = ready("commit-tree", "exp/fast^{tree}", "-p", plan, "-m", "Try a table")
    ready("reset", "--quiet", "--hard", tip)

    result = git_exp("run", check=False)

    refused(result, 6, "plan", "create --like fast")
    verdict = git_exp("analyze", "--json", "--exit-code", check=False)
    assert (verdict.json["verdict"], verdict.status) == ("invalid", 4)


def test_a_copied_repository_is_another_writer(
    ready_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITEXP_WRITER", raising=False)
    git = copy(ready_template, tmp_path / "first")
    GitExp(git.path)("run", "--blocks", "1")
    other = copy(git.path, tmp_path / "second")

    GitExp(other.path)("run", "--blocks", "1")

    writers = {t["writer"] for t in trials(other)}
    assert len(writers) == 2


def test_a_block_that_was_void_can_be_recorded(git: GitIn) -> None:
    git.write(
        "bench.sh", "#!/bin/sh\necho METRIC score=1\ntest $GITEXP_ARM = control || exit 125\n"
    )
    (git.path / "bench.sh").chmod(0o755)
    git.commit("A benchmark that cannot say")
    start(git)
    git_exp = GitExp(git.path)
    refused(git_exp("run", "--blocks", "1", check=False), 6, "void")

    for arm in ("control", "treatment"):
        git_exp("record", "fast", "--arm", arm, "-m", "score=3", "--block", "1")
    again = git_exp(
        "record", "fast", "--arm", "control", "-m", "score=2", "--block", "1", check=False
    )

    assert git_exp("analyze", "fast", "--json").json["blocks"]["complete"] == 1
    refused(again, 6, "has its control trial already")
