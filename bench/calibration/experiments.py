"""Many whole experiments: where each stops, and what its guardrail says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.calibration.matrix import RankTest, TTest, lost
from gitexp.stats.boundaries import Boundary
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import BoolArray, FloatArray, IntArray

GOOD = -1  # times: lower is better
OK, UNRESOLVED, HARMED = 1, 0, -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where every experiment stopped.

    Attributes:
        test: The test against no effect.
        crossed: As `Look.crossed`, shape (looks, experiments).
        stop: Index of the deciding look, else of the last one; shape (experiments,).
        verdict: `crossed` at the stop: GOOD is better, -GOOD worse, 0 undecided.
        peeked: Whether an ordinary p <= alpha occurred at any of the looks.
        peek: Index of the first such look, else of the last one.
    """

    test: RankTest | TTest
    crossed: IntArray
    stop: IntArray
    verdict: IntArray
    peeked: BoolArray
    peek: IntArray


def play(d: FloatArray, *, plan: Boundary, test: PairedTest) -> Ends:
    """Every experiment to its end, without min-effect and guardrails.

    Args:
        d: Shape (experiments, blocks), treatment minus control; ±inf where only one arm failed.
    """
    of_d = the_test(d, test)
    looks = list(zip(plan.looks, plan.nominal, strict=True))
    crossed = np.stack([of_d.crossed(n, level) for n, level in looks])
    if test == "t" and np.isinf(d).any():
        crossed = _joined_by_ranks(crossed, d, looks)
    low_p = np.stack([of_d.crossed(n, plan.alpha) != 0 for n, _ in looks])
    stop = _first(crossed != 0)
    return Ends(
        test=of_d,
        crossed=crossed,
        stop=stop,
        verdict=crossed[stop, np.arange(len(d))],
        peeked=np.asarray(low_p.any(axis=0)),
        peek=_first(low_p),
    )


def the_test(d: FloatArray, test: PairedTest, theta: float = 0.0) -> RankTest | TTest:
    """The registered test of every experiment against theta."""
    return RankTest(d, theta) if test == "signed-rank" else TTest(d, theta)


def guard(
    d: FloatArray,
    *,
    counts: Sequence[int],
    margin: float,
    test: PairedTest,
    ok_levels: Sequence[float],
    harmed_levels: Sequence[float],
) -> IntArray:
    """The guardrail of every experiment at every look, shape (looks, experiments).

    Args:
        d: As in `play`; positive is harm.
        counts, margin, ok_levels, harmed_levels: As `gitexp.stats.guardrails.metric_guardrail`.
    """
    ranks = RankTest(d, margin)
    by_t = TTest(d, margin) if test == "t" else None
    more_lost = lost(d, GOOD)
    state = np.full(len(d), UNRESOLVED)
    states = []
    for n, ok, harmed in zip(counts, ok_levels, harmed_levels, strict=True):
        inside, beyond = ranks.crossed(n, ok) < 0, ranks.crossed(n, harmed) > 0
        if by_t is not None:
            vetoed = more_lost[n - 1] & ~inside
            has_t = by_t.estimable(n)
            inside = np.where(has_t, by_t.crossed(n, ok) < 0, inside) & ~vetoed
            beyond = np.where(has_t, by_t.crossed(n, harmed) > 0, beyond)
        fell = np.where(beyond, HARMED, np.where(inside, OK, UNRESOLVED))
        state = np.where(state == UNRESOLVED, fell, state)
        states.append(state)
    return np.stack(states)


def _joined_by_ranks(
    crossed: IntArray, d: FloatArray, looks: Sequence[tuple[int, float]]
) -> IntArray:
    """While the treatment has failed more often, `better` needs the signed-rank test to agree."""
    by_rank = RankTest(d)
    ranks = np.stack([by_rank.crossed(n, level) for n, level in looks])
    more_lost = lost(d, GOOD)[[n - 1 for n, _ in looks]]
    return np.where((crossed == GOOD) & more_lost & (ranks != GOOD), 0, crossed)


def _first(where: BoolArray) -> IntArray:
    """Index of the first True per column, else of the last row."""
    return np.where(where.any(axis=0), np.argmax(where, axis=0), len(where) - 1)
