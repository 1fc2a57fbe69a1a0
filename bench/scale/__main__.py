"""What happens when there is much of it: python -m bench.scale [--small]

A thousand experiments of a hundred trials; one experiment of 100,000; a file of as many to
import; a repository of 100,000 files. Each is timed beside what it is to be measured by, and the
largest memory a command took is shown. `--small` takes a hundredth of everything: a rehearsal.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.scale import scene
from gitexp.app.planning import PlanOptions

GIT_EXP = str(Path(sys.executable).with_name("git-exp"))
RUN = "this is 10 % faster"
ROUNDS = 7
READ = """
import sys
from gitexp.model import experiment_id
from gitexp.store.store import Store
found = Store.open().read(experiment_id(sys.argv[1]))
assert len(found.records) > int(sys.argv[2]), len(found.records)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """One process: wall clock and processor time in seconds, largest memory in MiB."""

    wall: float
    cpu: float
    memory: float


def took(args: Sequence[str], cwd: Path, *, ends: tuple[int, ...] = (0,)) -> Took:
    """Run it once.

    Raises:
        RuntimeError: if it ends otherwise.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            args, cwd=cwd, stdout=said, stderr=said, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in ends:
            said.seek(0)
            raise RuntimeError(f"{args}: {process.returncode}\n{said.read().decode()}")
    return Took(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(rounds: Sequence[Took]) -> Took:
    return Took(
        statistics.median(each.wall for each in rounds),
        statistics.median(each.cpu for each in rounds),
        max(each.memory for each in rounds),
    )


def told(name: str, result: Took, more: str = "") -> None:
    print(
        f"  {name:<46} {result.wall:7.2f} s  {result.cpu:7.2f} s  {result.memory:6.0f} MiB  {more}",
        flush=True,
    )


def many_experiments(folder: Path, experiments: int, trials: int) -> None:
    """`status` of a repository with very many experiments."""
    print(f"\n{experiments} experiments of {trials} trials")
    where = scene.repository(folder / "many")
    options = PlanOptions(hypothesis=RUN, run="true", min_blocks="10", max_blocks="200")
    scene.fill(where, experiments=experiments, trials=trials, options=options)
    status = [GIT_EXP, "status"]
    told("status, the first time", took(status, where))
    told("status, warm", median([took(status, where) for _ in range(ROUNDS)]), "bound .5 s")
    last = f"exp-{experiments - 1:04}"
    record = [GIT_EXP, "record", last, "--arm", "control", "-m", "time=1"]
    after = []
    for number in range(ROUNDS):
        took([*record, "--trial-id", f"more-{number}"], where)
        after.append(took(status, where))
    told("status after one record", median(after))
    each = [took([*record, "--trial-id", f"again-{n}"], where) for n in range(ROUNDS)]
    told("record", median(each))
    told("analyze one of them", median([took([GIT_EXP, "analyze", last], where) for _ in range(3)]))
    told("doctor", took([GIT_EXP, "doctor"], where, ends=(0, 1)))


def long_experiment(folder: Path, trials: int) -> None:
    """`analyze` and `record` where one experiment has very many trials."""
    print(f"\none experiment of {trials} trials, beside reading and parsing its records once")
    where = scene.repository(folder / "long")
    short = scene.repository(folder / "short")
    options = PlanOptions(
        hypothesis=RUN,
        run="true",
        stopping="fixed",
        max_blocks=str(trials),
    )
    scene.fill(where, experiments=1, trials=trials, options=options)
    scene.fill(short, experiments=1, trials=10, options=options)
    size = sum(path.stat().st_size for path in (where / ".git/objects/pack").glob("*.pack"))
    print(f"  packed: {size / trials:.0f} bytes a record (bound 1024)")
    reading = [sys.executable, "-c", READ, "exp-0000", str(trials)]
    analyze = [GIT_EXP, "analyze", "exp-0000"]
    took(analyze, where)
    pairs = [(took(reading, where), took(analyze, where)) for _ in range(3)]
    ratio = statistics.median(b.cpu / a.cpu for a, b in pairs)
    told("reading and parsing", median([a for a, _ in pairs]))
    told("analyze", median([b for _, b in pairs]), f"{ratio:.2f} times as long, bound 2")
    told("status, the first time", took([GIT_EXP, "status"], where))
    told("status, warm", median([took([GIT_EXP, "status"], where) for _ in range(ROUNDS)]))
    record = [GIT_EXP, "record", "exp-0000", "--arm", "control", "-m", "time=1", "--trial-id"]
    twice = [
        (took([*record, f"n{n}"], short), took([*record, f"n{n}"], where)) for n in range(ROUNDS)
    ]
    ratio = statistics.median(b.cpu / a.cpu for a, b in twice)
    told("record, after 10 trials", median([a for a, _ in twice]))
    told(f"record, after {trials}", median([b for _, b in twice]), f"{ratio:.2f} times as long")


def great_import(folder: Path, lines: int) -> None:
    """`import` of a very long file, and a second time."""
    print(f"\na CSV file of {lines} lines")
    where = scene.repository(folder / "import")
    options = PlanOptions(hypothesis=RUN, run="true", stopping="fixed", max_blocks=str(lines))
    scene.fill(where, experiments=1, trials=0, options=options)
    scene.table(where / "trials.csv", lines)
    told("import --dry-run", took([GIT_EXP, "import", "exp-0000", "trials.csv", "-n"], where))
    told("import", took([GIT_EXP, "import", "exp-0000", "trials.csv"], where))
    told("import the same again", took([GIT_EXP, "import", "exp-0000", "trials.csv"], where))


def great_tree(folder: Path, files: int) -> None:
    """The life of an experiment in a repository of very many files."""
    print(f"\na repository of {files} files, beside git's own work on them")
    where = scene.repository(folder / "files")
    scene.many_files(where, files)
    (where / ".git/info/exclude").write_text("trials\n")
    told("git worktree add", took(["git", "worktree", "add", "-q", "../tree", "HEAD"], where))
    told("git status", median([took(["git", "status"], where) for _ in range(3)]))
    create = [GIT_EXP, "create", "fast", "--hypothesis", RUN, "--run", "true", "--warm-up", "0"]
    told("create", took(create, where))
    (where / "files/0000/00.txt").write_text("another line\n")
    told("git commit -a", took(["git", "commit", "-qam", "Change"], where))
    told("run, one block, two new checkouts", took([GIT_EXP, "run", "--blocks", "1"], where))
    told("run, one more block", took([GIT_EXP, "run", "--blocks", "1"], where))
    told("promote", took([GIT_EXP, "promote", "--override", "measured elsewhere"], where))
    told("rollback", took([GIT_EXP, "rollback", "fast", "--reason", "slower here"], where))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    scale = 100 if parser.parse_args().small else 1
    version = scene.run(["git", "--version"], Path.cwd()).strip()
    print(f"{version}, Python {platform.python_version()}, {os.cpu_count()} processors")
    print(f"{'':<48} {'took':>7}    {'processor':>7}    {'memory':>6}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene.sealed(folder)
        many_experiments(folder, 1000 // scale, 100)
        long_experiment(folder, 100_000 // scale)
        great_import(folder, 100_000 // scale)
        great_tree(folder, 100_000 // scale)


if __name__ == "__main__":
    main()
