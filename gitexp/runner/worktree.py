"""Checkouts of both arms in the cache folder, made once per commit and reused.

Layout, with paths of equal length for both arms::

    <base>/<name>-<12 hex>/             one per repository; the digest is that of its common dir
        <experiment>/
            <key>/                      the checkout, a detached git worktree
            <key>.json                  the marker: the checkout is ready, and in what state
            <key>.lock                  held shared while it is used, exclusively while it is made
            <key>.setup, <key>.setup.err    what the setup command printed

The key is the first 12 hex digits of the SHA-256 of what the checkout is made from. The marker is
written, durably, only after everything succeeded; a checkout without one is made anew, and so is
one whose tracked files are no longer as they were then.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitexp.errors import GitexpError, Refused
from gitexp.model import ExperimentId, Oid
from gitexp.runner import contents, filters, room, submodules
from gitexp.runner.process import Launcher
from gitexp.runner.quiet_git import Git, QuietGit, linked_worktrees

_KEY = re.compile(r"[0-9a-f]{12}(?=\.|\Z)")
_PATIENCE_S = 5.0
"""How long a checkout that is in use, but must be made anew, is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a checkout is made from.

    Attributes:
        tree: The commit's tree with the harness applied (`ArmTip.tree`).
        control: The commit the harness is taken from.
        setup: A shell command, run once in the new checkout.
        links: Paths linked from the user's checkout, relative to its top.
        harness: Paths taken from `control`, relative to the top.
        is_twin: A second checkout of the same: where a commit is compared with itself.
    """

    commit: Oid
    tree: Oid
    control: Oid
    setup: str | None = None
    links: tuple[str, ...] = ()
    harness: tuple[str, ...] = ()
    is_twin: bool = False

    @property
    def key(self) -> str:
        """12 hexadecimal digits that stand for commit, tree, setup and links."""
        parts = [self.commit, self.tree, self.setup, list(self.links)]
        parts += ["twin"] if self.is_twin else []
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A folder that holds one arm, ready to run commands in."""

    path: Path
    commit: Oid
    tree: Oid


