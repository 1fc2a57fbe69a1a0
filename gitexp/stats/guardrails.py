"""Guardrails: has the treatment been shown not to be worse than the margin, or to be so?

Non-inferiority at every look. Each guardrail has its own one-sided boundary; `ok` and `harmed` stay
as they are at the look where they fall.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from gitexp.stats.boundaries import Boundary, Spending, boundary
from gitexp.stats.proportions import newcombe
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray, Interval, as_values
from gitexp.stats.signed_rank import coded, rank_interval, signed_rank_of, walsh_counts
from gitexp.stats.student import paired_t, running_moments, t_p_value


class GuardrailState(StrEnum):
    OK = "ok"
    HARMED = "harmed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailPath:
    """One guardrail at every look.

    Attributes:
        states: One per look; once `ok` or `harmed`, the same ever after.
        fell_at: Index of the look where that happened; None while unresolved.
        estimate: Treatment minus control at the last look; None without data.
        bound: The bound toward harm at the last look, one-sided at its `ok` level: the guardrail is
            ok where it lies inside the margin. Infinite while the data set no limit.
        least: The bound away from harm at the look where `harmed` fell, one-sided at its level: it
            lies beyond the margin. Infinite when too many trials of the treatment failed; None
            unless harmed.
    """

    states: tuple[GuardrailState, ...]
    fell_at: int | None
    estimate: float | None
    bound: float
    least: float | None

    @property
    def state(self) -> GuardrailState:
        """The state at the last look; unresolved before the first."""
        return self.states[-1] if self.states else GuardrailState.UNRESOLVED


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailLevels:
    """Two boundaries with the same looks: what shows `ok`, and what shows `harmed`."""

    ok: Boundary
    harmed: Boundary


def guardrail_levels(
    *,
    alpha: float,
    guardrails: int,
    max_blocks: int,
    min_blocks: int,
    spending: Spending = "obf",
    ends_at: int | None = None,
) -> GuardrailLevels:
    """The boundaries of one guardrail among several.

    One-sided `alpha` each for `ok`: an error must not pass. One-sided `alpha` shared by all
    guardrails for `harmed`: more guardrails must not stop more sound treatments.

    Args:
        alpha: One-sided error rate, in (0, 0.5).
        guardrails: Their number, at least 1.
        spending, ends_at: As in `boundary`.

    Raises:
        ValueError: outside these ranges, or as `boundary`.
    """
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha must lie in (0, 0.5), not {alpha}")
    if guardrails < 1:
        raise ValueError(f"guardrails must be at least 1, not {guardrails}")

    def two_sided(rate: float) -> Boundary:
        return boundary(
            alpha=rate,
            max_blocks=max_blocks,
            min_blocks=min_blocks,
            spending=spending,
            ends_at=ends_at,
        )

    return GuardrailLevels(ok=two_sided(2.0 * alpha), harmed=two_sided(2.0 * alpha / guardrails))


def metric_guardrail(
    d: npt.ArrayLike,
    *,
    counts: Sequence[int],
    margin: float,
    bad: int,
    test: PairedTest,
    ok_levels: Sequence[float],
    harmed_levels: Sequence[float],
    may_be_ok: Sequence[bool] | None = None,
    may_be_harmed: Sequence[bool] | None = None,
) -> GuardrailPath:
    """A guardrail on paired differences, tested by shifting them by the margin.

    Under 't' blocks with one failed arm leave the test. Then, while the treatment has failed more
    often than the control, `ok` must be shown by the worst-rank signed-rank test as well; and where
    the differences have no spread, t says nothing and the signed-rank test decides.

    Args:
        d: Shape (n,), treatment minus control per block in replay order; ±1e6 or ±inf where only
            one arm failed.
        counts: Leading entries of d available at each look, non-decreasing, each 0 … n.
        margin: How much worse is still accepted, on the scale of d, positive.
        bad: The sign of d that is harm, +1 or -1.
        ok_levels, harmed_levels: Two-sided nominal levels at these looks, `GuardrailLevels`; one
            half of each is the one-sided level used.
        may_be_ok, may_be_harmed: The looks at which that may fall; None: all.

    Raises:
        ValueError: for counts or levels that do not fit, a margin <= 0 or another sign.
    """
    values = coded(as_values("d", d, infinite=True))
    _check(margin, bad, len(counts), ok_levels, harmed_levels)
    check_counts(counts, values.size)
    if test not in ("signed-rank", "t"):
        raise ValueError(f"test must be 'signed-rank' or 't', not {test!r}")

    toward_harm = bad * values
    ranks = walsh_counts(toward_harm, margin)

    def by_rank(n: int, level: float) -> int:
        return ranks.crossed(n, level) if n else 0

    if test == "signed-rank":
        inside, beyond = by_rank, by_rank
    else:
        by_t = _ShiftedT(toward_harm, margin)
        lost = np.cumsum(np.where(np.isinf(toward_harm), np.sign(toward_harm), 0.0))

        def beyond(n: int, level: float) -> int:
            return by_t.crossed(n, level) if by_t.is_estimable(n) else by_rank(n, level)

        def inside(n: int, level: float) -> int:
            if n and lost[n - 1] > 0 and by_rank(n, level) >= 0:
                return 0
            return beyond(n, level)

    states = sticky(
        (may and inside(n, ok) < 0, may_harm and beyond(n, harmed) > 0)
        for n, ok, harmed, may, may_harm in zip(
            counts,
            ok_levels,
            harmed_levels,
            at_all(may_be_ok, len(counts)),
            at_all(may_be_harmed, len(counts)),
            strict=True,
        )
    )
    harmed_at = first_harmed(states)
    least: float | None = None
    if harmed_at is not None:
        seen = toward_harm[: counts[harmed_at]]
        least = bad * _least(seen, test=test, level=harmed_levels[harmed_at])
    if not counts or counts[-1] == 0:
        return path_of(states, None, bad * math.inf, least)
    estimate, bound = _bound(toward_harm[: counts[-1]], test=test, level=ok_levels[-1])
    return path_of(states, None if estimate is None else bad * estimate, bad * bound, least)


def rate_guardrail(
    *,
    control: Sequence[tuple[int, int]],
    treatment: Sequence[tuple[int, int]],
    margin: float,
    bad: int,
    ok_levels: Sequence[float],
    harmed_levels: Sequence[float],
    may_be_ok: Sequence[bool] | None = None,
) -> GuardrailPath:
    """A guardrail on a rate with an absolute margin, by Newcombe's score interval.

    Args:
        control, treatment: (events, trials) of the arm at each look, cumulative.
        margin: How much worse is still accepted, a fraction: 0.05 is 5 percentage points.
        bad: +1 when more events are harm, -1 when fewer are.
        ok_levels, harmed_levels, may_be_ok: As in `metric_guardrail`.

    Raises:
        ValueError: for lengths that differ, impossible counts, a margin <= 0 or another sign.
    """
    _check(margin, bad, len(control), ok_levels, harmed_levels)
    if len(control) != len(treatment):
        raise ValueError(f"arms have {len(control)} and {len(treatment)} looks")
    looks = list(zip(control, treatment, ok_levels, harmed_levels, strict=True))
    states = sticky(
        (
            may and ok > 0.0 and harm_ends(newcombe(c, t, level=ok), bad)[1] < margin,
            harm_ends(newcombe(c, t, level=harmed), bad)[0] > margin,
        )
        for (c, t, ok, harmed), may in zip(looks, at_all(may_be_ok, len(looks)), strict=True)
    )
    if not looks:
        return path_of(states, None, bad * math.inf, None)
    harmed_at = first_harmed(states)
    least: float | None = None
    if harmed_at is not None:
        c, t, _, harmed = looks[harmed_at]
        least = bad * harm_ends(newcombe(c, t, level=harmed), bad)[0]
    c, t, ok, _ = looks[-1]
    estimate = t[0] / t[1] - c[0] / c[1] if t[1] and c[1] else None
    bound = bad * harm_ends(newcombe(c, t, level=ok), bad)[1]
    return path_of(states, estimate, bound, least)


class _ShiftedT:
    """One-sample t-tests of every prefix against the margin, failed blocks left out."""

    def __init__(self, toward_harm: FloatArray, margin: float) -> None:
        measured = np.isfinite(toward_harm)
        self._size = np.cumsum(measured).tolist()
        moments = running_moments(toward_harm[measured])
        self._estimable = moments.has_spread.tolist()
        df = np.arange(moments.mean.size, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):  # where it is not estimable
            t = (moments.mean - margin) / (moments.sd / np.sqrt(df + 1.0))
        self._sign = np.where(t > 0.0, 1, -1).tolist()
        self._p = t_p_value(t, df).tolist()

    def is_estimable(self, n: int) -> bool:
        size = self._size[n - 1] if n else 0
        return size > 1 and bool(self._estimable[size - 1])

    def crossed(self, n: int, level: float) -> int:
        """+1 when the first n blocks lie significantly beyond the margin, -1 inside, else 0."""
        last = self._size[n - 1] - 1
        if level > 0.0 and self._p[last] <= level:
            return int(self._sign[last])
        return 0


def at_all(may_be_ok: Sequence[bool] | None, looks: int) -> Sequence[bool]:
    """The looks at which `ok` may fall; all of them where nothing is said."""
    return [True] * looks if may_be_ok is None else may_be_ok


def sticky(looks: Iterable[tuple[bool, bool]]) -> tuple[GuardrailState, ...]:
    """States from (is_ok, is_harmed) of each look, the first resolved one kept."""
    states: list[GuardrailState] = []
    state = GuardrailState.UNRESOLVED
    for is_ok, is_harmed in looks:
        if state is GuardrailState.UNRESOLVED and is_harmed:
            state = GuardrailState.HARMED
        elif state is GuardrailState.UNRESOLVED and is_ok:
            state = GuardrailState.OK
        states.append(state)
    return tuple(states)


def _bound(
    toward_harm: FloatArray, *, test: PairedTest, level: float
) -> tuple[float | None, float]:
    """The estimate, and the bound toward harm that `ok` goes by, harm counted positive."""
    by_rank = rank_interval(toward_harm, level=level).high
    if test == "signed-rank":
        return signed_rank_of(toward_harm, level=level).estimate, by_rank
    by_t = paired_t(toward_harm[np.isfinite(toward_harm)], level=level)
    if by_t.p_value is None:
        return by_t.estimate, by_rank
    if np.sum(toward_harm == np.inf) > np.sum(toward_harm == -np.inf):
        return by_t.estimate, max(by_t.interval.high, by_rank)
    return by_t.estimate, by_t.interval.high


def _least(toward_harm: FloatArray, *, test: PairedTest, level: float) -> float:
    """The bound that `harmed` goes by, harm counted positive."""
    if test == "t":
        by_t = paired_t(toward_harm[np.isfinite(toward_harm)], level=level)
        if by_t.p_value is not None:
            return by_t.interval.low
    return rank_interval(toward_harm, level=level).low


def first_harmed(states: Sequence[GuardrailState]) -> int | None:
    """Index of the first look that shows harm; None without one."""
    return states.index(GuardrailState.HARMED) if GuardrailState.HARMED in states else None


def path_of(
    states: tuple[GuardrailState, ...], estimate: float | None, bound: float, least: float | None
) -> GuardrailPath:
    """The path of these states, with where they were resolved."""
    resolved = (k for k, s in enumerate(states) if s is not GuardrailState.UNRESOLVED)
    return GuardrailPath(
        states=states, fell_at=next(resolved, None), estimate=estimate, bound=bound, least=least
    )


def harm_ends(interval: Interval, bad: int) -> tuple[float, float]:
    """The interval's ends with harm counted positive."""
    return (interval.low, interval.high) if bad > 0 else (-interval.high, -interval.low)


def check_margin(margin: float, bad: int) -> None:
    """Nothing.

    Raises:
        ValueError: for a margin <= 0, and for another sign than +1 or -1.
    """
    if not (math.isfinite(margin) and margin > 0.0):
        raise ValueError(f"margin must be positive, not {margin}")
    if bad not in (1, -1):
        raise ValueError(f"bad must be 1 or -1, not {bad}")


def check_counts(counts: Sequence[int], size: int) -> None:
    """Nothing.

    Raises:
        ValueError: unless the counts never fall and stay within 0 … size.
    """
    if any(not 0 <= n <= size for n in counts) or np.any(np.diff(np.array(counts)) < 0):
        raise ValueError(f"counts must rise within 0 … {size}, not {list(counts)}")


def _check(
    margin: float, bad: int, looks: int, ok_levels: Sequence[float], harmed_levels: Sequence[float]
) -> None:
    check_margin(margin, bad)
    if not looks == len(ok_levels) == len(harmed_levels):
        raise ValueError(
            f"need one level per look, not {len(ok_levels)} and {len(harmed_levels)} for {looks}"
        )
