"""Commits made the way the user's git makes them, away from the user's files.

Merges and reverts need a worktree. A temporary one, detached and all but empty, lets `git merge`
and `git commit` do them, so that merge drivers, attributes, rename limits, signing, identity and
commit hooks are the user's. Nothing else names its commits until the transaction does.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitexp.changes.values import (
    MADE,
    PLAN_COMMIT,
    Merge,
    Registration,
    Revert,
    UndoCommit,
    UndoRange,
)
from gitexp.errors import Refused
from gitexp.model import Oid
from gitexp.refs import short
from gitexp.store.files import failing
from gitexp.store.git import Git
from gitexp.store.standing import listed

_NO_HOOKS = {"core.hooksPath": os.devnull}
_HOOKS = {
    Merge: ("pre-merge-commit", "prepare-commit-msg", "commit-msg"),
    Revert: ("pre-commit", "prepare-commit-msg", "commit-msg"),
}
SETTINGS = {
    # an object must be on the disk before a ref names it
    "core.fsync": "all",
    # a daemon or a collection started here would outlive us, the lock in its hands
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
}
"""Configuration for git processes that take part in a change."""
_SHOWN_LINES = 5


def new_path(git: Git) -> Path:
    """A name for a temporary worktree that nothing has."""
    configured = git.setting("exp.worktreedir")
    if configured:
        base = Path(configured).expanduser()
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = (cache if cache.is_absolute() else Path.home() / ".cache") / "gitexp"
    return base / "building" / f"gitexp-{secrets.token_hex(8)}"


def clear_away(git: Git, path: Path) -> None:
    """Remove the temporary worktree, as much of it as there is."""
    # not `git worktree prune`, which would also forget worktrees on a disk that is unplugged
    for folder in (path, git.common_dir / "worktrees" / path.name):
        for _ in range(2):  # of what the disk refused once, half would stay and trouble git fsck
            shutil.rmtree(folder, ignore_errors=True)
    _remove_if_empty(git.common_dir / "worktrees")
    _remove_if_empty(path.parent)


def require_identity(git: Git) -> None:
    """Refuse when git does not know who commits.

    Raises:
        Refused: with the setting that is missing.
    """
    for name in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        answer = git.attempt("var", name)
        if answer.returncode != 0:
            raise Refused(
                "git does not know who you are, and a commit needs an author",
                hint="git config --global user.email you@example.com (and user.name)",
                code="no-identity",
            )


def register(git: Git, build: Registration) -> dict[str, Oid]:
    """Make the plan commit, and the commit with the carried change if there is one.

    Not `git commit`: nothing changes, so there is nothing for the user's commit hooks to judge.
    """
    tree = git.run("rev-parse", f"{build.base}^{{tree}}").strip()
    plan = _commit_tree(git, tree, build.base, build.message.render({}))
    if build.carried is None:
        return {PLAN_COMMIT: plan, MADE: plan}
    source = build.carried.commit
    shown = git.run("show", "--no-patch", "--format=%an%x00%ae%x00%ad%x00%T", "--date=raw", source)
    name, email, date, tree = shown.strip("\n").split("\0")
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    message = build.carried.message.render({})
    return {PLAN_COMMIT: plan, MADE: _commit_tree(git, tree, plan, message, env=author)}


def build(git: Git, path: Path, spec: Merge | Revert, places: Mapping[str, Oid]) -> Oid:
    """The merge or the revert, made in a new worktree at `path`, which stays.

    Raises:
        Refused: for a conflict, or when a hook or a setting of the user's refuses it.
    """
    hooks = _hooks(git)
    git = git.configured(SETTINGS | {"rerere.enabled": "false", "core.hooksPath": str(hooks)})
    has_files = any(os.access(hooks / name, os.X_OK) for name in _HOOKS[type(spec)])
    shop = _Workshop(git, path, spec, has_files=has_files)
    message = spec.message.render(places)
    if isinstance(spec, Merge):
        return shop.merge(spec, message)
    return shop.revert(spec, message)


class _Workshop:
    """A temporary detached worktree.

    Args:
        has_files: Check everything out, for hooks may want to read it; else only the attributes
            that merging itself reads.
    """

    def __init__(self, git: Git, path: Path, spec: Merge | Revert, *, has_files: bool) -> None:
        self._path = path
        with failing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        git.configured(_NO_HOOKS).run(
            "worktree", "add", "--quiet", "--detach", "--no-checkout", str(path), spec.onto
        )
        self._admin = git.common_dir / "worktrees" / path.name
        self._git = git.configured(
            {
                "core.sparseCheckout": "false" if has_files else "true",
                "core.sparseCheckoutCone": "false",
                "index.sparse": "false",
            }
        )
        (self._admin / "info").mkdir(exist_ok=True)
        (self._admin / "info" / "sparse-checkout").write_text(".gitattributes\n")
        if (modules := git.git_dir / "modules").is_dir():
            # so that git can tell which of two commits of a submodule contains the other
            (self._admin / "modules").symlink_to(modules)
        self._do(spec, "read-tree", "-m", "-u", "HEAD")

    def merge(self, spec: Merge, message: str) -> Oid:
        file = self._admin / "gitexp-message"
        file.write_text(message)
        self._do(
            spec,
            "merge",
            "--quiet",
            "--no-ff",
            "--no-autostash",
            "--no-log",
            "--no-edit",
            "--cleanup=whitespace",
            "-F",
            str(file),
            spec.tip,
        )
        made = self._head()
        parents = self._run("rev-parse", f"{made}^@").split()
        if parents != [spec.onto, spec.tip]:
            raise Refused(
                "git made no merge of the two branches: one contains the other already",
                hint="run it again: what was merged by hand is recorded then",
                code="already-merged",
            )
        return made

    def revert(self, spec: Revert, message: str) -> Oid:
        match spec.undo:
            case UndoCommit(commit=commit, is_merge=True):
                self._do(spec, "revert", "--no-commit", "-m", "1", commit)
            case UndoCommit(commit=commit):
                self._do(spec, "revert", "--no-commit", commit)
            case UndoRange() as undo:
                self._do(spec, "revert", "--no-commit", self._as_one(undo))
        # empty when somebody took the change back by hand: the commit still says that it is gone
        self._do(
            spec,
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-edit",
            "--cleanup=whitespace",
            "-F",
            "-",
            stdin=message.encode(),
        )
        return self._head()

    def _as_one(self, undo: UndoRange) -> Oid:
        """A commit that nothing will name with all of the change in it.

        Reverting its commits one by one would meet conflicts with what was changed between them.
        """
        tree = self._run("rev-parse", f"{undo.commit}^{{tree}}").strip()
        made = self._run("commit-tree", "-p", undo.since, "-m", "the change", tree)
        return Oid(made.strip())

    def _do(self, spec: Merge | Revert, *args: str, stdin: bytes | None = None) -> None:
        answer = self._git.attempt(*args, cwd=self._path, stdin=stdin, drop_repository_env=True)
        if answer.returncode == 0:
            return
        conflicts = self._run("diff", "--name-only", "--diff-filter=U", "-z").split("\0")
        if any(conflicts):
            raise _conflict(spec, sorted(filter(None, conflicts)))
        said = (answer.stderr + answer.stdout).decode(errors="replace").strip().splitlines()
        raise Refused(
            f"git {args[0]} refused: {'; '.join(said[-_SHOWN_LINES:]) or 'no message'}",
            hint=f"mend that, or do it by hand: {_by_hand(spec)}",
            code="merge-refused",
        )

    def _head(self) -> Oid:
        return Oid(self._run("rev-parse", "HEAD").strip())

    def _run(self, *args: str) -> str:
        return self._git.run(*args, cwd=self._path, drop_repository_env=True)


def _commit_tree(
    git: Git, tree: str, parent: Oid, message: str, *, env: Mapping[str, str] | None = None
) -> Oid:
    # git commit-tree leaves commit.gpgSign to its caller
    wanted = git.run("config", "--type=bool", "--default=false", "--get", "commit.gpgsign")
    signed = ("-S",) if wanted.strip() == "true" else ()
    made = git.configured(SETTINGS).run(
        "commit-tree", *signed, "-p", parent, "-F", "-", tree, stdin=message.encode(), env=env
    )
    return Oid(made.strip())


def _hooks(git: Git) -> Path:
    """The folder of the user's hooks: a relative one is below the worktree the user is in."""
    found = git.run(
        "rev-parse", "--path-format=absolute", "--git-path", "hooks", cwd=git.top or git.git_dir
    )
    return Path(found.rstrip("\n"))


def _conflict(spec: Merge | Revert, paths: Sequence[str]) -> Refused:
    where = listed(paths)
    if isinstance(spec, Merge):
        return Refused(
            f"{short(spec.into)} and {short(spec.branch)} both changed {where}",
            hint=f"git switch {short(spec.branch)} && git merge {short(spec.into)}, "
            "then measure again",
            code="conflict",
        )
    return Refused(
        f"{short(spec.on)} changed {where} since, and git cannot take the change out by itself",
        hint=f"by hand: {_by_hand(spec)}",
        code="conflict",
    )


def _by_hand(spec: Merge | Revert) -> str:
    if isinstance(spec, Merge):
        return f"git switch {short(spec.into)} && git merge --no-ff {short(spec.branch)}"
    match spec.undo:
        case UndoRange(since=since, commit=commit):
            # not `git revert since..commit`, which stops at merges and at each conflict
            diff = f"git diff --binary {commit[:12]} {since[:12]} | git apply --3way"
            return f"git switch {short(spec.on)} && {diff} && git commit"
        case UndoCommit(commit=commit, is_merge=is_merge):
            mainline = "-m 1 " if is_merge else ""
            return f"git switch {short(spec.on)} && git revert {mainline}{commit[:12]}"


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
