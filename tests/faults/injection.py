"""A fault at the n-th system call with which the installed program changes the disk.

`strace` brings it about from outside. A first run, which nothing disturbs, lists the calls; then
one of them is met by SIGKILL, which comes before the call is made, or is answered with an error
and not made. strace counts the calls of one name in one process, so a step is a name and a number.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.support import BIN

STRACE = shutil.which("strace")
PROGRAM = str(BIN / "git-exp")

_ON_DESCRIPTORS = ("write", "pwrite64", "writev")
_OPENING = "openat"
_BY_THEMSELVES = (
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "utimensat",
)
_FREEING = ("unlink", "unlinkat", "rmdir")
"""A full disk does not refuse these."""
_CHANGING = (*_ON_DESCRIPTORS, *_BY_THEMSELVES)
_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")


class Fault(StrEnum):
    """What happens at a step, as the table calls it."""

    KILLED = "killed"
    FULL_ONCE = "no space, or an error, once"
    FULL = "no space from then on"
    READ_ONLY = "read-only from then on"
    ALL_FULL = "no space, for its git too"


@dataclass(frozen=True, slots=True)
class Step:
    """A call that changes the disk.

    Attributes:
        number: Which of the process's calls of this name, from 1.
        later: For every name the number of its first call from here on.
    """

    call: str
    number: int
    later: Mapping[str, int]
    text: str


def steps(args: Sequence[str], *, cwd: Path, home: Path) -> tuple[list[Step], str]:
    """Run `git-exp args…` undisturbed.

    Returns:
        The calls with which it changed something below `home`, and what it printed.
    """
    log = home.parent / "strace.log"
    names = ",".join((*_CHANGING, _OPENING))
    done = _traced(["-y", "-o", str(log), "-e", f"trace={names}"], args, cwd=cwd)
    assert done.returncode == 0, f"{args}\n{done.stdout}{done.stderr}"
    counts: Counter[str] = Counter()
    found: list[Step] = []
    for line in log.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        call, said, status, opened = match.groups()
        counts[call] += 1
        if int(status) >= 0 and _changes(call, said, opened, home):
            later = {name: counts[name] + (name != call) for name in _CHANGING}
            found.append(Step(call, counts[call], later, line[:120]))
    return found, done.stdout


def _changes(call: str, said: str, opened: str | None, home: Path) -> bool:
    if call == _OPENING:
        return "O_CREAT" in said and opened is not None and opened.startswith(str(home))
    if call in _ON_DESCRIPTORS:
        return re.match(r"\d+<([^>]*)>", said + ">") is not None and f"<{home}" in said[:400]
    return True


def disturbed(
    args: Sequence[str], fault: Fault, step: Step, *, cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run `git-exp args…` with the fault at the step."""
    match fault:
        case Fault.KILLED:
            how = [f"{step.call}:signal=SIGKILL:when={step.number}"]
        case Fault.FULL_ONCE:
            error = "EIO" if step.call in _FREEING else "ENOSPC"
            how = [f"{step.call}:error={error}:when={step.number}"]
        case Fault.FULL | Fault.READ_ONLY:
            spared = _FREEING if fault is Fault.FULL else ()
            error = "ENOSPC" if fault is Fault.FULL else "EROFS"
            later = {name: n for name, n in step.later.items() if name not in spared}
            how = [f"{name}:error={error}:when={n}+" for name, n in later.items()]
        case Fault.ALL_FULL:
            filling = [name for name in _BY_THEMSELVES if name not in _FREEING]
            how = [f"{name}:error=ENOSPC:when={step.number}+" for name in filling]
    follow = ["-f"] if fault is Fault.ALL_FULL else []
    injected = [part for each in how for part in ("-e", f"inject={each}")]
    traced = sorted({each.partition(":")[0] for each in how})
    options = [*follow, "-qq", "-o", "/dev/null", "-e", f"trace={','.join(traced)}", *injected]
    return _traced(options, args, cwd=cwd)


def without_space(number: int, args: Sequence[str]) -> list[str]:
    """The command, with no space left from that call of each name on, in all its processes."""
    assert STRACE is not None
    filling = [name for name in _BY_THEMSELVES if name not in _FREEING]
    injected = [part for n in filling for part in ("-e", f"inject={n}:error=ENOSPC:when={number}+")]
    trace = f"trace={','.join(filling)}"
    return [STRACE, "-f", "-qq", "-o", "/dev/null", "-e", trace, *injected, *args]


def _traced(
    options: Sequence[str], args: Sequence[str], *, cwd: Path
) -> subprocess.CompletedProcess[str]:
    assert STRACE is not None
    # "--seccomp-bpf" needs -f; without it strace stops at every call, which only takes longer
    return subprocess.run(
        [STRACE, *options, PROGRAM, *args],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
