"""Many uses at once, uses that are killed, uses beside a run, and slots told beforehand."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.live.using import Desk, is_unrecorded

SLEEPER = ("sh", "-c", "echo ready; exec sleep 60")


def test_eight_processes_take_every_slot_once(desk: Desk) -> None:
    warnings: list[str] = []

    def use_often() -> None:
        for _ in range(12):
            warnings.append(desk.use("fast", "--", "./tool.sh").stderr)

    threads = [threading.Thread(target=use_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(warnings) == {""}
    slots = desk.slots
    assert len(slots) == sum(slots.values()) == 96
    blocks = sorted({block for block, _, _ in slots})
    assert blocks == list(range(1, len(blocks) + 1))
    # of a super-block of two, one or two can be open in the end
    assert len(blocks) in (48, 49)
    assert desk.git("fsck", "--strict") == ""


def test_a_use_that_is_killed_is_a_failed_trial_once(desk: Desk) -> None:
    desk.use("fast", "--", "./tool.sh")
    with desk.begin("fast", "--", *SLEEPER, start_new_session=True) as using:
        assert using.stdout is not None
        using.stdout.readline()
        using.kill()
        using.wait()
        _end_group(using.pid)

    for _ in range(3):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""

    failed = [t for t in desk.trials if t["outcome"] == "failed"]
    assert len(failed) == 1
    assert failed[0]["metrics"] == {"failures": 1.0}
    assert set(desk.slots.values()) == {1}
    assert len(desk.trials) == 5


def _end_group(leader: int) -> None:
    os.killpg(leader, signal.SIGKILL)


def test_a_use_that_goes_on_is_waited_for_by_nobody(desk: Desk) -> None:
    with desk.begin("fast", "--", *SLEEPER, start_new_session=True) as using:
        assert using.stdout is not None
        using.stdout.readline()
        for _ in range(5):
            assert desk.use("fast", "--", "./tool.sh").stderr == ""
        _end_group(using.pid)
        assert using.wait() == -signal.SIGKILL

    assert set(desk.slots.values()) == {1}


@pytest.fixture
def runnable(desk: Desk) -> Desk:
    """The same with a plan that `run` can run, too."""
    desk.exp(
        "create", "both", "--like", "fast", "--hypothesis", "a table lowers the score by 20 %",
        "--run", "./tool.sh", "--max-blocks", "200", "--min-blocks", "200",
        "--warm-up", "0", "--command", "both",
    )  # fmt: skip
    return desk


def both(desk: Desk) -> list[tuple[int, int, str]]:
    records = desk.exp("log", "both", "--json").json["records"]
    trials = [record for record in records if record["kind"] == "trial"]
    return [(t["block"], t["attempt"], t["arm"]) for t in trials]


def test_run_and_uses_at_once_never_measure_a_slot_twice(runnable: Desk) -> None:
    running = threading.Thread(target=lambda: runnable.exp("run", "both", "--blocks", "20"))
    running.start()
    while running.is_alive():
        assert runnable.use("both", "--", "./tool.sh").stderr == ""

    found = both(runnable)
    assert len(found) == len(set(found))
    status = runnable.exp("log", "both", "--json").json["records"]
    assert len({r["id"] for r in status}) == len(status)
    # what uses began and left half done, the next run ends
    runnable.exp("run", "both", "--blocks", "3")
    blocks = sorted({block for block, _, _ in both(runnable)})
    assert blocks == list(range(1, len(blocks) + 1))
    assert runnable.git("fsck", "--strict") == ""


def test_a_run_ends_blocks_that_uses_began(runnable: Desk) -> None:
    for _ in range(3):
        runnable.use("both", "--", "./tool.sh")

    runnable.exp("run", "both", "--blocks", "4")

    found = both(runnable)
    assert len(found) == len(set(found))
    blocks = {block for block, _, _ in found}
    assert all(sum(1 for b, _, _ in found if b == block) == 2 for block in blocks)
    assert runnable.use("both", "--", "./tool.sh").stderr == ""


def test_a_run_passes_over_a_slot_in_use(runnable: Desk) -> None:
    with runnable.begin("both", "--", *SLEEPER, start_new_session=True) as using:
        assert using.stdout is not None
        using.stdout.readline()
        runnable.exp("run", "both", "--blocks", "3")
        assert 1 not in {block for block, _, _ in both(runnable)}
        _end_group(using.pid)
        using.wait()

    runnable.exp("run", "both", "--blocks", "2")

    found = both(runnable)
    assert len(found) == len(set(found))
    assert {arm for block, _, arm in found if block == 1} == {"control", "treatment"}


# --- assign -------------------------------------------------------------------------------------


def test_what_was_assigned_is_recorded_by_its_trial(desk: Desk) -> None:
    told = desk.exp("assign", "fast", "--json").json
    version = Path(told["path"], "version").read_text()

    (command,) = told["next"]
    words = command.replace("VALUE", "12.5").split()
    done = desk.exp(*words[2:], "--json").json

    assert version == {"control": "20\n", "treatment": "10\n"}[told["arm"]]
    assert (done["arm"], done["block"], done["existed"]) == (told["arm"], told["block"], False)
    (trial,) = desk.trials
    assert (trial["id"], trial["trial_id"]) == (told["trial"], told["trial"])
    assert trial["metrics"]["score"] == 12.5
    assert desk.exp(*words[2:], "--json").json["existed"]


def test_an_assignment_is_asked_for_by_the_commands_name_too(desk: Desk) -> None:
    told = desk.exp("assign", "--for", "tool", "--json").json
    unknown = desk.exp("assign", "--for", "other", check=False)
    both = desk.exp("assign", "fast", "--for", "tool", check=False)

    assert (told["id"], told["block"]) == ("fast", 1)
    assert (unknown.status, both.status) == (6, 129)
    assert "no running experiment is for the command 'other'" in unknown.stderr


def test_an_assignment_is_nobody_elses(desk: Desk) -> None:
    told = [desk.exp("assign", "fast", "--json").json for _ in range(5)]
    for _ in range(5):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""
    for each in told:
        desk.exp("record", "fast", "--trial-id", each["trial"], "-m", "score=3")

    assert set(desk.slots.values()) == {1}
    assert len(desk.trials) == 10


def test_an_assignment_that_comes_to_nothing_is_a_failed_trial(desk: Desk) -> None:
    desk.git("config", "exp.reservationTimeout", "1s")
    told = desk.exp("assign", "fast", "--json").json
    time.sleep(1.2)

    desk.use("fast", "--", "./tool.sh")

    failed = [t for t in desk.trials if t["outcome"] == "failed"]
    assert [t["id"] for t in failed] == [told["trial"]]
    late = desk.exp("record", "fast", "--trial-id", told["trial"], "-m", "score=3", check=False)
    assert late.status == 6
    assert "recorded already" in late.stderr


def test_a_record_by_hand_ends_what_was_abandoned_and_takes_no_slot_in_use(desk: Desk) -> None:
    desk.git("config", "exp.reservationTimeout", "2s")
    told = desk.exp("assign", "fast", "--json").json
    words = ("record", "fast", "--arm", told["arm"], "-m", "score=3", "--block", "1")

    refused = desk.exp(*words, check=False)
    assert (refused.status, told["block"]) == (6, 1)
    assert "in use" in refused.stderr
    time.sleep(2.2)
    taken = desk.exp(*words, check=False)
    assert taken.status == 6
    assert "has its" in taken.stderr
    assert [(t["id"], t["outcome"]) for t in desk.trials] == [(told["trial"], "failed")]


def test_sync_ends_what_was_abandoned(desk: Desk, tmp_path: Path) -> None:
    desk.git("init", "--quiet", "--bare", str(tmp_path / "shared.git"))
    desk.git("remote", "add", "origin", str(tmp_path / "shared.git"))
    with desk.begin("fast", "--", *SLEEPER, start_new_session=True) as using:
        assert using.stdout is not None
        using.stdout.readline()
        _end_group_and_us(using.pid)
        using.wait()

    desk.exp("sync")

    assert [t["outcome"] for t in desk.trials] == ["failed"]


def _end_group_and_us(leader: int) -> None:
    os.kill(leader, signal.SIGKILL)
    _end_group(leader)


def test_another_arm_than_assigned_is_refused(desk: Desk) -> None:
    told = desk.exp("assign", "fast", "--json").json
    other = {"control": "treatment", "treatment": "control"}[told["arm"]]

    done = desk.exp(
        "record", "fast", "--trial-id", told["trial"], "--arm", other, "-m", "score=3", check=False
    )

    assert done.status == 129
    assert f"was assigned to the {told['arm']}" in done.stderr
    assert desk.trials == []


def test_without_an_assignment_the_arm_has_to_be_said(desk: Desk) -> None:
    done = desk.exp("record", "fast", "--trial-id", "mine", "-m", "score=3", check=False)

    assert done.status == 129
    assert "needs its arm" in done.stderr


def test_nothing_is_assigned_where_nothing_is_compared(desk: Desk) -> None:
    desk.git("reset", "--quiet", "--hard", "HEAD~")

    done = desk.exp("assign", "fast", check=False)

    assert done.status == 6
    assert "same code" in done.stderr
    assert is_unrecorded(desk.use("fast", "--", "true"), "same code")


def test_a_plan_of_windows_takes_no_single_uses(desk: Desk) -> None:
    desk.exp("create", "live", "--like", "fast", "--windows", "--test", "t", "--command", "web")

    done = desk.exp("assign", "live", check=False)

    assert done.status == 6
    assert "window of many uses" in done.stderr
    assert is_unrecorded(desk.use("live", "--", "true"), "window of many uses")


def test_what_was_assigned_may_fail_be_void_and_be_recorded_again(desk: Desk) -> None:
    failed, void = (desk.exp("assign", "fast", "--json").json for _ in range(2))
    desk.exp("record", "fast", "--trial-id", failed["trial"], "--outcome", "failed")
    desk.exp("record", "fast", "--trial-id", void["trial"], "--outcome", "void")

    again = desk.exp(
        "record", "fast", "--trial-id", failed["trial"], "--outcome", "failed", "--json"
    )
    other = desk.exp("record", "fast", "--trial-id", failed["trial"], "-m", "score=1", check=False)

    assert again.json["existed"] is True
    assert other.status == 6
    assert "recorded already" in other.stderr
    assert [(t["outcome"], t["arm"]) for t in desk.trials] == [
        ("failed", failed["arm"]),
        ("void", void["arm"]),
    ]
    # the void block is given out anew, both slots of it
    slots = [desk.exp("assign", "fast", "--json").json for _ in range(4)]
    assert {s["arm"] for s in slots if s["block"] == void["block"]} == {"control", "treatment"}
