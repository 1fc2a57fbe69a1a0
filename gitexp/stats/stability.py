"""Whether the blocks were measured under the same conditions from first to last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, chdtrc, fdtrc, gammaln, ndtr

from gitexp.stats.kendall import tau_against_order
from gitexp.stats.results import FloatArray, IntArray, as_values
from gitexp.stats.signals import Check, Signal, checked, unchecked
from gitexp.stats.signed_rank import coded
from gitexp.stats.student import running_moments

FEWEST_FOR_DRIFT = 7
"""Blocks below which tau cannot give p < .001: 2/7! is the smallest p."""
FEWEST_PER_HOST = 5


def drift(d: npt.ArrayLike, *, threshold: float = 0.001) -> Check:
    """Whether the differences rise or fall with time: Kendall's tau against their order.

    For one look. The value is tau.

    Args:
        d: Shape (n,), one difference per block in replay order; ±1e6 or ±inf where only one arm
            failed.
    """
    values = coded(as_values("d", d, infinite=True))
    if values.size < FEWEST_FOR_DRIFT:
        return unchecked(threshold, f"need at least {FEWEST_FOR_DRIFT} complete blocks")
    if np.all(values == values[0]):
        return unchecked(threshold, "no spread in the differences")
    tau, p_value = tau_against_order(values)
    return checked(tau, p_value, threshold)


def order_balance(control_first: Sequence[bool], *, threshold: float = 0.001) -> Check:
    """Whether the control went first as often as not, as drawn orders would have it.

    Exact binomial test against 1/2. For one look. The value is the share of blocks in which the
    control went first.
    """
    n, k = len(control_first), sum(control_first)
    if n == 0:
        return unchecked(threshold, "no complete block yet")
    p = min(1.0, 2.0 * float(bdtr(min(k, n - k), n, 0.5)))
    return checked(k / n, p, threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Whether hosts agree on the effect.

    Attributes:
        hosts: Those that had enough blocks and spread to enter.
        q: Cochran's Q; None when not estimable, as the next three.
        i_squared: Share of the variation between hosts that chance does not explain, in [0, 1).
        p_value: Of the same effect on all hosts, for few blocks per host; decides.
        p_chi_square: The textbook p of Q, too small where hosts have few blocks.
        threshold: Raised where p_value is below it.
        caveats: What did not enter and why.
    """

    hosts: tuple[str, ...]
    q: float | None
    i_squared: float | None
    p_value: float | None
    p_chi_square: float | None
    threshold: float
    signal: Signal
    caveats: tuple[str, ...] = ()


def heterogeneity(
    d: npt.ArrayLike, hosts: Sequence[str], *, threshold: float = 0.01
) -> Heterogeneity:
    """Whether the mean difference is the same on every host.

    Q = sum w (m - m_w)^2 with w = n / s^2: Cochran (1954), Biometrics 10, 101; I^2 = 1 - df / Q:
    Higgins and Thompson (2002), Statist. Med. 21, 1539. Against chi-square Q would fire on 3 to 20
    % of sound experiments with 5 blocks per host, because s is estimated; so p is that of Welch
    (1951), Biometrika 38, 330, eq. 29, who corrects Q for that (1 % to five hosts, 3 % at ten).

    Args:
        d: Shape (n,), one difference per block; those of failed arms (±1e6, ±inf) do not enter.
        hosts: The host of each block.

    Raises:
        ValueError: for lengths that differ.
    """
    values = coded(as_values("d", d, infinite=True))
    if len(hosts) != values.size:
        raise ValueError(f"need one host per difference, not {len(hosts)} for {values.size}")
    names = np.array(hosts, dtype=np.str_)
    entered: list[str] = []
    n, mean, sd, caveats = [], [], [], []
    for host in sorted(set(hosts)):
        own = values[(names == host) & np.isfinite(values)]
        if own.size < FEWEST_PER_HOST:
            caveats.append(f"{host}: fewer than {FEWEST_PER_HOST} complete blocks")
            continue
        moments = running_moments(own)
        if not moments.has_spread[-1]:
            caveats.append(f"{host}: no spread in its differences")
            continue
        entered.append(host)
        n.append(float(own.size))
        mean.append(float(moments.mean[-1]))
        sd.append(float(moments.sd[-1]))
    if len(entered) < 2:
        why = f"need 2 hosts with at least {FEWEST_PER_HOST} complete blocks each"
        return Heterogeneity(
            hosts=tuple(entered),
            q=None,
            i_squared=None,
            p_value=None,
            p_chi_square=None,
            threshold=threshold,
            signal=Signal.NOT_ESTIMABLE,
            caveats=(f"not estimable: {why}", *caveats),
        )
    q, p_value = _welch_anova(np.array(n), np.array(mean), np.array(sd))
    df = len(entered) - 1
    return Heterogeneity(
        hosts=tuple(entered),
        q=q,
        i_squared=max(0.0, 1.0 - df / q) if q > 0.0 else 0.0,
        p_value=p_value,
        p_chi_square=float(chdtrc(df, q)),
        threshold=threshold,
        signal=Signal.RAISED if p_value < threshold else Signal.QUIET,
        caveats=tuple(caveats),
    )


