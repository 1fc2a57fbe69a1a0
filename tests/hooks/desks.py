"""A clone with both hooks, its bare `origin` beside it, and the experiment `fast` under way."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp.app.record import NewTrial, record
from gitexp.hooks import texts
from gitexp.model import Arm, ExperimentId
from gitexp.store.store import Store
from tests.cli import scenes
from tests.support import GitExp, GitIn

WRITER = "ann"
NOTES = f"refs/notes/exp/fast/{WRITER}"
ARCHIVE = f"refs/exp/archive/fast/{WRITER}"
NO_ONE = "/nonexistent"


@dataclass(frozen=True)
class Pushed:
    """How a push ended, and what our hook said."""

    status: int
    stderr: str

    @property
    def said(self) -> list[str]:
        """Our lines: those of git about the push itself are left out."""
        ours = ("exp: ", "warning: the evidence", "error: ", "hint: ")
        lines = self.stderr.splitlines()
        return [ln for ln in lines if ln.startswith(ours) and "failed to push some refs" not in ln]


@dataclass(frozen=True)
class Desk:
    """One teammate's clone and the repository they share."""

    path: Path

    @property
    def git(self) -> GitIn:
        return GitIn(self.path)

    @property
    def exp(self) -> GitExp:
        return GitExp(self.path)

    @property
    def origin(self) -> GitIn:
        return GitIn(self.path.parent / "origin.git")

    def there(self) -> dict[str, str]:
        """The refs the shared repository has."""
        lines = self.origin("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)

    def here(self, ref: str) -> str:
        return self.git("rev-parse", "--verify", ref)

    def push(
        self, *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Pushed:
        """`git push args…`, or with another word first another git command."""
        words = args if args and args[0] in _OTHERS else ("push", *args)
        done = subprocess.run(
            ["git", *words],
            cwd=cwd or self.path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Pushed(done.returncode, done.stderr)

    def measure(self, *blocks: int, treatment: float = 10.0) -> None:
        """Blocks recorded from elsewhere, control about 20."""
        store = Store.open(self.path)
        for number in blocks:
            for arm, value in ((Arm.CONTROL, 20.0), (Arm.TREATMENT, treatment)):
                new = NewTrial(arm=arm, metrics={"score": value + number / 100}, block=number)
                record(store, ExperimentId("fast"), new)
        store.flush()

    def clone(self, name: str, *options: str) -> Desk:
        """Another clone of the shared repository, with hooks."""
        folder = self.path.parent / name
        origin = f"file://{self.origin.path}"
        GitIn(self.path.parent)("clone", "--quiet", *options, origin, str(folder))
        install(folder / ".git")
        return Desk(folder)


_OTHERS = ("-c", "-C", "p", "rehearse")


def install(git_dir: Path) -> None:
    """Both hooks, as `git exp hooks install` writes them."""
    folder = git_dir / "hooks"
    folder.mkdir(exist_ok=True)
    for name in texts.NAMES:
        (folder / name).write_bytes(texts.script(name))
        (folder / name).chmod(0o755)


def set_up(template: Path, folder: Path) -> Desk:
    """The shared repository and the first clone, with an experiment that has a change."""
    folder.mkdir(exist_ok=True)
    desk = Desk(folder / "ann")
    shutil.copytree(template, desk.path, symlinks=True)
    GitIn(folder)("init", "--quiet", "--bare", "origin.git")
    scenes.prepare(desk.git)
    install(desk.path / ".git")
    desk.git("remote", "add", "origin", "../origin.git")
    desk.git("push", "--quiet", "origin", "main")
    scenes.start(desk.git)
    return desk
