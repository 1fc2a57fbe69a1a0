"""Large repositories, written through the store: what a few years or a busy service leave."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gitexp.app.planning import PlanOptions, Registration, build_plan
from gitexp.codec import canonical, plan_hash
from gitexp.model import (
    Arm,
    Created,
    Oid,
    Outcome,
    Plan,
    PlanBody,
    Revision,
    Trial,
    experiment_id,
)
from gitexp.store.store import Store
from gitexp.store.tree_objects import BLOB_MODE, TreeEntry

_AT_ONCE = 1000
"""Trials recorded together, as `import` does."""


def run(args: Sequence[str], cwd: Path, *, stdin: str | None = None) -> str:
    """What a command that succeeds prints."""
    done = subprocess.run(
        args,
        cwd=cwd,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        input=stdin or "",
    )
    return done.stdout


def repository(folder: Path) -> Path:
    """A repository with one empty commit."""
    folder.mkdir()
    for args in (
        ["init", "--quiet", "--initial-branch=main"],
        ["config", "user.name", "Bench"],
        ["config", "user.email", "bench@example.org"],
        ["config", "gc.auto", "0"],
        ["config", "maintenance.auto", "false"],
        ["commit", "--quiet", "--allow-empty", "-m", "Begin"],
    ):
        run(["git", *args], folder)
    return folder


def fill(folder: Path, *, experiments: int, trials: int, options: PlanOptions) -> None:
    """Running experiments called exp-0000 and so on, with blocks of two trials each."""
    store = Store.open(folder)
    base = store.repository.resolve("main")
    tree = store.repository.commit(base).tree
    blob = store.repository.write_blob(b"the change\n")
    other = store.repository.write_tree([TreeEntry(b"file", BLOB_MODE, blob)])
    branches = []
    for number in range(experiments):
        plan = _plan(number, base, store, options)
        text = canonical(plan)
        digest = plan_hash(text)
        tip = store.repository.write_commit(other, [base], f"Plan\n\nExp-Plan: {text}\n")
        branches.append(f"create refs/heads/exp/{plan.id} {tip}\n")
        store.record(plan.id, digest, PlanBody(plan=plan, canonical=text), target=tip)
        store.record(plan.id, digest, Created(plan_commit=tip), target=tip)
        store.flush()
        commits, revision = (base, tip), Revision(Oid(tree), Oid(other))
        for first in range(0, trials, _AT_ONCE):
            with store.journal.locked() as session:
                numbers = range(first, min(trials, first + _AT_ONCE))
                bodies = [_trial(at, commits, revision) for at in numbers]
                staged = [
                    session.stage(plan.id, digest, body, target=body.commit) for body in bodies
                ]
                session.append_staged(staged)
            store.flush()
    store.git.run("update-ref", "--stdin", stdin="".join(branches).encode())
    store.git.run("pack-refs", "--all")
    store.git.run("gc", "--quiet")


def _trial(at: int, commits: tuple[Oid, Oid], revision: Revision) -> Trial:
    arm = at % 2
    # the arms take turns to be first and differ by what comes and goes
    return Trial(
        arm=(Arm.CONTROL, Arm.TREATMENT)[arm],
        commit=commits[arm],
        revision=revision,
        block=at // 2 + 1,
        attempt=1,
        slot=(at + at // 2) % 2,
        host="bench",
        outcome=Outcome.OK,
        exit_code=0,
        metrics={"time": 1.0 + (at * 7919 % 1000) / 10_000, "failures": 0.0},
    )


def _plan(number: int, base: Oid, store: Store, options: PlanOptions) -> Plan:
    return build_plan(
        options,
        Registration(
            id=experiment_id(f"exp-{number:04}"),
            name=f"Number {number}",
            created=datetime.now(UTC).replace(microsecond=0),
            target="refs/heads/main",
            base=base,
            decider=store.writer,
        ),
        like=None,
    )


def many_files(folder: Path, count: int) -> None:
    """Commit so many small files, a hundred in each folder."""
    blob = run(["git", "hash-object", "-w", "--stdin"], folder, stdin="a line\n").strip()
    lines = [f"100644 {blob}\tfiles/{at // 100:04}/{at % 100:02}.txt\n" for at in range(count)]
    run(["git", "update-index", "--index-info"], folder, stdin="".join(lines))
    run(["git", "commit", "--quiet", "-m", "Many files"], folder)
    run(["git", "checkout", "--quiet", "--force", "HEAD"], folder)


def table(path: Path, lines: int) -> None:
    """A CSV file of trials, two to a block."""
    with path.open("w") as file:
        file.write("arm,block,time,trial_id\n")
        for at in range(lines):
            arm = ("control", "treatment")[at % 2]
            file.write(f"{arm},{at // 2 + 1},{1 + (at * 7919 % 1000) / 10_000},t{at}\n")


def sealed(folder: Path) -> None:
    """Nothing of the user's own: cache, trust and configuration below this folder."""
    os.environ |= {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
