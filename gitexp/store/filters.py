"""Filters that a checkout could not do without."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from gitexp.errors import Refused
from gitexp.model import Oid
from gitexp.store.git import Git

_TRUE = ("true", "yes", "on", "1")


def refuse_failing(git: Git, top: Path, commit: Oid, paths: Iterable[str]) -> None:
    """Refuse when a filter that git requires fails on what these files would become.

    git finds out in the middle of a checkout, when the old file is gone already.

    Args:
        top: The worktree whose attributes count.

    Raises:
        Refused: naming the filter and the first file it fails on.
    """
    required = _required(git)
    if not required:
        return
    listing = os.fsencode("".join(f"{path}\0" for path in sorted(paths)))
    answers = git.run("check-attr", "-z", "--stdin", "filter", cwd=top, stdin=listing).split("\0")
    for path, driver in zip(answers[0::3], answers[2::3], strict=False):
        if driver not in required:
            continue
        if git.attempt("cat-file", "--filters", f"{commit}:{path}", cwd=top).returncode != 0:
            raise Refused(
                f"the filter {driver!r}, which your git config requires, fails on {path}",
                hint=f"mend it until this works: git -C {quote(str(top))} cat-file --filters "
                f"{commit}:{quote(path)}",
                code="filter",
            )


def _required(git: Git) -> set[str]:
    found = set()
    for key, values in git.config.items():
        if key.startswith("filter.") and key.endswith(".required") and values[-1] in _TRUE:
            found.add(key.removeprefix("filter.").removesuffix(".required"))
    return found
