"""What to say when refs did not move: moved, locked, in the way or not to be written."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterable

from gitexp.errors import GitexpError, Refused, StaleRef
from gitexp.model import Oid
from gitexp.refs import RefUpdate
from gitexp.store.git import DEAD_LOCK_S, Git
from gitexp.store.holders import holder, lasting


def ref_failure(git: Git, updates: Iterable[RefUpdate], stderr: str) -> GitexpError:
    """Why git moved none of these refs, and what to type."""
    said = stderr.strip().removeprefix("fatal: ")
    if any(git.ref(update.name) != update.old for update in updates) or ".lock'" in said:
        # git goes on to guess at reasons, which the hint knows
        fact = said.partition(".  Another git process")[0]
        return StaleRef(f"a ref moved or is locked: {fact}", hint=_way_past(git, updates))
    gone = next((u.new for u in updates if u.new and not _has(git, u.new)), None)
    if gone is not None:
        return StaleRef(
            f"git collected {gone[:12]}, which no ref named yet",
            hint="run the same command again",
        )
    for update in updates:
        blocking = _in_the_way(git, update.name)
        if blocking is not None:
            return Refused(
                f"{blocking} is in the way: git cannot make {update.name}",
                hint=f"look at it, then: git update-ref -d {blocking}",
                code="name-taken",
            )
    return GitexpError(
        f"git cannot write the refs: {said}",
        hint="free some space, or make the repository writable, and run it again",
        code="cannot-write",
    )


def _way_past(git: Git, updates: Iterable[RefUpdate]) -> str:
    """What helps when refs moved or are locked: a lock file may be of a git that was killed."""
    for name in (*(update.name for update in updates), "packed-refs"):
        lock = git.common_dir / f"{name}.lock"
        with contextlib.suppress(OSError):
            age_s = time.time() - lock.lstat().st_mtime
            found = holder(lock)
            if found is not None:
                return f"{found} keeps {name}: {found.hint}"
            if age_s > DEAD_LOCK_S:
                rm = f"rm {shlex.quote(str(lock))}"
                return f"locked {lasting(age_s)} ago; if no other git is at work here: {rm}"
    return "run the same command again"


def _has(git: Git, oid: Oid) -> bool:
    return git.attempt("cat-file", "-e", oid).returncode == 0


def _in_the_way(git: Git, name: str) -> str | None:
    """A ref that leaves no room for this one: git keeps refs as files in folders."""
    parts = name.split("/")
    above = ["/".join(parts[:depth]) for depth in range(2, len(parts))]
    found = git.run("for-each-ref", "--format=%(refname)", *above, f"{name}/").splitlines()
    return next((ref for ref in found if ref in above or ref.startswith(f"{name}/")), None)
