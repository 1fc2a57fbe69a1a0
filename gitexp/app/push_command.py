"""The arguments of `git push`: whether it is only a rehearsal, which hooks are not told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitexp.store.callers import CommandLine

_GLOBAL_WITH_VALUE = frozenset(
    {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env"}
    | {"--attr-source"}
)
_WITH_VALUE = ("--repo", "--recurse-submodules", "--receive-pack", "--exec", "--push-option")
_DRY_RUN = "--dry-run"
_NO_DRY_RUN = "--no-dry-run"
# git takes the beginning of an option's name for it when no other option begins so
_SHORTEST = {_DRY_RUN: "--dr", _NO_DRY_RUN: "--no-dr"}


def is_dry_run(callers: Iterable[CommandLine]) -> bool | None:
    """Whether the nearest `git push` among these moves nothing; None when there is none.

    Args:
        callers: A process, its parent, and so on.

    >>> is_dry_run([CommandLine(("git", "-c", "a=b", "push", "-fn", "origin"), True)])
    True
    """
    for line in callers:
        options = _push_options(line.words)
        if options is not None:
            return _says_dry_run(options) if line.is_exact else any(map(_could_say, options))
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


def _says_dry_run(words: Sequence[str]) -> bool:
    """What git itself would read there; the last one counts."""
    found = False
    rest = iter(words)
    for word in rest:
        if word in ("--", "--end-of-options"):
            break
        if word.startswith("--"):
            if _is(_DRY_RUN, word):
                found = True
            elif _is(_NO_DRY_RUN, word):
                found = False
            elif "=" not in word and any(name.startswith(word) for name in _WITH_VALUE):
                next(rest, None)
        elif word.startswith("-"):
            flags, option, value = word[1:].partition("o")
            found = found or "n" in flags
            if option and not value:
                next(rest, None)
    return found


def _could_say(word: str) -> bool:
    """Whether the word, wherever it stands, may mean a dry run."""
    if word.startswith("--"):
        return _is(_DRY_RUN, word)
    return word.startswith("-") and "n" in word


def _is(option: str, word: str) -> bool:
    return option.startswith(word) and word.startswith(_SHORTEST[option])
