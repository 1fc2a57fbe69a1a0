"""The processes of a soak: started, counted by how they ended, and some of them killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """How a process ended, and what it said until then.

    Attributes:
        status: −9 for one that was killed.
    """

    status: int
    stdout: str
    stderr: str

    @property
    def was_killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def objects(self) -> list[Any]:
        """The JSON documents of stdout; one that was cut off is none."""
        found, rest = [], self.stdout.lstrip()
        with contextlib.suppress(json.JSONDecodeError):
            while rest:
                value, end = json.JSONDecoder().raw_decode(rest)
                found.append(value)
                rest = rest[end:].lstrip()
        return found


class Processes:
    """All of them together.

    Attributes:
        ended: How often each (command, exit status) came about.
        refusals: How often each (command, exit status, kind of failure) did.
        killed: How many were killed, alone or with all they had started.
    """

    def __init__(self) -> None:
        self.ended: Counter[tuple[str, int]] = Counter()
        self.refusals: Counter[tuple[str, int, str]] = Counter()
        self.killed = {"alone": 0, "with its git": 0}
        self._lock = threading.Lock()
        self._mortal: list[int] = []

    def run(
        self,
        name: str,
        words: Sequence[str],
        cwd: Path,
        *,
        is_mortal: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run it to its end, and count it under this name.

        Its output goes to files, so that nothing it said is lost with it.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with self._lock:
                process = subprocess.Popen(
                    words,
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
                if is_mortal:
                    self._mortal.append(process.pid)
            # not reaped before it is off the list: its number cannot be another's meanwhile
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            with self._lock:
                if is_mortal:
                    self._mortal.remove(process.pid)
                status = process.wait()
            out.seek(0)
            err.seek(0)
            ran = Ran(
                status, out.read().decode(errors="replace"), err.read().decode(errors="replace")
            )
        with self._lock:
            self.ended[name, status] += 1
            if status > 0:
                self.refusals[name, status, _kind(ran)] += 1
        return ran

    def kill_one(self, rng: random.Random) -> None:
        """Kill a process chosen at random, half the time with everything it started."""
        with self._lock:
            if not self._mortal:
                return
            pid = rng.choice(self._mortal)
            if rng.random() < 0.5:
                os.killpg(pid, signal.SIGKILL)
                self.killed["with its git"] += 1
            else:
                os.kill(pid, signal.SIGKILL)
                self.killed["alone"] += 1


def _kind(ran: Ran) -> str:
    """The code of the failure, else the last line of what was said."""
    for line in reversed(ran.stdout.splitlines()):
        if line.startswith('{"schema": "gitexp.error/1"'):
            return str(json.loads(line)["error"]["code"])
    said = [line for line in ran.stderr.splitlines() if not line.startswith("hint: ")]
    return said[-1][:100] if said else "nothing said"


def marked(mark: str) -> list[int]:
    """The processes whose environment holds the mark: also those their parents left behind."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in environment:
            found.append(int(folder.name))
    return found
