"""Moving the user's HEAD and files, and putting them back after a move was cut off."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp.errors import Refused
from gitexp.refs import short
from gitexp.store.git import Git
from gitexp.store.intent import HeadMove
from gitexp.store.standing import head_of
from gitexp.store.workshop import SETTINGS

_ABSENT = "0" * 40
_LINK = "120000"
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class _Side:
    """A path in one of two trees; mode '000000' when it is not there."""

    mode: str
    oid: str


class HeadMover:
    """One worktree whose HEAD is moved as `move` says.

    Args:
        git: Of any worktree of the repository.
    """

    def __init__(self, git: Git, move: HeadMove) -> None:
        self._move = move
        self._git = git.configured(SETTINGS)
        self._is_here = git.git_dir == Path(move.git_dir)
        self._top = Path(move.top or move.git_dir)

    def check_out(self, reason: str) -> None:
        """Bring the files to the new commit, HEAD detached there.

        Raises:
            Refused: when the user's files are in the way; nothing was changed.
        """
        if self._move.checkout:
            self._switch(["--detach", self._move.after_commit], reason)

    def arrive(self, reason: str) -> None:
        """Set HEAD to where it ends, now that the branch is there."""
        move = self._move
        if not self._top.is_dir():
            return  # the worktree was removed since
        head = self._head()
        if head == move.after:
            return
        if head == move.before and move.checkout:
            self._switch(["--detach", move.after_commit], reason)
        elif head not in (move.before, move.after_commit):
            return  # the user has gone elsewhere since
        if not move.after.startswith("refs/"):
            return
        # spelled as git checkout does, so that `git switch -` finds the way back
        came = short(move.before)
        said = f"checkout: moving from {came} to {short(move.after)}"
        message = reason if move.before == move.after else said
        self._run("symbolic-ref", "-m", message, "HEAD", move.after)

    def put_back(self, reason: str) -> None:
        """Bring HEAD and files to where they were before `check_out`.

        Raises:
            Refused: when the user has changed the files in the meantime.
        """
        move = self._move
        if not move.checkout or not self._top.is_dir():
            return
        head = self._head()
        if head == move.before:
            self._undo_half()
        elif head == move.after_commit:
            name = move.before.startswith("refs/heads/")
            place = [short(move.before)] if name else ["--detach", move.before]
            self._switch([*place, "--"], reason)

    def _head(self) -> str:
        return head_of(self._git, cwd=None if self._is_here else self._top)

    def _switch(self, where: list[str], reason: str) -> None:
        answer = self._git.attempt(
            "checkout",
            "--quiet",
            "--no-guess",
            "--no-overwrite-ignore",
            *where,
            cwd=self._top,
            # not git's own words: `git switch -` would lead to this intermediate place
            env={"GIT_REFLOG_ACTION": reason},
            drop_repository_env=not self._is_here,
        )
        # a post-checkout hook sets the exit status, too, after everything is done
        wanted = self._move.before if where[-1] == "--" else self._move.after_commit
        if answer.returncode != 0 and self._head() != wanted:
            said = answer.stderr.decode(errors="replace").strip().splitlines()
            raise Refused(
                f"git cannot bring your files along: {'; '.join(said[:3]) or 'no message'}",
                hint="git stash --include-untracked, run it again, and afterwards git stash pop",
                code="in-the-way",
            )

    # --- a checkout that was killed -----------------------------------------------------------

    def _undo_half(self) -> None:
        """Undo what a killed `git checkout` did: it writes files first, the index, then HEAD.

        The files it touches had no local changes when it began. Whatever is there now is either
        of the two versions, the beginning of one, or the user's work since, which is left alone.
        """
        paths = dict(self._differing())
        with_new_index = self._has_new_index(paths)
        settled = {path: sides[with_new_index] for path, sides in paths.items()}
        changed = self._changed(settled)
        unwanted = {path for path, side in settled.items() if side.oid == _ABSENT}
        for path in unwanted:
            if path in changed and self._is_ours(path, paths[path]):
                (self._top / path).unlink(missing_ok=True)
            self._remove_empty_folders(path)
        # after that, for a folder may have taken the place of a file
        self._write_files([path for path in changed - unwanted if self._is_ours(path, paths[path])])
        if with_new_index:
            self._run("update-index", "-q", "--refresh", may_fail=True)
            self._run("read-tree", "-m", "-u", self._move.after_commit, self._move.before_commit)

    def _differing(self) -> Iterator[tuple[str, tuple[_Side, _Side]]]:
        """Paths that differ between the commits, with both sides."""
        listing = self._run(
            "diff-tree",
            "-r",
            "-z",
            "--no-renames",
            "--no-abbrev",
            self._move.before_commit,
            self._move.after_commit,
        ).split("\0")
        for facts, path in zip(listing[0::2], listing[1::2], strict=False):
            old_mode, new_mode, old, new, _ = facts.lstrip(":").split(" ")
            if _SUBMODULE not in (old_mode, new_mode):
                yield path, (_Side(old_mode, old), _Side(new_mode, new))

    def _has_new_index(self, paths: Mapping[str, tuple[_Side, _Side]]) -> bool:
        """Whether the index is the new commit's; it is replaced as a whole."""
        listing = self._run(
            "diff-index", "--cached", "-z", "--no-renames", "--no-abbrev", self._move.before_commit
        ).split("\0")
        for facts, path in zip(listing[0::2], listing[1::2], strict=False):
            _, mode, _, oid, _ = facts.lstrip(":").split(" ")
            if path in paths and paths[path][1] == _Side(mode, oid):
                return True
        return False

    def _changed(self, settled: Mapping[str, _Side]) -> set[str]:
        """Paths whose file is not as the index has it."""
        self._run("update-index", "-q", "--refresh", may_fail=True)
        differing = set(self._run("diff-files", "-z", "--name-only").split("\0"))
        return {
            path
            for path, side in settled.items()
            if (os.path.lexists(self._top / path) if side.oid == _ABSENT else path in differing)
        }

    def _is_ours(self, path: str, sides: tuple[_Side, _Side]) -> bool:
        file = self._top / path
        if not os.path.lexists(file):
            return True
        if file.is_dir() and not file.is_symlink():
            return False
        found = os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
        return any(self._content(path, side).startswith(found) for side in sides)

    def _content(self, path: str, side: _Side) -> bytes:
        """What git writes to the file: line ends and filters applied."""
        if side.oid == _ABSENT:
            return b""
        filters = () if side.mode == _LINK else ("--filters", f"--path={path}")
        kind = ("blob",) if side.mode == _LINK else ()
        answer = self._git.attempt(
            "cat-file",
            *filters,
            *kind,
            side.oid,
            cwd=self._top,
            drop_repository_env=not self._is_here,
        )
        return answer.stdout

    def _write_files(self, paths: list[str]) -> None:
        if paths:
            names = "\0".join(paths) + "\0"
            self._run("checkout-index", "-f", "-u", "-z", "--stdin", stdin=os.fsencode(names))

    def _remove_empty_folders(self, path: str) -> None:
        with contextlib.suppress(OSError):
            for folder in Path(path).parents[:-1]:
                (self._top / folder).rmdir()

    def _run(self, *args: str, stdin: bytes | None = None, may_fail: bool = False) -> str:
        call = self._git.attempt if may_fail else self._git.run
        answer = call(*args, cwd=self._top, stdin=stdin, drop_repository_env=not self._is_here)
        return answer if isinstance(answer, str) else ""
