"""Runs that are stopped at any moment: nothing is lost, nothing counted twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.scenes import BENCH, begin, measured, prepare, slots, start, trials
from tests.support import GitExp, GitIn

BLOCKS = 6
MOMENTS = random.Random(20).sample(range(20, 900), 6)
"""Milliseconds after which a run is killed: some before the first trial, some in the middle."""


@pytest.fixture
def schedule(ready: GitIn, tmp_path: Path) -> list[tuple[int, int, int, str]]:
    """What an uninterrupted run of the same plan, revision and writer does."""
    copied = tmp_path / "uninterrupted"
    subprocess.run(["cp", "-r", str(ready.path), str(copied)], check=True)
    GitExp(copied)("run")
    return slots(GitIn(copied))


def expected_scores() -> list[tuple[int, str, float]]:
    return sorted(
        (block, arm, float(f"{speed}.{block}"))
        for block in range(1, BLOCKS + 1)
        for arm, speed in (("control", 20), ("treatment", 10))
    )


def after(process: subprocess.Popen[str], count: int) -> None:
    """Wait until that many trials were told."""
    assert process.stdout is not None
    while count:
        line = process.stdout.readline()
        assert line, "the run ended too soon"
        count -= json.loads(line)["kind"] == "trial"


def test_a_run_killed_again_and_again_ends_as_one_that_was_not(
    ready: GitIn, schedule: list[tuple[int, int, int, str]]
) -> None:
    for moment in MOMENTS:
        running = begin("run", "--json", cwd=ready.path)
        time.sleep(moment / 1000)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()

    end = GitExp(ready.path)("run", "--json").objects[-1]

    assert end["verdict"] == "better"
    assert slots(ready) == schedule
    assert measured(ready) == expected_scores()
    assert len({t["id"] for t in trials(ready)}) == 2 * BLOCKS
    ready("fsck", "--strict", "--no-dangling")


@pytest.mark.parametrize("told", [1, 2, 5])
def test_of_an_interrupted_block_only_the_missing_slot_runs(
    ready: GitIn, schedule: list[tuple[int, int, int, str]], tmp_path: Path, told: int
) -> None:
    trace = {"TRACE": str(tmp_path / "trace")}
    running = begin("run", "--json", cwd=ready.path, env=trace)
    after(running, told)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    kept = len(trials(ready))
    (tmp_path / "trace").write_text("")

    GitExp(ready.path)("run", env=trace)

    ran = [line.split() for line in (tmp_path / "trace").read_text().splitlines()]
    assert kept >= told
    assert len(ran) == 2 * BLOCKS - kept
    assert slots(ready) == schedule
    missing = schedule[kept:]
    assert [(int(block), arm) for block, arm in ran] == [(b, arm) for b, _, _, arm in missing]


def test_a_block_taken_and_not_begun_when_the_run_was_killed_comes_next(
    git: GitIn, tmp_path: Path
) -> None:
    hangs = 'if test "$GITEXP_BLOCK" = 2 && ! test -e "$TRACE.hung"; then\n'
    hangs += '  touch "$TRACE.hung"; sleep 60\nfi\n'
    prepare(git, BENCH.replace("test -z", f"{hangs}test -z"))
    start(git)
    trace = tmp_path / "trace"
    running = begin("run", "--json", cwd=git.path, env={"TRACE": str(trace)})
    while not trace.with_name("trace.hung").exists():
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert [block for block, *_ in slots(git)] == [1, 1]
    trace.write_text("")

    GitExp(git.path)("run", env={"TRACE": str(trace)})

    ran = [int(line.split()[0]) for line in trace.read_text().splitlines()]
    assert ran == [block for block in range(2, BLOCKS + 1) for _ in range(2)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_what_ended_and_leaves_nothing_running(
    git: GitIn, tmp_path: Path, number: signal.Signals
) -> None:
    git.write("bench.sh", BENCH + f"echo $$ >>{tmp_path}/pids\ntest -e {tmp_path}/fast || sleep 30")
    git.commit("Slow after the first block")
    (tmp_path / "fast").touch()
    start(git)
    GitExp(git.path)("run", "--blocks", "1")
    (tmp_path / "fast").unlink()
    (tmp_path / "pids").write_text("")
    running = begin("run", cwd=git.path)
    while not (tmp_path / "pids").read_text().strip():
        time.sleep(0.02)

    running.send_signal(number)
    out, err = running.communicate()

    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert "Traceback" not in err, out + err
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert "run it again" in err
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert len(trials(git)) == 2
    (tmp_path / "fast").touch()
    assert GitExp(git.path)("run", "--json").objects[-1]["blocks_run"] == BLOCKS - 1


def test_an_interrupt_ends_the_stream_of_objects_with_an_envelope(
    git: GitIn, tmp_path: Path
) -> None:
    git.write("bench.sh", BENCH + f"touch {tmp_path}/up; sleep 30\n")
    git.commit("Slow")
    start(git)
    running = begin("run", "--json", cwd=git.path)
    while not (tmp_path / "up").exists():
        time.sleep(0.02)

    running.send_signal(signal.SIGINT)
    out, _ = running.communicate()

    last = json.loads(out.splitlines()[-1])
    assert running.returncode == 130
    assert (last["schema"], last["error"]["code"]) == ("gitexp.error/1", "interrupted")


def test_a_killed_run_does_not_block_the_next(ready: GitIn, tmp_path: Path) -> None:
    running = begin("run", "--json", cwd=ready.path, env={"TRACE": str(tmp_path / "trace")})
    after(running, 1)
    running.kill()
    running.communicate()

    assert GitExp(ready.path)("run", "--json").objects[-1]["verdict"] == "better"


@pytest.mark.parametrize("seed", [1, 2])
def test_runs_stopped_by_interrupts_add_up(
    ready: GitIn, schedule: list[tuple[int, int, int, str]], seed: int
) -> None:
    chance, statuses = random.Random(seed), set()
    for _ in range(4):
        running = begin("run", cwd=ready.path)
        time.sleep(chance.uniform(0.2, 0.9))
        running.send_signal(signal.SIGINT)
        running.communicate()
        statuses.add(running.returncode)

    GitExp(ready.path)("run")

    # the last one: Python itself was still starting
    assert statuses <= {0, 130, -signal.SIGINT}
    assert slots(ready) == schedule
    assert measured(ready) == expected_scores()


@pytest.mark.parametrize("budget", ["--max-cost=score=1", "--max-time=600s --blocks=1"])
def test_runs_ended_by_budgets_add_up(
    ready: GitIn, schedule: list[tuple[int, int, int, str]], budget: str
) -> None:
    git_exp = GitExp(ready.path)
    for _ in range(BLOCKS - 1):
        end = git_exp("run", "--json", *budget.split(), check=False).objects[-1]
        assert (end["verdict"], end["blocks_run"]) == ("collecting", 1)

    assert git_exp("run", "--json", *budget.split()).objects[-1]["verdict"] == "better"
    assert slots(ready) == schedule
    assert measured(ready) == expected_scores()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_run_with_budgets_goes_on_after_any_signal(
    ready: GitIn, schedule: list[tuple[int, int, int, str]], number: signal.Signals
) -> None:
    budgets = ("--max-time=10m", "--max-failures=3", "--max-cost=score=10000")
    running = begin("run", "--json", *budgets, cwd=ready.path)
    after(running, 3)
    running.send_signal(number)
    _, err = running.communicate()

    end = GitExp(ready.path)("run", "--json", *budgets).objects[-1]

    assert "Traceback" not in err
    assert (end["stopped"], end["verdict"]) == ("decided", "better")
    assert slots(ready) == schedule
    assert measured(ready) == expected_scores()
