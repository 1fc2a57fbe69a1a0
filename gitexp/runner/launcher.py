"""A small process that starts, times and ends commands: `python -I -S launcher.py`.

Why a process of its own: on Linux a child's maximum resident size starts at the size of the
process that spawned it, because exec accounts the old memory map's high-water mark to the child. A
parent with numpy loaded makes `true` report more than 100 MB; this one reports about 11 MB, which
is the smallest `maxrss` that can be measured. Hence also few imports and nothing of gitexp.

Protocol: a request on stdin and its reply on stdout are each four bytes of length (little-endian)
and a marshalled dict. End of file on stdin means that the main process is gone or wants an end:
the running command is ended and so is this process. Nobody is woken while a command runs: it
writes to files, and this process sleeps in poll() until the child or the main process ends.

A command is ended as a whole: its process group, and on Linux also every descendant that left the
group or the session, because they become children of this process (PR_SET_CHILD_SUBREAPER).
"""

from __future__ import annotations

import ctypes
import errno
import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # the real one would load typing: 2 MB more in every maxrss
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType
    from typing import Any

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
INSIST_S = 10.0
"""How long a command that was killed is waited for."""
SWEEP_S = 2.0
"""How long leftovers that were killed are waited for."""

_PR_SET_CHILD_SUBREAPER = 36
_MAX_POLL_S = 86_400.0
_REQUESTS = 0
_REPLIES = 1
_ALL_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
_clock = time.perf_counter


class Command:
    """A running command, leader of its own process group."""

    def __init__(self, request: dict[str, Any], alarm: int, files: Sequence[int]) -> None:
        self._alarm = alarm
        self._poll = select.poll()
        self._poll.register(_REQUESTS, select.POLLIN)
        self._poll.register(alarm, select.POLLIN)
        self.status: int | None = None
        self.usage: Any = None
        self.ended = float("nan")
        usable = os.sched_getaffinity(0) if request["cores"] else None
        if usable:
            os.sched_setaffinity(0, request["cores"])  # which the command inherits
        self.started = _clock()
        self.pid = os.posix_spawn(
            request["program"],
            request["argv"],
            request["env"],
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate(files)],
            setpgroup=0,
            setsigmask=(),
            setsigdef=_ALL_SIGNALS,
        )
        if usable:
            os.sched_setaffinity(0, usable)  # not to wake up on the command's own core

    def wait(self, until: float) -> None:
        """Sleep until the command has ended or `until` has come.

        Raises:
            SystemExit: when the main process is gone.
        """
        while self.status is None and (left_s := until - _clock()) > 0:
            ready = self._poll.poll(min(left_s, _MAX_POLL_S) * 1000)
            self._reap()
            self._quiet_alarm()
            if self.status is None and any(fd == _REQUESTS for fd, _ in ready):
                raise SystemExit

    def stop(self) -> None:
        """Ask the group to end; insist after the grace period."""
        self._signal_group(signal.SIGTERM)
        self._sleep_until(_clock() + GRACE_S)
        if self.status is None:
            self._signal_group(signal.SIGKILL)
            self._sleep_until(_clock() + INSIST_S)

    def sweep(self) -> None:
        """Kill what the command left behind, and wait until it is gone."""
        self._signal_group(signal.SIGKILL)
        until = _clock() + SWEEP_S
        while self._reap() and _clock() < until:
            for pid in _children():
                _kill(pid)
            select.select([self._alarm], [], [], 0.01)
            self._quiet_alarm()

    def _reap(self) -> bool:
        """Collect every child that has ended; whether others are left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.ended, self.status, self.usage = _clock(), status, usage

    def _sleep_until(self, until: float) -> None:
        """As `wait`, and nothing interrupts it."""
        while self.status is None and (left_s := until - _clock()) > 0:
            select.select([self._alarm], [], [], left_s)
            self._quiet_alarm()
            self._reap()

    def _quiet_alarm(self) -> None:
        try:  # noqa: SIM105, contextlib is not loaded
            os.read(self._alarm, 4096)
        except BlockingIOError:
            pass  # woken by something else

    def _signal_group(self, number: int) -> None:
        try:  # noqa: SIM105
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # nobody left, or only zombies and processes of other users


def run(request: dict[str, Any], alarm: int) -> dict[str, Any]:
    """Run one command to its end and clean up after it."""
    files = []
    try:
        os.chdir(request["cwd"])
        files.append(os.open(os.devnull, os.O_RDONLY))
        for path in (request["stdout"], request["stderr"]):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            files.append(os.open(path, flags, 0o600))
        return _timed(request, alarm, files)
    except OSError as error:
        return {"step": "prepare", "errno": error.errno, "path": str(error.filename)}
    finally:
        for fd in files:
            os.close(fd)
        os.chdir("/")


def _timed(request: dict[str, Any], alarm: int, files: Sequence[int]) -> dict[str, Any]:
    try:
        command = Command(request, alarm, files)
    except OSError as error:
        return {"step": "spawn", "errno": error.errno, "path": request["program"]}
    timed_out = False
    try:
        command.wait(command.started + request["timeout_s"])
        timed_out = command.status is None
    finally:
        if command.status is None:
            command.stop()
        command.sweep()
    if command.status is None:
        return {"step": "stop", "errno": errno.EPERM, "path": request["program"]}
    return {
        "wall_s": command.ended - command.started,
        "user_s": command.usage.ru_utime,
        "sys_s": command.usage.ru_stime,
        "maxrss_bytes": command.usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "code": os.waitstatus_to_exitcode(command.status),
        "timed_out": timed_out,
    }


def _children() -> Iterator[int]:
    """Living direct children of this process; nothing where there is no /proc."""
    me = str(os.getpid())
    try:
        names = os.listdir("/proc")  # noqa: PTH208, pathlib would double this process
    except FileNotFoundError:
        return
    for name in names:
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent.decode() == me and state != b"Z":
            yield int(name)


def _kill(pid: int) -> None:
    try:  # noqa: SIM105
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # gone meanwhile, or another user's (sudo): not ours to end


def _adopt_orphans() -> None:
    """Become the parent of every orphaned descendant, where the system offers that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _alarm() -> int:
    """A file descriptor that becomes readable when a child ends."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return reader


def _end(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once: the clean-up must not be interrupted
    raise SystemExit


def _read(size: int) -> bytes:
    """Exactly `size` bytes of the requests, or fewer at their end."""
    data = b""
    while len(data) < size and (more := os.read(_REQUESTS, size - len(data))):
        data += more
    return data


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(_REPLIES, data) :]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is the main process's to handle
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    _adopt_orphans()
    alarm = _alarm()
    while len(head := _read(4)) == 4:
        request = marshal.loads(_read(int.from_bytes(head, "little")))
        reply = marshal.dumps(run(request, alarm))
        try:
            _write(len(reply).to_bytes(4, "little") + reply)
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            return  # the main process is gone; nothing is running


if __name__ == "__main__":
    main()
