"""The git program: the only place a git process starts."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gitexp.errors import GitexpError, Refused
from gitexp.model import Oid
from gitexp.refs import ZERO, RefUpdate

_REPOSITORY_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
)
_OURS = ("refs/notes/", "refs/exp/")
_UNREADABLE = {
    "objectformat": "SHA-256 object ids",
    "refstorage": "the reftable ref storage",
    "partialclone": "partial clones",
}


_FULL = ("No space left on device", "Disk quota exceeded")
_DISK = (*_FULL, "Read-only file system", "Input/output error")
DEAD_LOCK_S = 3.0
"""Longer than any git at work keeps the lock file of one ref."""


class GitFailed(GitexpError):
    """A git command ended with an error.

    Attributes:
        status: Its exit status.
        stderr: What it said.
    """

    code = "git-failed"

    def __init__(self, args: Sequence[str], status: int, stderr: str) -> None:
        said = stderr.strip().splitlines()
        # why the disk refused stands first, and what that led to last
        told = next((line for line in said if line.endswith(_DISK)), said[-1] if said else "")
        reason = told.removeprefix("fatal: ").removeprefix("error: ") or "no message"
        words = list(args)
        while words[:1] == ["-c"]:  # how we call git matters less than what for
            del words[:2]
        super().__init__(
            f"git {words[0]} failed: {reason}",
            hint="free some space, then run it again"
            if reason.endswith(_FULL)
            else f"try it by hand: git {shlex.join(words[:4])}",
        )
        self.status = status
        self.stderr = stderr


@dataclass(frozen=True)
class Git:
    """One repository, found the way git finds it: -C, GIT_DIR, worktrees and -c all count.

    Attributes:
        git_dir: Of this worktree.
        common_dir: Shared by all worktrees.
        top: The worktree's top folder; None in a bare repository or inside a git dir.
        cwd: Where the user is.
        env: Added to the environment of every process.
        keep_fds: File descriptors every process inherits: a lock that is held until the last of
            them has ended, whatever becomes of this one.
    """

    git_dir: Path
    common_dir: Path
    top: Path | None
    cwd: Path
    env: tuple[tuple[str, str], ...] = ()
    keep_fds: tuple[int, ...] = ()

    @staticmethod
    def open(cwd: Path | None = None) -> Git:
        """The repository around `cwd`.

        Raises:
            GitexpError: if there is none, or it is of a kind we cannot read, by name.
        """
        here = cwd or Path.cwd()
        git_dir, common_dir, top = _places(here)
        found = {"GIT_DIR": git_dir, "GIT_WORK_TREE": top}
        # given relative to where we are, they would mean another place to a process elsewhere
        env = ((name, str(path)) for name, path in found.items() if path and name in os.environ)
        git = Git(git_dir=git_dir, common_dir=common_dir, top=top, cwd=here, env=tuple(env))
        git._refuse_unreadable()
        return git

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
            env: Added to this process's environment.
            drop_repository_env: Forget GIT_DIR and the like: `cwd` is another worktree.

        Raises:
            GitFailed: if it exits with anything but 0.
        """
        answer = self.attempt(
            *args, cwd=cwd, stdin=stdin, env=env, drop_repository_env=drop_repository_env
        )
        if answer.returncode != 0:
            raise GitFailed(args, answer.returncode, answer.stderr.decode(errors="replace"))
        return os.fsdecode(answer.stdout)

    def attempt(
        self,
        *args: str,
        cwd: Path | None = None,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        drop_repository_env: bool = False,
    ) -> subprocess.CompletedProcess[bytes]:
        """Like `run`, but a failure is an answer, too."""
        own = {
            name: value
            for name, value in self.env
            if not (drop_repository_env and name in _REPOSITORY_VARIABLES)
        }
        return _run(
            args,
            cwd=cwd or self.cwd,
            stdin=stdin,
            env=own | dict(env or {}),
            drop_repository_env=drop_repository_env,
            keep_fds=self.keep_fds,
        )

    def configured(self, settings: Mapping[str, str]) -> Git:
        """The same repository, with configuration that only processes started here see.

        Not `git -c`: the user's own `-c`, which is in another variable, keeps the last word.
        """
        env = dict(self.env)
        count = int(env.get("GIT_CONFIG_COUNT") or os.environ.get("GIT_CONFIG_COUNT") or 0)
        for number, (key, value) in enumerate(settings.items(), count):
            env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        env["GIT_CONFIG_COUNT"] = str(count + len(settings))
        return replace(self, env=tuple(env.items()))

    @cached_property
    def config(self) -> Mapping[str, tuple[str, ...]]:
        """All configuration as git sees it, -c included: lower-case name to its values in order."""
        listing = self.run("config", "--null", "--list")
        values: dict[str, tuple[str, ...]] = {}
        for entry in filter(None, listing.split("\0")):
            name, _, value = entry.partition("\n")
            values[name] = (*values.get(name, ()), value)
        return values

    def setting(self, name: str) -> str | None:
        """The last value of a configuration key (section and key in lower case), or None."""
        values = self.config.get(name)
        return values[-1] if values else None

    def update_refs(self, updates: Iterable[RefUpdate], *, reason: str) -> None:
        """Move all the refs, or none.

        Raises:
            StaleRef: if one of them is not what `old` says or is locked, or what it was to become
                is gone.
            GitexpError: if git cannot write them.
        """
        script = "".join(_instruction(update) for update in updates)
        if not script:
            return
        answer = self.attempt(
            "-c",
            "core.fsync=reference",
            "update-ref",
            "--stdin",
            "-z",
            "-m",
            reason,
            stdin=f"start\0{script}prepare\0commit\0".encode(),
        )
        if answer.returncode != 0:
            from gitexp.store.ref_failures import ref_failure

            raise ref_failure(self, updates, answer.stderr.decode(errors="replace"))

    def ref(self, name: str) -> Oid | None:
        """What the full ref name points at now, or None."""
        answer = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return Oid(answer.stdout.decode().strip()) if answer.returncode == 0 else None

    def _refuse_unreadable(self) -> None:
        for name, values in self._extensions().items():
            what = _UNREADABLE.get(name)
            if what is None or values in ("sha1", "files"):
                continue
            raise Refused(
                f"this repository uses {what} (extensions.{name} = {values}), "
                "which gitexp cannot read",
                hint="use an ordinary clone: git clone --no-local <this repository> <folder>",
                code="unsupported-repository",
            )

    def _extensions(self) -> dict[str, str]:
        # only this repository's own file: extensions mean nothing elsewhere, and -c cannot set them
        try:
            text = (self.common_dir / "config").read_text("utf-8", errors="replace").lower()
        except OSError:
            return {}
        if "extensions" not in text and "promisor" not in text:
            return {}
        answer = self.attempt(
            "config",
            "--null",
            "--file",
            str(self.common_dir / "config"),
            "--get-regexp",
            r"^(extensions\..*|remote\..*\.promisor)$",
        )
        found: dict[str, str] = {}
        for entry in filter(None, answer.stdout.decode(errors="replace").split("\0")):
            name, _, value = entry.partition("\n")
            if name.startswith("extensions."):
                found[name.removeprefix("extensions.")] = value
            elif value.lower() in ("true", "yes", "on", "1", ""):
                found["partialclone"] = name.removeprefix("remote.").removesuffix(".promisor")
        return found


