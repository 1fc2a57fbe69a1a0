"""Hooks at work: a `git-exp` that only notes how it was called, and hooks that note it, too."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from gitexp.hooks import texts
from tests.support import GitIn

STUB = """#!/bin/sh
{
    echo "$@"
    test "$3" != pre-push || cat
} >>"$HEARD/git-exp"
echo "${GITEXP_IN_HOOK-} ${GITEXP_PUSH_PID-}" >"$HEARD/env"
echo git-exp >>"$HEARD/order"
exit "${STUB_STATUS-0}"
"""

OLD = """#!/bin/sh
printf '[%s]' "$@" >"$HEARD/old-args"
cat >"$HEARD/old-input"
echo old >>"$HEARD/order"
exit "${OLD_STATUS-0}"
"""
"""A hook of the user's that reads everything."""


@dataclass(frozen=True)
class Heard:
    """What the stub and the old hook noted."""

    folder: Path

    def text(self, name: str) -> str:
        """What was noted under this name; empty when nothing was."""
        return self.bytes(name).decode()

    def bytes(self, name: str) -> bytes:
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""

    def forget(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


def write_hook(folder: Path, name: str, content: str | bytes, mode: int = 0o755) -> Path:
    """A hook file, executable unless said otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def put_ours(folder: Path, *names: str, before: str | None = None, mode: int = 0o755) -> None:
    """Our hooks as `hooks install` leaves them, and the one from before beside each."""
    for name in names or texts.NAMES:
        write_hook(folder, name, texts.script(name))
        if before is not None:
            write_hook(folder, name + texts.BEFORE, before, mode)


def path_without_git_exp(folder: Path, *programs: str) -> str:
    """A PATH on which shells and git work, and git-exp is not."""
    folder.mkdir()
    for program in {"sh", "git", "cat", *programs}:
        found = shutil.which(program)
        assert found is not None, program
        (folder / program).symlink_to(found)
    return str(folder)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Every entry of a folder: mode and content, a link as where it points to."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if path.is_symlink():
            found[path.name] = mode, os.readlink(path)  # noqa: PTH115
        elif path.is_file():
            found[path.name] = mode, path.read_bytes()
    return found


def with_remote(git: GitIn, name: str = "origin") -> Path:
    """A bare remote beside the repository."""
    bare = git.path.parent / f"{name}.git"
    git("init", "--quiet", "--bare", str(bare))
    git("remote", "add", name, str(bare))
    return bare
