"""Setting a clone up: what plain git then shows and fetches of experiments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitexp import refs
from gitexp.store.git import Git


@dataclass(frozen=True, slots=True, kw_only=True)
class InitView:
    """What `init` answers.

    Attributes:
        done: What was changed, one line each; empty when all was in place.
        remotes: Remotes whose evidence `git fetch` now brings.
    """

    done: tuple[str, ...]
    remotes: tuple[str, ...]
    undone: bool
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """One configuration line of ours."""

    key: str
    value: str
    meaning: str


def init(git: Git) -> InitView:
    """Add the configuration lines that are missing."""
    remotes = _remotes(git)
    done = []
    for line in _lines(remotes):
        if line.value not in _local(git, line.key):
            git.run("config", "--local", "--add", line.key, line.value)
            done.append(line.meaning)
    steps = ("git fetch",) if remotes and done else ()
    return InitView(
        done=tuple(done),
        remotes=remotes,
        undone=False,
        next=(*steps, "git exp create NAME --hypothesis '…' --run 'CMD'"),
    )


def undo(git: Git) -> InitView:
    """Take out again exactly the lines `init` adds; experiments and evidence stay."""
    remotes = _remotes(git)
    done = []
    for line in _lines(remotes):
        if line.value in _local(git, line.key):
            pattern = f"^{re.escape(line.value)}$"
            git.run("config", "--local", "--unset-all", line.key, pattern)
            done.append(f"no longer: {line.meaning}")
    return InitView(done=tuple(done), remotes=remotes, undone=True, next=("git exp init",))


def _lines(remotes: tuple[str, ...]) -> list[_Line]:
    lines = [_Line("notes.displayRef", refs.SUMMARY, "git log shows results of experiments")]
    for remote in remotes:
        notes = f"+{refs.NOTES}*:{refs.REMOTE_NOTES}{remote}/exp/*"
        archives = f"+{refs.ARCHIVES}*:{refs.REMOTE_ARCHIVES}{remote}/archive/*"
        key = f"remote.{remote}.fetch"
        lines.append(_Line(key, notes, f"git fetch {remote} brings evidence"))
        lines.append(_Line(key, archives, f"git fetch {remote} brings archived variants"))
    return lines


def _local(git: Git, key: str) -> list[str]:
    answer = git.attempt("config", "--local", "--get-all", key)
    return answer.stdout.decode(errors="surrogateescape").splitlines()


def _remotes(git: Git) -> tuple[str, ...]:
    """Remotes with a name git can put into a ref."""
    names = git.run("remote").splitlines()
    return tuple(name for name in names if not name.startswith("-"))
