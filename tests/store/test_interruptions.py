"""Stop at the first thing that is done, then at the second, and so on: nothing is ever lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from gitexp.errors import GitexpError
from gitexp.model import Oid
from gitexp.store import files, journal
from gitexp.store.files import Folder
from gitexp.store.git import Git
from gitexp.store.repository import Repository
from gitexp.store.store import Store
from tests.store.samples import EXP, PLAN, a_trial
from tests.support import GitIn

STEPS: list[tuple[Any, str]] = [
    (Repository, "write_blob"),
    (Repository, "write_tree"),
    (Repository, "write_commit"),
    (Git, "attempt"),
    (Folder, "open"),
    (Folder, "rename"),
    (Folder, "remove"),
    (Folder, "touch"),
    (journal, "write_all"),
    (files, "write_all"),
    (os, "fsync"),
]


class Killed(BaseException):
    """Nothing may catch it, as nothing catches SIGKILL."""


class Fuse:
    """Raises at the n-th step, just before or just after it."""

    def __init__(self, patch: pytest.MonkeyPatch, error: BaseException, *, after: bool) -> None:
        self.left = -1
        self._error, self._after = error, after
        for owner, name in STEPS:
            patch.setattr(owner, name, self._burning(getattr(owner, name)))

    def _burning(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def burning(*args: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self._after:
                raise self._error
            result = step(*args, **options)
            if self.left == 0:
                raise self._error
            return result

        return burning


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error",
    [Killed(), GitexpError("no space left", hint="make some", code="cannot-write")],
    ids=["killed", "failed"],
)
def test_stopping_at_every_step_of_an_append_and_its_flush(
    store: Store,
    git: GitIn,
    head: Oid,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    after: bool,
) -> None:
    monkeypatch.setattr("gitexp.store.journal.FLUSH_INTERVAL_S", -1.0)
    acknowledged = {store.record(EXP, PLAN, a_trial(0), target=head).id}
    fuse = Fuse(monkeypatch, error, after=after)
    count, was_stopped = 0, True
    while was_stopped and count < 200:
        count += 1
        again = Store.open(git.path)
        fuse.left = count
        was_stopped = False
        try:
            trial = a_trial(count)
            payload = b"output %d" % count
            acknowledged.add(again.record(EXP, PLAN, trial, target=head, payload=payload).id)
            again.flush()
        except (Killed, GitexpError):
            was_stopped = True
        was_stopped = was_stopped or fuse.left <= 0
        fuse.left = -1
        # or each stop would leave more to do than the one before, and there would be no end
        Store.open(git.path).flush()

    assert 20 < count < 200
    found = Store.open(git.path).read(EXP)
    ids = [record.id for record in found.records]
    assert acknowledged <= {*ids}
    assert len({*ids}) == len(ids)
    assert len({record.seq for record in found.records}) == len(ids)
    assert {problem.kind for problem in found.problems} <= {"torn-line"}
    git("fsck", "--strict")
