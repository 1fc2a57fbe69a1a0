"""git in our own checkouts: nothing of the user's runs there, and nothing stays behind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    # submodules are populated by us, from what is here
    *("-c", "submodule.recurse=false"),
)


class Answer(Protocol):
    """How a git command ended, and what it printed."""

    @property
    def returncode(self) -> int: ...

    @property
    def stdout(self) -> bytes: ...

    @property
    def stderr(self) -> bytes: ...


class Git(Protocol):
    """The git program for the user's repository; what `store.git.Git` offers."""

    def run(
        self,
        *args: str,
        cwd: Path | None = None,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        drop_repository_env: bool = False,
    ) -> str:
        """What `git args…` printed.

        Args:
            cwd: Where to run it; None is where the user is.
            env: Added to this process's environment.
            drop_repository_env: Forget GIT_DIR and the like: `cwd` is another worktree.

        Raises:
            GitexpError: if git fails.
        """

    def attempt(
        self,
        *args: str,
        cwd: Path | None = None,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        drop_repository_env: bool = False,
    ) -> Answer:
        """Like `run`, but a failure is an answer, too."""


class Tracked(NamedTuple):
    """A path in the index; the path is relative to the top of the worktree."""

    mode: str
    oid: str
    path: str


class QuietGit:
    """git in one folder, with neither the user's hooks nor a daemon that outlives it.

    Args:
        path: A worktree or a git dir; it counts, whatever GIT_DIR and the like say.
    """

    def __init__(self, git: Git, path: Path, env: Mapping[str, str] | None = None) -> None:
        self._git = git
        self._env = env
        self.path = path

    def at(self, path: Path) -> QuietGit:
        """The same in another worktree."""
        return QuietGit(self._git, path)

    def at_git_dir(self, git_dir: Path) -> QuietGit:
        """The same in a repository whose own worktree may be gone.

        git goes to the folder that `core.worktree` names before anything else, and fails if it is
        not there; so it is given one that is.
        """
        place = str(git_dir)
        return QuietGit(self._git, git_dir, {"GIT_DIR": place, "GIT_WORK_TREE": place})

    def run(self, *args: str, stdin: bytes | None = None) -> str:
        """What `git args…` printed.

        Raises:
            GitexpError: if git fails.
        """
        return self._git.run(
            *_OPTIONS,
            *args,
            cwd=self.path,
            stdin=stdin,
            env=self._env,
            drop_repository_env=True,
        )

    def attempt(self, *args: str, stdin: bytes | None = None) -> Answer:
        """Like `run`, but a failure is an answer, too."""
        return self._git.attempt(
            *_OPTIONS,
            *args,
            cwd=self.path,
            stdin=stdin,
            env=self._env,
            drop_repository_env=True,
        )

    def tracked(self) -> Iterator[Tracked]:
        """What the index holds, in its order."""
        for entry in filter(None, self.run("ls-files", "--stage", "-z").split("\0")):
            facts, _, path = entry.partition("\t")
            mode, oid, _ = facts.split(" ")
            yield Tracked(mode, oid, path)


def linked_worktrees(common_dir: Path, below: Path) -> Iterator[tuple[Path, Path]]:
    """Git dir and top of every linked worktree of a repository at or below a folder.

    Read from git's own files: also worktrees whose folder is gone, and asking git would cost more.
    """
    linked = common_dir / "worktrees"
    for admin in sorted(linked.iterdir()) if linked.is_dir() else ():
        with suppress(OSError):
            top = Path(admin, (admin / "gitdir").read_text().removesuffix("\n")).parent
            if top.is_relative_to(below):
                yield admin, top
