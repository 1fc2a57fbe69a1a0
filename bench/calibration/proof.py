"""Proof that many experiments at once end as the product ends each of them.

The product is the only authority: its own replay, walk, intervals and guardrails, look by look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.calibration.experiments import GOOD, HARMED, OK, UNRESOLVED, Ends
from bench.calibration.matrix import RankTest
from gitexp.model import Verdict
from gitexp.policy import Signal, Walk, walk
from gitexp.stats.boundaries import Boundary
from gitexp.stats.guardrails import GuardrailState, metric_guardrail
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest, replay, result_at
from gitexp.stats.results import BoolArray, FloatArray, IntArray
from gitexp.stats.signed_rank import p_value

_VERDICT = {GOOD: Verdict.BETTER, -GOOD: Verdict.WORSE, 0: Verdict.UNDECIDED}
_STATE = {
    OK: GuardrailState.OK,
    UNRESOLVED: GuardrailState.UNRESOLVED,
    HARMED: GuardrailState.HARMED,
}


class Mismatch(Exception):
    """The benchmark and the product disagree: no figure may be believed."""


def prove_ends(d: FloatArray, ends: Ends, *, plan: Boundary, test: PairedTest) -> None:
    """Replay these experiments by the product, one by one.

    Args:
        d: The first rows of what `ends` was made of.

    Raises:
        Mismatch: for another look, p-value, deciding look or verdict.
    """
    for i, row in enumerate(d):
        ok = np.isfinite(row)
        looks = replay(row, ok, test=test, boundary=plan, region=(0.0, 0.0), good=GOOD)
        for k, look in enumerate(looks):
            crossed = int(ends.crossed[k, i])
            _same(look.crossed, crossed, row, f"crossed at {look.n}")
            _same(look.p_value, _p_value(ends, look.n, i), row, f"p at {look.n}")
            _same((look.reaches, look.inside), (crossed != 0, False), row, f"region at {look.n}")
        end = _walked(looks)
        stop = int(ends.stop[i])
        _same((end.verdict, end.shown), (_VERDICT[int(ends.verdict[i])], stop), row, "end")
        peeks = [
            k for k, x in enumerate(looks) if x.p_value is not None and x.p_value <= plan.alpha
        ]
        _same(bool(peeks), bool(ends.peeked[i]), row, "a p <= alpha")
        _same(peeks[0] if peeks else len(looks) - 1, int(ends.peek[i]), row, "first p <= alpha")


def prove_cover(
    d: FloatArray,
    held: BoolArray,
    *,
    used: IntArray,
    level: FloatArray,
    truth: float,
    test: PairedTest,
) -> None:
    """Ask the product's intervals whether they hold the truth.

    Raises:
        Mismatch: where one says otherwise.
    """
    for i, row in enumerate(d):
        result = result_at(
            row, np.isfinite(row), test=test, used=int(used[i]), level=float(level[i])
        )
        _same(truth in result.interval, bool(held[i]), row, f"interval at {used[i]}")


def prove_guard(
    d: FloatArray,
    states: IntArray,
    *,
    counts: Sequence[int],
    margin: float,
    test: PairedTest,
    ok_levels: Sequence[float],
    harmed_levels: Sequence[float],
) -> None:
    """Ask the product's guardrail for its state at every look.

    Raises:
        Mismatch: for another state.
    """
    for i, row in enumerate(d):
        path = metric_guardrail(
            row,
            counts=counts,
            margin=margin,
            bad=-GOOD,
            test=test,
            ok_levels=ok_levels,
            harmed_levels=harmed_levels,
        )
        _same(path.states, tuple(_STATE[int(s)] for s in states[:, i]), row, "guardrail")


def _walked(looks: Sequence[Look]) -> Walk:
    """The product's walk through the looks, all blocks used and no guardrails."""
    signals = [
        Signal(
            n=look.n,
            is_worse=look.crossed == -GOOD,
            is_better=look.crossed == GOOD and look.reaches,
            is_equivalent=look.inside,
            crossed=look.crossed != 0,
        )
        for look in looks
    ]
    return walk(signals, [], is_over=True)


def _p_value(ends: Ends, n: int, i: int) -> float | None:
    if not ends.test.estimable(n)[i]:
        return None
    if isinstance(ends.test, RankTest):
        return p_value(n, float(ends.test.g(n)[i]))
    return float(ends.test.p_value(n)[i])


def _same(product: object, here: object, row: FloatArray, what: str) -> None:
    if product != here:
        raise Mismatch(f"{what}: {product} in the product, {here} here, for d = {row.tolist()}")
