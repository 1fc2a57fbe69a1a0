"""Submodules of the arms: populated where the user's are, from the user's own repositories.

Each is a linked worktree of the repository the user's submodule has: configuration, filters and
what git-lfs has brought are shared, nothing is fetched, and git knows what it must not collect.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote

from gitexp.errors import Refused
from gitexp.runner import filters
from gitexp.runner.filters import TOP
from gitexp.runner.quiet_git import QuietGit, Tracked, linked_worktrees

_GITLINK = "160000"
_RECORD = "gitexp-submodules"
_NO = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the user has a project.

    Attributes:
        top: Of its checkout; None if the user has none.
        git_dir: The git dir of that checkout: it holds the repositories of its submodules.
    """

    top: Path | None
    git_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """A submodule of an arm that the user's clone has, too.

    Attributes:
        path: From the top of the whole checkout, also for one inside another.
        commit: What the arm records.
        repository: The common git dir of the user's.
    """

    path: PurePosixPath
    commit: str
    repository: Path


def populate(git: QuietGit, user: Place) -> tuple[Submodule, ...]:
    """Populate those submodules of our checkout that the user's clone has, and those inside them.

    Args:
        git: In the checkout, a linked worktree.

    Raises:
        Refused: if a commit is not here, or a name or a path leads outside.
        GitexpError: if git fails.
    """
    admin = Path(git.run("rev-parse", "--absolute-git-dir").removesuffix("\n"))
    found: list[Submodule] = []
    for submodule in _walk(git, user):
        found.append(submodule)
        # noted first: a worktree nobody knows of would stay for good
        (admin / _RECORD).write_text(json.dumps([str(each.repository) for each in found]))
        _add(git, submodule, user)
    return tuple(found)


def find(git: QuietGit, user: Place) -> tuple[Submodule, ...]:
    """Those that `populate` would populate now, inside populated ones, too.

    Raises:
        Refused, GitexpError: as `populate`.
    """
    return tuple(_walk(git, user))


def recorded(admin: Path) -> tuple[Path, ...]:
    """Repositories that may have worktrees inside the checkout with this git dir."""
    try:
        return tuple(map(Path, json.loads((admin / _RECORD).read_text())))
    except (FileNotFoundError, ValueError):
        return ()


def forget(git: QuietGit, repository: Path, *, below: Path) -> None:
    """Remove what a submodule's repository knows of its worktrees in a folder.

    Raises:
        GitexpError: if git fails.
    """
    for _, top in linked_worktrees(repository, below=below):
        git.at_git_dir(repository).run("worktree", "remove", "--force", "--force", str(top))


def _walk(git: QuietGit, user: Place, below: PurePosixPath = TOP) -> Iterator[Submodule]:
    """Submodules that the user's clone has, and the populated ones' own after them.

    Whoever iterates may populate each before asking for the next.
    """
    tracked = list(git.tracked())
    links = [entry for entry in tracked if entry.mode == _GITLINK]
    if not links:
        return
    names = _names(git, tracked)
    inactive = _inactive(git, names)
    for link in links:
        name = names.get(link.path)
        folder = _folder(git.path, link.path, shown=below / link.path, name=name)
        repository = None if link.path in inactive else _repository(git, user, link.path, name)
        if repository is None or not folder.is_dir():
            continue
        yield Submodule(path=below / link.path, commit=link.oid, repository=repository)
        if _is_populated(folder):
            top = _users_folder(user, link.path)
            yield from _walk(git.at(folder), Place(top=top, git_dir=repository), below / link.path)


def _names(git: QuietGit, tracked: list[Tracked]) -> dict[str, str]:
    """Path to name, as the .gitmodules of the commit has them."""
    # git does not follow a link there either
    blobs = [e.oid for e in tracked if e.path == ".gitmodules" and e.mode.startswith("100")]
    names = {}
    for blob in blobs:
        for key, path in _settings(git, f"--blob={blob}"):
            if key.endswith(".path"):
                names[path] = key.removeprefix("submodule.").removesuffix(".path")
    return names


def _inactive(git: QuietGit, names: dict[str, str]) -> set[str]:
    """Paths of those that git leaves alone in this clone, by the rules of gitsubmodules(7)."""
    settings = _settings(git)
    patterns = [value for key, value in settings if key == "submodule.active"]
    # as a URL is enough, no `git submodule init` means inactive
    chosen = set(git.run("ls-files", "-z", "--", *patterns).split("\0")) if patterns else set()
    by_name = dict(settings)

    def is_active(path: str, name: str) -> bool:
        own = by_name.get(f"submodule.{name}.active")
        if own is not None:
            return own.lower() not in _NO
        return path in chosen if patterns else f"submodule.{name}.url" in by_name

    return {path for path, name in names.items() if not is_active(path, name)}


