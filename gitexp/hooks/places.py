"""Where git looks for hooks in this worktree, and whether files of ours may be there."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from gitexp.hooks import texts
from gitexp.store.git import Git

_OWN_SCOPES = ("local", "worktree")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFolder:
    """The folder serves this repository alone, and its commits know nothing of it."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OthersFolder:
    """The folder is not ours to write into: a line in a hook there can call ours.

    Attributes:
        path: Where the files are that may be edited.
        why: What makes it somebody else's: 'the hooks folder …'.
        is_everywhere: It serves other repositories, too.
        is_huskys: husky reads the files: they need no permission to be executed.
    """

    path: Path
    why: str
    is_everywhere: bool = False
    is_huskys: bool = False

    def adding(self, name: str) -> str:
        """The command that makes the hook of this name call ours."""
        file, line = self.path / name, shlex.quote(texts.call(name))
        where = shlex.quote(os.fspath(file))
        if file.exists():
            command = rf"printf '\n%s\n' {line} >>{where}"  # its last line may have no end
        elif self.is_huskys:
            command = rf"printf '%s\n' {line} >{where}"
        else:
            command = rf"printf '#!/bin/sh\n%s\n' {line} >{where}"
        may_run = self.is_huskys or os.access(file, os.X_OK)
        return command if may_run else f"{command} && chmod +x {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFolder:
    """core.hooksPath names something that cannot hold hooks.

    Attributes:
        on: The command that switches hooks on again.
    """

    path: str
    on: str


Place = OwnFolder | OthersFolder | NoFolder


def hooks_place(git: Git) -> Place:
    """The folder git runs hooks from here."""
    scope, origin, value = _hooks_path(git)
    if value is None:
        return _place(git, git.common_dir / "hooks")
    # relative to where hooks run: the worktree's top, or the git dir of a bare repository
    folder = Path(os.path.normpath((git.top or git.git_dir) / value))
    if not value or (folder.exists() and not folder.is_dir()):
        on = "" if scope == "command" else f"git config --{scope} --unset-all core.hooksPath"
        return NoFolder(path=value, on=on or "run it without -c core.hooksPath")
    if scope not in _OWN_SCOPES:
        return OthersFolder(
            path=folder,
            why=f"is named by core.hooksPath for more than this repository ({origin})",
            is_everywhere=True,
        )
    return _place(git, folder)


def _place(git: Git, folder: Path) -> Place:
    if folder.name == "_" and (folder.parent.name == ".husky" or (folder / "h").is_file()):
        return OthersFolder(path=folder.parent, why="is husky's", is_huskys=True)
    if folder.is_symlink():
        return OthersFolder(path=folder, why=f"is a link to {folder.readlink()}")
    if folder.resolve().is_relative_to(git.common_dir.resolve()):
        return OwnFolder(path=folder)
    tie = _why_tracked(git, folder)
    return OthersFolder(path=folder, why=tie) if tie else OwnFolder(path=folder)


def _why_tracked(git: Git, folder: Path) -> str | None:
    """What ties the folder to the commits of the repository it lies in, if it lies in one."""
    # that may be another worktree, or another repository: it is asked there
    there = next(path for path in (folder, *folder.parents) if path.is_dir())

    def asked(*args: str) -> tuple[int, bytes]:
        answer = git.attempt(*args, cwd=there, drop_repository_env=True)
        return answer.returncode, answer.stdout.strip()

    if asked("rev-parse", "--is-inside-work-tree") != (0, b"true"):
        return None
    if asked("ls-files", "-z", "--", os.fspath(folder))[1]:
        return "holds tracked files"
    for name in texts.NAMES:
        if asked("check-ignore", "--quiet", "--", os.fspath(folder / name))[0] != 0:
            return "is in the worktree and not ignored"
    return None


def _hooks_path(git: Git) -> tuple[str, str, str | None]:
    """Scope, origin and value of core.hooksPath; None when it is not set."""
    question = ("--null", "--show-scope", "--show-origin", "--type=path", "--get")
    answer = git.attempt("config", *question, "core.hooksPath")
    if answer.returncode != 0:
        return "", "", None
    scope, origin, value = os.fsdecode(answer.stdout).removesuffix("\0").split("\0")
    return scope, origin.removeprefix("file:"), value
