"""What our hooks cost when there is nothing to do: ratios to `sh -c 'git rev-parse'` of one run.

    python bench/hooks.py [ROUNDS]

The bound is 3. Medians; all of them are run in turn, so that a busy machine slows all alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp.hooks import texts

BOUND = 3
BASE = "sh -c 'git rev-parse'"


@dataclass(frozen=True)
class Case:
    """One call of a hook, or what it is compared with."""

    name: str
    command: list[str]
    cwd: Path
    stdin: bytes = b""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        cases = _cases(Path(folder))
        times_s = _measure(cases, rounds)
    base_s = statistics.median(times_s[BASE])
    print(f"{rounds} rounds, medians; {BASE}: {base_s * 1e3:.2f} ms (bound {BOUND} x)")
    for case in cases[1:]:
        median_s = statistics.median(times_s[case.name])
        print(f"{case.name:<62} {median_s * 1e3:6.2f} ms {median_s / base_s:6.2f} x")


def _measure(cases: list[Case], rounds: int) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            begin = time.perf_counter()
            subprocess.run(
                case.command, cwd=case.cwd, input=case.stdin, check=True, capture_output=True
            )
            found[case.name].append(time.perf_counter() - begin)
    return found


def _cases(folder: Path) -> list[Case]:
    plain = _repository(folder / "plain")
    tried = _repository(folder / "tried")
    _git(tried, "branch", "exp/fast")
    _git(tried, "update-ref", "refs/notes/exp/fast/ann", "HEAD")
    tag = f"refs/tags/v1 {'1' * 40} refs/tags/v1 {'0' * 40}\n".encode()
    branch = tag.replace(b"tags/v1", b"heads/main")
    commit, push = (os.fspath(Path(".git", "hooks", name)) for name in texts.NAMES)
    remote = ["origin", "https://example.org/repository.git"]
    return [
        Case(BASE, ["sh", "-c", "git rev-parse"], plain),
        Case("post-commit, not on an experiment", [commit], tried),
        Case("pre-push, a repository without experiments", [push, *remote], plain, branch),
        Case("pre-push, a tag", [push, *remote], tried, tag),
        Case("pre-push, 1,000 tags", [push, *remote], tried, tag * 1000),
    ]


def _repository(folder: Path) -> Path:
    _git(Path("/"), "init", "--quiet", "--initial-branch=main", os.fspath(folder))
    _git(folder, "-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "--quiet",
         "--allow-empty", "-m", "Begin")  # fmt: skip
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in texts.NAMES:
        (hooks / name).write_bytes(texts.script(name))
        (hooks / name).chmod(0o755)
    return folder


def _git(folder: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
