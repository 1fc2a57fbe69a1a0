"""The installed program from end to end: how often it is wrong, and how soon it finds a slowdown.

    python -m bench.honesty [SAME [SLOWER]]

SAME experiments (default 200) compare a command with itself: the arms differ in a comment. Whatever
they decide is chance, `better` or `worse`. Then SLOWER experiments (default 40) compare it with the
same command given 5 % more to do. Beside each runs what people do by hand: 20 pairs in a fixed
alternation, control first, analysed once by Welch's t-test at .05. Both see the same machine, one
after the other in turns. The command is `gzip` on a text, 10 to 30 ms of one core.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from scipy.stats import binomtest, ttest_ind

COMMAND = "gzip -6 -c text > /dev/null"
WORDS = 62_000
PAIRS = 20
MORE = 1.05


@dataclass
class Tally:
    """What came out of one method.

    Attributes:
        machine_s: Seconds the machine was busy for it, all set-up included.
        measuring_s: Seconds of them in which the command ran.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    machine_s: float = 0.0
    measuring_s: float = 0.0
    blocks: int = 0

    @property
    def count(self) -> int:
        return self.verdicts.total()


def text(words: int) -> str:
    """So many words of a vocabulary of 4,000, the same ones every time."""
    chance = random.Random(20260105)
    vocabulary = [f"{chance.getrandbits(24):x}" for _ in range(4000)]
    return " ".join(chance.choice(vocabulary) for _ in range(words))


def git(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def start(folder: Path) -> None:
    """The project: the text that is compressed, and a note that changes nothing."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Bench")
    git(folder, "config", "user.email", "bench@example.org")
    (folder / "text").write_text(text(WORDS))
    (folder / "note").write_text("nothing\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "A text to compress")


def by_experiment(folder: Path, name: str, words: int, tally: Tally) -> None:
    """Register, change, run until it is decided, drop."""
    begin = time.perf_counter()
    hypothesis = f"{name} makes it 5 % faster"
    git(folder, "exp", "create", name, "--run", COMMAND, "--hypothesis", hypothesis)
    # every change has a tree of its own: what was judged once is answered from the record
    (folder / "note").write_text(f"{name}\n")
    if words != WORDS:
        (folder / "text").write_text(text(words))
    git(folder, "commit", "--quiet", "-am", name)
    messages = [json.loads(line) for line in git(folder, "exp", "run", "--json").splitlines()]
    trials = [message for message in messages if message["kind"] == "trial"]
    verdict = messages[-1]
    git(folder, "exp", "rollback", "--reason", "measured")
    tally.machine_s += time.perf_counter() - begin
    tally.measuring_s += sum(trial["metrics"]["time"] for trial in trials)
    tally.verdicts[verdict["verdict"]] += 1
    tally.blocks += verdict["blocks"]["complete"]


def by_alternation(folder: Path, words: int, tally: Tally) -> None:
    """Control, treatment, control, …; one test at the end."""
    begin = time.perf_counter()
    arms = [folder / "control", folder / "treatment"]
    for arm, size in zip(arms, (WORDS, words), strict=True):
        arm.mkdir(exist_ok=True)
        (arm / "text").write_text(text(size))
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(PAIRS):
        for arm, found in zip(arms, seconds, strict=True):
            at = time.perf_counter()
            subprocess.run(["sh", "-c", COMMAND], cwd=arm, check=True)
            found.append(time.perf_counter() - at)
    test = ttest_ind(seconds[1], seconds[0], equal_var=False)
    tally.machine_s += time.perf_counter() - begin
    tally.measuring_s += sum(seconds[0]) + sum(seconds[1])
    found_one = "worse" if test.statistic > 0 else "better"
    tally.verdicts["undecided" if test.pvalue >= 0.05 else found_one] += 1
    tally.blocks += PAIRS


def told(name: str, tally: Tally, wanted: tuple[str, ...]) -> str:
    hits = sum(tally.verdicts[verdict] for verdict in wanted)
    interval = binomtest(hits, tally.count).proportion_ci(method="exact")
    return (
        f"{name:<34} {hits:>4} of {tally.count:<4} {hits / tally.count:6.3f}  "
        f"[{interval.low:.3f}, {interval.high:.3f}]  {tally.blocks / tally.count:6.1f}  "
        f"{tally.machine_s / tally.count:6.2f} s  {60 * hits / tally.machine_s:6.1f}  "
        f"{60 * hits / tally.measuring_s:6.1f}"
    )


def main() -> None:
    same = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    slower = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    tallies = {
        (method, words): Tally() for method in "ea" for words in (WORDS, round(WORDS * MORE))
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("project", "hand"):
            (folder / part).mkdir()
        os.environ |= {"XDG_CACHE_HOME": f"{name}/cache", "XDG_STATE_HOME": f"{name}/state"}
        start(folder / "project")
        for kind, words, count in (
            ("same", WORDS, same),
            ("slower", round(WORDS * MORE), slower),
        ):
            for number in range(count):
                by_experiment(folder / "project", f"{kind}-{number}", words, tallies["e", words])
                by_alternation(folder / "hand", words, tallies["a", words])
    found = tallies["e", WORDS].verdicts
    head = f"{'':<34} {'found':>12} {'share':>7}  {'95 % exact':<14}  {'blocks':>6}  {'each':>8}"
    print(f"{COMMAND}, {WORDS} words")
    print(f"{head}  a minute, of measuring")
    more = round(WORDS * MORE)
    print(told("no change: git exp, any decision", tallies["e", WORDS], ("better", "worse")))
    print(f"  of which better {found['better']}, worse {found['worse']}")
    print(told("no change: 20 pairs, p < .05", tallies["a", WORDS], ("better", "worse")))
    if slower:
        print(told("5 % more to do: git exp, worse", tallies["e", more], ("worse",)))
        print(told("5 % more to do: 20 pairs, worse", tallies["a", more], ("worse",)))


if __name__ == "__main__":
    main()
