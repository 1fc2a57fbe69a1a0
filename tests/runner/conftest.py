"""A home of its own and small real repositories."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gitexp.model import Oid
from gitexp.runner.process import Launcher
from gitexp.store.git import Git


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITEXP_", "XDG_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    for name, value in {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    with Launcher() as started:
        yield started


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A user's checkout of a repository with one commit on main."""
    folder = tmp_path / "project"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    _commit(folder, {"app.txt": "old\n", "bench.sh": "echo bench\n", ".gitignore": "deps\n"})
    return folder


@pytest.fixture
def git(top: Path) -> Git:
    return Git.open(top)


@pytest.fixture
def commit(top: Path) -> Callable[[dict[str, str | None]], Oid]:
    """Commits files in `top`; None removes one."""
    return lambda files: _commit(top, files)


@pytest.fixture
def token() -> str:
    """A mark to put into the environment of processes, to find them again."""
    return uuid.uuid4().hex


@pytest.fixture
def env(token: str) -> dict[str, str]:
    return {**os.environ, "TEST_TOKEN": token}


@pytest.fixture
def processes(token: str) -> Callable[[], list[str]]:
    """Lists the command lines of living processes that carry the token."""

    def alive() -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if token.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    return alive


def _git(top: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=top, check=True, capture_output=True, text=True
    ).stdout.strip()


def _commit(top: Path, files: dict[str, str | None]) -> Oid:
    for name, text in files.items():
        path = top / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    _git(top, "add", "-A")
    _git(top, "commit", "-q", "-m", "change")
    return Oid(_git(top, "rev-parse", "HEAD"))
