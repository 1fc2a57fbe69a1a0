"""Who keeps a lock: the processes that have its file open, as far as the system tells.

Linux tells in /proc, of one's own processes. Elsewhere, and of others' processes, nothing is known.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a lock file open.

    Attributes:
        command: What was started, shortened.
        since_s: Seconds since the process began.
        is_stopped: Whether it waits to be told to go on, as after ^Z.
    """

    pid: int
    command: str
    since_s: float
    is_stopped: bool

    def __str__(self) -> str:
        stopped = ", stopped" if self.is_stopped else ""
        return f"process {self.pid} ({self.command}{stopped}), begun {lasting(self.since_s)} ago"

    @property
    def hint(self) -> str:
        """What to type about it."""
        if self.is_stopped:
            return f"let it go on: kill -CONT {self.pid}; then run it again"
        return f"wait for it, then run it again; to end it: kill {self.pid}"


def holder(path: Path) -> Holder | None:
    """The process that keeps this lock file; None when nothing is known.

    Of several that have it open, the one that the system says has the lock, else the first to
    begin: a git whose parent was killed has the lock from it, and others wait for that.
    """
    found = sorted(_with_open(path), key=lambda each: -each.since_s)
    locking = _locking(path)
    return next((each for each in found if each.pid in locking), found[0] if found else None)


def said(path: Path, otherwise: str) -> tuple[str, str]:
    """Words for a refusal: who keeps the lock, to follow a sentence, and what to type.

    Args:
        otherwise: What to type when nothing is known.
    """
    found = holder(path)
    return ("", otherwise) if found is None else (f": {found}", found.hint)


def _with_open(path: Path) -> Iterator[Holder]:
    try:
        wanted = path.stat()
        pids = [int(each.name) for each in _PROC.iterdir() if each.name.isdecimal()]
    except OSError:
        return
    for pid in pids:
        if pid != os.getpid() and _has_open(pid, wanted):
            with contextlib.suppress(OSError, ValueError, IndexError):
                yield _described(pid)


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        for each in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                found = each.stat()
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    except OSError:
        pass
    return False


def _described(pid: int) -> Holder:
    folder = _PROC / str(pid)
    words = [os.fsdecode(word) for word in (folder / "cmdline").read_bytes().split(b"\0") if word]
    # the name, which may hold anything, ends at the last parenthesis
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    up_s = float((_PROC / "uptime").read_text().split()[0])
    return Holder(
        pid=pid,
        command=_shortened(words),
        since_s=max(0.0, up_s - int(fields[19]) / os.sysconf("SC_CLK_TCK")),
        is_stopped=fields[0] == "T",
    )


def _shortened(words: list[str]) -> str:
    """What a person would call it: programs without their folders, an interpreter left out."""
    names = [Path(word).name if "/" in word else word for word in words[:2]] + words[2:]
    if names and names[0].startswith("python") and len(names) > 1:
        del names[0]
    text = " ".join(" ".join(names).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _locking(path: Path) -> set[int]:
    """The processes that took a lock on it, some of which may have ended."""
    found: set[int] = set()
    with contextlib.suppress(OSError, ValueError, IndexError):
        inode = f":{path.stat().st_ino}"
        for line in (_PROC / "locks").read_text().splitlines():
            fields = line.split()
            if "->" not in fields and fields[5].endswith(inode):
                found.add(int(fields[4]))
    return found


def lasting(seconds: float) -> str:
    """A span in its largest unit.

    >>> lasting(7300)
    '2 hours'
    """
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{int(seconds)} second{'s' * (int(seconds) != 1)}"
