"""What the verdict table asks for, done by `git exp auto`: by hand, from cron, twice, killed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitexp.app.create import CreateOptions, create
from gitexp.cli.main import main
from gitexp.runner.only_one import only_auto
from gitexp.store.store import Store
from tests.apply.killing import COMPLETED, DIED, run_and_die
from tests.cli.scenes import CREATE, begin, record_blocks, refused, start, trials
from tests.cli.test_plans import SLIGHT, SPENDING
from tests.support import BIN, GitExp, GitIn, Result


def auto(git: GitIn, *args: str, check: bool = False) -> Result:
    return GitExp(git.path)("auto", *args, check=check)


def managed(git: GitIn, *args: str, status: int = 0) -> dict[str, Any]:
    """The objects of `auto --json`, by experiment."""
    done = auto(git, *args, "--json")
    assert done.status == status, done.stdout + done.stderr
    return {each["id"]: each for each in done.json["experiments"]}


def another(git: GitIn, name: str, *options: str, files: Mapping[str, str] | None = None) -> None:
    """One more experiment, begun on main; HEAD is on main then."""
    git("switch", "--quiet", "main")
    GitExp(git.path)("create", name, *CREATE[2:], "--run", "./bench.sh", *options)
    if files:
        git.commit(f"Try {name}", files)
    git("switch", "--quiet", "main")


SLOW = {"speed": "30\n"}


def states(git: GitIn) -> dict[str, str]:
    rows = GitExp(git.path)("status", "--all", "--json").json["experiments"]
    return {row["id"]: row["state"] for row in rows}


# --- the table ----------------------------------------------------------------------------------


def test_what_is_better_is_promoted(decided: GitIn) -> None:
    found = managed(decided)["fast"]

    assert (found["action"], found["done"], found["verdict"]) == ("promote", True, "better")
    assert (found["state"], found["error"]) == ("promoted", None)
    assert decided("show", "main:speed") == "10"
    assert "Promoted by git exp auto." in decided("log", "-1", "--format=%B", "main")
    assert decided("branch", "--list", "exp/*") == ""
    assert found["undo"] == "git exp restore fast"


def test_what_is_worse_is_rolled_back(ready: GitIn) -> None:
    record_blocks(ready, [(20.0 + k, 40.0 + k) for k in range(6)])

    found = managed(ready)["fast"]

    assert (found["action"], found["done"], found["verdict"]) == ("roll-back", True, "worse")
    assert states(ready) == {"fast": "rolled-back"}
    assert ready("branch", "--list", "exp/*") == ""
    [row] = GitExp(ready.path)("status", "fast", "--json").json["experiments"]
    assert row["ending"].endswith("worse at block 6; by git exp auto")
    assert len(trials(ready)) == 12


def test_what_harms_a_guardrail_is_rolled_back(git: GitIn) -> None:
    start(git, "--guardrail", "size:lower:+5%", "--metric", "score:lower", "--max-blocks", "20")
    record_blocks(
        git,
        [(20.0 + 0.1 * k, 10.0 + 0.1 * k) for k in range(20)],
        others={"size": (100.0, 150.0)},
    )

    found = managed(git)["fast"]

    assert found["verdict"] in ("blocked", "worse")
    assert (found["action"], found["done"]) == ("roll-back", True)


def test_what_is_not_decided_is_reported_and_nothing_moves(ready: GitIn) -> None:
    record_blocks(ready, [(20.0, 10.0)])
    before = ready("for-each-ref")

    found = managed(ready)["fast"]

    assert (found["action"], found["done"]) == ("continue", False)
    assert (found["reason"], found["next"]) == ("1 of 6 blocks", ["git exp run fast"])
    assert ready("for-each-ref") == before


def test_what_ended_undecided_is_reported_until_its_last_day(ready: GitIn) -> None:
    record_blocks(ready, [(20.0, 10.0), (10.0, 20.0)] * 3)

    found = managed(ready)["fast"]

    assert (found["verdict"], found["action"], found["done"]) == ("undecided", "report", False)
    assert "rolled back after" in found["reason"]
    assert states(ready) == {"fast": "running"}


def test_what_has_expired_is_rolled_back_and_its_data_stays(git: GitIn) -> None:
    start(git, "--max-days", "0.000000001")

    found = managed(git)["fast"]

    assert (found["action"], found["done"], found["state"]) == ("roll-back", True, "expired")
    assert "expired" in found["reason"]
    assert git("branch", "--list", "exp/*") == ""
    assert states(git) == {"fast": "expired"}
    assert managed(git) == {}
    GitExp(git.path)("restore", "fast")
    assert git("branch", "--list", "exp/*", "--format=%(refname:short)") == "exp/fast"


def test_what_expired_as_better_is_promoted_all_the_same(git: GitIn) -> None:
    began = datetime.now(UTC) - timedelta(days=20)
    create(Store.open(git.path, clock=lambda: began), CreateOptions(plan=SPENDING, name="fast"))
    git.commit("Try a table", {"speed": "10\n"})
    record_blocks(git, SLIGHT, clock=lambda: began + timedelta(hours=1))
    told = managed(git, "--dry-run")["fast"]

    found = managed(git)["fast"]

    assert (told["action"], told["done"]) == ("promote", False)
    assert (found["action"], found["done"], found["verdict"]) == ("promote", True, "better")
    assert git("show", "main:speed") == "10"


def test_invalid_evidence_is_left_alone_with_what_to_mend(decided: GitIn) -> None:
    plan = decided("log", "--format=%B", "--grep=^Exp-Plan: ", "exp/fast")
    line = next(text for text in plan.splitlines() if text.startswith("Exp-Plan: "))
    decided.commit(f"Another plan\n\n{line.replace('0.05', '0.04')}")

    found = managed(decided)["fast"]

    assert (found["verdict"], found["action"], found["done"]) == ("invalid", "none", False)
    assert "another plan is another experiment" in found["reason"]
    assert states(decided) == {"fast": "running"}


# --- what is kept from it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "treatment", "command"),
    [
        ("--no-auto-promote", 10.0, "git exp promote fast"),
        ("--no-auto-rollback", 40.0, "git exp rollback fast"),
    ],
)
def test_what_the_plan_leaves_to_people_is_reported_with_the_command(
    git: GitIn, option: str, treatment: float, command: str
) -> None:
    start(git, option)
    record_blocks(git, [(20.0 + k, treatment + k) for k in range(6)])

    found = managed(git)["fast"]

    assert (found["done"], found["next"], found["state"]) == (False, [command], "running")
    assert option in found["reason"]


@pytest.mark.parametrize("undone", ["promote", "rollback"])
def test_what_somebody_restored_is_not_done_again(decided: GitIn, undone: str) -> None:
    git_exp = GitExp(decided.path)
    git_exp(undone, "fast", "--yes")
    git_exp("restore", "fast")
    before = decided("for-each-ref", "refs/heads")

    found = managed(decided)["fast"]

    assert (found["action"], found["done"]) == ("promote", False)
    assert found["next"] == ["git exp promote fast"]
    assert decided("for-each-ref", "refs/heads") == before


def test_a_merge_by_hand_is_put_on_record_whatever_the_verdict(ready: GitIn) -> None:
    record_blocks(ready, [(20.0 + k, 40.0 + k) for k in range(6)])
    ready("switch", "--quiet", "main")
    ready("merge", "--quiet", "--no-ff", "-m", "Merge it", "exp/fast")
    before = ready.id("main")

    found = managed(ready)["fast"]

    assert (found["verdict"], found["state"], found["done"]) == ("worse", "promoted", True)
    assert ready.id("main") == before


def test_another_clone_decides_and_this_one_waits(decided: GitIn) -> None:
    before = decided("for-each-ref")

    done = GitExp(decided.path)("auto", "--run", "--json", env={"GITEXP_WRITER": "bob"})

    [found] = done.json["experiments"]
    assert (found["action"], found["done"]) == ("none", False)
    assert (found["reason"], found["next"]) == ("waits for ann, who decides", ["git exp sync"])
    assert decided("for-each-ref") == before


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(decided: GitIn) -> None:
    another(decided, "slow", files=SLOW)
    record_blocks(decided, [(20.0 + k, 40.0 + k) for k in range(6)], exp="slow")
    before = decided("for-each-ref")

    found = managed(decided, "--dry-run", "--run")

    assert [each["done"] for each in found.values()] == [False, False]
    assert "would promote: merge exp/fast (" in found["fast"]["reason"]
    assert "would roll back: " in found["slow"]["reason"]
    assert decided("for-each-ref") == before


# --- several ------------------------------------------------------------------------------------


def test_a_refusal_is_one_line_and_the_others_go_on(decided: GitIn, tmp_path: Path) -> None:
    another(decided, "slow", files=SLOW)
    record_blocks(decided, [(20.0 + k, 40.0 + k) for k in range(6)], exp="slow")
    decided("worktree", "add", "--quiet", str(tmp_path / "other"), "exp/slow")
    another(decided, "empty", "--no-auto-promote")

    done = auto(decided)

    assert done.status == 6
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert len(lines) == len(done.stdout.splitlines()) == 3
    assert "promoted into main" in lines["fast"]
    assert "other" in lines["slow"]
    assert done.stderr == ""
    assert states(decided) == {"fast": "promoted", "slow": "running", "empty": "running"}


def test_changes_that_conflict_are_not_both_promoted(decided: GitIn) -> None:
    another(decided, "faster", files={"speed": "5\n"})
    record_blocks(decided, [(20.0 + k, 5.0 + k) for k in range(6)], exp="faster")

    found = managed(decided, status=6)

    assert found["fast"]["done"]
    assert found["faster"]["error"]["code"] == "conflict"
    assert decided("show", "main:speed") == "10"


def test_the_second_of_two_promotions_says_that_both_were_not_measured_together(
    decided: GitIn,
) -> None:
    another(decided, "also", files={"table": "1\n"})
    record_blocks(decided, [(20.0 + k, 10.0 + k) for k in range(6)], exp="also")

    found = managed(decided)

    assert [each["done"] for each in found.values()] == [True, True]
    assert "not measured together" in found["also"]["reason"]
    assert "Not measured together: main has " in decided("log", "-1", "--format=%B", "main")
    assert decided("log", "-1", "--format=%(trailers:key=Exp-Effect,valueonly)", "main")


def test_one_that_cannot_be_read_is_a_failure_of_its_own(decided: GitIn) -> None:
    empty = decided("hash-object", "-w", "-t", "tree", "/dev/null")
    strange = decided("commit-tree", "-m", "notes", empty)
    decided("update-ref", "refs/notes/exp/odd/ann", strange)
    found = managed(decided, status=128)

    assert found["fast"]["done"]
    assert found["odd"]["error"]["status"] == 128


def test_only_those_that_are_named_are_touched_and_ended_ones_say_so(decided: GitIn) -> None:
    another(decided, "slow", files=SLOW)
    record_blocks(decided, [(20.0 + k, 40.0 + k) for k in range(6)], exp="slow")

    first, again = managed(decided, "fast"), managed(decided, "fast")

    assert first["fast"]["done"]
    assert (again["fast"]["done"], again["fast"]["reason"]) == (False, "promoted already")
    assert states(decided)["slow"] == "running"
    refused(auto(decided, "fast", "slwo"), 128, "did you mean slow")


# --- missing blocks -----------------------------------------------------------------------------


def test_missing_blocks_are_run_and_what_follows_is_done(ready: GitIn) -> None:
    another(ready, "slow", files=SLOW)

    found = managed(ready, "--run")

    assert (found["fast"]["blocks_run"], found["fast"]["done"]) == (6, True)
    assert (found["slow"]["verdict"], found["slow"]["done"]) == ("worse", True)
    assert states(ready) == {"fast": "promoted", "slow": "rolled-back"}
    assert managed(ready, "--run") == {}


def test_progress_goes_to_stderr_and_the_document_stands_alone(ready: GitIn) -> None:
    done = auto(ready, "--run", "--json", "--progress", check=True)

    assert json.loads(done.stdout)["experiments"][0]["done"] is True
    assert "fast" in done.stderr


def test_the_time_is_one_purse_for_all(ready: GitIn) -> None:
    another(ready, "slow", files=SLOW)
    ready("switch", "--quiet", "main")

    found = managed(ready, "--run", "--max-time", "1ms", status=5)

    assert {each["stopped"] for each in found.values()} == {"max-time"}
    assert trials(ready) == []


def test_what_is_added_up_is_one_purse_for_all(ready: GitIn) -> None:
    another(ready, "slow", files=SLOW)

    found = managed(ready, "--run", "--max-cost", "score=31", status=5)

    assert (found["fast"]["blocks_run"], found["fast"]["stopped"]) == (2, "max-cost")
    assert (found["slow"]["blocks_run"], found["slow"]["stopped"]) == (0, "max-cost")


def test_a_budget_without_a_run_is_a_usage_error(ready: GitIn) -> None:
    refused(auto(ready, "--max-time", "5m"), 129, "--run")


def test_what_came_with_a_clone_is_not_run(
    ready: GitIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other-state"))
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))

    found = managed(ready, "--run", status=6)["fast"]

    assert found["error"]["code"] == "not-trusted"
    assert "git exp trust fast" in found["next"][0]
    assert not (tmp_path / "trace").exists()


def test_without_a_command_or_a_change_there_is_nothing_to_run(git: GitIn) -> None:
    GitExp(git.path)(*CREATE)
    git.commit("Try", {"speed": "10\n"})
    another(git, "same")

    found = managed(git, "--run")

    assert [each["action"] for each in found.values()] == ["continue", "continue"]
    assert "changes nothing yet" in found["same"]["reason"]


def test_what_fails_in_both_arms_is_refused_with_the_blocks_it_cost(git: GitIn) -> None:
    git.commit("Break it", {"bench.sh": "#!/bin/sh\nexit 3\n"})
    start(git, "--warm-up", "0")

    found = managed(git, "--run", status=6)["fast"]

    assert (found["error"]["code"], found["blocks_run"]) == ("both-failed", 3)


def test_too_many_failures_end_one_run_and_not_the_next(git: GitIn) -> None:
    start(git, "--warm-up", "0", speed=None)
    git.commit("Break it", {"bench.sh": "#!/bin/sh\nexit 3\n"})
    another(git, "slow", files=SLOW)

    found = managed(git, "--run", "--max-failures", "2", status=5)

    assert (found["fast"]["stopped"], found["fast"]["blocks_run"]) == ("max-failures", 2)
    assert found["fast"]["next"][0] == "git exp log fast"
    assert (found["slow"]["stopped"], found["slow"]["done"]) == ("decided", True)


def test_files_you_changed_stay_as_they_are(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided.write("speed", "7\n")
    before = decided("for-each-ref", "refs/heads"), decided("status", "--porcelain")

    found = managed(decided, status=6)["fast"]

    assert (found["done"], found["error"]["status"]) == (False, 6)
    assert (decided("for-each-ref", "refs/heads"), decided("status", "--porcelain")) == before
    assert (decided.path / "speed").read_text() == "7\n"


# --- unattended ---------------------------------------------------------------------------------


def test_from_cron_it_needs_neither_home_nor_path_nor_terminal(ready: GitIn) -> None:
    ready("config", "user.name", "Cron")
    ready("config", "user.email", "cron@example.com")
    kept = {name: os.environ[name] for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}

    done = subprocess.run(
        [str(BIN / "git-exp"), "auto", "--run"],
        cwd=ready.path,
        env={**kept, "PATH": "/usr/bin:/bin", "GITEXP_WRITER": "ann"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert states(ready) == {"fast": "promoted"}


def test_a_second_one_says_that_another_is_at_it(decided: GitIn) -> None:
    with only_auto(Store.open(decided.path).git.common_dir):
        refused(auto(decided), 6, f"process {os.getpid()}")
        # looking is free
        assert managed(decided, "--dry-run")["fast"]["action"] == "promote"

    assert states(decided) == {"fast": "running"}


def test_several_at_once_promote_once(decided: GitIn) -> None:
    at_once = [begin("auto", "--json", cwd=decided.path) for _ in range(4)]

    ended = [(process.communicate(timeout=120), process.returncode) for process in at_once]

    answers = [json.loads(out) for (out, _), status in ended if status == 0]
    done = [each for answer in answers for each in answer["experiments"] if each["done"]]
    assert len(done) == 1
    assert {status for _, status in ended} <= {0, 6}
    assert decided("rev-list", "--count", "--merges", "main") == "1"


def test_after_a_kill_the_next_one_goes_on(decided: GitIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(decided.path)
    saved = decided.path.with_name("saved")
    subprocess.run(["cp", "-a", str(decided.path), str(saved)], check=True)
    died = 0
    for step in range(2, 200, 5):
        subprocess.run(["rm", "-rf", str(decided.path)], check=True)
        subprocess.run(["cp", "-a", str(saved), str(decided.path)], check=True)
        os.chdir(decided.path)
        how = run_and_die(lambda: main(["auto"]), at=step)
        died += how == DIED

        assert auto(decided).status == 0
        assert states(decided) == {"fast": "promoted"}
        assert decided("rev-list", "--count", "--merges", "main") == "1"
        if how == COMPLETED:
            break

    assert died > 3


def test_on_a_terminal_there_is_time_to_cancel(decided: GitIn) -> None:
    before = decided("for-each-ref", "refs/heads")

    told, status = on_a_terminal(decided, "auto", until="5 seconds")

    assert "will merge exp/fast (" in told
    assert "interrupted" in told
    assert status == 130
    assert decided("for-each-ref", "refs/heads") == before


def on_a_terminal(git: GitIn, *args: str, until: str) -> tuple[str, int]:
    """What the program says on a terminal; ^C once it has said `until`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BIN / "git-exp"), *args],
        cwd=git.path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_own_terminal,
    )
    os.close(theirs)
    said, is_told = "", False
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            said += os.read(ours, 4096).decode(errors="replace")
        except OSError:
            break
        if until in said and not is_told:
            os.write(ours, b"\x03")
            is_told = True
    status = process.wait(timeout=60)
    os.close(ours)
    return said, status


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
