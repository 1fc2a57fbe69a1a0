"""The repositories of a soak: one bare remote, three clones, and the experiments in them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp.app.record import NewTrial, record
from gitexp.model import Arm, experiment_id
from gitexp.store.store import Store

GIT_EXP = str(Path(sys.executable).parent / "git-exp")
CLONES = ("ann", "bob", "cleo")
DECIDER = "ann"
LANE = "lane"
"""A second writer in bob's clone."""
LONG, USED = "long", "used"
"""The experiment that gets records, and the one that is used and run."""
TOOL = """#!/bin/sh
sleep 0.2
echo "METRIC score=$(cat used)"
echo "score=$(cat used)" >>"${GITEXP_METRICS:-/dev/null}"
echo "trial=$GITEXP_TRIAL"
"""
BLOCKS = 12
"""Of an experiment that is decided before the soak begins."""


@dataclass(frozen=True)
class Scene:
    """Where everything is.

    Attributes:
        short: Experiments that end during the soak, one after the other.
        decided: Experiments found better before it begins.
    """

    folder: Path
    short: tuple[str, ...]
    decided: tuple[str, ...]

    @property
    def remote(self) -> Path:
        return self.folder / "shared.git"

    def clone(self, name: str) -> Path:
        return self.folder / name

    @property
    def repositories(self) -> dict[str, Path]:
        return {"remote": self.remote} | {name: self.clone(name) for name in CLONES}

    @property
    def experiments(self) -> tuple[str, ...]:
        return (LONG, USED, *self.short, *self.decided)


def environment(folder: Path) -> dict[str, str]:
    """Of every process of the soak: nothing of the user's, and no gc but ours."""
    home = folder / "home"
    home.mkdir()
    (home / "gitconfig").write_text(
        "[user]\n\tname = Soak\n\temail = soak@example.com\n"
        "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[receive]\n\tautogc = false\n"
    )
    places = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "STATE", "CONFIG")}
    return {
        **places,
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join([str(Path(GIT_EXP).parent), os.environ.get("PATH", os.defpath)]),
    }


def make(folder: Path, *, short: int, decided: int) -> Scene:
    """Everything as it is when the soak begins: created, committed, shared, set up."""
    scene = Scene(
        folder,
        tuple(f"short-{number}" for number in range(1, short + 1)),
        tuple(f"decided-{number}" for number in range(1, decided + 1)),
    )
    git(folder, "init", "-q", "--bare", "-b", "main", "shared.git")
    git(folder, "clone", "-q", "shared.git", DECIDER)
    ann = scene.clone(DECIDER)
    for name in scene.experiments:
        (ann / name).write_text("20\n")
    (ann / "tool.sh").write_text(TOOL)
    (ann / "tool.sh").chmod(0o755)
    git(ann, "switch", "-q", "-c", "main")
    _commit(ann, "Begin")
    git(ann, "push", "-q", "-u", "origin", "main")
    for name in scene.experiments:
        _create(ann, name, BLOCKS if name in scene.decided else 1000)
    for name in scene.decided:
        _measure(ann, name)
    git_exp(ann, "init")
    git_exp(ann, "sync")
    for clone in CLONES[1:]:
        git(folder, "clone", "-q", "shared.git", clone)
        git_exp(scene.clone(clone), "init")
        for name in (LONG, USED, *scene.short):
            git(scene.clone(clone), "branch", "-q", f"exp/{name}", f"origin/exp/{name}")
        git_exp(scene.clone(clone), "trust", USED, "--yes")
    return scene


def _create(ann: Path, name: str, blocks: int) -> None:
    """One whose branch changes its file; the tool reads that of `used`."""
    words = ["create", name, "--hypothesis", f"{name} lowers the score by half"]
    plan = ["--metric", "score:lower", "--stopping", "fixed", "--warm-up", "0"]
    size = ["--max-blocks", str(blocks)]
    run = ["--run", "./tool.sh", "--command", "tool"] if name == USED else []
    git_exp(ann, *words, *plan, *size, *run)
    (ann / name).write_text("10\n")
    _commit(ann, f"Halve {name}")
    git(ann, "switch", "-q", "main")


def _measure(ann: Path, name: str) -> None:
    """All blocks of it, in this process: a start for each trial would take too long."""
    store = Store.open(ann)
    for block in range(1, BLOCKS + 1):
        for arm, score in ((Arm.CONTROL, 20), (Arm.TREATMENT, 10)):
            trial = NewTrial(arm=arm, metrics={"score": score + block / 100}, block=block)
            record(store, experiment_id(name), trial)
    store.flush()


def _commit(path: Path, message: str) -> None:
    git(path, "add", "--all")
    git(path, "commit", "-q", "-m", message)


def git(path: Path, *words: str, stdin: bytes = b"") -> str:
    """What plain git prints."""
    return _run(["git", *words], path, stdin=stdin).decode(errors="surrogateescape")


def git_bytes(path: Path, *words: str, stdin: bytes = b"") -> bytes:
    return _run(["git", *words], path, stdin=stdin)


def git_exp(path: Path, *words: str, env: Mapping[str, str] | None = None) -> str:
    """What git-exp prints, before or after the soak."""
    return _run([GIT_EXP, *words], path, env=env).decode()


def _run(
    words: list[str], cwd: Path, *, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> bytes:
    done = subprocess.run(
        words, cwd=cwd, input=stdin, env={**os.environ, **(env or {})}, capture_output=True
    )
    if done.returncode != 0:
        told = (done.stdout + done.stderr).decode(errors="replace")
        raise SystemExit(f"{shlex.join(words)} in {cwd} -> {done.returncode}\n{told}")
    return done.stdout
