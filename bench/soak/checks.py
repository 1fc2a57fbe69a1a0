"""What is there after a soak, read with plain git: nothing here goes through the store's code."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.soak.scene import DECIDER, Scene, git, git_bytes, git_exp

OWN = ("refs/notes/exp/",)
FETCHED = ("refs/notes/exp/", "refs/notes/remotes/")
_MISSING = re.compile("invalid reflog entry|^broken link|^ +to |^missing ")
ENDINGS = ("promoted", "rolled-back", "restored")


@dataclass
class Findings:
    """What is wrong, in words; all lists are empty when nothing is.

    Attributes:
        repeated: The same line twice in one notes tree, which every reader takes for one.
        garbage: What fsck says of old reflog entries and of objects no ref needs, git gc having
            taken others that these name. This may be there, and repeated lines.
        broken: Refs from which something is missing.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    fsck: list[str] = field(default_factory=list)
    garbage: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        wrong = (self.lost, self.doubled, self.fsck, self.broken, self.left, self.endings)
        return not any(wrong)


def check(scene: Scene, acknowledged: Sequence[tuple[str, str]]) -> Findings:
    """Everything that can be checked when all is quiet and synced."""
    found = Findings()
    for where, path in scene.repositories.items():
        lines = note_lines(path, OWN if where == "remote" else FETCHED)
        records = [json.loads(line) for line in set().union(*lines.values())]
        found.lost += [f"{where}: {what}" for what in _lost(records, acknowledged)]
        found.repeated += [f"{where}: {what}" for what in _repeated(lines)]
        found.doubled += [f"{where}: {what}" for what in _doubled(records)]
        broken = broken_refs(path)
        found.broken += [f"{where}: {name}" for name in broken]
        for line in _fsck(path):
            is_garbage = not broken and _MISSING.search(line)
            (found.garbage if is_garbage else found.fsck).append(f"{where}: {line}")
        found.left += [f"{where}: {what}" for what in _left(path)]
        if where != "remote":
            for times, what in _unanswered(path, scene, acknowledged):
                (found.doubled if times else found.lost).append(f"{where}: {what}")
    found.endings += _endings(scene)
    return found


# --- records --------------------------------------------------------------------------------------


def note_lines(path: Path, below: Sequence[str]) -> dict[str, list[bytes]]:
    """Ref to every line of a record in its notes tree, as often as it is there."""
    names = git(path, "for-each-ref", "--format=%(refname)", *below).split()
    found = {}
    for name in names:
        if "/exp/" not in name:
            continue
        entries = git(path, "ls-tree", "-r", "-z", name).split("\0")
        blobs = [entry.split("\t")[0].split()[2] for entry in entries if entry]
        contents = _contents(path, blobs)
        texts = [text for text in contents if not text.startswith(b"gitexp-payload/1\n")]
        found[name] = [line for text in texts for line in text.splitlines() if line[:1] == b"{"]
    return found


def _contents(path: Path, blobs: Sequence[str]) -> Iterator[bytes]:
    stdin = "".join(f"{blob}\n" for blob in blobs).encode()
    answer = git_bytes(path, "cat-file", "--batch", stdin=stdin)
    at = 0
    for blob in blobs:
        end = answer.index(b"\n", at)
        head = answer[at:end].split()
        if len(head) != 3:
            raise SystemExit(f"{path}: {blob} is missing")
        at = end + 1 + int(head[2]) + 1
        yield answer[end + 1 : at - 1]


def _lost(
    records: Iterable[dict[str, Any]], acknowledged: Sequence[tuple[str, str]]
) -> Iterator[str]:
    there = {(record["exp"], record["id"]) for record in records}
    yield from (
        f"{exp} {trial} is not there" for exp, trial in acknowledged if (exp, trial) not in there
    )


def _repeated(lines: dict[str, list[bytes]]) -> Iterator[str]:
    for name, each in lines.items():
        for line, times in Counter(each).items():
            if times > 1:
                yield f"{name} has {json.loads(line)['id']} {times} times"


