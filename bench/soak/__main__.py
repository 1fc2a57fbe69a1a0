"""Many processes at once on shared repositories, killed at random: is anything lost or doubled?

    python -m bench.soak [SECONDS] [--seed N] [--keep FOLDER]

Eight writers in three clones, two syncers, a compactor, a promoter, a killer and
`git gc --prune=now` work for so long; then all is synced once more and checked with plain git.
Exit status 1 when something is not as it must be. docs/reliability.md explains the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.soak import checks, scene, table, workers
from bench.soak.processes import Processes, marked

SHORT, DECIDED = 10, 4
QUIET_S = 150.0
"""Longer than any command waits for a lock."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("seconds", nargs="?", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=1, help="of every choice of the workers")
    parser.add_argument("--keep", type=Path, help="keep the repositories in this new folder")
    options = parser.parse_args()
    version = subprocess.run(["git", "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}, Python {platform.python_version()}, {os.cpu_count()} processors")
    if options.keep:
        options.keep.mkdir()
        return soak(options.keep.resolve(), options.seconds, options.seed)
    with tempfile.TemporaryDirectory(prefix="gitexp-soak-") as folder:
        return soak(Path(folder), options.seconds, options.seed)


def soak(folder: Path, seconds: float, seed: int) -> int:
    """One soak in this empty folder."""
    os.environ |= scene.environment(folder)
    made = scene.make(folder, short=SHORT, decided=DECIDED)
    shared = workers.Soak(made, Processes(), seed)
    threads = {
        name: threading.Thread(target=workers.guarded, args=(shared, name, work), daemon=True)
        for name, work in workers.workers().items()
    }
    for thread in threads.values():
        thread.start()
    time.sleep(seconds)
    shared.over.set()
    hung = wait_until_quiet(folder, threads)
    finish(shared)
    acknowledged = workers.read_acknowledged(folder / "acknowledged")
    found = checks.check(made, acknowledged)
    found.left += [f"{name} never ended" for name in hung]
    found.left += [f"{name} gave up" for name in shared.failed]
    print(table.page(shared, len(acknowledged), found, seconds=seconds))
    return 0 if found.is_clean else 1


def wait_until_quiet(folder: Path, threads: dict[str, threading.Thread]) -> list[str]:
    """Wait for the workers, and for what their killed processes left running.

    Returns:
        Those that did not end.
    """
    deadline = time.monotonic() + QUIET_S
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    mark = f"HOME={folder / 'home'}"
    while (running := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return [name for name, thread in threads.items() if thread.is_alive()] + list(map(str, running))


def finish(shared: workers.Soak) -> None:
    """Sync everywhere, as often as it takes until each has what the last one brought."""
    workers.mend(shared)
    workers.sweep(shared, older_s=0)
    for _ in range(2):
        for clone in scene.CLONES:
            for lane in (False, True) if clone == "bob" else (False,):
                run = [scene.GIT_EXP, "sync", "--json"]
                env = {"GITEXP_WRITER": scene.LANE} if lane else None
                path = shared.scene.clone(clone)
                shared.processes.run("the last syncs", run, path, is_mortal=False, env=env)


if __name__ == "__main__":
    sys.exit(main())
