"""The arguments of `git push`: what hooks are not told otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitexp.store.callers import CommandLine

_GLOBAL_WITH_VALUE = frozenset(
    {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env"}
    | {"--attr-source"}
)
_WITH_VALUE = ("--repo", "--recurse-submodules", "--receive-pack", "--exec", "--push-option")
_FLAGS = {"--dry-run": "--dr", "--mirror": "--m"}
"""Those that matter here, with the shortest beginning git takes for each."""


@dataclass(frozen=True, slots=True)
class PushCommand:
    """What the arguments of a push ask for.

    Attributes:
        is_dry_run: Nothing is to be moved.
        is_mirror: What is not here is to be deleted there.
    """

    is_dry_run: bool
    is_mirror: bool


def push_command(callers: Iterable[CommandLine]) -> PushCommand | None:
    """The nearest `git push` among these; None when there is none.

    Args:
        callers: A process, its parent, and so on.

    >>> push_command([CommandLine(("git", "-c", "a=b", "push", "-fn", "origin"), True)])
    PushCommand(is_dry_run=True, is_mirror=False)
    """
    for line in callers:
        words = _push_options(line.words)
        if words is not None:
            flags = _said(words) if line.is_exact else {f for w in words for f in _could_say(w)}
            return PushCommand("--dry-run" in flags, "--mirror" in flags)
    return None


def _push_options(words: Sequence[str]) -> Sequence[str] | None:
    """What follows `push`; None for another command."""
    program = words[0].rpartition("/")[2] if words else ""
    if program == "git-push":
        return words[1:]
    if program != "git":
        return None
    at = 1
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _GLOBAL_WITH_VALUE else 1
    return words[at + 1 :] if words[at : at + 1] == ("push",) else None


def _said(words: Sequence[str]) -> set[str]:
    """The flags git itself would read there; the last word on each counts."""
    found: set[str] = set()
    rest = iter(words)
    for word in rest:
        if word in ("--", "--end-of-options"):
            break
        if word.startswith("--no-"):
            found -= _flag(word.replace("--no-", "--", 1))
        elif word.startswith("--"):
            found |= _flag(word)
            if "=" not in word and any(name.startswith(word) for name in _WITH_VALUE):
                next(rest, None)
        elif word.startswith("-"):
            flags, option, value = word[1:].partition("o")
            found |= {"--dry-run"} if "n" in flags else set()
            if option and not value:
                next(rest, None)
    return found


def _could_say(word: str) -> set[str]:
    """The flags the word may mean, wherever it stands."""
    if word.startswith("--"):
        return _flag(word)
    return {"--dry-run"} if word.startswith("-") and "n" in word else set()


def _flag(word: str) -> set[str]:
    return {f for f, least in _FLAGS.items() if f.startswith(word) and word.startswith(least)}
