"""What a file tells, as trials that have no place yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitexp.model import Arm, Outcome, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A trial as the file tells it.

    Attributes:
        where: In the file, for people.
        identity: What tells it from every other trial of this arm and this code.
        trial_id: The user's name for it, if there is one.
        commit: What it says it measured.
        window: Where it is many uses, and the metrics their means.
    """

    where: str
    arm: Arm
    metrics: Mapping[str, float]
    outcome: Outcome
    identity: str
    block: int | None = None
    trial_id: str | None = None
    case: str | None = None
    commit: str | None = None
    host: str | None = None
    payload: bytes | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Values of a trial that came after it."""

    trial: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """All that one file tells.

    Attributes:
        cases: How many cases of an evaluation it has; 0 where it has none.
    """

    trials: tuple[Draft, ...]
    later: tuple[Later, ...] = ()
    warnings: tuple[str, ...] = ()
    cases: int = 0
