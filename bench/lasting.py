"""Whether two identical arms differ by something that lasts as long as an experiment.

    python -m bench.lasting [EXPERIMENTS]

EXPERIMENTS (default 20) compare a command with itself for 200 blocks each, with the installed
program; the arms differ in a comment. The 200 blocks are ten groups of 20, and every group has its
signed-rank score z. Arms that can be exchanged have E z² = 1, and two groups of one experiment have
nothing to do with each other: E z z' = 0. What lasts from one group to the next shows as a product
above 0. The standard errors are over experiments, which are independent.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev

from scipy.stats import rankdata

from bench.honesty import COMMAND, WORDS, git, start

BLOCKS = 200
GROUP = 20


def differences(folder: Path, name: str) -> list[float]:
    """One experiment with identical arms: log treatment − log control of every block, in order."""
    plan = ["--stopping", "fixed", "--max-blocks", str(BLOCKS)]
    git(folder, "exp", "create", name, "--run", COMMAND, "--hypothesis", "no change", *plan)
    (folder / "note").write_text(f"{name}\n")
    git(folder, "commit", "--quiet", "-am", name)
    git(folder, "exp", "run", "--json")
    trials = [
        json.loads(line)
        for line in git(folder, "exp", "export", name, "--format", "jsonl").splitlines()
    ]
    git(folder, "exp", "rollback", "--reason", "measured")
    logs: dict[int, dict[str, float]] = {}
    for trial in trials:
        logs.setdefault(trial["block"], {})[trial["arm"]] = math.log(trial["time"])
    return [arms["treatment"] - arms["control"] for _, arms in sorted(logs.items())]


def score(values: list[float]) -> float:
    """The signed-rank statistic in units of its standard deviation under no change."""
    ranks = rankdata([abs(value) for value in values])
    signed = sum(math.copysign(rank, value) for rank, value in zip(ranks, values, strict=True))
    return float(signed / math.sqrt(sum(rank * rank for rank in ranks)))


def told(name: str, values: list[float], expected: int) -> str:
    error = stdev(values) / math.sqrt(len(values))
    return f"{name:<44} {fmean(values):7.3f} ± {error:5.3f}   expected {expected}"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    squares: list[float] = []
    products: list[float] = []
    long: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"XDG_CACHE_HOME": f"{name}/cache", "XDG_STATE_HOME": f"{name}/state"}
        folder = Path(name, "project")
        folder.mkdir()
        start(folder)
        for number in range(count):
            found = differences(folder, f"same-{number}")
            groups = [score(found[at : at + GROUP]) for at in range(0, BLOCKS, GROUP)]
            squares.append(fmean(z * z for z in groups))
            products.append(fmean(a * b for a, b in combinations(groups, 2)))
            long.append(score(found) ** 2)
    print(f"{COMMAND}, {WORDS} words, {count} experiments of {BLOCKS} blocks")
    print(told(f"z² of {GROUP} blocks", squares, 1))
    print(told(f"z² of {BLOCKS} blocks", long, 1))
    print(told(f"z z' of two times {GROUP} blocks", products, 0))


if __name__ == "__main__":
    main()
