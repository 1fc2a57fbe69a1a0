"""What goes wrong around an experiment: one error, one hint, nothing half done."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.scenes import HYPOTHESIS, refused, start, state, trials
from tests.disks import can_mount, mounted
from tests.support import BIN, GitExp, GitIn, Result


def with_bench(git: GitIn, body: str, *options: str, run: str = "./bench.sh") -> GitExp:
    """The experiment `fast` with this benchmark in both arms."""
    git.write("bench.sh", f"#!/bin/sh\n{body}\n").chmod(0o755)
    git.commit("Another benchmark")
    start(git, *options, run=run)
    return GitExp(git.path)


def notes_ref(git: GitIn) -> str:
    [ref] = git("for-each-ref", "--format=%(refname)", "refs/notes/exp/").splitlines()
    return ref


# --- commands that cannot be measured --------------------------------------------------------


@pytest.mark.parametrize("warm_up", ["0", "1"])
@pytest.mark.parametrize("command", ["./nothing-here", "no-such-program --fast"])
def test_a_command_that_cannot_start(git: GitIn, command: str, warm_up: str) -> None:
    start(git, f"--warm-up={warm_up}", run=command)
    before = state(git)

    result = GitExp(git.path)("run", check=False)

    name = command.split()[0].removeprefix("./")
    assert result.status in (6, 128)
    refused(result, result.status, name)
    assert state(git)[1:] == before[1:]


def test_a_command_that_prints_nan(git: GitIn) -> None:
    git_exp = with_bench(git, "echo METRIC score=NaN")

    result = git_exp("run", check=False)

    refused(result, 128, "(?i)nan")
    assert [t["outcome"] for t in trials(git)] == ["failed"]


def test_a_metric_in_two_units(git: GitIn) -> None:
    git_exp = with_bench(git, "echo METRIC score=1 ms; echo METRIC score=2 KiB")

    refused(git_exp("run", check=False), 128, "score", "unit")

    assert [t["outcome"] for t in trials(git)] == ["failed"]


def test_a_command_that_reports_no_metric(git: GitIn) -> None:
    git_exp = with_bench(git, "echo hello", "--warm-up", "1")

    refused(git_exp("run", check=False), 6, "no metric 'score'", "METRIC score=")


def test_output_without_end_is_read_and_not_kept(git: GitIn) -> None:
    git_exp = with_bench(git, "head -c 100000000 /dev/zero; echo; echo METRIC score=$(cat speed)")

    git_exp("run", "--blocks", "1")

    assert sorted(t["metrics"]["score"] for t in trials(git)) == [10, 20]
    sizes = git("count-objects", "-v").splitlines()
    assert int(dict(line.split(": ") for line in sizes)["size"]) < 1000


def test_what_a_command_leaves_running_is_ended(git: GitIn, tmp_path: Path) -> None:
    git_exp = with_bench(
        git,
        f"sleep 300 & echo $! >>{tmp_path}/pids\n"
        f"(trap '' TERM HUP INT; sleep 300 & echo $! >>{tmp_path}/pids; wait) &\n"
        f"echo $! >>{tmp_path}/pids\n"
        "test $GITEXP_ARM = control || exec sleep 300\n"
        "echo METRIC score=1",
        "--timeout=5s",  # for the control it is long enough on a busy machine, too
    )

    git_exp("run", "--blocks", "1")

    outcomes = {t["arm"]: t["outcome"] for t in trials(git)}
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    deadline = time.monotonic() + 10
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert outcomes == {"control": "ok", "treatment": "timeout"}
    assert len(pids) >= 4  # some are ended before they can say who they are
    assert [pid for pid in pids if is_running(pid)] == []


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_benchmark_that_control_lacks_is_named(git: GitIn, git_exp: GitExp) -> None:
    git_exp(
        *("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower"),
        *("--run", "sh tools/measure.sh", "--warm-up", "1"),
    )
    git.commit("A benchmark", {"tools/measure.sh": "echo METRIC score=1\n"})

    refused(git_exp("run", check=False), 6, "tools/measure.sh", "commit tools/measure.sh on main")

    assert {t["block"] for t in trials(git)} <= {0}


def test_a_failing_warm_up_shows_how_it_failed(git: GitIn) -> None:
    git_exp = with_bench(git, "echo 'no module named speed' >&2; exit 7", "--warm-up", "1")

    refused(git_exp("run", check=False), 6, "exit 7", "no module named speed", "--setup|--link")

    assert [t["block"] for t in trials(git)] == [0]


def test_an_editable_install_would_measure_one_code_twice(git: GitIn, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "package.py").write_text("")
    git.write("src/package.py", "print('METRIC score=1')\n")
    git.commit("A package")
    start(git, run="python3 -m package")

    result = GitExp(git.path)("run", check=False, env={"PYTHONPATH": str(git.path / "src")})

    refused(result, 6, "PYTHONPATH", "--allow-shared")
    assert trials(git) == []
    told = GitExp(git.path)(
        *("run", "--blocks", "1", "--allow-shared"), env={"PYTHONPATH": str(git.path / "src")}
    )
    assert "warning: " in told.stderr


def test_a_value_without_logarithm_hints_at_differences(git: GitIn) -> None:
    git_exp = with_bench(git, "echo METRIC score=0")

    result = git_exp("run", "--blocks", "2", check=False)

    assert "Traceback" not in result.stderr
    assert "--scale difference" in result.stdout + result.stderr


# --- places that cannot be written -----------------------------------------------------------


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Makes a folder lie on a file system with almost no space left; needs root."""

    def prepare(folder: Path) -> None:
        copy = tmp_path / "copied"
        subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
        disks.enter_context(mounted(folder, "3m"))
        subprocess.run(["cp", "-r", f"{copy}/.", str(folder)], check=True)
        with (folder / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass

    with ExitStack() as disks:
        yield prepare


def without_space(git: GitIn, *args: str) -> subprocess.CompletedProcess[str]:
    """The program where no file may grow at all: what a full disk is to those who are not root."""
    return subprocess.run(
        ["prlimit", "--fsize=0", str(BIN / "git-exp"), *args],
        cwd=git.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "args",
    [
        ("run", "--blocks=1"),
        ("record", "fast", "--arm=control", "-m", "score=1"),
        ("create", "--id=other", "--base=main", f"--hypothesis={HYPOTHESIS}"),
        ("promote", "--yes", "--override=why not"),
        ("rollback", "--yes"),
    ],
)
def test_no_space_left(ready: GitIn, full: Callable[[Path], None], args: tuple[str, ...]) -> None:
    GitExp(ready.path)("status")
    before = state(ready)
    if can_mount():
        full(ready.path / ".git")
        result = GitExp(ready.path)(*args, check=False)
    else:
        done = without_space(ready, *args)
        result = Result(args, done.returncode, done.stdout, done.stderr)

    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    assert result.status in (6, 128), result.stdout + result.stderr
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"], result.stderr
    (ready.path / ".git" / "filler").unlink(missing_ok=True)
    assert state(ready) == before
    assert GitExp(ready.path)(*args).status == 0


@pytest.mark.skipif(not can_mount(), reason="mounting needs root")
def test_a_full_disk_is_not_taken_for_a_remote_that_does_not_answer(
    git: GitIn, full: Callable[[Path], None], tmp_path: Path
) -> None:
    git("clone", "--quiet", "--bare", ".", str(tmp_path / "shared.git"))
    git("remote", "add", "origin", f"file://{tmp_path / 'shared.git'}")
    git("clone", "--quiet", f"file://{tmp_path / 'shared.git'}", str(tmp_path / "other"))
    other = GitIn(tmp_path / "other")
    start(other, speed=None)
    other.commit("Try a table", {"table": os.urandom(200_000).hex()})
    GitExp(other.path)("sync")
    full(git.path)

    answer = GitExp(git.path)("sync", check=False)

    refused(answer, 128, "no space left on device", "free some space and run it again")
    (git.path / "filler").unlink()
    assert GitExp(git.path)("sync").status == 0
    assert git("rev-parse", "origin/exp/fast") == other.id("exp/fast")


# --- stored things that are not ours, or broken ----------------------------------------------


def test_foreign_lines_and_notes_are_reported_and_ignored(decided: GitIn) -> None:
    git_exp, ref = GitExp(decided.path), notes_ref(decided)
    expected = git_exp("analyze", "--json").json
    for text in (
        "not a record",
        '{"kind": "trial"}',
        '{"v": 1, "id": 5}',
        "{broken",
        "[]",
        "\x1b[2J",
    ):
        decided("notes", f"--ref={ref}", "append", "-m", text, "exp/fast")
    decided("notes", f"--ref={ref}", "add", "-f", "-m", "hello", decided.id("main~1"))
    decided("update-ref", "refs/notes/exp/fast/zoe", "main")
    decided("update-ref", "refs/notes/exp/Not_An_Id/zoe", "main")
    decided("update-ref", "refs/notes/exp/fast/blob", decided.id("main:README"))

    status = git_exp("status", "fast", "--json")
    analysis = git_exp("analyze", "--json").json

    problems = status.json["experiments"][0]["problems"]
    assert problems != []
    assert git_exp("log", "--json").json["problems"] == problems
    shown = [line for line in git_exp("log").stdout.splitlines() if line.endswith(f"({ref})")]
    assert len(shown) == sum(problem["where"] == ref for problem in problems)
    for key in ("verdict", "blocks", "primary", "looks"):
        assert analysis[key] == expected[key]
    for command in ("status", "show", "log", "analyze"):
        assert "\x1b" not in git_exp(command).stdout


def test_a_corrupt_object_under_our_ref_is_no_crash(decided: GitIn) -> None:
    tree = decided.id(f"{notes_ref(decided)}^{{tree}}")
    path = decided.path / ".git/objects" / tree[:2] / tree[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")

    for command in ("status", "show", "log", "analyze", "run", "promote", "rollback"):
        result = GitExp(decided.path)(command, "fast", check=False)
        assert "Traceback" not in result.stderr, f"{command}: {result.stderr}"
        if result.status:
            refused(result, result.status)


def test_a_changed_record_is_corruption_and_is_reported(decided: GitIn) -> None:
    git_exp, ref = GitExp(decided.path), notes_ref(decided)
    lines = decided("notes", f"--ref={ref}", "show", "exp/fast").splitlines()
    trial = json.loads(next(line for line in lines if '"kind":"trial"' in line))
    trial["metrics"]["score"] = 0.001
    forged = json.dumps(trial, sort_keys=True, separators=(",", ":"))
    decided("notes", f"--ref={ref}", "append", "-m", forged, "exp/fast")

    row = git_exp("status", "fast", "--json").json["experiments"][0]

    assert any(trial["id"] in p["text"] + p["where"] for p in row["problems"])


def test_everything_recorded_survives_a_lost_ref(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    archive = decided("for-each-ref", "--format=%(refname)", "refs/exp/archive/")
    decided("update-ref", "-d", notes_ref(decided))

    result = git_exp("status", "fast", "--json", check=False)

    assert archive
    assert "Traceback" not in result.stderr
    assert result.json["experiments"][0]["blocks"]["complete"] in (0, 6)


@pytest.mark.parametrize("content", ["garbage\n", '{"half', "", "\0\0\0"])
def test_a_torn_journal_is_no_crash(ready: GitIn, content: str) -> None:
    git_exp = GitExp(ready.path)
    git_exp("run", "--blocks=1")
    journal = ready.path / ".git/exp/journal" / "ann.jsonl"
    with journal.open("a") as file:
        file.write(content)

    git_exp("run", "--blocks=1")

    assert len(trials(ready)) == 4


@pytest.mark.parametrize("name", ["Ann Author", "../up", "x" * 33])
def test_a_writer_name_that_cannot_be_one(ready: GitIn, name: str) -> None:
    before = state(ready)
    call = ("record", "fast", "--arm=control", "-m", "score=1")

    result = GitExp(ready.path)(*call, check=False, env={"GITEXP_WRITER": name})

    refused(result, 129, "GITEXP_WRITER")
    assert state(ready) == before


# --- words in the way ------------------------------------------------------------------------


def test_the_branch_deleted_by_hand_can_be_restored(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    tip = decided.id("exp/fast")
    decided("switch", "--quiet", "main")
    decided("branch", "--quiet", "-D", "exp/fast")

    refused(git_exp("promote", "fast", check=False), 6, "restore fast")
    git_exp("restore", "fast")

    assert decided.id("exp/fast") == tip
    assert git_exp("promote", "fast").status == 0


def test_a_rebase_that_drops_the_plan_commit_keeps_the_experiment(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    decided("rebase", "--quiet", "--onto", "main", "exp/fast~1", "exp/fast")

    assert git_exp("status", "fast", "--json").json["experiments"][0]["verdict"] == "better"
    git_exp("promote", "fast")
    assert (decided.path / "speed").read_text() == "10\n"


def test_a_required_filter_that_fails_is_named_with_its_file(git: GitIn) -> None:
    git.commit("Store data", {".gitattributes": "*.big filter=large\n", "data.big": "x\n"})
    git("config", "filter.large.required", "true")
    git("config", "filter.large.clean", "cat")
    git("config", "filter.large.smudge", "false")
    start(git)

    refused(GitExp(git.path)("run", check=False), 6, "the filter 'large'.* fails on 'data.big'")
