"""What `git exp exec` takes before the command starts, and after it ended: ratios of one run.

python bench/exec.py [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

GIT_EXP = Path(sys.executable).with_name("git-exp")
STAMP = "#!/bin/sh\nexec date +%s%N\n"
"""A command that says when it started; its own start is on our side of the scales."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time what exec adds to a command.")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_STATE_HOME": f"{folder}/state", "XDG_CACHE_HOME": f"{folder}/cache"}
        repository = _repository(Path(folder) / "small", blocks=options.rounds + 10)
        use = [str(GIT_EXP), "exec", "trim", "--", "./stamp"]
        first = _until_start(use, repository)[0]
        bare, start, alone, whole = [], [], [], []
        for _ in range(options.rounds):
            # in turn, so that a busy machine slows all alike
            bare.append(_duration([sys.executable, "-c", "pass"], repository))
            began, all_of_it = _until_start(use, repository)
            start.append(began)
            whole.append(all_of_it)
            alone.append(_until_start(["./stamp"], repository)[0])
        python, before = statistics.median(bare), statistics.median(start)
        added = before - statistics.median(alone)
        print(
            f"exec, until the command runs: {before * 1000:.0f} ms, {before / python:.2f} x "
            f"python -c pass (bound 3); {added * 1000:.0f} ms more than the command alone"
        )
        print(f"exec, all of it with the record: {statistics.median(whole) * 1000:.0f} ms")
        print(f"exec, the first use, which checks both arms out: {first * 1000:.0f} ms before it")


def _duration(command: Sequence[str], cwd: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - began


def _until_start(command: Sequence[str], cwd: Path) -> tuple[float, float]:
    """Seconds until the command ran, and until all had ended."""
    began = time.time_ns()
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    ended = time.time_ns()
    if done.stderr:
        raise SystemExit(done.stderr.decode())
    return (int(done.stdout) - began) / 1e9, (ended - began) / 1e9


def _repository(folder: Path, *, blocks: int) -> Path:
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], check=True)
    stamp = folder / "stamp"
    stamp.write_text(STAMP)
    stamp.chmod(0o755)
    for args in (
        ["git", "config", "user.name", "Bench"],
        ["git", "config", "user.email", "bench@example.org"],
        ["git", "add", "--all"],
        ["git", "commit", "--quiet", "-m", "Begin"],
        [
            str(GIT_EXP), "create", "--id", "trim", "--max-blocks", str(blocks),
            "--hypothesis", "starting is 10 % faster",
        ],
    ):  # fmt: skip
        subprocess.run(args, cwd=folder, check=True, capture_output=True)
    stamp.write_text(STAMP + "# changed\n")
    subprocess.run(["git", "commit", "-qam", "Change it"], cwd=folder, check=True)
    return folder


if __name__ == "__main__":
    main()