def show(args: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run git for the user to watch, on this process's own streams; its exit status.

    Args:
        env: Added to this process's environment, less what names another repository.
    """
    environment = {k: v for k, v in os.environ.items() if k not in _REPOSITORY_VARIABLES}
    return subprocess.run(
        ["git", *args], cwd=cwd, env=environment | dict(env), check=False
    ).returncode


def output_of(*command: str) -> str | None:
    """What another small program printed; None when it is missing or fails."""
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return os.fsdecode(answer.stdout)


def _instruction(update: RefUpdate) -> str:
    old = update.old or ZERO
    # a symbolic ref under our names must not lead us to move what it names, which is no ref of ours
    option = "option no-deref\0" if update.name.startswith(_OURS) else ""
    if update.new is None:
        return f"{option}delete {update.name}\0{old}\0"
    return f"{option}update {update.name}\0{update.new}\0{old}\0"


def _run(
    args: Sequence[str],
    *,
    cwd: Path,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    drop_repository_env: bool = False,
    keep_fds: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[bytes]:
    environment = dict(os.environ)
    if drop_repository_env:
        for name in _REPOSITORY_VARIABLES:
            environment.pop(name, None)
    # plumbing answers must not depend on the user's language; the author is never asked anything
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"} | dict(env or {})
    try:
        return subprocess.run(
            ["git", *args],
            cwd=cwd,
            env=environment,
            input=stdin or b"",
            capture_output=True,
            check=False,
            pass_fds=keep_fds,
        )
    except FileNotFoundError as error:
        raise GitexpError(
            "the git program was not found", hint="install git and put it on PATH", code="no-git"
        ) from error


def _places(here: Path) -> tuple[Path, Path, Path | None]:
    """The git dir of the worktree, the common one, and the worktree's top if there is one.

    The top is asked of git because GIT_WORK_TREE may name one far from here.
    """
    questions = ["--git-dir", "--git-common-dir", "--show-toplevel"]
    asked = ["rev-parse", "--path-format=absolute"]
    answer = _run([*asked, *questions], cwd=here)
    if not answer.stdout:
        raise _not_a_repository(answer.stderr.decode(errors="replace"))
    if answer.returncode != 0:  # only the last can fail by itself: there is no worktree
        del questions[-1]
    lines = answer.stdout.splitlines()
    if len(lines) != len(questions):  # a path with a line break in it
        lines = [_run([*asked, question], cwd=here).stdout for question in questions]
    git_dir, common_dir, *top = (Path(_one_line(line)) for line in lines)
    return git_dir, common_dir, top[0] if top else None


def _one_line(output: bytes) -> str:
    return os.fsdecode(output.removesuffix(b"\n"))


def _not_a_repository(stderr: str) -> GitexpError:
    said = stderr.strip().splitlines()
    reason = said[0].removeprefix("fatal: ") if said else "not a git repository"
    if reason.endswith(":"):
        # the extensions git does not know follow, one a line
        reason = " ".join([reason, *(line.strip() for line in said[1:])])
    if "extension" in reason or "repo version" in reason or "ref storage" in reason:
        return Refused(
            f"git cannot open this repository: {reason}",
            hint="use a newer git",
            code="unsupported-repository",
        )
    if "dubious ownership" in reason:
        return Refused(
            f"git does not trust this repository: {reason}",
            hint="git config --global --add safe.directory <folder>",
            code="unsafe-repository",
        )
    return GitexpError(
        "not inside a git repository",
        hint="git init, or go to the repository's folder",
        code="no-repository",
    )
