"""How many blocks an effect takes, and what a number of blocks can show.

Numbers of blocks are fractions, to be rounded up. They hold for one look at the end; a plan with
more looks takes R times as many (`operating.inflation`), to be given as `inflation`. Ranks need
1/0.955 times the blocks of t on normal data, and fewer where there are outliers.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.special import gammainc, nctdtr, ndtri, stdtrit

from gitexp.stats.signed_rank import rejection_count

Design = Literal["pairs", "groups"]
"""One number per block, or two independent arms of the same size."""
Sides = Literal[1, 2]

RANK_EFFICIENCY = 0.955
"""3/pi, of Wilcoxon's tests against t on normal data: Hodges and Lehmann (1956), AMS 27, 324."""
MOST = 1e7
"""Blocks, or values per arm, beyond which no plan is looked for."""


def t_power(effect: float, n: float, *, alpha: float, design: Design, sides: Sides = 2) -> float:
    """Probability that a t-test of n finds the effect; 0 for n < 2, where there is no test.

    1 - F(t_c; v, l) + F(-t_c; v, l) with F the noncentral t, l = effect sqrt(n) and v = n - 1 for
    pairs, l = effect sqrt(n/2) and v = 2n - 2 for groups: Johnson, Kotz and Balakrishnan (1995),
    Continuous Univariate Distributions 2, chapter 31; one-sided without the last term.

    Args:
        effect: In standard deviations: of the differences for pairs (d_z), within an arm for
            groups (d). Its sign counts only where one side is tested.
        n: Blocks, or values per arm; may be a fraction.
        alpha: Error rate of all sides together.

    Raises:
        ValueError: unless 0 < alpha < sides / 2 and effect and n are finite.

    >>> round(t_power(0.5, 64, alpha=0.05, design="groups"), 4)
    0.8015
    """
    _check_alpha(alpha, sides)
    if not (math.isfinite(effect) and math.isfinite(n)):
        raise ValueError(f"effect and n must be finite, not {effect} and {n}")
    if n < 2:
        return 0.0
    df, shift = (n - 1.0, math.sqrt(n)) if design == "pairs" else (2 * n - 2, math.sqrt(n / 2))
    limit = -float(stdtrit(df, alpha / sides))
    power = _beyond(limit, df, effect * shift)
    return power + _beyond(limit, df, -effect * shift) if sides == 2 else power


def sample_size(
    effect: float,
    *,
    alpha: float,
    power: float,
    design: Design,
    sides: Sides = 2,
    ranks: bool = False,
    inflation: float = 1.0,
) -> float | None:
    """Blocks, or values per arm, at which the effect is found with this power; None beyond 10^7.

    At least 2, and under ranks at least as many as can give such a p-value at all.

    Args:
        effect: As in `t_power`; the sign does not count.
        alpha: Error rate of all sides together.
        power: Between alpha and 1.
        ranks: Whether the test is signed-rank or Mann-Whitney.
        inflation: R of the plan's boundary, at least 1; infinite where it can never be crossed.

    Raises:
        ValueError: outside these ranges.

    >>> sample_size(0.5, alpha=0.05, power=0.8, design="pairs")  # doctest: +ELLIPSIS
    33.367...
    """
    from scipy.optimize import brentq

    cost = _cost(alpha, power, sides, ranks=ranks, inflation=inflation)

    def lack(n: float) -> float:
        return t_power(abs(effect), n, alpha=alpha, design=design, sides=sides) - power

    most = MOST / cost
    if lack(most) < 0.0:
        return None
    one_look = 2.0 if lack(2.0) >= 0.0 else float(brentq(lack, 2.0, most, xtol=1e-9))
    return max(one_look * cost, _fewest(alpha, design=design, sides=sides, ranks=ranks))


