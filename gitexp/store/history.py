"""What git's history walks tell, beyond what single commits say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitexp.model import Oid
from gitexp.store.git import Git

_NO_REPLACEMENTS = {"GIT_NO_REPLACE_OBJECTS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A commit and its message."""

    oid: Oid
    parents: tuple[Oid, ...]
    message: str


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
            "--format=%H%n%P%n%B",
            "--extended-regexp",
            *greps,
        ),
        *(*tips, "--not", *but, "--"),
        env=_NO_REPLACEMENTS,
    )
    return [_told(entry) for entry in answer.split("\0") if entry]


def merged_tree(git: Git, ours: Oid, theirs: Oid) -> Oid | None:
    """The tree of the merge git would make of the two; None when it would not be clean."""
    answer = git.attempt("merge-tree", "--write-tree", ours, theirs, env=_NO_REPLACEMENTS)
    return Oid(answer.stdout.split(b"\n")[0].decode()) if answer.returncode == 0 else None


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
