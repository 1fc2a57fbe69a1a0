"""What measuring costs: `true` by gitexp's launcher and by `hyperfine -N`, taken in one run.

    python bench/trial_overhead.py [TRIALS]

'measured' is the time a trial reports; 'around' is what a whole trial takes beyond that: the
folder, the launcher, the clean-up, reading the metrics. Medians. The budget around a trial is 5 ms.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from gitexp.runner.process import Launcher
from gitexp.runner.trial import measure

ROUNDS = 5


def own(trials: int, folder: Path, launcher: Launcher) -> list[tuple[float, float, float]]:
    """(measured, around, maxrss) of each trial; seconds and bytes."""
    found = []
    for _ in range(trials):
        begin = time.perf_counter()
        result = measure(
            launcher, "true", cwd=folder, env=os.environ, timeout_s=60, scratch=folder / "trial"
        )
        whole_s = time.perf_counter() - begin
        time_s = result.metrics["time"]
        found.append((time_s, whole_s - time_s, result.metrics["maxrss"]))
    return found


def hyperfine(trials: int, folder: Path) -> list[float]:
    """Times of `hyperfine -N true`, seconds."""
    document = folder / "hyperfine.json"
    subprocess.run(
        ["hyperfine", "-N", "--runs", str(trials), "--export-json", str(document), "true"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    times: list[float] = json.loads(document.read_text())["results"][0]["times"]
    return times


def row(name: str, values_s: list[float]) -> str:
    p95 = quantiles(values_s, n=20)[-1]
    return f"{name:<28} {median(values_s) * 1e3:8.3f} {p95 * 1e3:8.3f}"


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    ballast = bytearray(200_000_000)  # the main process may be as large as it likes
    ours: list[tuple[float, float, float]] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as name, Launcher() as launcher:
        folder = Path(name)
        own(10, folder, launcher)
        for _ in range(ROUNDS):  # interleaved, so that both see the same machine
            ours += own(trials // ROUNDS, folder, launcher)
            if shutil.which("hyperfine"):
                theirs += hyperfine(max(trials // ROUNDS, 2), folder)
    measured, around, maxrss = zip(*ours, strict=True)
    print(f"{len(ours)} trials of 'true'{'':<8} {'median':>8} {'p95':>8}  (ms)")
    print(row("gitexp, measured", list(measured)))
    print(row("hyperfine -N, measured", theirs) if theirs else "hyperfine is not installed")
    print(row("gitexp, around a trial", list(around)))
    print(
        f"smallest maxrss: {min(maxrss) / 1e6:.1f} MB, "
        f"under a main process of more than {len(ballast) / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