def detectable_effect(
    n: float,
    *,
    alpha: float,
    power: float,
    design: Design,
    sides: Sides = 2,
    ranks: bool = False,
    inflation: float = 1.0,
) -> float | None:
    """The smallest effect, in standard deviations, that n finds with this power.

    None where no effect would do: fewer than 2 blocks after the price of ranks and looks, or
    fewer than can give such a p-value.

    Args:
        n: Blocks, or values per arm; the rest as in `sample_size`.

    Raises:
        ValueError: as `sample_size`.

    >>> detectable_effect(34, alpha=0.05, power=0.8, design="pairs")  # doctest: +ELLIPSIS
    0.495...
    """
    from scipy.optimize import brentq

    worth = n / _cost(alpha, power, sides, ranks=ranks, inflation=inflation)
    if worth < 2 or n < _fewest(alpha, design=design, sides=sides, ranks=ranks):
        return None

    def lack(effect: float) -> float:
        return t_power(effect, worth, alpha=alpha, design=design, sides=sides) - power

    high = 1.0
    while lack(high) < 0.0:
        high *= 2.0
    return float(brentq(lack, 0.0, high, xtol=1e-12))


def pairs_for_margin(
    *,
    margin: float,
    sd: float,
    alpha: float,
    power: float,
    effect: float = 0.0,
    ranks: bool = False,
    inflation: float = 1.0,
) -> float | None:
    """Blocks at which a guardrail is shown to be inside its margin with this power.

    One-sided t against the margin, where the true effect is `effect`; None beyond 10^7, and
    where the effect is not inside the margin.

    Args:
        margin: How much worse is still accepted, positive, on the scale of the differences
            (log(1.1) for 10 % of a log metric).
        sd: Of the differences, positive.
        alpha: One-sided error rate.
        effect: Toward harm, on the scale of the differences.
        inflation: R of the two-sided boundary at twice alpha.

    Raises:
        ValueError: for a margin or sd that is not positive, or as `sample_size`.

    >>> math.ceil(pairs_for_margin(margin=math.log(1.1), sd=0.2, alpha=0.05, power=0.8))
    29
    """
    _check_positive("margin", margin)
    _check_positive("sd", sd)
    room = margin - effect
    if room <= 0.0:
        return None
    return sample_size(
        room / sd,
        alpha=alpha,
        power=power,
        design="pairs",
        sides=1,
        ranks=ranks,
        inflation=inflation,
    )


def resolvable_margin(
    n: float,
    *,
    sd: float,
    alpha: float,
    power: float,
    ranks: bool = False,
    inflation: float = 1.0,
) -> float | None:
    """The smallest margin inside which n blocks show a harmless guardrail with this power.

    On the scale of the differences; None where no margin would do. The arguments are those of
    `pairs_for_margin`, of which it is the inverse.
    """
    _check_positive("sd", sd)
    effect = detectable_effect(
        n, alpha=alpha, power=power, design="pairs", sides=1, ranks=ranks, inflation=inflation
    )
    return None if effect is None else effect * sd


def normal_sample_size(
    effect: float, *, alpha: float, power: float, design: Design, sides: Sides = 2
) -> float | None:
    """What `sample_size` would be if the standard deviation were known: one or two too few.

    ((z_(1 - alpha/sides) + z_power) / effect)^2 for pairs, twice that per arm for groups; None
    beyond 10^7.
    """
    _cost(alpha, power, sides, ranks=False, inflation=1.0)
    if not math.isfinite(effect):
        raise ValueError(f"effect must be finite, not {effect}")
    arms = 1.0 if design == "pairs" else 2.0
    drift = float(ndtri(power) - ndtri(alpha / sides))
    return _at_most(arms * drift**2, effect**2)


