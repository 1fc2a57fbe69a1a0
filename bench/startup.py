"""How long commands take to start, and `status` with a thousand experiments: ratios of one run.

python bench/startup.py [--experiments N] [--trials N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
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

GIT_EXP = Path(sys.executable).with_name("git-exp")
ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description="Time how commands start.")
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = _repository(Path(folder) / "small")
        _fill(small, experiments=2, trials=20)
        click = [sys.executable, "-c", "import click"]
        both = [sys.executable, "-c", "import click, pygit2"]
        _ratio("-h", [str(GIT_EXP), "-h"], "import click", click, small, bound=1.5)
        _ratio("status", [str(GIT_EXP), "status"], "import click, pygit2", both, small, bound=1.7)
        large = _repository(Path(folder) / "large")
        _fill(large, experiments=options.experiments, trials=options.trials)
        began = time.perf_counter()
        _run([str(GIT_EXP), "status"], large)
        cold = time.perf_counter() - began
        warm = statistics.median(_times([str(GIT_EXP), "status"], large))
        print(
            f"status, {options.experiments} experiments of {options.trials} trials: "
            f"{warm:.2f} s warm (bound 0.5), {cold:.1f} s the first time"
        )


def _ratio(
    name: str, command: Sequence[str], base: str, other: Sequence[str], cwd: Path, *, bound: float
) -> None:
    """Both commands in turn, so that a busy machine slows both alike."""
    pairs = [(_time(command, cwd), _time(other, cwd)) for _ in range(ROUNDS)]
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
    ms = statistics.median(a for a, _ in pairs) * 1000
    print(f"git exp {name:<7} {ms:6.0f} ms, {ratio:.2f} x python -c '{base}' (bound {bound})")


def _times(command: Sequence[str], cwd: Path) -> list[float]:
    return [_time(command, cwd) for _ in range(ROUNDS)]


def _time(command: Sequence[str], cwd: Path) -> float:
    began = time.perf_counter()
    _run(command, cwd)
    return time.perf_counter() - began


def _run(command: Sequence[str], cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def _repository(folder: Path) -> Path:
    _run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], Path("/"))
    for args in (
        ["config", "user.name", "Bench"],
        ["config", "user.email", "bench@example.org"],
        ["commit", "--quiet", "--allow-empty", "-m", "Begin"],
    ):
        _run(["git", *args], folder)
    return folder


def _fill(folder: Path, *, experiments: int, trials: int) -> None:
    """Running experiments with blocks, written through the store."""
    store = Store.open(folder)
    base = store.repository.resolve("main")
    tree = store.repository.commit(base).tree
    blob = store.repository.write_blob(b"the change\n")
    other = store.repository.write_tree([TreeEntry(b"file", BLOB_MODE, blob)])
    branches = []
    for number in range(experiments):
        plan = _plan(number, base, store)
        text = canonical(plan)
        digest = plan_hash(text)
        tip = store.repository.write_commit(other, [base], f"Plan\n\nExp-Plan: {text}\n")
        branches.append(f"create refs/heads/exp/{plan.id} {tip}\n")
        store.record(plan.id, digest, PlanBody(plan=plan, canonical=text), target=tip)
        store.record(plan.id, digest, Created(plan_commit=tip), target=tip)
        store.flush()
        for at in range(trials):
            arm = (Arm.CONTROL, Arm.TREATMENT)[at % 2]
            trial = Trial(
                arm=arm,
                commit=base if arm is Arm.CONTROL else tip,
                revision=Revision(Oid(tree), Oid(other)),
                block=at // 2 + 1,
                attempt=1,
                slot=at % 2,
                host="bench",
                outcome=Outcome.OK,
                exit_code=0,
                metrics={"time": 1.0 + at / 1000, "failures": 0.0},
            )
            store.record(plan.id, digest, trial, target=trial.commit)
    store.flush()
    store.git.run("update-ref", "--stdin", stdin="".join(branches).encode())
    store.git.run("pack-refs", "--all")


def _plan(number: int, base: Oid, store: Store) -> Plan:
    return build_plan(
        PlanOptions(
            hypothesis="this is 10 % faster", run="true", min_blocks="10", max_blocks="200"
        ),
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


if __name__ == "__main__":
    main()
