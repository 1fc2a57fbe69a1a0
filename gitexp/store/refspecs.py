"""What the configured fetch refspecs write here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gitexp import refs
from gitexp.model import ExperimentId, WriterId
from gitexp.store.git import Git

_KEY = re.compile(r"remote\.(.+)\.fetch\Z", re.DOTALL)
_EXP, _WRITER = ExperimentId("x"), WriterId("x")
_OWN = (refs.notes(_EXP, _WRITER), refs.archive(_EXP, _WRITER))
_BRANCH = refs.branch(_EXP)


class Refspec(NamedTuple):
    """One line of `remote.<name>.fetch`, as it is written there."""

    remote: str
    text: str

    @property
    def source(self) -> str:
        return self.text.lstrip("+^").partition(":")[0]

    @property
    def target(self) -> str:
        return "" if self.is_negative else self.text.partition(":")[2]

    @property
    def is_negative(self) -> bool:
        return self.text.startswith("^")


def overwriting(git: Git) -> tuple[Refspec, ...]:
    """Refspecs by which a fetch would put what the remote has in place of our own evidence."""
    found = tuple(_fetched(git))
    return tuple(spec for spec in found if any(_writes(spec, name, found) for name in _OWN))


def is_mirrored(spec: Refspec) -> bool:
    """Whether the refspec makes everything here what it is there, branches included."""
    return _part(spec.target, _BRANCH) is not None


def brings_branches(git: Git, remote: str) -> bool:
    """Whether a plain fetch brings experiment branches, too."""
    return any(
        spec.remote == remote and spec.target and _part(spec.source, _BRANCH) is not None
        for spec in _fetched(git)
    )


def _fetched(git: Git) -> Iterator[Refspec]:
    for key, values in git.config.items():
        match = _KEY.match(key)
        if match:
            yield from (Refspec(match[1], value) for value in values)


def _writes(spec: Refspec, name: str, others: tuple[Refspec, ...]) -> bool:
    part = _part(spec.target, name)
    if part is None:
        return False
    source = spec.source.replace("*", part, 1)
    return not any(
        other.is_negative
        and other.remote == spec.remote
        and _part(other.source, source) is not None
        for other in others
    )


def _part(pattern: str, name: str) -> str | None:
    """What the pattern's star stands for in the name; None when it does not match."""
    head, star, tail = pattern.partition("*")
    if not star:
        return "" if pattern == name else None
    is_match = len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
    return name[len(head) : len(name) - len(tail)] if is_match else None