def trials_for_rates(
    control: float, treatment: float, *, alpha: float, power: float, sides: Sides = 2
) -> float | None:
    """Trials per arm at which two rates are told apart with this power; None beyond 10^7.

    ((z_a sqrt(2 p q) + z_b sqrt(p_1 q_1 + p_2 q_2)) / (p_1 - p_2))^2, p the mean rate: Fleiss,
    Levin and Paik (2003), Statistical Methods for Rates and Proportions, eq. 4.14, without
    continuity correction. Too few where fewer than about 5 events are expected in an arm.

    Args:
        control, treatment: Rates, in [0, 1].

    Raises:
        ValueError: outside these ranges, or as `sample_size`.
    """
    _check_rates(control, treatment)
    _cost(alpha, power, sides, ranks=False, inflation=1.0)
    z_alpha, z_power = -float(ndtri(alpha / sides)), float(ndtri(power))
    mean = (control + treatment) / 2.0
    at_null = math.sqrt(2.0 * mean * (1.0 - mean))
    at_effect = math.sqrt(control * (1.0 - control) + treatment * (1.0 - treatment))
    return _at_most((z_alpha * at_null + z_power * at_effect) ** 2, (control - treatment) ** 2)


def trials_for_rates_arcsine(
    control: float, treatment: float, *, alpha: float, power: float, sides: Sides = 2
) -> float | None:
    """The same by h = 2 asin sqrt(p_1) - 2 asin sqrt(p_2): Cohen (1988), chapter 6."""
    _check_rates(control, treatment)
    h = 2.0 * (math.asin(math.sqrt(control)) - math.asin(math.sqrt(treatment)))
    return normal_sample_size(h, alpha=alpha, power=power, design="groups", sides=sides)


def _beyond(limit: float, df: float, shift: float) -> float:
    """P(T > limit) of the noncentral t, limit > 0.

    scipy has no value for some shifts whose size is above 3. On the far side of zero that is below
    1e-11 and taken as 0; on the near side, where the shift is 20 above the limit at least, the mean
    of P(chi^2 < v (shift + Z)^2 / limit^2) over Z is exact to 1e-9.
    """
    if shift < 0.0:  # by reflection: a small probability must not be a difference from 1
        tail = float(nctdtr(df, -shift, -limit))
        return 0.0 if math.isnan(tail) else tail
    power = 1.0 - float(nctdtr(df, shift, limit))
    if math.isnan(power):
        z, weights = np.polynomial.hermite_e.hermegauss(32)
        inside = gammainc(df / 2.0, df / 2.0 * ((shift + z) / limit) ** 2)
        power = float(weights @ inside) / math.sqrt(2.0 * math.pi)
    return power


def _cost(alpha: float, power: float, sides: Sides, *, ranks: bool, inflation: float) -> float:
    """How many blocks take the place of one of a t-test with one look."""
    _check_alpha(alpha, sides)
    if not alpha < power < 1.0:
        raise ValueError(f"power must lie in (alpha, 1), not {power}")
    if not inflation >= 1.0 - 1e-6:  # R of one look is 1 up to rounding
        raise ValueError(f"inflation must be at least 1, not {inflation}")
    return inflation / (RANK_EFFICIENCY if ranks else 1.0)


def _fewest(alpha: float, *, design: Design, sides: Sides, ranks: bool) -> int:
    """Blocks, or values per arm, below which the test cannot reach alpha whatever the data."""
    n = 2
    level = alpha * 2.0 / sides  # as if two-sided
    while ranks and not (
        rejection_count(n, level) if design == "pairs" else 2.0 / math.comb(2 * n, n) <= level
    ):
        n += 1
    return n


def _at_most(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if numerator <= MOST * denominator != 0.0 else None


def _check_alpha(alpha: float, sides: Sides) -> None:
    if not 0.0 < alpha < sides / 2.0:
        raise ValueError(f"alpha must lie in (0, {sides / 2.0}), not {alpha}")


def _check_positive(name: str, value: float) -> None:
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name} must be positive, not {value}")


def _check_rates(*rates: float) -> None:
    for rate in rates:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"a rate must lie in [0, 1], not {rate}")
