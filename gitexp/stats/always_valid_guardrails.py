"""Guardrails that hold at any time: the same question as in `guardrails`, asked of the always-valid
evidence.

At no look at all does a guardrail pass a treatment that is worse than the margin with more than its
error rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gitexp.stats.guardrails import (
    GuardrailPath,
    at_all,
    check_counts,
    check_margin,
    first_harmed,
    path_of,
    sticky,
)
from gitexp.stats.rate_mixture import rate_sequence
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray, Interval, as_values
from gitexp.stats.sign_flip import FlipTest, flip_interval
from gitexp.stats.signed_rank import coded, signed_rank_of
from gitexp.stats.t_mixture import TMixture, tuned_phi


def metric_guardrail_always_valid(
    d: npt.ArrayLike,
    *,
    counts: Sequence[int],
    margin: float,
    bad: int,
    test: PairedTest,
    alpha_ok: float,
    alpha_harmed: float,
    max_blocks: int,
    may_be_ok: Sequence[bool] | None = None,
    may_be_harmed: Sequence[bool] | None = None,
) -> GuardrailPath:
    """A guardrail on paired differences, tested by shifting them by the margin.

    One-sided: only evidence on that side counts. Failed blocks, and differences without spread,
    count as in `metric_guardrail`, the sign-flip process in place of the signed-rank test.

    Args:
        d, counts, margin, bad, test, may_be_ok, may_be_harmed: As in `metric_guardrail`.
        alpha_ok, alpha_harmed: One-sided error rates of all looks together, in (0, 1).
        max_blocks: As in `replay_always_valid`.

    Raises:
        ValueError: for counts or rates that do not fit, a margin <= 0 or another sign.
    """
    values = coded(as_values("d", d, infinite=True))
    check_margin(margin, bad)
    check_counts(counts, values.size)
    _check_rates(alpha_ok, alpha_harmed, max_blocks)
    if test not in ("signed-rank", "t"):
        raise ValueError(f"test must be 'signed-rank' or 't', not {test!r}")

    toward_harm = bad * values
    flips = _ByFlips(toward_harm, margin, alpha_ok, alpha_harmed)
    shifted = flips if test == "signed-rank" else _ByT(toward_harm, flips, tuned_phi(max_blocks))
    may_ok, may_harm = at_all(may_be_ok, len(counts)), at_all(may_be_harmed, len(counts))
    states = sticky(
        (ok and shifted.is_inside(n), harmed and shifted.is_beyond(n))
        for n, ok, harmed in zip(counts, may_ok, may_harm, strict=True)
    )
    harmed_at = first_harmed(states)
    least = None if harmed_at is None else bad * shifted.least(counts[harmed_at])
    last = counts[-1] if counts else 0
    if last == 0:
        return path_of(states, None, bad * math.inf, least)
    return path_of(states, bad * shifted.estimate(last), bad * shifted.most(last), least)


def rate_guardrail_always_valid(
    *,
    control: Sequence[tuple[int, int]],
    treatment: Sequence[tuple[int, int]],
    margin: float,
    bad: int,
    alpha_ok: float,
    alpha_harmed: float,
    max_blocks: int,
    may_be_ok: Sequence[bool] | None = None,
) -> GuardrailPath:
    """A guardrail on a rate with an absolute margin, by a confidence sequence of each arm.

    Each arm's sequence errs with half of the rate, so that the difference between their far ends
    errs with the whole of it at most, however the arms depend on each other. A rate must not change
    in the course of the experiment.

    Args:
        control, treatment, margin, bad, may_be_ok: As in `rate_guardrail`.
        alpha_ok, alpha_harmed, max_blocks: As in `metric_guardrail_always_valid`.

    Raises:
        ValueError: for lengths that differ, impossible counts, or rates that do not fit.
    """
    check_margin(margin, bad)
    _check_rates(alpha_ok, alpha_harmed, max_blocks)
    if len(control) != len(treatment):
        raise ValueError(f"arms have {len(control)} and {len(treatment)} looks")
    if not control:
        return path_of((), None, bad * math.inf, None)
    # harm counted positive: more events in the arm named first
    more, fewer = (treatment, control) if bad > 0 else (control, treatment)
    most = _ends(more, alpha_ok, max_blocks)[1] - _ends(fewer, alpha_ok, max_blocks)[0]
    least = _ends(more, alpha_harmed, max_blocks)[0] - _ends(fewer, alpha_harmed, max_blocks)[1]
    inside = (most < margin) & np.array(at_all(may_be_ok, len(control)))
    states = sticky(zip(inside.tolist(), (least > margin).tolist(), strict=True))
    harmed_at = first_harmed(states)
    c, t = control[-1], treatment[-1]
    return path_of(
        states,
        t[0] / t[1] - c[0] / c[1] if t[1] and c[1] else None,
        bad * float(most[-1]),
        None if harmed_at is None else bad * float(least[harmed_at]),
    )


class _ByFlips:
    """Sign-flip tests of every prefix against the margin, harm counted positive."""

    def __init__(
        self, toward_harm: FloatArray, margin: float, alpha_ok: float, alpha_harmed: float
    ) -> None:
        self.margin, self.alpha_ok, self.alpha_harmed = margin, alpha_ok, alpha_harmed
        self._values = toward_harm
        self._flips = FlipTest(toward_harm, margin)

    def is_inside(self, n: int) -> bool:
        return n > 0 and self._flips.crossed_one_sided(n, -1, self.alpha_ok)

    def is_beyond(self, n: int) -> bool:
        return n > 0 and self._flips.crossed_one_sided(n, 1, self.alpha_harmed)

    def estimate(self, n: int) -> float:
        found = signed_rank_of(self._values[:n], level=0.0).estimate
        assert found is not None  # n > 0
        return found

    def most(self, n: int) -> float:
        """The bound toward harm."""
        return self._interval(n, self.alpha_ok).high

    def least(self, n: int) -> float:
        """The bound away from harm."""
        return self._interval(n, self.alpha_harmed).low

    def _interval(self, n: int, alpha: float) -> Interval:
        return flip_interval(
            self._values[:n],
            estimate=self.estimate(n),
            alpha=alpha,
            split=self.margin,
            one_sided=True,
        )


class _ByT:
    """t-mixtures of every prefix against the margin; the flips where t says nothing."""

    def __init__(self, toward_harm: FloatArray, flips: _ByFlips, phi: float) -> None:
        self._flips = flips
        measured = np.isfinite(toward_harm)
        self._sizes: list[int] = [0, *np.cumsum(measured).tolist()]
        self._lost: list[float] = [
            0,
            *np.cumsum(np.where(measured, 0.0, np.sign(toward_harm))).tolist(),
        ]
        mixture = TMixture(toward_harm[measured], phi)
        self._estimable: list[bool] = [False, *mixture.estimable.tolist()]
        self._mean: list[float] = [math.nan, *mixture.mean.tolist()]
        self._most: list[float] = [
            math.inf,
            *(mixture.mean + mixture.radius(flips.alpha_ok, one_sided=True)).tolist(),
        ]
        self._least: list[float] = [
            -math.inf,
            *(mixture.mean - mixture.radius(flips.alpha_harmed, one_sided=True)).tolist(),
        ]

    def is_inside(self, n: int) -> bool:
        if self._lost[n] > 0 and not self._flips.is_inside(n):
            return False
        size = self._sizes[n]
        if not self._estimable[size]:
            return self._flips.is_inside(n)
        return self._most[size] <= self._flips.margin  # the end itself is rejected

    def is_beyond(self, n: int) -> bool:
        size = self._sizes[n]
        if not self._estimable[size]:
            return self._flips.is_beyond(n)
        return self._least[size] >= self._flips.margin

    def estimate(self, n: int) -> float:
        size = self._sizes[n]
        return self._mean[size] if size else self._flips.estimate(n)

    def most(self, n: int) -> float:
        size = self._sizes[n]
        if not self._estimable[size]:
            return self._flips.most(n)
        if self._lost[n] > 0:
            return max(self._most[size], self._flips.most(n))
        return self._most[size]

    def least(self, n: int) -> float:
        size = self._sizes[n]
        return self._least[size] if self._estimable[size] else self._flips.least(n)


def _ends(
    arm: Sequence[tuple[int, int]], alpha: float, max_blocks: int
) -> tuple[FloatArray, FloatArray]:
    events, trials = (np.array(column, dtype=np.int64) for column in zip(*arm, strict=True))
    return rate_sequence(events, trials, alpha=alpha / 2.0, best_at=max_blocks)


def _check_rates(alpha_ok: float, alpha_harmed: float, max_blocks: int) -> None:
    for alpha in (alpha_ok, alpha_harmed):
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha must lie in (0, 1), not {alpha}")
    if max_blocks < 1:
        raise ValueError(f"max_blocks must be at least 1, not {max_blocks}")
