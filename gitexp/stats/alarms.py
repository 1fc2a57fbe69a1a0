"""Signs that the treatment breaks things, or that a trial does not belong with the others.

They are shown, and what they do is for the policy to say; nothing is deleted.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, gammaln, logsumexp

from gitexp.stats.exact_rates import fisher_p
from gitexp.stats.results import as_values
from gitexp.stats.signals import Check, Evidence, Signal, checked, unchecked

ERROR_EVIDENCE = 20.0
ERROR_RATIO = 2.0

ODD, VERY_ODD = 5.0, 10.0
"""Robust standard deviations from the median at which a value is flagged."""
FEWEST_EARLIER = 10
"""Earlier trials needed to judge one: MAD of few is often tiny. Chance flags 1 in 110 normal values
after 10, 1 in 770 after 20; it would flag 1 in 15 after 5."""

_MAD_TO_SD = 1.4826
_IQR_TO_SD = 1.349


def error_rate(*, control: int, treatment: int) -> Evidence:
    """Whether errors fall to the treatment more often than to the control.

    Of k errors x in the treatment, E = 2^(k+1) B(x+1, k-x+1) (1 - I_1/2(x+1, k-x+1)): the mean
    likelihood ratio of a share uniform on (1/2, 1) against 1/2, by Robbins (1970), AMS 41, 1397.
    Raised where E reaches 20 and the treatment has twice the errors of the control. However often
    one looks, chance alone does that in 1.8 % of experiments with up to 20 errors, and in 2.8 % of
    those with any number. The value is treatment over control,
    inf where only the treatment has errors.

    Args:
        control, treatment: Errors of each arm, which had as many trials as the other or the same
            chance of each.

    Raises:
        ValueError: for negative counts.

    >>> error_rate(control=0, treatment=6).signal, error_rate(control=0, treatment=7).signal
    (<Signal.QUIET: 'quiet'>, <Signal.RAISED: 'raised'>)
    """
    if control < 0 or treatment < 0:
        raise ValueError(f"errors must not be negative, not {control} and {treatment}")
    x, k = treatment, control + treatment
    if k == 0:
        return Evidence(
            value=None,
            e_value=None,
            threshold=ERROR_EVIDENCE,
            signal=Signal.NOT_ESTIMABLE,
            caveats=("not estimable: no error yet",),
        )
    # 1 - I_1/2 is the chance of at most x heads in k + 1 tosses, which would underflow by itself
    heads = np.arange(x + 1.0)
    log_ways = gammaln(k + 2.0) - gammaln(heads + 1.0) - gammaln(k + 2.0 - heads)
    log_e = float(betaln(x + 1.0, k - x + 1.0) + logsumexp(log_ways))
    e_value = math.exp(log_e) if log_e < 700.0 else math.inf
    ratio = treatment / control if control else math.inf
    is_raised = e_value >= ERROR_EVIDENCE and ratio >= ERROR_RATIO
    return Evidence(
        value=ratio,
        e_value=e_value,
        threshold=ERROR_EVIDENCE,
        signal=Signal.RAISED if is_raised else Signal.QUIET,
    )


def attrition(
    *, control: tuple[int, int], treatment: tuple[int, int], threshold: float = 0.001
) -> Check:
    """Whether trials of one arm are lost more often than those of the other.

    Fisher's exact test: Fisher (1935), JRSS 98, 39. For one look. The value is the rate of the
    treatment minus that of the control.

    Args:
        control, treatment: (failed trials, trials).

    Raises:
        ValueError: unless 0 <= failed <= trials.
    """
    for failed, trials in (control, treatment):
        if not 0 <= failed <= trials:
            raise ValueError(f"failed must lie between 0 and trials ({trials}), not {failed}")
    p_value = fisher_p(control, treatment)
    if p_value is None:
        return unchecked(threshold, "an arm has no trial yet")
    return checked(
        treatment[0] / treatment[1] - control[0] / control[1],
        p_value,
        threshold,
    )


class Oddity(StrEnum):
    TYPICAL = "typical"
    ODD = "odd"
    VERY_ODD = "very odd"
    NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One value against those before it.

    Attributes:
        z: Robust standard deviations from their median; None when not estimable.
        caveats: Why it is missing and what would help.
    """

    z: float | None
    oddity: Oddity
    caveats: tuple[str, ...] = ()


def anomalies(values: npt.ArrayLike) -> tuple[Judged, ...]:
    """Each value of one arm, on the log scale, against the values before it.

    z = (x - median) / (1.4826 MAD): Iglewicz and Hoaglin (1993), How to Detect and Handle
    Outliers, chapter 3. Where more than half of the earlier values are the same, MAD is 0 and
    IQR/1.349 takes its place; where that is 0 too there is no spread to judge by.

    Args:
        values: Shape (n,), positive, in the order measured.

    Raises:
        ValueError: for values that are not positive: they have no logarithm.
    """
    x = as_values("values", values)
    if np.any(x <= 0.0):
        raise ValueError(f"values must be positive, not {x[x <= 0.0][0]}")
    found: list[Judged] = []
    earlier: list[float] = []  # sorted
    for value in np.round(np.log(x), 12).tolist():  # equal but for rounding is equal
        found.append(_judged(value, earlier))
        insort(earlier, value)
    return tuple(found)


def _judged(value: float, earlier: Sequence[float]) -> Judged:
    """The value against the sorted ones before it."""
    if len(earlier) < FEWEST_EARLIER:
        return _not_judged(f"need at least {FEWEST_EARLIER} earlier trials of this arm")
    median = _quantile(earlier, 0.5)
    spread = _MAD_TO_SD * _median_distance(earlier, median)
    if spread == 0.0:
        spread = (_quantile(earlier, 0.75) - _quantile(earlier, 0.25)) / _IQR_TO_SD
    if spread == 0.0:
        return _not_judged("no spread in the earlier trials of this arm")
    z = (value - median) / spread
    oddity = Oddity.TYPICAL
    if abs(z) >= ODD:
        oddity = Oddity.VERY_ODD if abs(z) >= VERY_ODD else Oddity.ODD
    return Judged(z=z, oddity=oddity)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of sorted values, linear between two of them."""
    below, part = divmod(share * (len(ordered) - 1), 1.0)
    k = int(below)
    return ordered[k] + part * (ordered[k + 1] - ordered[k]) if part else ordered[k]


def _median_distance(ordered: Sequence[float], centre: float) -> float:
    """The median distance of sorted values from `centre`, found without measuring them all."""
    n = len(ordered)
    middle = (_distance(ordered, centre, (n - 1) // 2), _distance(ordered, centre, n // 2))
    return sum(middle) / 2.0


def _distance(ordered: Sequence[float], centre: float, k: int) -> float:
    """The distance from `centre` that k of the sorted values do not reach."""
    low, high = 0, len(ordered) - k - 1
    while low < high:  # where the k + 1 nearest begin
        start = (low + high) // 2
        if centre - ordered[start] > ordered[start + k + 1] - centre:
            low = start + 1
        else:
            high = start
    return max(centre - ordered[low], ordered[low + k] - centre)


def _not_judged(why: str) -> Judged:
    return Judged(z=None, oddity=Oddity.NOT_ESTIMABLE, caveats=(f"not estimable: {why}",))
