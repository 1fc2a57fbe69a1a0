"""Nothing that was acknowledged is lost, whoever else writes and whatever dies."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from gitexp import refs
from gitexp.errors import GitexpError
from gitexp.model import Oid, RecordId, Trial
from gitexp.store.store import Store
from tests.store.samples import EXP, PLAN, a_trial
from tests.support import GitIn

# children are forked so that a repetition does not import everything eight times
APPEND = """
import os, sys
from gitexp.store.store import Store
from tests.store.samples import EXP, PLAN, a_trial

def append(first, count, target):
    store = Store.open()
    for number in range(first, first + count):
        payload = b"output %d" % number if number % 10 == 0 else None
        record = store.record(EXP, PLAN, a_trial(number), target=target, payload=payload)
        os.write(1, b"%s\\n" % record.id.encode())
        if "--flush" in sys.argv:
            store.flush()

processes, count, first, target = *map(int, sys.argv[1:4]), sys.argv[4]
if processes == 1:
    sys.exit(append(first, count, target))
for child in range(processes):
    if os.fork() == 0:
        append(first + child * count, count, target)
        os._exit(0)
sys.exit(any(os.wait()[1] for _ in range(processes)))
"""


def appending(
    repo: Path, target: Oid, *more: str, processes: int = 1, count: int, first: int = 0
) -> subprocess.Popen[str]:
    """Processes that record trials and print the id of each once it is acknowledged."""
    root = str(Path(__file__).parents[2])
    numbers = map(str, (processes, count, first))
    return subprocess.Popen(
        [sys.executable, "-c", APPEND, *numbers, target, *more],
        cwd=repo,
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def read_in_background(process: subprocess.Popen[str]) -> Callable[[], list[str]]:
    """Start reading what it prints; call the answer for the lines, once it has ended."""
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,))
    reader.start()

    def ended() -> list[str]:
        reader.join()
        return [line for line in lines if line.endswith("\n")]

    return ended


def kill(process: subprocess.Popen[str], *, whole_group: bool) -> None:
    """SIGKILL: to all that it started, or to the appending process alone."""
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def assert_all_there(store: Store, acknowledged: list[str]) -> None:
    found = store.read(EXP)
    assert [p for p in found.problems if p.kind not in ("torn-line",)] == []
    ids = Counter(record.id for record in found.records)
    assert set(ids.values()) <= {1}
    assert set(acknowledged) <= {str(id) for id in ids}
    seqs = Counter((record.writer, record.seq) for record in found.records)
    assert set(seqs.values()) <= {1}


@pytest.mark.parametrize("repetition", range(10))
def test_eight_processes_lose_nothing(store: Store, git: GitIn, head: Oid, repetition: int) -> None:
    with appending(store.git.cwd, head, processes=8, count=50) as process:
        output = process.communicate()[0]

    assert process.returncode == 0
    acknowledged = output.split()
    assert len(set(acknowledged)) == 400
    assert_all_there(store, acknowledged)
    found = store.read(EXP)
    assert sorted(record.seq for record in found.records) == [*range(1, 401)]
    payloads = [b.payload for r in found.records if isinstance(b := r.body, Trial) and b.payload]
    assert {store.payload(oid) for oid in payloads} == {b"output %d" % n for n in range(0, 400, 10)}
    if repetition == 0:
        git("fsck", "--strict")


@pytest.mark.parametrize("whole_group", [False, True], ids=["the process", "its git, too"])
@pytest.mark.parametrize("seed", range(6))
def test_what_a_killed_writer_acknowledged_is_there(
    store: Store, git: GitIn, head: Oid, seed: int, whole_group: bool
) -> None:
    chance = random.Random(seed)
    acknowledged: list[str] = []
    for generation in range(2):
        first = (seed * 2 + generation) * 10_000
        with (
            appending(store.git.cwd, head, "--flush", count=1000, first=first) as one,
            appending(store.git.cwd, head, count=1000, first=first + 1000) as two,
        ):
            outputs = [read_in_background(process) for process in (one, two)]
            time.sleep(chance.uniform(0.25, 0.8))
            for process in (one, two):
                kill(process, whole_group=whole_group)
            # before their pipes are closed: what is still in them was acknowledged, too
            acknowledged += [line.strip() for output in outputs for line in output()]

    assert_all_there(store, acknowledged)
    assert store.journal.is_empty
    git("fsck", "--strict")


@pytest.mark.usefixtures("no_early_flush")
def test_a_payload_survives_gc_between_journal_and_flush(
    store: Store, git: GitIn, head: Oid
) -> None:
    store.record(EXP, PLAN, a_trial(1), target=head, payload=b"first")
    record = store.record(EXP, PLAN, a_trial(2), target=head, payload=b"kept")
    assert isinstance(record.body, Trial)
    assert record.body.payload is not None

    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "--quiet", "--prune=now")

    assert store.payload(record.body.payload) == b"kept"
    store.flush()
    assert store.payload(record.body.payload) == b"kept"
    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "--quiet", "--prune=now")
    assert Store.open(store.git.cwd).payload(record.body.payload) == b"kept"


def test_everything_survives_gc_and_lost_reflogs(store: Store, git: GitIn, head: Oid) -> None:
    measured = Oid(git.commit("an idea"))
    kept = {store.record(EXP, PLAN, a_trial(n), target=measured).id for n in range(20)}
    store.flush()
    git("reset", "--quiet", "--hard", head)

    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "--quiet", "--prune=now")

    found = Store.open(store.git.cwd)
    assert {record.id for record in found.read(EXP).records} == kept
    assert found.repository.is_commit(measured)


@contextlib.contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """What a full disk or a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def record_until_refused(
    store: Store, target: Oid, kept: list[RecordId], *, with_flush: bool = False
) -> NoReturn:
    for number in itertools.count(1):
        noise = os.urandom(300).hex().encode()
        trial = a_trial(number)
        kept.append(store.record(EXP, PLAN, trial, target=target, payload=noise).id)
        if with_flush:
            store.flush()
    raise AssertionError("endless")


