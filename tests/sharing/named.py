"""Clones that keep their writer's name when their folder is copied: lanes, in other words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from gitexp.app.opening import open_store
from gitexp.app.sync import sync
from gitexp.app.sync_view import SyncView
from gitexp.model import WriterId
from gitexp.store.store import Store
from tests.sharing.village import Clone
from tests.support import GitExp, Result

T = TypeVar("T")


@dataclass(frozen=True)
class As(GitExp):
    """The program as this writer."""

    writer: str

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        check: bool = True,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Result:
        named = {"GITEXP_WRITER": self.writer, **(env or {})}
        return super().__call__(
            *args, cwd=cwd, check=check, stdin=stdin, env=named, timeout=timeout
        )


@dataclass(frozen=True)
class Named(Clone):
    """A clone whose writer is named by the environment."""

    name: str

    @property
    def writer(self) -> WriterId:
        return WriterId(self.name)

    @property
    def exp(self) -> As:
        return As(self.path, self.name)

    @property
    def store(self) -> Store:
        return self.act(lambda store: store)

    def act(self, use: Callable[[Store], T]) -> T:
        """What the function gives for this clone's store, in this process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GITEXP_WRITER", self.name)
            store = open_store(self.path)
            assert store.writer == self.name  # kept by the store from now on
            return use(store)

    def synced(self) -> SyncView:
        """What a sync answers, without the cost of a process."""
        return self.act(lambda store: sync(store, None))
