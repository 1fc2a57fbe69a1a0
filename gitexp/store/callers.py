"""The processes that led to this one, by their arguments."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitexp.store.git import output_of

_MOST = 16
"""How far up is looked: hook managers put a few processes between git and us."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The arguments of a process.

    Attributes:
        is_exact: Each argument is known for itself; else blanks in them look like ends.
    """

    words: tuple[str, ...]
    is_exact: bool


def callers(pid: int) -> Iterator[CommandLine]:
    """The process, its parent and so on, as far as they can be read."""
    for _ in range(_MOST):
        found = _from_proc(pid) or _from_ps(pid)
        if found is None:
            return
        pid, line = found
        yield line
        if pid <= 1:
            return


def _from_proc(pid: int) -> tuple[int, CommandLine] | None:
    """The parent, and the arguments, where the system has /proc."""
    folder = Path("/proc", str(pid))
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")[:-1]
        # the second field is the program's name in brackets, whatever it holds
        parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return parent, CommandLine(tuple(map(os.fsdecode, words)), is_exact=True)


def _from_ps(pid: int) -> tuple[int, CommandLine] | None:
    answer = output_of("ps", "-o", "ppid=", "-o", "args=", "-p", str(pid)) or ""
    parent, *words = answer.split() or [""]
    if not parent.isdecimal():
        return None
    return int(parent), CommandLine(tuple(words), is_exact=False)
