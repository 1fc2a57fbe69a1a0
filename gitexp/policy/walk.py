"""The verdict table: looks in order, the first final row ends it (docs/statistics.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.model import GuardState, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What the primary metric says at one look.

    Attributes:
        is_worse: Crossed in the bad direction.
        is_better: Crossed in the good direction with an estimate that reaches min-effect.
        is_equivalent: The look's interval lies inside ± min-effect.
        crossed: Crossed in either direction, whatever the size.
    """

    n: int
    is_worse: bool
    is_better: bool
    is_equivalent: bool
    crossed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How the walk through the looks ended.

    Attributes:
        shown: Index of the look the primary result is of: the deciding one, else the latest;
            None before the first.
        ended: Index of the look at which the verdict became final; None while it is not.
        better: Index of the look at which the primary metric was found better; None: it was not.
        crossed: Index of the first look that crossed in either direction.
        harmed: The guardrails that were harmed when it ended.
    """

    verdict: Verdict
    shown: int | None
    ended: int | None
    crossed: int | None
    better: int | None = None
    harmed: tuple[int, ...] = ()


def walk(
    looks: Sequence[Signal], guardrails: Sequence[Sequence[GuardState]], *, is_over: bool
) -> Walk:
    """The verdict of these looks.

    Args:
        guardrails: For each guardrail its state at every look, sticky.
        is_over: Whether no further look can come: all blocks used, or expired, or ended.
    """
    crossed = next((k for k, look in enumerate(looks) if look.crossed), None)
    better_at: int | None = None
    for k, look in enumerate(looks):
        states = [guardrail[k] for guardrail in guardrails]
        harmed = tuple(i for i, state in enumerate(states) if state is GuardState.HARMED)
        if better_at is None and look.is_worse:
            return Walk(verdict=Verdict.WORSE, shown=k, ended=k, crossed=crossed, harmed=harmed)
        if better_at is None and look.is_better:
            better_at = k
        if better_at is not None:
            verdict = _after_better(states)
            if verdict is not None:
                return Walk(
                    verdict=verdict,
                    shown=better_at,
                    ended=k,
                    crossed=crossed,
                    better=better_at,
                    harmed=harmed,
                )
            continue
        if harmed:
            return Walk(verdict=Verdict.WORSE, shown=k, ended=k, crossed=crossed, harmed=harmed)
        if look.is_equivalent:
            return Walk(verdict=Verdict.EQUIVALENT, shown=k, ended=k, crossed=crossed)
    last = len(looks) - 1 if looks else None
    return Walk(
        verdict=Verdict.UNDECIDED if is_over else Verdict.COLLECTING,
        shown=last if better_at is None else better_at,
        ended=None,
        crossed=crossed,
        better=better_at,
    )


def _after_better(states: Sequence[GuardState]) -> Verdict | None:
    if any(state is GuardState.HARMED for state in states):
        return Verdict.BLOCKED
    if all(state is GuardState.OK for state in states):
        return Verdict.BETTER
    return None
