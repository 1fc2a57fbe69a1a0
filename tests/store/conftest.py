"""A store in a repository of the test's own, on a branch that could be an experiment's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp import refs
from gitexp.model import Oid
from gitexp.store.journal import Journal
from gitexp.store.store import Store
from tests.store.samples import EXP
from tests.support import GitIn


@pytest.fixture
def head(git: GitIn) -> Oid:
    """The commit that the records of a test are about."""
    git("switch", "--quiet", "-c", "exp/fast-parse")
    return Oid(git.commit("plan"))


@pytest.fixture
def store(repo: Path, head: Oid) -> Store:  # noqa: ARG001 (the branch comes first)
    return Store.open(repo)


@pytest.fixture
def own_notes(store: Store) -> str:
    """The full name of this writer's notes ref."""
    return refs.notes(EXP, store.writer)


@pytest.fixture
def journal(store: Store) -> Journal:
    return store.journal


@pytest.fixture
def no_early_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first record, the journal is flushed only when a test asks for it."""
    monkeypatch.setattr("gitexp.store.journal.FLUSH_INTERVAL_S", 3600.0)