def _welch_anova(n: FloatArray, mean: FloatArray, sd: FloatArray) -> tuple[float, float]:
    """Cochran's Q, and its p by Welch's F."""
    hosts = n.size
    weights = n / sd**2
    total = weights.sum()
    q = float(np.sum(weights * (mean - weights @ mean / total) ** 2))
    uncertainty = float(np.sum((1.0 - weights / total) ** 2 / (n - 1.0)))
    f = q / (hosts - 1) / (1.0 + 2.0 * (hosts - 2) / (hosts**2 - 1) * uncertainty)
    return q, float(fdtrc(hosts - 1, (hosts**2 - 1) / (3.0 * uncertainty), f))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsTest:
    """Whether values above and below a line alternate as chance would have it.

    Attributes:
        runs, above, below: Stretches on one side, and values on each.
        z: Positive where they alternate too often; None when not estimable, as the next two.
        p_value: Exact, two-sided; decides.
        p_normal: Two-sided, of z.
        threshold: Raised where p_value is below it.
    """

    runs: int
    above: int
    below: int
    z: float | None
    p_value: float | None
    p_normal: float | None
    threshold: float
    signal: Signal
    caveats: tuple[str, ...] = ()


def runs_test(values: npt.ArrayLike, *, line: float, threshold: float = 0.001) -> RunsTest:
    """Whether the sides of a line on which the values fall are in random order.

    Wald and Wolfowitz (1940), AMS 11, 147: the distribution of the number of runs given those
    above and below, and its mean and variance, without continuity correction. Values on the line
    are left out. For one look.

    Args:
        values: Shape (n,), in the order measured.
    """
    x = as_values("values", values, infinite=True)
    is_above = x[x != line] > line
    above, n = int(is_above.sum()), is_above.size
    below = n - above
    runs = 1 + int(np.sum(is_above[1:] != is_above[:-1])) if n else 0
    if min(above, below) == 0 or n < 3:
        return RunsTest(
            runs=runs,
            above=above,
            below=below,
            z=None,
            p_value=None,
            p_normal=None,
            threshold=threshold,
            signal=Signal.NOT_ESTIMABLE,
            caveats=("not estimable: need values on both sides of the line, 3 in all",),
        )
    twice = 2.0 * above * below
    variance = twice * (twice - n) / (n**2 * (n - 1.0))
    z = (runs - twice / n - 1.0) / math.sqrt(variance)
    probability = _runs_probabilities(above, below)
    p = min(1.0, float(probability[probability <= probability[runs - 2] * (1.0 + 1e-9)].sum()))
    return RunsTest(
        runs=runs,
        above=above,
        below=below,
        z=z,
        p_value=p,
        p_normal=2.0 * float(ndtr(-abs(z))),
        threshold=threshold,
        signal=Signal.RAISED if p < threshold else Signal.QUIET,
    )


def _runs_probabilities(above: int, below: int) -> FloatArray:
    """P(2 runs), P(3 runs) and so on, both counts at least 1."""
    runs = np.arange(2, 2 * min(above, below) + 2)
    # an even number has as many stretches above as below; an odd one has one more on either side
    some, more = runs // 2 - 1, (runs - 1) // 2
    log_all = _log_choose(above + below, np.array(above))
    return np.asarray(
        np.exp(_log_choose(above - 1, more) + _log_choose(below - 1, some) - log_all)
        + np.exp(_log_choose(above - 1, some) + _log_choose(below - 1, more) - log_all),
        dtype=np.float64,
    )


def _log_choose(n: int, k: IntArray) -> FloatArray:
    """log of n over k; -inf for k = n + 1, which cannot be chosen."""
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0), dtype=np.float64)
