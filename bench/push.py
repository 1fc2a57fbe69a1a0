"""What pre-push adds to a first push of 20,000 commits: the hook alone, and the whole push.

    python bench/push.py [COMMITS]

The bound is 1 s of our time. Every tenth commit is a merge.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
        hook_s = [_hook(repo) for _ in range(ROUNDS)]
        with_s, without_s = [], []
        for _ in range(ROUNDS):
            with_s.append(_push(repo))
            without_s.append(_push(repo, "--no-verify"))
    hook, pushed, plain = map(statistics.median, (hook_s, with_s, without_s))
    print(f"first push of {commits} commits to a protected branch, medians of {ROUNDS}")
    print(f"pre-push alone      {hook:6.2f} s (bound {BOUND_S:.0f} s)")
    print(f"git push            {pushed:6.2f} s")
    print(f"git push --no-verify{plain:6.2f} s")


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


def _hook(repo: Path) -> float:
    tip = _git(repo, "rev-parse", "main").decode().strip()
    line = f"refs/heads/main {tip} refs/heads/main {'0' * 40}\n"
    begin = time.perf_counter()
    subprocess.run(
        [str(repo / ".git" / "hooks" / texts.PRE_PUSH), "origin", "nowhere"],
        cwd=repo,
        input=line.encode(),
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begin


def _push(repo: Path, *options: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True, env=os.environ)
        begin = time.perf_counter()
        _git(repo, "push", "--quiet", *options, folder, "main")
        return time.perf_counter() - begin


if __name__ == "__main__":
    main()
