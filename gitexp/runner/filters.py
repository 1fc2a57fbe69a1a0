"""The files of a fresh checkout, through the user's filters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from shlex import quote

from gitexp.errors import Refused
from gitexp.runner.quiet_git import QuietGit

TOP = PurePosixPath()
"""A worktree that is no submodule's is the whole checkout."""

_WRITE = ("reset", "--quiet", "--hard", "--no-recurse-submodules")
_SHOWN_LINES = 3


def check_out(git: QuietGit, *, below: PurePosixPath = TOP) -> None:
    """Write the files of HEAD into a worktree that has none yet.

    In two steps when filters are at work: a filter may be a program of the project itself, which
    is there in the user's checkout whatever file git comes to first.

    Args:
        git: In the worktree.
        below: Where the worktree is in the whole checkout, for messages.

    Raises:
        Refused: if a required filter fails.
        GitexpError: if git fails otherwise.
    """
    drivers = _drivers(git)
    off = (("-c", f"filter.{d}.process=", "-c", f"filter.{d}.required=false") for d in drivers)
    git.run(*(word for options in off for word in options), *_WRITE)
    filtered = [git.path / path for path, _ in _filtered(git, "HEAD", drivers)]
    written = [file for file in filtered if os.path.lexists(file)]  # less than all in a sparse one
    if not written:
        return
    for file in written:
        file.unlink()
    if git.attempt(*_WRITE).returncode != 0:
        refuse_failing(git, "HEAD", below=below)
        git.run(*_WRITE)


def refuse_failing(git: QuietGit, commit: str, *, below: PurePosixPath = TOP) -> None:
    """Find out whether a required filter is why git could not write the files of a commit.

    Args:
        git: In a worktree that has the attributes.
        below: Where the worktree is in the whole checkout, for messages.

    Raises:
        Refused: naming the filter and the first file it fails on.
    """
    for path, driver in _filtered(git, commit, _drivers(git)):
        answer = git.attempt("cat-file", "--filters", f"{commit}:{path}")
        if answer.returncode == 0:
            continue
        again = f"git -C {quote(str(git.path))} cat-file --filters {commit}:{quote(path)}"
        raise Refused(
            f"the filter '{driver}', which your git config requires, fails on "
            f"'{below / path}': {_said(answer.stderr)}",
            hint=f"mend filter.{driver}, or bring what it needs, until this works: {again}",
            code="filter",
        )


def _said(stderr: bytes) -> str:
    """The first lines of a filter that failed."""
    # the last one is git's: which filter failed on which file
    lines = stderr.decode(errors="replace").strip().splitlines()[:-1]
    said = " | ".join([line.strip() for line in lines if line.strip()][:_SHOWN_LINES])
    return said or "it has no command for checking files out"


def _drivers(git: QuietGit) -> set[str]:
    """Names of the filters that do something to files on their way into a worktree."""
    pattern = r"^filter\..*\.(smudge|process|required)$"
    answer = git.attempt("config", "--null", "--name-only", "--get-regexp", pattern)
    keys = os.fsdecode(answer.stdout).split("\0")
    return {key.removeprefix("filter.").rpartition(".")[0] for key in filter(None, keys)}


def _filtered(git: QuietGit, commit: str, drivers: set[str]) -> Iterator[tuple[str, str]]:
    """Files of a commit that go through one of the filters, with its name."""
    if not drivers:
        return
    listing = git.run("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
    # links have no content to filter, submodules neither
    files = [entry.partition("\t")[2] for entry in listing if entry.startswith("100")]
    paths = os.fsencode("".join(f"{file}\0" for file in files))
    answers = git.run("check-attr", "-z", "--stdin", "filter", stdin=paths).split("\0")
    for path, driver in zip(answers[0::3], answers[2::3], strict=False):
        if driver in drivers:
            yield path, driver
