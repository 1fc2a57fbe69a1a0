"""Running a command in a process that dies at its n-th step.

The product knows nothing of this: the steps are found from outside, by wrapping, in the forked
process only, what everything of ours goes through to change the disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gitexp.store import files, git, recovery, workshop

_HARMLESS = {
    "rev-parse",
    "symbolic-ref --quiet",
    "for-each-ref",
    "config --null",
    "config --type=bool",
    "var",
    "log",
    "show",
    "merge-base",
    "diff-tree",
    "diff-index",
    "diff-files",
    "diff",
    "status",
    "rev-list",
    "cat-file",
}
"""git commands that change nothing: dying before one is dying before the next."""

COMPLETED, DIED, FAILED = 0, 1, 2


def run_and_die(act: Callable[[], object], *, at: int) -> int:
    """Run `act` in a process that kills itself before its step number `at`.

    Returns:
        COMPLETED when there was no such step, else DIED; FAILED when `act` raised.
    """
    return _forked(lambda: _die_at(at), act)


def run_and_kill_git(act: Callable[[], object], *, command: str, call: int) -> int:
    """Run `act`; kill git at that system call of the first `git command …`, and then ourselves."""
    return _forked(lambda: _kill_git_at(command, call), act)


def _forked(prepare: Callable[[], None], act: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        status = FAILED
        try:
            prepare()
            act()
            status = COMPLETED
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return DIED
    return os.WEXITSTATUS(status)


def _die_at(at: int) -> None:
    left = at

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def stepped(*args: Any, **kwargs: Any) -> Any:
            step()
            return real(*args, **kwargs)

        setattr(owner, name, stepped)

    real_run = git._run

    def run(args: Sequence[str], **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
        if args[0] not in _HARMLESS and " ".join(args[:2]) not in _HARMLESS:
            step()
        return real_run(args, **kwargs)

    git._run = run
    before(files.Folder, "write")
    before(files.Folder, "rename")
    before(files.Folder, "remove")
    before(files.Folder, "sync")
    for module in (workshop, recovery):
        before(module.shutil, "rmtree")
    before(Path, "unlink")


def _kill_git_at(command: str, call: int) -> None:
    real = subprocess.run
    done = False

    def run(args: Sequence[str], **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
        nonlocal done
        if done or args[0] != "git" or not _is(command, args):
            return real(args, **kwargs)
        done = True
        calls = "rename,unlink,link,symlink,mkdir,rmdir,write,ftruncate"
        strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}"]
        answer = real(
            [*strace, "-e", f"inject={calls}:signal=SIGKILL:when={call}", *args], **kwargs
        )
        if answer.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    git.subprocess.run = run  # type: ignore[attr-defined]


def _is(command: str, args: Sequence[str]) -> bool:
    words = command.split()
    return any(list(args[at : at + len(words)]) == words for at in (1, 3))


def restore_folder(saved: Path, folder: Path) -> None:
    """Put a saved copy in the place of the folder, at the same path."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    subprocess.run(["cp", "-a", str(saved), str(folder)], check=True)
