"""The door: what is there, what it is called, what it costs to ask."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitexp.errors import CorruptEvidence, GitexpError
from gitexp.model import Oid, Trial, experiment_id
from gitexp.store.store import Store
from tests.store.samples import EXP, PLAN, a_trial
from tests.support import GitIn


def test_experiments_are_found_wherever_they_left_something(
    store: Store, git: GitIn, head: Oid
) -> None:
    for name in (
        "refs/heads/exp/branch-only",
        "refs/notes/exp/notes-only/ann-1",
        "refs/notes/remotes/up/stream/exp/fetched/bob-2",
        "refs/exp/archive/archived/ann-1",
        "refs/exp/remotes/origin/archive/fetched-archive/bob-2",
        "refs/heads/exp/Not.An-Id",
        "refs/notes/exp/notes-only/Bad_Writer",
    ):
        git("update-ref", name, head)
    store.record(experiment_id("recorded"), PLAN, a_trial(), target=head)

    assert store.experiment_ids() == (
        "archived", "branch-only", "fast-parse", "fetched", "fetched-archive", "notes-only",
        "recorded",
    )  # fmt: skip


@pytest.mark.usefixtures("no_early_flush")
def test_tips_change_exactly_when_the_evidence_does(store: Store, head: Oid) -> None:
    store.record(EXP, PLAN, a_trial(1), target=head)
    before = store.tips(store.our_refs())
    assert before == store.tips(store.our_refs())
    assert before[EXP] == dict(store._evidence(EXP).tips)

    store.record(EXP, PLAN, a_trial(2), target=head)
    pending = store.tips(store.our_refs())
    store.flush()

    assert pending != before
    assert store.tips(store.our_refs()) not in (before, pending)


def test_a_record_is_what_is_read(store: Store, head: Oid) -> None:
    moment = datetime(2026, 1, 5, 12, 0, 0, 250_000, tzinfo=UTC)
    timed = Store.open(store.git.cwd, clock=lambda: moment)

    record = timed.record(EXP, PLAN, a_trial(3), target=head)

    assert record.at == moment
    assert record.body == a_trial(3)
    assert timed.read(EXP).records == (record,)


def test_it_works_from_a_subfolder_a_worktree_and_a_bare_clone(
    store: Store, git: GitIn, head: Oid, tmp_path: Path
) -> None:
    git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    (git.path / "src" / "deep").mkdir(parents=True)
    for place in (git.path / "src" / "deep", tmp_path / "linked", git.path / ".git"):
        Store.open(place).record(EXP, PLAN, a_trial(), target=head)
    git("clone", "-q", "--bare", str(git.path), str(tmp_path / "bare.git"))
    bare = Store.open(tmp_path / "bare.git")
    bare.record(EXP, PLAN, a_trial(), target=head)

    assert len(store.read(EXP).records) == 3
    assert len(bare.read(EXP).records) == 1


READ_ONLY = """
set -e
mount --bind . .
mount -o remount,bind,ro .
cd "$PWD"
exec "$0" -c "$1"
"""
READ_AND_RECORD = """
from gitexp.errors import GitexpError
from gitexp.store.store import Store
from tests.store.samples import COMMIT, EXP, PLAN, a_trial
store = Store.open()
found = store.read(EXP)
print(sorted(record.id for record in found.records), [p.kind for p in found.problems])
try:
    store.record(EXP, PLAN, a_trial(), target=COMMIT)
except GitexpError as error:
    print(error.code)
"""


@pytest.mark.usefixtures("no_early_flush")
def test_a_repository_that_cannot_be_written_can_be_read(store: Store, head: Oid) -> None:
    kept = {store.record(EXP, PLAN, a_trial(n), target=head).id for n in range(3)}

    done = subprocess.run(
        [
            *["unshare", "--mount", "--map-root-user", "sh", "-c"],
            READ_ONLY,
            sys.executable,
            READ_AND_RECORD,
        ],
        cwd=store.git.cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"nothing can be mounted read-only here: {done.stderr.strip()}")
    assert done.stdout.splitlines() == [f"{sorted(kept)} ['not-flushed']", "cannot-write"]


def test_payloads_are_read_back_and_nothing_else_is(store: Store, git: GitIn, head: Oid) -> None:
    record = store.record(EXP, PLAN, a_trial(), target=head, payload=b"\x00\xfftail")
    assert isinstance(record.body, Trial)
    assert record.body.payload is not None

    assert store.payload(record.body.payload) == b"\x00\xfftail"
    with pytest.raises(CorruptEvidence):
        store.payload(Oid(git.id("HEAD:README")))
    with pytest.raises(GitexpError, match="missing"):
        store.payload(Oid("e5" * 20))


def test_the_cache_keeps_one_value_for_one_key(store: Store) -> None:
    cache = store.cache
    assert cache.get("verdict", "a") is None
    cache.put("verdict", "a", b"one\ntwo")
    assert cache.get("verdict", "a") == b"one\ntwo"
    assert cache.get("verdict", "b") is None
    path = store.git.common_dir / "exp" / "cache" / "verdict"
    for damaged in (b"", path.read_bytes()[:-1], b"x" + path.read_bytes()):
        path.write_bytes(damaged)
        assert cache.get("verdict", "a") is None
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert cache.get("verdict", "a") is None
    with pytest.raises(ValueError, match="not a cache name"):
        cache.put("../escape", "a", b"")


def test_maintenance_is_asked_for_once_an_hour(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    store.maintain()
    store.maintain()

    assert trace.read_text().count("built-in: git maintenance run") == 1
