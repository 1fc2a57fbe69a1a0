"""`git exp exec`: the command runs as if we were not there, and becomes a trial where it can."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.live.using import EXEC, Desk, is_unrecorded
from tests.support import BIN, GitExp, GitIn


def test_a_use_is_a_trial_of_the_arm_it_ran_in(desk: Desk) -> None:
    done = desk.use("fast", "--", "./tool.sh")

    (trial,) = desk.trials
    version = {"control": "20", "treatment": "10"}[trial["arm"]]
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{trial['arm']} {version}\n", "")
    assert trial["metrics"]["score"] == float(version)
    assert trial["outcome"] == "ok"
    assert {"time", "user", "sys", "maxrss", "failures"} < trial["metrics"].keys()
    assert (trial["block"], trial["attempt"], trial["exit"]) == (1, 1, 0)


@pytest.mark.parametrize("named", [[], ["fast"], ["exp/fast"], ["--for", "tool"], ["--for=tool"]])
def test_an_experiment_is_found_by_branch_id_or_command(desk: Desk, named: list[str]) -> None:
    assert desk.use(*named, "--", "./tool.sh").stderr == ""
    assert len(desk.trials) == 1


def test_both_arms_come_in_pairs(desk: Desk) -> None:
    for _ in range(12):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""

    assert set(desk.slots.values()) == {1}
    blocks = sorted({block for block, _, _ in desk.slots})
    assert blocks == list(range(1, len(blocks) + 1))
    assert len(blocks) <= 7


def test_output_that_looks_like_a_metric_is_the_users(desk: Desk) -> None:
    done = desk.use("fast", "--", "sh", "-c", "echo 'METRIC score=3'")

    (trial,) = desk.trials
    assert done.stdout == "METRIC score=3\n"
    assert "score" not in trial["metrics"]
    assert trial["outcome"] == "ok"


def test_what_a_pipe_brings_is_read_by_the_command(desk: Desk) -> None:
    done = desk.use("fast", "--", "tr", "a-z", "A-Z", stdin="from a pipe\n")

    assert (done.stdout, done.stderr) == ("FROM A PIPE\n", "")


def test_the_command_stands_where_the_user_stands(desk: Desk) -> None:
    code = 'pwd; echo "$GITEXP_USER_DIR"; echo "$PWD"'
    done = desk.use("fast", "--", "sh", "-c", code, cwd=desk.path / "sub")

    here, user, told = done.stdout.splitlines()
    assert here == told
    assert here.endswith("/sub")
    assert not here.startswith(str(desk.path))
    assert user == str(desk.path / "sub")
    assert desk.use("fast", "--", "./inner.sh", cwd=desk.path / "sub").stdout.split()[1] in (
        "10",
        "20",
    )


def test_a_folder_that_the_arm_lacks_is_its_top(desk: Desk) -> None:
    (desk.path / "new").mkdir()

    done = desk.use("fast", "--", "sh", "-c", "ls version", cwd=desk.path / "new")

    assert (done.stdout, done.stderr) == ("version\n", "")


def test_nothing_is_left_where_reports_were_written(desk: Desk, home: Path) -> None:
    desk.use("fast", "--", "./tool.sh")

    (scratch,) = (home / "cache").rglob("scratch")
    assert list(scratch.iterdir()) == []


def test_in_place_the_command_runs_here(desk: Desk) -> None:
    code = 'pwd; cat "$GITEXP_ARM_DIR/version"; echo score=5 >"$GITEXP_METRICS"'
    done = desk.use("--in-place", "fast", "--", "sh", "-c", code)

    (trial,) = desk.trials
    version = {"control": "20", "treatment": "10"}[trial["arm"]]
    assert done.stdout == f"{desk.path}\n{version}\n"
    assert trial["metrics"]["score"] == 5


def test_uncommitted_work_is_neither_used_nor_touched(desk: Desk) -> None:
    desk.git.write("version", "99\n")
    desk.git.write("untracked", "mine\n")
    before = desk.git("status", "--porcelain")

    done = desk.use("fast", "--", "./tool.sh")

    assert done.stderr == ""
    assert "99" not in done.stdout
    assert desk.git("status", "--porcelain") == before


def test_from_a_linked_worktree_and_from_main(desk: Desk, tmp_path: Path) -> None:
    desk.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "main")

    done = desk.use("fast", "--", "./tool.sh", cwd=tmp_path / "linked")

    assert done.stderr == ""
    assert len(desk.trials) == 1


def test_by_git_and_by_c(desk: Desk, tmp_path: Path) -> None:
    done = desk.use(
        "-C",
        str(desk.path),
        "exp",
        "exec",
        "fast",
        "--",
        "./tool.sh",
        cwd=tmp_path,
        program=["git"],
    )

    assert done.stderr == ""
    assert len(desk.trials) == 1


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, "ok"), (3, "failed"), (124, "timeout"), (125, "void")]
)
def test_the_exit_status_is_the_commands(desk: Desk, status: int, outcome: str) -> None:
    done = desk.use("fast", "--", "./tool.sh", env={"STATUS": str(status)})

    (trial,) = desk.trials
    assert done.returncode == status
    assert (trial["outcome"], trial["exit"]) == (outcome, status)


def test_a_void_use_has_its_block_done_again(desk: Desk) -> None:
    desk.use("fast", "--", "./tool.sh", env={"STATUS": "125"})
    voided = desk.trials[0]["block"]

    for _ in range(6):
        desk.use("fast", "--", "./tool.sh")

    again = {arm for block, attempt, arm in desk.slots if (block, attempt) == (voided, 2)}
    assert again == {"control", "treatment"}
    assert set(desk.slots.values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_a_signal_that_ends_the_command_ends_us(desk: Desk, number: int) -> None:
    done = desk.use("fast", "--", "sh", "-c", f"kill -{int(number)} $$")

    (trial,) = desk.trials
    assert done.returncode == -number
    assert done.stderr == ""
    assert (trial["outcome"], trial.get("exit")) == ("failed", None)


def test_under_git_a_signal_is_the_status_of_shells_and_no_word_is_said(desk: Desk) -> None:
    done = desk.use("exp", "exec", "fast", "--", "sh", "-c", "kill -TERM $$", program=["git"])

    assert (done.returncode, done.stderr) == (143, "")


def test_signals_sent_to_us_are_passed_on(desk: Desk) -> None:
    code = "trap 'echo got it; exit 7' USR1; echo ready; while :; do sleep 0.02; done"
    with desk.begin("fast", "--", "sh", "-c", code) as using:
        assert using.stdout is not None
        assert using.stdout.readline() == "ready\n"
        using.send_signal(signal.SIGUSR1)
        assert using.stdout.read() == "got it\n"
        assert using.wait() == 7


def test_signals_that_were_ignored_still_are(desk: Desk) -> None:
    code = "grep SigIgn /proc/self/status; grep SigBlk /proc/self/status"

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)

    seen = []
    for words in (["sh", "-c", code], [*EXEC, "fast", "--", "sh", "-c", code]):
        done = subprocess.run(
            words, cwd=desk.path, preexec_fn=ignore, capture_output=True, text=True, check=True
        )
        seen.append((done.stdout, done.stderr))

    assert seen[0] == seen[1]
    assert len(desk.trials) == 1


def test_what_cannot_be_found_or_executed_ends_as_in_a_shell(desk: Desk) -> None:
    desk.git.write("plain.txt", "no program\n")
    desk.git.commit("Add a file")
    desk.git("switch", "--quiet", "main")
    desk.git.write("plain.txt", "no program\n")
    desk.git.commit("Add a file")

    assert desk.use("fast", "--", "no-such-program").returncode == 127
    denied = desk.use("fast", "--", "./src")
    assert denied.returncode == 126
    assert denied.stderr.startswith("error: cannot run './src': ")


@pytest.mark.parametrize("place", ["fast", "none"])
def test_an_empty_word_is_found_nowhere(desk: Desk, place: str) -> None:
    done = desk.use(place, "--", "", "x")

    assert done.returncode == 127
    assert done.stderr.splitlines()[-1] == "error: cannot run '': no such file or directory"


def test_a_command_that_one_arm_lacks_fails_there(desk: Desk) -> None:
    desk.git.write("extra.sh", "#!/bin/sh\n").chmod(0o755)
    desk.git.commit("Add another tool")

    ended = [desk.use("fast", "--", "./extra.sh").returncode for _ in range(8)]

    failed = [t for t in desk.trials if t["outcome"] == "failed"]
    assert set(ended) == {0, 127}
    assert {t["arm"] for t in failed} == {"control"}
    assert {t["exit"] for t in failed} == {127}


def test_a_script_without_a_first_line_runs_as_in_a_shell(desk: Desk) -> None:
    desk.git.write("bare.sh", "echo plainly\n").chmod(0o755)
    desk.git("switch", "--quiet", "main")
    desk.git.commit("Add a script")
    desk.git("switch", "--quiet", "exp/fast")
    desk.git("merge", "--quiet", "main")

    assert desk.use("fast", "--", "./bare.sh").stdout == "plainly\n"


def test_a_report_that_cannot_be_used_fails_the_trial_and_not_the_use(desk: Desk) -> None:
    done = desk.use("fast", "--", "sh", "-c", 'echo score=nan >"$GITEXP_METRICS"')

    (trial,) = desk.trials
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "report cannot be used" in done.stderr
    assert trial["outcome"] == "failed"


@pytest.mark.parametrize(
    ("declared", "reported", "value"),
    [
        ("latency:lower:ms", "latency=1500 ms", 1500.0),
        ("latency:lower:ms", "latency=1.5 s", 1500.0),
        ("latency:lower:ms", "latency=1500", 1500.0),
        ("latency:lower:s", "latency=1500 ms", 1.5),
        ("sent:lower:MiB", "sent=2097152 B", 2.0),
        ("latency:lower", "latency=1500 ms", 1.5),
    ],
)
def test_a_report_is_in_the_units_of_the_plan(
    desk: Desk, declared: str, reported: str, value: float
) -> None:
    name = declared.partition(":")[0]
    desk.git("switch", "--quiet", "main")
    desk.exp("create", "slow", "--hypothesis", "a queue halves it", "--metric", declared)
    desk.git.commit("Use a queue", {"version": "5\n"})

    done = desk.use("slow", "--", "sh", "-c", f"echo '{reported}' >$GITEXP_METRICS")

    records = desk.exp("log", "slow", "--json").json["records"]
    (trial,) = [record for record in records if record["kind"] == "trial"]
    assert (done.stderr, trial["outcome"]) == ("", "ok")
    assert trial["metrics"][name] == pytest.approx(value)


def test_a_report_in_a_unit_of_another_kind_fails_the_trial(desk: Desk) -> None:
    desk.git("switch", "--quiet", "main")
    desk.exp("create", "slow", "--hypothesis", "a queue halves it", "--metric", "latency:lower:ms")
    desk.git.commit("Use a queue", {"version": "5\n"})

    done = desk.use("slow", "--", "sh", "-c", "echo 'latency=2 MiB' >$GITEXP_METRICS")

    assert done.returncode == 0
    assert "metric 'latency' is declared in ms and reported in B" in done.stderr


# --- where there is nothing to assign -----------------------------------------------------------


def test_outside_of_a_repository(tmp_path: Path) -> None:
    done = Desk(GitIn(tmp_path)).use("--for", "tool", "--", "sh", "-c", "pwd; exit 4")

    assert (done.returncode, done.stdout) == (4, f"{tmp_path}\n")
    assert is_unrecorded(done, "no work tree")


def test_a_path_with_a_line_break(desk: Desk) -> None:
    folder = desk.path / "two\nlines"
    folder.mkdir()

    done = desk.use("fast", "--", "echo", "ran", cwd=folder)

    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert is_unrecorded(done, "path holds a line break")


def test_nothing_of_that_name(desk: Desk) -> None:
    for _ in range(2):
        assert is_unrecorded(desk.use("--for", "else", "--", "true"), "no running experiment")
    assert is_unrecorded(desk.use("nothing", "--", "true"), "no experiment is named")
    desk.git("switch", "--quiet", "main")
    assert is_unrecorded(desk.use("--", "true"), "none is checked out")


def test_the_same_code_in_both_arms(desk: Desk) -> None:
    desk.git("reset", "--quiet", "--hard", "HEAD~")

    for _ in range(2):
        assert is_unrecorded(desk.use("fast", "--", "true"), "same code")
    desk.git.commit("Change it after all", {"version": "11\n"})
    assert desk.use("fast", "--", "./tool.sh").stderr == ""


def test_an_ended_experiment_is_found_ended_and_restored(desk: Desk) -> None:
    desk.use("fast", "--", "./tool.sh")
    desk.exp("rollback", "fast", "--yes")

    assert is_unrecorded(desk.use("fast", "--", "./tool.sh"), "has ended")
    assert is_unrecorded(desk.use("--for", "tool", "--", "true"), "no running experiment")
    desk.exp("restore", "fast")
    assert desk.use("--for", "tool", "--", "./tool.sh").stderr == ""


def test_an_experiment_that_ends_meanwhile(desk: Desk, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"echo ready; while ! test -e {go}; do sleep 0.02; done; exit 5"
    with desk.begin("fast", "--", "sh", "-c", code) as using:
        assert using.stdout is not None
        assert using.stderr is not None
        using.stdout.readline()
        desk.exp("rollback", "fast", "--yes")
        go.touch()
        assert using.stderr.read() == "warning: not recorded: fast has ended meanwhile\n"
        assert using.wait() == 5
    assert desk.trials == []


def test_all_blocks_measured(desk: Desk) -> None:
    desk.exp(
        "create", "tiny", "--hypothesis", "a table lowers the score by 20 %", "--max-blocks", "6",
        "--metric", "score:lower", "--like", "fast", "--command", "tiny",
    )  # fmt: skip
    for _ in range(12):
        assert desk.use("tiny", "--", "./tool.sh").stderr == ""

    assert is_unrecorded(desk.use("tiny", "--", "./tool.sh"), "all 6 blocks")
    decided = desk.exp("run", "tiny", check=False)
    assert is_unrecorded(desk.use("tiny", "--", "true"), ""), decided.stderr
    report = desk.exp("analyze", "tiny", "--json").json
    assert report["blocks"]["complete"] == 6
    assert report["verdict"] == "better"


def test_a_plan_from_elsewhere_has_to_be_trusted(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.use("fast", "--", "./tool.sh")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other-state"))

    assert is_unrecorded(desk.use("fast", "--", "./tool.sh"), "git exp trust fast")
    desk.exp("trust", "fast", "--yes")
    assert desk.use("fast", "--", "./tool.sh").stderr == ""
    shutil.rmtree(tmp_path / "other-state/gitexp/trusted")
    assert is_unrecorded(desk.use("fast", "--", "./tool.sh"), "git exp trust fast")


def test_a_command_that_is_no_part_of_the_experiment(desk: Desk) -> None:
    desk.git.write("mine.sh", "#!/bin/sh\necho mine\n").chmod(0o755)

    done = desk.use("fast", "--", "./mine.sh")
    assert done.stdout == "mine\n"
    assert is_unrecorded(done, "in neither arm")
    own = desk.use("fast", "--", str(desk.path / "tool.sh"))
    assert is_unrecorded(own, "in your own checkout")
    tool = desk.git.write("venv/bin/tool", "#!/bin/sh\ncat version\n")
    tool.chmod(0o755)
    assert desk.use("fast", "--", str(tool)).stderr == ""


def test_another_experiment_does_not_get_the_same_command(desk: Desk) -> None:
    done = desk.exp(
        "create", "second", "--hypothesis", "it is 10 % faster", "--command", "tool",
        "--base", "main", check=False,
    )  # fmt: skip

    assert done.status == 6
    assert "under experiment already: fast" in done.stderr


def test_new_code_is_another_revision(desk: Desk) -> None:
    desk.use("fast", "--", "./tool.sh")
    desk.git.commit("Change it once more", {"version": "9\n"})

    # its block had not ended, so the first version does not count as a revision yet
    for _ in range(4):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""
    trees = {t["tree"] for t in desk.trials if t["arm"] == "treatment"}
    assert desk.git.id("exp/fast^{tree}") in trees


def test_what_a_use_changes_in_a_checkout_the_next_does_not_see(desk: Desk) -> None:
    for _ in range(4):
        done = desk.use("fast", "--", "sh", "-c", "cat version; echo 77 >version")
        assert done.stderr == ""
        assert done.stdout in ("10\n", "20\n")


@pytest.mark.parametrize("args", [["exec"], ["exec", "fast"], ["exec", "--bogus", "--", "true"]])
def test_usage_errors_start_nothing(desk: Desk, args: list[str]) -> None:
    done = desk.use(*args, program=[str(BIN / "git-exp")])

    assert done.returncode == 129
    assert done.stderr.startswith("error: ")


def test_help_has_an_example(git_exp: GitExp) -> None:
    assert "git exp exec --for review" in git_exp("exec", "-h").stdout


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells")
@pytest.mark.parametrize("place", ["fast", "none"])
@pytest.mark.parametrize("given", [{}, {"LANG": "C"}, {"LC_CTYPE": "C.UTF-8"}])
def test_the_command_gets_the_locale_that_we_got(
    desk: Desk, place: str, given: dict[str, str]
) -> None:
    # without a locale, as under cron, Python sets one for itself and for those it starts
    kept = {k: v for k, v in os.environ.items() if k != "LANG" and not k.startswith("LC_")}
    done = subprocess.run(
        [*EXEC, place, "--", "env"],
        cwd=desk.path, env=kept | given, capture_output=True, text=True, check=True,
    )  # fmt: skip

    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert {k: v for k, v in found.items() if k == "LANG" or k.startswith("LC_")} == given


def test_the_terminal_variables_of_git_reach_no_arm(desk: Desk) -> None:
    env = {"GIT_DIR": str(desk.path / ".git"), "GIT_WORK_TREE": str(desk.path)}
    done = desk.use("fast", "--", "sh", "-c", "env | grep -c '^GIT_DIR='; pwd", env=env)

    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "0"
    assert os.environ.get("GIT_DIR") is None
