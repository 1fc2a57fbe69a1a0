"""Who is at work during a soak: each a thread that starts one process after the other."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.soak.checks import broken_refs, git_locks
from bench.soak.processes import Processes, Ran
from bench.soak.scene import CLONES, DECIDER, GIT_EXP, LANE, LONG, USED, Scene

PATIENCE = 10
"""How often a writer sends the same trial again."""
SHORT_LIFE_S = 8.0
"""How long an experiment that ends is written to, at least."""


@dataclass
class Soak:
    """What the workers share.

    Attributes:
        over: Set when they are to come to an end.
        short: Which of the experiments that end is the present one, by index.
        mended: Refs taken away at the remote because git gc had broken them.
        swept: Lock files of killed gits taken away, by where they were.
        failed: Workers that ended by an error of the soak itself.
    """

    scene: Scene
    processes: Processes
    seed: int
    over: threading.Event = field(default_factory=threading.Event)
    short: int = 0
    mended: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def rng(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    def exp(self, clone: str, *words: str, lane: bool = False) -> Ran:
        """One command of git-exp, which may be killed."""
        return self.processes.run(
            f"git exp {words[0]}",
            [GIT_EXP, *words],
            self.scene.clone(clone),
            env={"GITEXP_WRITER": LANE} if lane else None,
        )

    def until_over(self, *, pause_s: float = 0.0) -> Iterator[None]:
        """Again and again."""
        while not self.over.wait(pause_s):
            yield


class Acknowledged:
    """The trials one writer was told are recorded, on disk before it goes on."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        self._file = (folder / f"{name}.jsonl").open("a")

    def note(self, exp: str, trial: str) -> None:
        self._file.write(json.dumps([exp, trial]) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_acknowledged(folder: Path) -> list[tuple[str, str]]:
    """All of them: experiment and id of the trial."""
    lines = [line for path in sorted(folder.iterdir()) for line in path.open()]
    return [(exp, trial) for exp, trial in map(json.loads, lines)]


Worker = Callable[[Soak, str], None]


def guarded(soak: Soak, name: str, work: Worker) -> None:
    """The worker; its own error makes the soak fail."""
    try:
        work(soak, name)
    except BaseException:
        soak.failed.append(name)
        raise


def workers() -> dict[str, Worker]:
    """Name to what it does."""
    return {
        "recorder-1": _recorder("ann", 0, 2),
        "recorder-2": _recorder("ann", 1, 2),
        "recorder-3": _recorder("bob", 0, 1),
        "recorder-4": _recorder("bob", 0, 1, lane=True),
        "recorder-5": _recorder("cleo", 0, 1),
        "user-1": _user("ann"),
        "user-2": _user("bob"),
        "runner": _run,
        "syncer-1": _sync,
        "syncer-2": _sync,
        "compactor": _compact,
        "promoter": _promote,
        "killer": _kill,
        "gc": _collect,
    }


def _acknowledged(soak: Soak, name: str) -> Acknowledged:
    return Acknowledged(soak.scene.folder / "acknowledged", name)


# --- writers --------------------------------------------------------------------------------------


def _recorder(clone: str, number: int, of: int, *, lane: bool = False) -> Worker:
    """`record`, each trial under a name of its own until it is acknowledged.

    Args:
        number, of: Which of the writer's blocks are this one's.
    """

    def work(soak: Soak, name: str) -> None:
        rng, noted = soak.rng(name), _acknowledged(soak, name)
        in_blocks = 0
        for sent, _ in enumerate(soak.until_over(), 1):
            words = ["-m", f"score={rng.uniform(10, 20):.6f}", "--trial-id", f"{name}-{sent}"]
            if rng.random() < 0.7:
                exp, arm = LONG, ("control", "treatment")[in_blocks % 2]
                words += ["--block", str(in_blocks // 2 * of + number + 1)]
                in_blocks += 1
            else:
                exp, arm = soak.scene.short[soak.short], rng.choice(("control", "treatment"))
            for _ in range(PATIENCE):
                ran = soak.exp(clone, "record", exp, "--arm", arm, *words, "--json", lane=lane)
                told = [answer for answer in ran.objects if answer["ok"]]
                if told:
                    noted.note(exp, told[0]["id"])
                has_ended = exp != LONG and ran.status == 6
                if told or has_ended or soak.over.wait(0.1):
                    break

    return work


def _user(clone: str) -> Worker:
    """`exec`; a use that ended without a warning is acknowledged."""

    def work(soak: Soak, name: str) -> None:
        noted = _acknowledged(soak, name)
        for _ in soak.until_over():
            ran = soak.exp(clone, "exec", USED, "--", "./tool.sh")
            trial = [line[6:] for line in ran.stdout.splitlines() if line.startswith("trial=")]
            if ran.status == 0 and "warning: not recorded" not in ran.stderr and trial != [""]:
                noted.note(USED, *trial)

    return work


def _run(soak: Soak, name: str) -> None:
    """`run`, a block at a time; each trial is acknowledged when its line is there."""
    rng, noted = soak.rng(name), _acknowledged(soak, name)
    for _ in soak.until_over():
        ran = soak.exp(rng.choice(("ann", "cleo")), "run", USED, "--blocks", "1", "--json")
        for told in ran.objects:
            if told.get("kind") == "trial":
                noted.note(USED, told["id"])


# --- the others -----------------------------------------------------------------------------------


def _sync(soak: Soak, name: str) -> None:
    rng = soak.rng(name)
    for _ in soak.until_over(pause_s=0.5):
        clone = rng.choice(CLONES)
        soak.exp(clone, "sync", "--json", lane=clone == "bob" and rng.random() < 0.3)


def _compact(soak: Soak, name: str) -> None:
    """Ends one experiment after the other and gathers its records, while others still write."""
    rng = soak.rng(name)
    for at, exp in enumerate(soak.scene.short):
        if soak.over.wait(SHORT_LIFE_S):
            return
        while soak.exp(DECIDER, "rollback", exp, "--json").status != 0:
            if soak.over.is_set():
                return
        while soak.exp(rng.choice(("ann", "bob")), "compact", exp, "--json").status != 0:
            if soak.over.is_set():
                return
        soak.short = min(at + 1, len(soak.scene.short) - 1)
    for _ in soak.until_over(pause_s=1.0):
        soak.exp(DECIDER, "compact", rng.choice(soak.scene.short), "--json")


def _promote(soak: Soak, name: str) -> None:
    """Promotes, takes back, promotes again; now and then the target is pushed."""
    rng, main = soak.rng(name), soak.scene.clone(DECIDER)
    while not soak.over.is_set():
        exp = rng.choice(soak.scene.decided)
        for act in ("promote", "restore", "promote", "rollback", "restore", "rollback", "restore"):
            if soak.over.wait(0.3):
                return
            soak.exp(DECIDER, act, exp, "--json")
            if rng.random() < 0.1:
                soak.processes.run("git push", ["git", "push", "-q", "origin", "main"], main)


def _kill(soak: Soak, name: str) -> None:
    rng = soak.rng(name)
    while not soak.over.wait(rng.uniform(0.5, 2.0)):
        soak.processes.kill_one(rng)


def _collect(soak: Soak, name: str) -> None:
    """`git gc --prune=now` everywhere in turn, and what somebody looks after by hand."""
    del name
    words = ["git", "gc", "--quiet", "--prune=now"]
    while True:
        for where, path in soak.scene.repositories.items():
            if soak.over.wait(2.0):
                return
            place = "remote" if where == "remote" else "clone"
            soak.processes.run(f"git gc ({place})", words, path, is_mortal=False)
            if where == "remote":
                mend(soak)
            sweep(soak)


# --- what somebody does by hand -------------------------------------------------------------------


def mend(soak: Soak) -> None:
    """Take refs away at the remote that git gc broke, as docs/sharing.md says."""
    for name in broken_refs(soak.scene.remote):
        words = ["git", "update-ref", "-d", name]
        soak.processes.run("git update-ref -d", words, soak.scene.remote, is_mortal=False)
        soak.mended.append(name)


def sweep(soak: Soak, *, older_s: float = 20.0) -> None:
    """Take away lock files that a killed git left and git itself never would."""
    for where, path in soak.scene.repositories.items():
        for lock in git_locks(path, older_s=older_s):
            lock.unlink(missing_ok=True)
            soak.swept.append(f"{where} {lock.name}")
