"""The error budget of a repository: what its plans took of it, and what the next one may have.

A pure function of all plans and of the decisions that found one better, so clones that hold the
same records hold the same ledger, in whatever order the records came. The rule itself is LORD++
(`gitexp.stats.budget`).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gitexp.model import ExperimentId, Grant, PlanHash
from gitexp.stats.budget import grant_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the ledger needs to know of one plan.

    Attributes:
        level: What it takes of the budget, whether it was granted or not.
        grant: What it was granted from; None: its level is its own affair, and counts all the same.
        better: When it was recorded as better, first; None: it was not.
    """

    id: ExperimentId
    plan_hash: PlanHash
    created: datetime
    level: float
    grant: Grant | None
    better: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One plan in its place.

    Attributes:
        index: Its place among all plans, from 1.
        better_at: How many plans there were when it was recorded as better; None: it was not.
        due: What its grant would have been with all records that are here now; None without one.
    """

    plan: Registered
    index: int
    better_at: int | None
    due: float | None

    @property
    def excess(self) -> float:
        """What it has beyond what its place gives: it was created without knowing of another."""
        return 0.0 if self.due is None else max(0.0, self.plan.level - self.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All plans, the oldest first."""

    lines: tuple[Line, ...]

    @property
    def spent(self) -> float:
        return math.fsum(line.plan.level for line in self.lines)

    @property
    def discoveries(self) -> tuple[int, ...]:
        """How many plans there were when each of those found better was recorded, in order."""
        found = (line.better_at for line in self.lines)
        return tuple(sorted(at for at in found if at is not None))

    @property
    def excess(self) -> float:
        """What plans have beyond what their places give."""
        return math.fsum(line.excess for line in self.lines)

    def balance(self, q: float) -> float:
        """What is left at this rate; negative when more was taken than there is."""
        return q * max(len(self.discoveries), 1) - self.spent

    def offer(self, *, q: float, asked: float) -> Grant:
        """What the next plan would be granted from."""
        return Grant(
            q=q,
            index=len(self.lines) + 1,
            asked=asked,
            spent=self.spent,
            discoveries=self.discoveries,
        )


def level_of(grant: Grant) -> float:
    """The level that a grant gives; 0: nothing was left."""
    return grant_of(
        asked=grant.asked,
        q=grant.q,
        t=grant.index,
        spent=grant.spent,
        discoveries=grant.discoveries,
    )


def ledger_of(plans: Iterable[Registered]) -> Ledger:
    """The ledger of these plans, given in any order."""
    ordered = sorted(set(plans), key=lambda plan: (plan.created, plan.id, plan.plan_hash))
    created = [plan.created for plan in ordered]
    levels = [plan.level for plan in ordered]
    # a plan was there when it was found better, whatever the clocks say
    better_at = [
        None if plan.better is None else max(index, bisect_right(created, plan.better))
        for index, plan in enumerate(ordered, start=1)
    ]
    discoveries = sorted(at for at in better_at if at is not None)
    lines = []
    for index, (plan, at) in enumerate(zip(ordered, better_at, strict=True), start=1):
        known = discoveries[: bisect_left(discoveries, index)]
        spent = math.fsum(levels[: index - 1])
        due = None if plan.grant is None else _due(plan.grant, index, spent, known)
        lines.append(Line(plan=plan, index=index, better_at=at, due=due))
    return Ledger(lines=tuple(lines))


def _due(grant: Grant, index: int, spent: float, discoveries: Sequence[int]) -> float:
    return grant_of(asked=grant.asked, q=grant.q, t=index, spent=spent, discoveries=discoveries)