def _doubled(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Two records of what can be recorded only once."""
    keys: dict[str, Callable[[dict[str, Any]], tuple[object, ...] | None]] = {
        "id": lambda r: (r["id"],),
        "seq": lambda r: (r["exp"], r["writer"], r["seq"]),
        "trial_id": lambda r: (r["exp"], r["trial_id"]) if r.get("trial_id") else None,
        "slot": lambda r: (
            (r["exp"], r["writer"], r["tree"], r["block"], r["attempt"], r["arm"])
            if r["kind"] == "trial" and r.get("block")
            else None
        ),
    }
    for what, key in keys.items():
        by_key = defaultdict(list)
        for record in records:
            if (value := key(record)) is not None:
                by_key[value].append(record["id"])
        for value, ids in by_key.items():
            if len(ids) > 1:
                yield f"{what} {value} {len(ids)} times: {ids}"


def _unanswered(
    path: Path, scene: Scene, acknowledged: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, str]]:
    """Acknowledged trials that `git exp log` does not show exactly once: how often, and which."""
    shown: Counter[tuple[str, str]] = Counter()
    for exp in scene.experiments:
        answer = json.loads(git_exp(path, "log", exp, "--json"))
        shown.update((exp, record["id"]) for record in answer["records"])
    for exp, trial in acknowledged:
        times = shown[exp, trial]
        if times != 1:
            yield times, f"git exp log {exp} shows {trial} {times} times"


# --- repositories ---------------------------------------------------------------------------------


def _fsck(path: Path) -> list[str]:
    """What `git fsck` complains of."""
    done = subprocess.run(
        ["git", "fsck", "--full", "--strict", "--no-dangling", "--no-progress"],
        cwd=path,
        capture_output=True,
        text=True,
    )
    said = (done.stdout + done.stderr).splitlines()
    said = list(dict.fromkeys(said))
    return said if said or done.returncode == 0 else [f"exit status {done.returncode}"]


def broken_refs(path: Path) -> list[str]:
    """Refs from which something is missing."""
    if _is_whole(path, "--all"):
        return []
    names = git(path, "for-each-ref", "--format=%(refname)").split()
    return [name for name in names if not _is_whole(path, name)]


def _is_whole(path: Path, what: str) -> bool:
    words = ["git", "rev-list", "--objects", "--quiet", what]
    return subprocess.run(words, cwd=path, capture_output=True).returncode == 0


def git_dir(path: Path) -> Path:
    return path / ".git" if (path / ".git").exists() else path


def git_locks(path: Path, *, older_s: float) -> list[Path]:
    """git's own lock files, which are there or not; ours in exp/ are held or not."""
    found, ours = [], git_dir(path) / "exp"
    # folders go while they are looked into, which os.walk passes over
    paths = [Path(top, name) for top, _, names in os.walk(git_dir(path)) for name in names]
    for lock in paths:
        if lock.suffix != ".lock" or ours in lock.parents:
            continue
        try:
            age_s = time.time() - lock.stat().st_mtime
        except OSError:
            continue
        if age_s >= older_s:
            found.append(lock)
    return found


def _left(path: Path) -> Iterator[str]:
    """What a killed command left behind and nobody took up."""
    ours = git_dir(path) / "exp"
    if (ours / "pending.json").exists():
        yield "a change is still pending"
    yield from (f"{lock} is left" for lock in git_locks(path, older_s=0))
    for lock in [ours / "lock", *ours.rglob("*.lock")]:
        if lock.exists() and _is_held(lock):
            yield f"{lock} is held"
    for journal in ours.glob("journal/*.jsonl"):
        if journal.stat().st_size:
            yield f"{journal} has records that are no notes"
    yield from (f"{torn} is there" for torn in ours.glob("journal/*.torn"))


def _is_held(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# --- endings --------------------------------------------------------------------------------------


def _endings(scene: Scene) -> Iterator[str]:
    """Where branches, target and files are not as the records of their clone say."""
    path = scene.clone(DECIDER)
    lines = set().union(*note_lines(path, FETCHED).values())
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in map(json.loads, lines):
        if record["kind"] == "event" and record["event"] in ENDINGS:
            events[record["exp"]].append(record)
    on_main = _made_on_main(path)
    for exp in scene.experiments:
        chain = sorted(events[exp], key=lambda record: int(record["seq"]))
        recorded = {record.get(made) for record in chain for made in ("merge", "revert")}
        for unknown in on_main[exp] - recorded:
            yield f"{exp}: {unknown} is on main and not on record"
        last = chain[-1] if chain else {"event": "created"}
        merge = last.get("merge")
        if merge and merge not in on_main[exp]:
            yield f"{exp}: {merge} is on record and not on main"
        runs = not merge and last["event"] != "rolled-back"
        if bool(git(path, "for-each-ref", f"refs/heads/exp/{exp}")) != runs:
            yield f"{exp}: its branch is {'gone' if runs else 'there'} although {last['event']}"
        content = git(path, "cat-file", "blob", f"main:{exp}").strip()
        if content != ("10" if merge else "20"):
            yield f"{exp}: main has {content} although {last['event']}"
    if git(path, "status", "--porcelain"):
        yield f"{DECIDER}'s files are not those of main"


def _made_on_main(path: Path) -> dict[str, set[str]]:
    """Experiment to the merges and reverts of it on main."""
    found: dict[str, set[str]] = defaultdict(set)
    shown = git(
        path,
        "log",
        "--first-parent",
        "main",
        "--format=%H %(trailers:key=Exp-Id,valueonly,separator=%x2C)",
    )
    for line in shown.splitlines():
        commit, _, exp = line.partition(" ")
        if exp:
            found[exp].add(commit)
    return found
