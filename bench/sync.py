"""What a sync costs beside plain git, and whether writers get in each other's way.

python bench/sync.py [--writers 100] [--repeat 5]

First one clone syncs with a remote that has news of all the other writers, each with ten trials:
how often it connects, and its time over that of the `git fetch` and `git push` that would move the
same refs. Then every writer syncs from a clone of its own, eight at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gitexp.app.record import NewTrial, record
from gitexp.model import Arm, experiment_id
from gitexp.store.store import Store

EXP = experiment_id("fast")
BLOCKS = 5
AT_ONCE = 8
GIT_EXP = str(Path(sys.executable).parent / "git-exp")
EVIDENCE = (
    "+refs/notes/exp/*:refs/notes/remotes/origin/exp/*",
    "+refs/exp/archive/*:refs/exp/remotes/origin/archive/*",
)
OWN = ("refs/notes/exp/*:refs/notes/exp/*", "refs/exp/archive/*:refs/exp/archive/*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    version = run(["git", "--version"], Path.cwd()).strip()
    print(f"{version}, Python {platform.python_version()}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= identity(Path(folder))
        one_sync(Path(folder), options.writers, options.repeat)
        all_at_once(Path(folder), options.writers)


def one_sync(folder: Path, writers: int, repeat: int) -> None:
    """News of everybody else, fetched and pushed by plain git and by sync."""
    village(folder)
    measure(folder / "work", "ann")
    run(["git", "push", "-q", "origin", "exp/fast", *OWN], folder / "work")
    for who in ("ann", "bob"):
        clone(folder, who)
        measure(folder / who, who, first=BLOCKS + 1 if who == "ann" else 1)
    for number in range(writers - 1):
        measure(folder / "work", f"writer-{number}")
    run(["git", "push", "-q", "origin", *OWN], folder / "work")
    print(f"\none sync, with news of {writers - 1} writers, {2 * BLOCKS} trials each")
    for who, does in (("bob", "another clone decides"), ("ann", "this clone decides")):
        plain, synced, answers, opened = [], [], [], []
        for _ in range(repeat):
            plain.append(on_copies(folder, who, plain_git)[0])
            seconds, answer = on_copies(folder, who, git_exp)
            synced.append(seconds)
            answers.append(json.loads(answer))
            opened.append(Counter((folder / "connections").read_text().split()))
        came = sum(each["records"] for each in answers[0]["experiments"][0]["came"].values())
        base, time_s = statistics.median(plain), statistics.median(synced)
        print(f"  {does}: {came} records came, {len(answers[0]['pushed'])} refs pushed")
        print(f"    attempts:              {max(answer['attempts'] for answer in answers)}")
        print(f"    connections:           {dict(opened[-1])}")
        print(f"    git fetch + git push:  {base * 1e3:6.0f} ms")
        print(
            f"    git exp sync:          {time_s * 1e3:6.0f} ms, {time_s / base:.1f} times as long"
        )


def all_at_once(folder: Path, writers: int) -> None:
    """Every writer from a clone of its own, eight syncs at any time."""
    for number in range(writers):
        clone(folder, f"clone-{number}")
        measure(folder / f"clone-{number}", f"clone-{number}")

    def act(number: int) -> Mapping[str, object]:
        answer = json.loads(git_exp(folder / f"clone-{number}", f"clone-{number}"))
        assert isinstance(answer, dict)
        return answer

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [*pool.map(act, range(writers))]
    elapsed = time.perf_counter() - began
    print(f"\n{writers} clones, each with records of its own, {AT_ONCE} syncs at a time")
    print(f"  attempts:  {dict(Counter(str(answer['attempts']) for answer in answers))}")
    print(f"  refused:   {sum(bool(answer['refused']) for answer in answers)}")
    print(f"  all done:  {elapsed:.0f} s")


# --- what is timed -------------------------------------------------------------------------------


def plain_git(clone: Path, who: str) -> str:
    """The same refs, moved by hand."""
    del who
    run(["git", "fetch", "-q", "origin", *EVIDENCE], clone)
    return run(["git", "push", "-q", "origin", *OWN], clone)


def git_exp(clone: Path, who: str) -> str:
    return run([GIT_EXP, "sync", "--json"], clone, GITEXP_WRITER=who)


def on_copies(folder: Path, who: str, act: object) -> tuple[float, str]:
    """Seconds and answer on fresh copies of the clone and of the shared repository."""
    assert callable(act)
    for name in ("shared.git", who):
        shutil.rmtree(folder / "copies" / name, ignore_errors=True)
        shutil.copytree(folder / name, folder / "copies" / name, symlinks=True)
    (folder / "connections").write_text("")
    began = time.perf_counter()
    answer = act(folder / "copies" / who, who)
    return time.perf_counter() - began, str(answer)


# --- the clones ----------------------------------------------------------------------------------


def village(folder: Path) -> None:
    """A shared repository, and the clone in which the experiment was created."""
    run(["git", "init", "-q", "--bare", "-b", "main", "shared.git"], folder)
    run(["git", "init", "-q", "-b", "main", "work"], folder)
    work = folder / "work"
    (work / "speed").write_text("20\n")
    run(["git", "add", "."], work)
    run(["git", "commit", "-q", "-m", "Begin"], work)
    run(["git", "remote", "add", "origin", "../shared.git"], work)
    run(["git", "push", "-q", "origin", "main"], work)
    words = ["create", "fast", "--hypothesis", "a table lowers the score by 10 %"]
    rule = ["--metric", "score:lower", "--max-blocks", "1000", "--min-blocks", "1000"]
    run([GIT_EXP, *words, *rule], work, GITEXP_WRITER="ann")
    (work / "speed").write_text("18\n")
    run(["git", "commit", "-q", "-am", "Try a table"], work)


def clone(folder: Path, who: str) -> None:
    """A clone that writes a line whenever it connects."""
    run(["git", "clone", "-q", "shared.git", who], folder)
    for pack in ("upload-pack", "receive-pack"):
        script = folder / pack
        script.write_text(
            f'#!/bin/sh\necho {pack} >>"{folder}/connections"\nexec git-{pack} "$@"\n'
        )
        script.chmod(0o755)
        run(["git", "config", f"remote.origin.{pack.replace('-', '')}", str(script)], folder / who)
    run(["git", "config", "remote.origin.url", "../shared.git"], folder / who)
    run(["git", "fetch", "-q", "origin", *EVIDENCE], folder / who)
    run(["git", "branch", "-q", "exp/fast", "origin/exp/fast"], folder / who)


def measure(path: Path, who: str, *, first: int = 1) -> None:
    """Blocks of this writer, in the notes."""
    os.environ["GITEXP_WRITER"] = who
    store = Store.open(path)
    for number in range(first, first + BLOCKS):
        for arm, score in ((Arm.CONTROL, 20), (Arm.TREATMENT, 18)):
            trial = {"score": score + number / 100}
            record(store, EXP, NewTrial(arm=arm, metrics=trial, block=number))
    store.flush()
    del os.environ["GITEXP_WRITER"]


def identity(folder: Path) -> dict[str, str]:
    (folder / "home").mkdir()
    names = {
        f"GIT_{role}_{what}": "bench"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return {**names, "HOME": str(folder / "home"), "GIT_CONFIG_NOSYSTEM": "1"}


def run(command: Sequence[str], cwd: Path, **env: str) -> str:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