@pytest.mark.usefixtures("no_early_flush")
def test_an_append_that_fails_is_not_recorded_and_spoils_nothing(store: Store, head: Oid) -> None:
    store.record(EXP, PLAN, a_trial(0), target=head)
    kept = [store.record(EXP, PLAN, a_trial(1), target=head).id]
    with no_file_longer_than(8192), pytest.raises(GitexpError, match="file too large") as refused:
        record_until_refused(store, head, kept)
    kept.append(store.record(EXP, PLAN, a_trial(100), target=head).id)

    assert refused.value.code == "cannot-write"
    found = Store.open(store.git.cwd).read(EXP)
    assert found.problems == ()
    assert sorted(record.seq for record in found.records) == [*range(1, len(kept) + 2)]
    assert set(kept) < {record.id for record in found.records}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk to fill: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_leaves_the_repository_whole(git: GitIn, head: Oid, small_disk: Path) -> None:
    git("clone", "--quiet", "--bare", ".", str(small_disk / "full.git"))
    full = Store.open(small_disk / "full.git")
    kept: list[RecordId] = []
    with pytest.raises(GitexpError) as refused:
        record_until_refused(full, head, kept, with_flush=True)

    found = full.read(EXP)

    assert refused.value.code == "cannot-write"
    assert kept
    assert {*kept} <= {record.id for record in found.records}
    assert {problem.kind for problem in found.problems} <= {"not-flushed"}
    assert "missing" not in GitIn(small_disk / "full.git")("fsck", "--strict")


def test_a_flush_that_fails_loses_nothing(store: Store, head: Oid, own_notes: str) -> None:
    blocked = store.git.common_dir / f"{refs.archive(EXP, store.writer)}.lock"
    blocked.parent.mkdir(parents=True)
    blocked.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gitexp.store.flushing._PATIENCE_S", 0.2)
        record = store.record(EXP, PLAN, a_trial(1), target=head)
        found = store.read(EXP)
        assert store.git.ref(own_notes) is None
        with pytest.raises(GitexpError, match="locked"):
            store.flush()
    blocked.unlink()

    assert [r.id for r in found.records] == [record.id]
    assert [p.kind for p in found.problems] == ["not-flushed"]
    again = store.read(EXP)
    assert again.problems == ()
    assert [r.id for r in again.records] == [record.id]
    assert store.journal.is_empty