def _settings(git: QuietGit, *source: str) -> list[tuple[str, str]]:
    """Keys about submodules with their values, in order."""
    answer = git.attempt("config", "--null", *source, "--list")
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace").strip().splitlines()
        reason = said[0].removeprefix("error: ").removeprefix("fatal: ") if said else "no message"
        raise Refused(
            f"git cannot read .gitmodules: {reason}",
            hint="mend it and commit that: git config --file .gitmodules --list",
            code="bad-submodule",
        )
    entries = os.fsdecode(answer.stdout).split("\0")
    pairs = (entry.partition("\n") for entry in entries if entry.startswith("submodule."))
    return [(key, value) for key, _, value in pairs]


def _folder(top: Path, path: str, *, shown: PurePosixPath, name: str | None) -> Path:
    """The folder of a submodule in our checkout, which nobody can make lead elsewhere.

    Raises:
        Refused: if its name, with which git finds the repository, or a link would.
    """
    if name is not None and (not name or ".." in re.split(r"[/\\]", name)):
        raise Refused(
            f"the submodule '{shown}' is named '{name}' in .gitmodules, which leads outside",
            hint="give it another name and commit that: git config --file .gitmodules "
            f"--rename-section {quote(f'submodule.{name}')} {quote(f'submodule.{path}')}",
            code="bad-submodule",
        )
    if _has_link(top, path):  # possible where names differ by case alone
        raise Refused(
            f"the path of the submodule '{shown}' leads through a link",
            hint=f"commit a folder in its place: git ls-files --stage -- {quote(str(shown))}",
            code="bad-submodule",
        )
    return top / path


def _repository(git: QuietGit, user: Place, path: str, name: str | None) -> Path | None:
    """The common git dir of the user's submodule; None if the user's clone does not have it."""
    if name is not None:
        # not a path below another: a name may begin with a slash
        absorbed = Path(f"{user.git_dir}/modules/{name}")
        if (absorbed / "HEAD").is_file():
            return absorbed
    folder = _users_folder(user, path)
    if folder is None:
        return None
    question = ("rev-parse", "--path-format=absolute", "--git-common-dir")
    answer = git.at(folder).attempt(*question)
    return Path(os.fsdecode(answer.stdout.removesuffix(b"\n"))) if not answer.returncode else None


def _users_folder(user: Place, path: str) -> Path | None:
    """Where the user's checkout has the submodule populated."""
    if user.top is None or _has_link(user.top, path) or not _is_populated(user.top / path):
        return None
    return user.top / path


def _has_link(top: Path, path: str) -> bool:
    parts = PurePosixPath(path)
    return any((top / part).is_symlink() for part in (parts, *parts.parents[:-1]))


def _is_populated(folder: Path) -> bool:
    return (folder / ".git").exists()


def _add(git: QuietGit, submodule: Submodule, user: Place) -> None:
    """Populate one.

    Raises:
        Refused: if the commit is not here, or a required filter fails.
    """
    repository = git.at_git_dir(submodule.repository)
    # a partial clone would go and fetch it
    has = ("-c", "protocol.allow=never", "cat-file", "-e", f"{submodule.commit}^{{commit}}")
    if repository.attempt(*has).returncode != 0:
        raise _missing(submodule, user)
    place = git.path / submodule.path
    # forced: a folder that somebody has removed may still be known as a worktree
    add = ("worktree", "add", "--quiet", "--force", "--force", "--detach", "--no-checkout")
    repository.run(*add, str(place), submodule.commit)
    filters.check_out(git.at(place), below=submodule.path)


def _missing(submodule: Submodule, user: Place) -> Refused:
    folder = _users_folder(user, str(submodule.path))
    if folder is not None:
        where = f"-C {quote(os.path.relpath(folder))}"
    else:
        there = quote(str(submodule.repository))
        where = f"--git-dir={there} --work-tree={there}"
    deeper = " --unshallow" if (submodule.repository / "shallow").exists() else ""
    return Refused(
        f"the submodule '{submodule.path}' is to be at {submodule.commit[:12]}, "
        "and its repository here lacks that commit",
        hint=f"git {where} fetch{deeper}",
        code="no-submodule-commit",
    )
