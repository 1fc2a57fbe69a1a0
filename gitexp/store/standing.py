"""Where users stand: HEAD, files and operations under way, in this worktree and in the others."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from gitexp.errors import Refused
from gitexp.model import Oid
from gitexp.refs import short
from gitexp.store import filters
from gitexp.store.git import Git
from gitexp.store.holders import lasting, said

_UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_START": "a bisect",
}
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktree:
    """One worktree and its HEAD.

    Attributes:
        head: The branch's full name, or the commit when detached.
    """

    git_dir: Path
    top: Path
    head: str


def head_of(git: Git, *, cwd: Path | None = None) -> str:
    """The branch HEAD names, in full, or the commit when it is detached."""
    here = cwd is not None
    named = git.attempt("symbolic-ref", "--quiet", "HEAD", cwd=cwd, drop_repository_env=here)
    if named.returncode == 0:
        return named.stdout.decode(errors="surrogateescape").strip()
    return git.run("rev-parse", "HEAD", cwd=cwd, drop_repository_env=here).strip()


def other_worktrees(git: Git) -> Iterator[Worktree]:
    """All worktrees of the repository that exist, but the one we are in.

    Read from git's own files: `git worktree list` shows no git dirs, and a rebase or a bisect,
    which has its HEAD detached, keeps its branch in files there.
    """
    is_bare = git.setting("core.bare") in ("true", "yes", "on", "1")
    main = git.common_dir
    if main != git.git_dir and not is_bare and (head := _head(main)) is not None:
        folder = main.parent if main.name == ".git" else main
        yield Worktree(git_dir=main, top=folder, head=head)
    linked = main / "worktrees"
    for git_dir in sorted(linked.iterdir()) if linked.is_dir() else ():
        top = linked_top(git_dir)
        head = _head(git_dir)
        if git_dir != git.git_dir and top is not None and top.exists() and head is not None:
            yield Worktree(git_dir=git_dir, top=top, head=head)


def linked_top(git_dir: Path) -> Path | None:
    """The folder of the linked worktree with this git dir, which may be gone."""
    try:
        return Path((git_dir / "gitdir").read_text().strip()).parent
    except OSError:
        return None


def refuse_elsewhere(git: Git, branches: Iterable[str], *, command: str) -> None:
    """Refuse to move branches that another worktree has checked out, or any is rebasing.

    Raises:
        Refused: naming the worktree.
    """
    wanted = set(branches)
    for worktree in other_worktrees(git):
        if worktree.head in wanted:
            raise _checked_out(worktree, command, stands_on_one=head_of(git) in wanted)
        _refuse_in_use(worktree.git_dir, wanted, f"in {worktree.top}")
    _refuse_in_use(git.git_dir, wanted, "here")


def refuse_under_way(git: Git) -> None:
    """Refuse to move HEAD in the middle of something.

    Raises:
        Refused: naming it.
    """
    for name, what in _UNDER_WAY.items():
        if (git.git_dir / name).exists():
            raise Refused(
                f"{what} is under way here",
                hint="finish or abort it first: git status shows how",
                code="under-way",
            )
    with contextlib.suppress(FileNotFoundError):
        raise _locked(git.git_dir / "index.lock")


def _locked(path: Path) -> Refused:
    """What to say of a lock file of git's.

    Raises:
        FileNotFoundError: when there is none.
    """
    age_s = time.time() - path.lstat().st_mtime
    who, hint = said(path, f"wait for it; if no git is running here: rm {quote(str(path))}")
    return Refused(
        f"another git process is at work here, or was killed: {path} is {lasting(age_s)} old{who}",
        hint=hint,
        code="locked",
    )


def refuse_in_the_way(git: Git, before: Oid, after: Oid) -> None:
    """Refuse when going from one commit to the other would overwrite the user's work.

    Raises:
        Refused: naming the files.
    """
    assert git.top is not None
    touched, added, existing = _touched(git, before, after)
    dirty = _dirty(git) & touched
    if dirty:
        raise Refused(
            f"uncommitted changes are in the way: {listed(sorted(dirty))}",
            hint="git stash, and afterwards git stash pop",
            code="in-the-way",
        )
    filters.refuse_failing(git, git.top, after, existing)
    if git.setting("core.ignorecase") == "true":
        return  # a file of another spelling is found under this name; git itself tells them apart
    untracked = sorted(
        path for path in added if (git.top / path).is_symlink() or _is_file(git, path)
    )
    if untracked:
        raise Refused(
            f"untracked files are in the way: {listed(untracked)}",
            hint=f"mv -i {quote(untracked[0])} {quote(untracked[0] + '.mine')}",
            code="in-the-way",
        )


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _is_file(git: Git, path: str) -> bool:
    assert git.top is not None
    return (git.top / path).is_file()


def _touched(git: Git, before: Oid, after: Oid) -> tuple[set[str], set[str], set[str]]:
    """Paths that differ, those of them that only `after` has, and those that it has."""
    listing = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-status", before, after)
    fields = listing.split("\0")
    pairs = list(zip(fields[0::2], fields[1::2], strict=False))
    return (
        {path for _, path in pairs},
        {path for status, path in pairs if status == "A"},
        {path for status, path in pairs if status != "D"},
    )


def _dirty(git: Git) -> set[str]:
    """Tracked paths that differ between HEAD, index and files."""
    listing = git.run(
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=no",
        # git moves the entry, not the folder; a staged one it refuses to overwrite by itself
        "--ignore-submodules=all",
        cwd=git.top,
        env={"GIT_OPTIONAL_LOCKS": "0"},
    )
    return {entry[3:] for entry in listing.split("\0") if entry}


def _head(git_dir: Path) -> str | None:
    try:
        text = (git_dir / "HEAD").read_text(errors="surrogateescape").strip()
    except OSError:
        return None
    return text.removeprefix("ref:").strip()


def _checked_out(worktree: Worktree, command: str, *, stands_on_one: bool) -> Refused:
    name = short(worktree.head)
    if worktree.head.startswith("refs/heads/exp/"):
        hint = f"git -C {quote(str(worktree.top))} switch --detach"
    else:
        # there it would be refused again while the experiment's branch is checked out here
        leave = "git switch --detach && " if stands_on_one else ""
        hint = f"{leave}git -C {quote(str(worktree.top))} {command}"
    return Refused(
        f"{name} is checked out in another worktree, {worktree.top}",
        hint=hint,
        code="checked-out-elsewhere",
    )


def _refuse_in_use(git_dir: Path, branches: set[str], where: str) -> None:
    for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
        if _first_line(git_dir / name) in branches:
            raise _in_use(_first_line(git_dir / name), "rebased", where)
    # a rebase --update-refs lists ref, old, new
    updating = _lines(git_dir / "rebase-merge/update-refs")[0::3]
    for branch in branches.intersection(updating):
        raise _in_use(branch, "rebased", where)
    bisected = _first_line(git_dir / "BISECT_START")
    if f"refs/heads/{bisected}" in branches:
        raise _in_use(f"refs/heads/{bisected}", "bisected", where)


def _in_use(branch: str, what: str, where: str) -> Refused:
    return Refused(
        f"{short(branch)} is being {what} {where}",
        hint="finish or abort it first: git status shows how",
        code="under-way",
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []


def _first_line(path: Path) -> str:
    return next(iter(_lines(path)), "")
