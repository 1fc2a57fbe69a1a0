"""What git's history walks tell, beyond what single commits say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitexp.model import Oid
from gitexp.store.git import Git

_NO_REPLACEMENTS = {"GIT_NO_REPLACE_OBJECTS": "1"}
_TOLD = "--format=%H%n%P%n%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A commit and its message."""

    oid: Oid
    parents: tuple[Oid, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What git makes of two commits.

    Attributes:
        tree: Conflicts are in it, as git marks them.
        conflicts: The files that have any.
    """

    tree: Oid
    conflicts: frozenset[str]


def is_in_any(git: Git, commit: Oid, tips: Sequence[Oid]) -> bool:
    """Whether one of the tips contains the commit, as far as this clone's history goes."""
    return not _walk(git, "--max-count=1", commit, "--not", *tips)


def furthest(git: Git, tips: Iterable[Oid]) -> list[Oid]:
    """Those that none of the others contains, in the order given."""
    distinct = list(dict.fromkeys(tips))
    if len(distinct) < 2:
        return distinct
    answer = git.run("merge-base", "--independent", *distinct, env=_NO_REPLACEMENTS)
    kept = set(answer.split())
    return [tip for tip in distinct if tip in kept]


def first_parents(git: Git, since: Oid | None, tip: Oid) -> list[Oid]:
    """The tip and its first parents, newest first, down to what `since` contains."""
    return _walk(git, "--first-parent", tip, *_without(since))


def descendants(git: Git, commit: Oid, tip: Oid) -> set[Oid]:
    """The commits of the tip's history that contain the commit, itself not included."""
    return {*_walk(git, "--ancestry-path", f"{commit}..{tip}")}


def shares_root(git: Git, commit: Oid, tip: Oid) -> bool:
    """Whether the commit goes back to where the first parents of the tip begin."""
    roots = _walk(git, "--first-parent", "--max-parents=0", tip)
    return is_in_any(git, roots[-1], [commit]) if roots else True


def unlike(git: Git, side: Oid, other: Oid) -> list[Oid]:
    """Commits of one side that the other has neither as they are nor as another with that patch.

    Merges are left out; newest first.
    """
    return _marked(git, "+", f"{side}...{other}")


def alike(git: Git, side: Oid, other: Oid) -> list[Oid]:
    """Commits of one side that the other has as another with the same patch, oldest first."""
    return _marked(git, "=", f"{side}...{other}")[::-1]


def saying(
    git: Git, patterns: Iterable[str], tips: Sequence[Oid], *, but: Sequence[Oid]
) -> list[Told]:
    """Commits of the tips whose message matches an extended regular expression, newest first.

    Args:
        but: What these contain is not looked at.
    """
    greps = (f"--grep={pattern}" for pattern in patterns)
    answer = git.run(
        *(
            "log",
            "-z",
            "--no-show-signature",
            "--topo-order",
            _TOLD,
            "--extended-regexp",
            *greps,
        ),
        *(*tips, "--not", *but, "--"),
        env=_NO_REPLACEMENTS,
    )
    return [_told(entry) for entry in answer.split("\0") if entry]


def merges(git: Git, tip: Oid, *, but: Sequence[Oid]) -> dict[Oid, tuple[Oid, ...]]:
    """The merges among the tip's commits that none of the others has, each with its parents."""
    options = ("--parents", "--min-parents=2", tip, "--not", *but)
    listing = git.run("rev-list", *options, "--", env=_NO_REPLACEMENTS)
    found = (line.split() for line in listing.splitlines())
    return {Oid(oid): tuple(map(Oid, parents)) for oid, *parents in found}


def beside(git: Git, pattern: str, tips: Sequence[Oid], *, trunk: Sequence[Oid]) -> list[Told]:
    """Commits on the lines of first parents of the tips, as far as those of the trunk, that say so.

    Args:
        pattern: An extended regular expression that their messages match.
    """
    log = ("log", "-z", "--no-show-signature", _TOLD, "--extended-regexp", f"--grep={pattern}")
    answer = _beside(git, log, tips, trunk)
    return [_told(entry) for entry in answer.split("\0") if entry]


def first_parent_of(
    git: Git, tips: Sequence[Oid], *, trunk: Sequence[Oid]
) -> dict[Oid, Oid | None]:
    """Every commit on the same lines with its first parent."""
    found = (
        line.split() for line in _beside(git, ("rev-list", "--parents"), tips, trunk).splitlines()
    )
    return {Oid(oid): Oid(parents[0]) if parents else None for oid, *parents in found}


def merged_tree(git: Git, ours: Oid, theirs: Oid) -> Oid | None:
    """The tree of the merge git would make of the two; None when it would not be clean."""
    merged = merge_of(git, ours, theirs)
    return None if merged is None or merged.conflicts else merged.tree


def merge_of(git: Git, ours: Oid, theirs: Oid) -> Merged | None:
    """The merge git would make of the two; None when the history here does not tell."""
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    answer = git.attempt(*words, env=_NO_REPLACEMENTS)
    if answer.returncode not in (0, 1):
        return None
    tree, *names = os.fsdecode(answer.stdout).split("\0")
    return Merged(tree=Oid(tree), conflicts=frozenset(filter(None, names)))


def _beside(git: Git, walk: Sequence[str], tips: Sequence[Oid], trunk: Sequence[Oid]) -> str:
    # a long history has more merges than a command line takes
    named = "".join(f"{oid}\n" for oid in (*tips, *(f"^{oid}" for oid in trunk)))
    options = ("--first-parent", "--exclude-first-parent-only", "--stdin")
    return git.run(*walk, *options, stdin=named.encode("ascii"), env=_NO_REPLACEMENTS)


def _told(entry: str) -> Told:
    oid, parents, message = entry.split("\n", 2)
    return Told(oid=Oid(oid), parents=tuple(map(Oid, parents.split())), message=message)


def _marked(git: Git, mark: str, sides: str) -> list[Oid]:
    found = _walk(git, "--topo-order", "--left-only", "--cherry-mark", "--no-merges", sides)
    return [Oid(line[1:]) for line in found if line[0] == mark]


def _without(commit: Oid | None) -> tuple[str, ...]:
    return () if commit is None else ("--not", commit)


def _walk(git: Git, *args: str) -> list[Oid]:
    return [Oid(line) for line in git.run("rev-list", *args, "--", env=_NO_REPLACEMENTS).split()]
