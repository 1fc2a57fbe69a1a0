"""What appending one record costs, as the history grows: python bench/append.py [--records N].

Two ways of working: quick commands, where a flush comes once a second and takes many records, and
slow ones, where each record is flushed alone. Each prints the time of the last tenth of the
records over that of the first tenth, and what a record takes on the disk after `git gc`.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gitexp.model import Arm, Outcome, PlanHash, Revision, Trial, experiment_id
from gitexp.store.store import Store

EXP = experiment_id("fast-parse")
PLAN = PlanHash("5f" * 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    count = parser.parse_args().records
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    print(f"{git.stdout.strip()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    report("one flush a second", count, with_flush=False)
    report("one flush a record", count, with_flush=True)


def report(name: str, count: int, *, with_flush: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        append = appender(store, with_flush=with_flush)
        tenth = count // 10
        times, cpu = [], [cpu_seconds()]
        for number in range(count):
            times.append(timed(append, number))
            cpu.append(cpu_seconds())
        store.flush()
        first, last = statistics.median(times[:tenth]), statistics.median(times[-tenth:])
        work = (cpu[-1] - cpu[-1 - tenth]) / (cpu[tenth] - cpu[0])
        read_s = timed(lambda _: store.read(EXP), 0)
        size = packed_size(store)
        print(f"\n{name}, {count} records, a sixth with a payload of 400 bytes")
        print(f"  an append, median:       {first * 1e3:8.2f} ms in the first tenth")
        print(f"                           {last * 1e3:8.2f} ms in the last tenth")
        print(f"  last over first, median: {last / first:8.2f}   (bound 1.5)")
        print(
            f"  the same, processor:     {work:8.2f}   (git's included; untouched by others' load)"
        )
        print(f"  read all:                {read_s * 1e3:8.0f} ms")
        print(f"  packed:                  {size / count:8.0f} bytes a record   (bound 1024)")


def new_store(folder: Path) -> Store:
    for args in (
        ["init", "--quiet"],
        ["config", "user.name", "bench"],
        ["config", "user.email", "bench@example.com"],
        ["config", "gc.auto", "0"],
        ["commit", "--quiet", "--allow-empty", "-m", "base"],
    ):
        subprocess.run(["git", *args], cwd=folder, check=True)
    return Store.open(folder)


def appender(store: Store, *, with_flush: bool) -> Callable[[int], None]:
    commit = store.repository.resolve("HEAD")
    tree = store.repository.commit(commit).tree

    def append(number: int) -> None:
        seconds = 1.2 + int.from_bytes(os.urandom(4)) / 2**34
        trial = Trial(
            arm=(Arm.CONTROL, Arm.TREATMENT)[number % 2],
            commit=commit,
            revision=Revision(tree, tree),
            block=number // 2,
            attempt=1,
            slot=number % 2,
            host="bench-machine",
            outcome=Outcome.OK,
            exit_code=0,
            metrics={
                "time": seconds,
                "user": seconds * 0.9,
                "sys": seconds * 0.05,
                "maxrss": 52_428_800.0 + number,
                "failures": 0.0,
            },
        )
        tail = os.urandom(150).hex()[:300].encode() + b"ok " * 33
        store.record(EXP, PLAN, trial, target=commit, payload=None if number % 6 else tail)
        if with_flush:
            store.flush()

    return append


def cpu_seconds() -> float:
    """Processor time of this process and of the git processes it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def timed(act: Callable[[int], object], number: int) -> float:
    began = time.perf_counter()
    act(number)
    return time.perf_counter() - began


def packed_size(store: Store) -> int:
    """Bytes of packs after `git gc`."""
    store.git.run("reflog", "expire", "--expire=now", "--all")
    store.git.run("gc", "--quiet", "--prune=now")
    packs = (store.git.common_dir / "objects" / "pack").glob("*.pack")
    return sum(pack.stat().st_size for pack in packs)


if __name__ == "__main__":
    main()
