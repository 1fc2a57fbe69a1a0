"""Interrupts and alarms around a use: what its command did is recorded, once."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest

from gitexp.app.uses import record_use
from gitexp.live import lane
from gitexp.live.child import Ended
from gitexp.live.slots import USE, SlotsFile
from gitexp.store.store import Store
from tests.live.using import EXEC, Desk


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_after_the_command_ended(desk: Desk, number: signal.Signals) -> None:
    """Whoever presses ^C means the command: its trial is neither lost nor given out again."""
    report = "trap '' INT TERM HUP; echo score=1 >$GITEXP_METRICS; echo ended"
    for wait_s in (0.0, 0.02, 0.05, 0.1, 0.15):
        use = desk.begin("fast", "--", "sh", "-c", report)
        assert use.stdout is not None
        use.stdout.readline()
        time.sleep(wait_s)
        use.send_signal(number)
        _, errors = use.communicate(timeout=60)
        assert (use.returncode, errors) == (0, "")

    desk.use("fast", "--", "true")
    outcomes = [trial["outcome"] for trial in desk.trials]
    assert outcomes == ["ok"] * 6
    assert set(desk.slots.values()) == {1}


@pytest.mark.parametrize("what", [KeyboardInterrupt, OSError, MemoryError])
def test_what_goes_wrong_once_it_is_recorded_gives_no_slot_out_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: type[BaseException]
) -> None:
    desk.use("fast", "--", "true")
    common_dir = str(desk.path / ".git")
    known = lane.find(common_dir, "id-fast", os.environ)
    assert known is not None
    with SlotsFile(common_dir, known.slots) as file:
        slots = file.load()
        assert slots is not None
        slot = slots.take()
        assert slot is not None
        held = slots.reserve(slot, kind=USE, commit=known.commits[slot.arm], limit_s=60)
        file.save(slots)
    record = Store.record

    def recorded_and_then(*args: object, **named: object) -> None:
        record(*args, **named)  # type: ignore[arg-type]
        raise what

    monkeypatch.setattr(Store, "record", recorded_and_then)
    monkeypatch.chdir(desk.path)
    ended = Ended(
        wall_s=1, user_s=0, sys_s=0, maxrss_bytes=1, exit_code=0, signal=None, cannot_start=None
    )

    complaint = record_use(common_dir, known, held, ended, metrics_file="/nowhere/metrics")

    assert complaint is None
    for _ in range(4):
        desk.use("fast", "--", "true")
    assert held.trial in [trial["id"] for trial in desk.trials]
    assert set(desk.slots.values()) == {1}


@pytest.mark.skipif(shutil.which("perl") is None, reason="no perl to set an alarm with")
def test_an_alarm_set_before_reaches_the_command(desk: Desk) -> None:
    """`perl -e 'alarm 5; exec …'` is a timeout where there is no timeout(1)."""
    begun = time.monotonic()
    code = "alarm 2; exec @ARGV"
    done = desk.use("fast", "--", "sleep", "60", program=["perl", "-e", code, *EXEC])

    assert done.returncode == -signal.SIGALRM
    assert time.monotonic() - begun < 50
    assert [trial["outcome"] for trial in desk.trials] == ["failed"]
