"""Clones of one shared repository, as teammates have them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitexp.app.load import load
from gitexp.app.record import NewTrial, record
from gitexp.model import Arm, ExperimentId, Record, WriterId
from gitexp.store.store import Store
from tests.cli.scenes import start
from tests.support import GitExp, GitIn, Result

FAST = ExperimentId("fast")


@dataclass(frozen=True)
class Clone:
    """One teammate's clone."""

    path: Path

    @property
    def git(self) -> GitIn:
        return GitIn(self.path)

    @property
    def exp(self) -> GitExp:
        return GitExp(self.path)

    @property
    def store(self) -> Store:
        return Store.open(self.path)

    @property
    def writer(self) -> WriterId:
        return self.store.writer

    def start(self, *options: str, speed: int = 10) -> None:
        """The experiment `fast`, with a change on its branch."""
        start(self.git, *options, speed=speed)

    def take_part(self) -> None:
        """What a teammate does first: a branch to measure."""
        self.exp("init")
        self.git("branch", "--quiet", "exp/fast", "origin/exp/fast")

    def record(self, blocks: Iterable[int], *, treatment: float = 10.0) -> list[str]:
        """Blocks measured elsewhere, control about 20; the ids of their records."""
        store = self.store
        ids: list[str] = []
        for number in blocks:
            for arm, value in ((Arm.CONTROL, 20.0), (Arm.TREATMENT, treatment)):
                new = NewTrial(arm=arm, metrics={"score": value + number / 100}, block=number)
                ids.append(record(store, FAST, new).id)
        store.flush()
        return ids

    def sync(self, *args: str) -> dict[str, Any]:
        """What a sync without difficulties answers."""
        answer: dict[str, Any] = self.exp("sync", *args, "--json").json
        return answer

    def try_sync(self, *args: str) -> Result:
        return self.exp("sync", *args, "--json", check=False)

    def records(self, exp: str = FAST) -> dict[str, Record]:
        """All records that are here, by id."""
        return {record.id: record for record in self.store.read(ExperimentId(exp)).records}

    def admitted(self) -> list[tuple[str, int]]:
        """(writer, number) of the blocks that count, in their order."""
        loaded = load(self.store, FAST)
        blocks = loaded.experiment.admitted(loaded.compared().revision)
        return [(block.writer, block.number) for block in blocks]

    def refs(self, prefix: str) -> dict[str, str]:
        return {str(name): str(oid) for name, oid in self.store.repository.refs(prefix).items()}

    def own_notes(self, exp: str = FAST) -> str:
        """The name of this clone's notes ref."""
        return f"refs/notes/exp/{exp}/{self.writer}"

    def is_sound(self) -> bool:
        """Whether git itself finds nothing wrong."""
        done = subprocess.run(
            ["git", "fsck", "--strict", "--no-dangling"],
            cwd=self.path, capture_output=True, check=False,
        )  # fmt: skip
        return done.returncode == 0


@dataclass(frozen=True)
class Village:
    """A bare repository, and the clones made of it."""

    folder: Path

    @property
    def shared(self) -> GitIn:
        return GitIn(self.folder / "shared.git")

    def clone(self, name: str, *options: str) -> Clone:
        """Another clone."""
        GitIn(self.folder)("clone", "--quiet", *options, f"file://{self.shared.path}", name)
        return Clone(self.folder / name)

    def refs(self, prefix: str) -> dict[str, str]:
        """What the shared repository has, as its own git says."""
        listing = self.shared("for-each-ref", "--format=%(refname) %(objectname)", prefix)
        return dict(line.split(" ") for line in listing.splitlines())

    def hook(self, name: str, script: str) -> None:
        """A hook of the shared repository."""
        path = self.shared.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
