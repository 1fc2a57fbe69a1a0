"""What pre-push adds to a first push of 20,000 commits: the hook alone, and the whole push.

    python bench/push.py [COMMITS]

The bound is 1 s of our time: processor time, which other work on the machine does not lengthen.
Every tenth commit is a merge.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gitexp.hooks import texts

COMMITS = 20_000
ROUNDS = 5
BOUND_S = 1.0


def main() -> None:
    commits = int(sys.argv[1]) if len(sys.argv) > 1 else COMMITS
    with tempfile.TemporaryDirectory() as folder:
        repo = Path(folder) / "repo"
        _history(repo, commits)
        _experiment(repo)
        hook = [_spent(lambda: _hook(repo)) for _ in range(ROUNDS)]
        with_hook = [_spent(lambda: _push(repo)) for _ in range(ROUNDS)]
        without = [_spent(lambda: _push(repo, "--no-verify")) for _ in range(ROUNDS)]
    print(f"first push of {commits} commits to a protected branch, medians of {ROUNDS}")
    print(f"(bound of pre-push: {BOUND_S:.0f} s of processor time)")
    for name, spent in (
        ("pre-push alone", hook),
        ("git push", with_hook),
        ("git push --no-verify", without),
    ):
        processor_s, wall_s = (statistics.median(column) for column in zip(*spent, strict=True))
        print(f"{name:<21}{processor_s:6.2f} s processor {wall_s:6.2f} s wall")


def _spent(act: Callable[[], None]) -> tuple[float, float]:
    """Processor time of the processes it starts, and time on the wall, in seconds."""
    begin, before = time.perf_counter(), os.times()
    act()
    after = os.times()
    used = after.children_user - before.children_user + after.children_system
    return used - before.children_system, time.perf_counter() - begin


def _git(repo: Path, *args: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", *args], cwd=repo, input=stdin, capture_output=True, check=True
    ).stdout


def _history(repo: Path, commits: int) -> None:
    repo.mkdir()
    _git(repo, "init", "--quiet", "--initial-branch=main")
    _git(repo, "config", "user.name", "Ann")
    _git(repo, "config", "user.email", "ann@example.com")
    _git(repo, "fast-import", "--quiet", stdin="".join(_stream(commits)).encode())
    _git(repo, "reset", "--quiet", "--hard", "main")
    _git(repo, "gc", "--quiet")


def _stream(commits: int) -> Iterator[str]:
    for n in range(1, commits + 1):
        yield f"commit refs/heads/main\nmark :{n}\n"
        yield f"committer Ann <ann@example.com> {1_600_000_000 + n * 60} +0000\n"
        message = (
            f"Change number {n}\n\nWhat it is good for, in a sentence or two of some length.\n"
        )
        yield f"data {len(message)}\n{message}"
        yield f"from :{n - 1}\n" if n > 1 else ""
        yield f"merge :{n - 5}\n" if n % 10 == 0 else ""
        yield f"M 100644 inline file{n % 50}\ndata {len(str(n))}\n{n}\n\n"


def _experiment(repo: Path) -> None:
    exp = ("exp", "create", "fast", "--hypothesis", "a table makes it 10 % faster")
    _git(repo, *exp, "--run", "true", "--no-checkout")
    folder = repo / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    (folder / texts.PRE_PUSH).write_bytes(texts.script(texts.PRE_PUSH))
    (folder / texts.PRE_PUSH).chmod(0o755)


def _hook(repo: Path) -> None:
    tip = _git(repo, "rev-parse", "main").decode().strip()
    line = f"refs/heads/main {tip} refs/heads/main {'0' * 40}\n"
    subprocess.run(
        [str(repo / ".git" / "hooks" / texts.PRE_PUSH), "origin", "nowhere"],
        cwd=repo,
        input=line.encode(),
        check=True,
        capture_output=True,
    )


def _push(repo: Path, *options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _git(repo, "init", "--quiet", "--bare", folder)
        _git(repo, "push", "--quiet", *options, folder, "main")


if __name__ == "__main__":
    main()
