"""What tests use to talk to git and to the installed program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.warm import Warm

BIN = Path(sys.executable).parent
"""Where the environment that runs the tests keeps its programs, `git-exp` among them."""

COLD = bool(os.environ.get("GITEXP_TEST_COLD"))
"""Whether every program of a test is to be started by the system."""

WARM = Warm()

IDENTITY = {"name": "Ann Author", "email": "ann@example.com"}


def sealed(home: Path) -> dict[str, str]:
    """The environment of a test: nothing of the user's, nothing that asks, nothing that varies."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "GITEXP_", "XDG_", "LC_", "PYTHON", "COV_CORE"))
        and name not in _DROPPED
    }
    return passed | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_DATA_HOME": str(home / "data"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "false",
        "GIT_SEQUENCE_EDITOR": "false",
        "EDITOR": "false",
        "VISUAL": "false",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]),
    }


_DROPPED = {"COLUMNS", "LINES", "NO_COLOR", "PAGER", "LESS", "LANG", "LANGUAGE", "EMAIL"}


def write_config(home: Path) -> None:
    """The sealed global configuration of git."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "gitconfig").write_text(
        f"[user]\n\tname = {IDENTITY['name']}\n\temail = {IDENTITY['email']}\n"
        "[init]\n\tdefaultBranch = main\n"
        "[advice]\n\tdetachedHead = false\n"
        "[gc]\n\tauto = 0\n"
        "[maintenance]\n\tauto = false\n"
    )


def leave_lock(path: Path) -> None:
    """The lock file of a git that was killed long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (1, 1))


@dataclass(frozen=True)
class GitIn:
    """A repository as git itself sees it."""

    path: Path

    def __call__(
        self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None, check: bool = True
    ) -> str:
        """What `git args…` printed, without the last newline."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"git {' '.join(args)} -> {done.returncode}\n{done.stderr}")
        return done.stdout.removesuffix("\n")

    def write(self, name: str, text: str) -> Path:
        """A file in the worktree."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, message: str, files: Mapping[str, str] | None = None) -> str:
        """A commit of these files and of whatever else changed; its full id."""
        for name, text in (files or {}).items():
            self.write(name, text)
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "-m", message)
        return self.id("HEAD")

    def id(self, revision: str) -> str:
        return self("rev-parse", "--verify", revision)


@dataclass(frozen=True)
class Result:
    """How a program ended, and what it said."""

    args: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as one JSON document."""
        return json.loads(self.stdout)

    @property
    def objects(self) -> list[Any]:
        """stdout as one JSON object a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def start_cold(
    program: str,
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: str,
    timeout: float,
) -> subprocess.CompletedProcess[str]:
    """The program as the system starts it."""
    return subprocess.run(
        [program, *args],
        cwd=cwd,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        start_new_session=True,  # without /dev/tty, too
    )


@dataclass(frozen=True)
class GitExp:
    """`git-exp` run without a terminal."""

    cwd: Path

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        check: bool = True,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Result:
        """Run it.

        Args:
            check: Anything but 0 is an AssertionError that shows what was said.
        """
        words = tuple(map(str, args))
        # what an interpreter reads when it starts, one that has started does not
        is_cold = COLD or any(name.startswith(("PYTHON", "LC_", "LANG")) for name in env or {})
        done = (start_cold if is_cold else WARM.run)(
            str(BIN / "git-exp"),
            words,
            cwd=cwd or self.cwd,
            env={**os.environ, **(env or {})},
            stdin=stdin or "",
            timeout=timeout,
        )
        result = Result(words, done.returncode, done.stdout, done.stderr)
        if check and result.status != 0:
            raise AssertionError(
                f"git exp {' '.join(words)} -> {result.status}\n{result.stdout}{result.stderr}"
            )
        return result