def default_base(environ: Mapping[str, str]) -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/gitexp`; a relative XDG_CACHE_HOME does not count."""
    cache = Path(environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "gitexp"


class Worktrees:
    """All our checkouts of one repository.

    Args:
        common_dir: The repository's common git dir.
        user_checkout: Top of the user's checkout, where links lead to; None if there is none.
        base: `default_base`, or the folder of `exp.worktreeDir`; absolute.
    """

    def __init__(
        self, git: Git, *, common_dir: Path, user_checkout: Path | None, base: Path
    ) -> None:
        if not base.is_absolute():
            raise ValueError(f"the folder for checkouts must be absolute, not '{base}'")
        self._git = QuietGit(git, common_dir)
        self._common_dir = common_dir
        self._user_checkout = user_checkout
        self.root = base.resolve() / _repository_name(common_dir.resolve())

    def path(self, experiment: ExperimentId, recipe: Recipe) -> Path:
        """Where the checkout is or would be."""
        return self.root / experiment / recipe.key

    def experiments(self) -> tuple[ExperimentId, ...]:
        """Those that have a folder here, sorted."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(ExperimentId(p.name) for p in self.root.iterdir() if p.is_dir()))

    @contextmanager
    def checkout(
        self,
        experiment: ExperimentId,
        recipe: Recipe,
        *,
        launcher: Launcher,
        env: Mapping[str, str],
    ) -> Iterator[Checkout]:
        """A ready checkout, made or reused, that nobody removes while it is used.

        Waits while another process makes the same one.

        Args:
            launcher: Runs the setup command, like any measured command.
            env: The environment for the setup command.

        Raises:
            Refused: a required filter fails; a harness path is not in control; a submodule's
                commit is not here; a link cannot be made; the setup command fails; or the
                checkout must be made anew while another process uses it.
            GitexpError: git or the file system fails.
        """
        path = self.path(experiment, recipe)

        def build() -> None:
            self._remove(path)
            try:
                self._build(path, recipe, launcher=launcher, env=env)
            except GitexpError as error:
                raise room.full(self.root) or error from error

        room.make(path.parent)
        fd = _lock_ready(path, is_ready=lambda: self._is_ready(path, recipe), build=build)
        try:
            yield Checkout(path=path, commit=recipe.commit, tree=recipe.tree)
        finally:
            os.close(fd)

    def is_as_made(self, path: Path) -> bool:
        """Whether the tracked files of this checkout are still as they were when it was made."""
        try:
            return bool(
                json.loads(_marker(path).read_text()) == self._condition(self._git.at(path))
            )
        except (OSError, ValueError, GitexpError):
            return False

    def remove_all(self, experiment: ExperimentId) -> tuple[Path, ...]:
        """Remove the experiment's checkouts and what git knows of them; those in use remain.

        Returns:
            The checkouts that are in use, sorted.
        """
        in_use = tuple(path for path in self.paths(experiment) if not self.remove(path))
        self._tidy(self.root / experiment)
        return in_use

    def paths(self, experiment: ExperimentId) -> tuple[Path, ...]:
        """The experiment's checkouts, ready or not, sorted."""
        folder = self.root / experiment
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        # git may know of some whose folder is gone
        names += [top.name for _, top in linked_worktrees(self._common_dir, below=folder)]
        return tuple(sorted({folder / found[0] for name in names if (found := _KEY.match(name))}))

    def gone(self) -> tuple[Path, ...]:
        """Checkouts that git knows of and whose folder is gone, sorted."""
        known = linked_worktrees(self._common_dir, below=self.root)
        return tuple(sorted(top for _, top in known if not top.exists()))

    def remove(self, path: Path) -> bool:
        """Remove one checkout and what git knows of it; False: it is in use."""
        fd = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if fd is None:
            return False
        try:
            self._remove(path)
            for rest in (*_setup_logs(path), _lock_path(path)):
                rest.unlink(missing_ok=True)
        finally:
            os.close(fd)
        self._tidy(path.parent)
        return True

    def _tidy(self, folder: Path) -> None:
        for emptied in (folder, self.root):
            with suppress(OSError):  # something else is in it, or another process was faster
                emptied.rmdir()

    def _is_ready(self, path: Path, recipe: Recipe) -> bool:
        try:
            marker = json.loads(_marker(path).read_text())
        except (FileNotFoundError, ValueError):
            return False
        if not (path / ".git").is_file() or not isinstance(marker, dict):
            return False
        if not all((path / link).exists() for link in recipe.links):
            return False
        git = self._git.at(path)
        try:
            head = git.run("rev-parse", "HEAD").strip()
            return head == recipe.commit and marker == self._condition(git)
        except GitexpError:  # git's side of the worktree is gone, or a submodule's
            return False

    def _build(
        self, path: Path, recipe: Recipe, *, launcher: Launcher, env: Mapping[str, str]
    ) -> None:
        add = ("worktree", "add", "--quiet", "--detach", "--no-checkout")
        self._git.run(*add, str(path), recipe.commit)
        git = self._git.at(path)
        filters.check_out(git)
        contents.apply_harness(
            git,
            control=recipe.control,
            commit=recipe.commit,
            tree=recipe.tree,
            harness=recipe.harness,
        )
        if (tree := git.run("write-tree").strip()) != recipe.tree:
            raise GitexpError(
                f"the checkout of {recipe.commit[:10]} holds tree {tree[:10]}, "
                f"not {recipe.tree[:10]} as expected",
                hint="run the same command again; a branch may have moved",
                code="wrong-tree",
            )
        submodules.populate(git, self._user())
        contents.make_links(path, recipe.links, user_checkout=self._user_checkout)
        if recipe.setup is not None:
            contents.run_setup(
                recipe.setup, path, launcher=launcher, env=env, log=_setup_logs(path)[0]
            )
        _write_durably(_marker(path), json.dumps(self._condition(git)))

    def _remove(self, path: Path) -> None:
        """Remove a checkout, ready or not, and git's side of it."""
        _marker(path).unlink(missing_ok=True)
        known = list(linked_worktrees(self._common_dir, below=path))
        repositories = {found for admin, _ in known for found in submodules.recorded(admin)}
        _remove_folder(path)
        for repository in sorted(repositories):
            submodules.forget(self._git, repository, below=path)
        for _, top in known:
            # forced twice: also when someone has locked it. Not `prune`: that would drop the
            # user's worktrees on drives that are not mounted now.
            self._git.run("worktree", "remove", "--force", "--force", str(top))

    def _user(self) -> submodules.Place:
        """The user's side of our checkouts."""
        top, git_dir = self._user_checkout, self._common_dir
        if top is not None and (top / ".git").exists():  # not when GIT_WORK_TREE names it
            git_dir = Path(self._git.at(top).run("rev-parse", "--absolute-git-dir").rstrip("\n"))
        return submodules.Place(top=top, git_dir=git_dir)

    def _condition(self, git: QuietGit) -> dict[str, Any]:
        """What must not change: tracked files, also those of submodules, and which the user has."""
        condition: dict[str, Any] = {"state": _state(git)}
        for each in submodules.find(git, self._user()):
            inside = git.at(git.path / each.path)
            # where there is none, git would look further up
            state = _state(inside) if (inside.path / ".git").is_file() else None
            facts = [str(each.path), str(each.repository), state]
            condition.setdefault("submodules", []).append(facts)
        return condition


def _state(git: QuietGit) -> str:
    """A digest of how the tracked files of a worktree differ from its commit."""
    listing = git.run(
        "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no",
        "--ignore-submodules=dirty",
    )  # fmt: skip
    digest = hashlib.sha256(os.fsencode(listing))
    for entry in filter(None, listing.split("\0")):
        file = git.path / entry[3:]
        if file.is_file():
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _repository_name(common_dir: Path) -> str:
    folder = common_dir.parent if common_dir.name == ".git" else common_dir
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name.removesuffix(".git"))[:40].strip("-.")
    digest = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:12]
    return f"{name or 'repository'}-{digest}"


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _setup_logs(path: Path) -> tuple[Path, Path]:
    """Standard output and standard error of the setup command."""
    return path.with_name(f"{path.name}.setup"), path.with_name(f"{path.name}.setup.err")


def _lock_ready(path: Path, *, is_ready: Callable[[], bool], build: Callable[[], None]) -> int:
    """A shared lock on a ready checkout, as a file descriptor to close."""
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        shared = _lock(path, fcntl.LOCK_SH)  # waits for a builder
        assert shared is not None
        if is_ready():
            return shared
        os.close(shared)
        exclusive = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if exclusive is not None:
            try:
                if not is_ready():
                    build()
            finally:
                os.close(exclusive)
            give_up = time.monotonic() + _PATIENCE_S
        elif time.monotonic() > give_up:
            raise Refused(
                f"the checkout '{path}' has changed and is in use by another process",
                hint="wait for the other run to end, or stop it, then run again",
                code="checkout-in-use",
            )
        else:
            time.sleep(0.05)


def _lock(path: Path, kind: int) -> int | None:
    """The checkout's lock as a file descriptor; None if `kind` has LOCK_NB and it is taken."""
    lock = _lock_path(path)
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue  # the folder was removed just now
        try:
            fcntl.flock(fd, kind)
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        try:
            if os.path.samestat(os.fstat(fd), lock.stat()):
                return fd
        except FileNotFoundError:
            pass
        os.close(fd)  # removed while we waited: lock the new one


def _remove_folder(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        # read-only folders, as package caches have them
        for folder, _, _ in os.walk(path):
            Path(folder).chmod(stat.S_IRWXU)
        shutil.rmtree(path)


def _write_durably(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
