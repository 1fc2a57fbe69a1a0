"""The t-mixture: evidence against a mean that may be looked at after any number of blocks.

The likelihood ratio of a mean whose size in standard deviations is drawn from N(0, 1/phi) against
a mean of zero, the standard deviation integrated out. Under normal noise its expectation is one
however the experiment is stopped, so it exceeds 1/alpha at any time with probability alpha at most
(Ville's inequality). Lindon, Ham, Tingley and Bojinov, arXiv 2210.08589, for one sample: z^2 = n,
nu = n - 1.
"""

from __future__ import annotations

import math

import numpy as np

from gitexp.stats.results import FloatArray
from gitexp.stats.student import running_moments

_BLOCKS_PER_PHI = 8.0


def tuned_phi(max_blocks: int) -> float:
    """The phi whose interval is narrowest at `max_blocks`, the block the plan is made for.

    n / (2 ln(1/alpha) + ln(1 + 2 ln(1/alpha))) for normal mixtures, which is n / 7.9 at alpha = .05
    (Howard, Ramdas, McAuliffe and Sekhon 2021, Annals of Statistics 49, 1055, section 3.5). It must
    not depend on the data: the plan fixes it before the first trial.
    """
    return max_blocks / _BLOCKS_PER_PHI


def log_e_value(t: FloatArray, n: FloatArray, *, phi: float) -> FloatArray:
    """ln E_n = ln(r)/2 + (nu+1)/2 ln((1 + t^2/nu) / (1 + r t^2/nu)), r = phi/(phi + n), nu = n - 1.

    Args:
        t: One-sample t of the first n blocks.
        n: Numbers of blocks, at least 2.
    """
    r = phi / (phi + n)
    per_df = t * t / (n - 1.0)
    return np.asarray(
        0.5 * np.log(r) + 0.5 * n * (np.log1p(per_df) - np.log1p(r * per_df)), dtype=np.float64
    )


def radius_in_se(n: FloatArray, *, alpha: float, phi: float) -> FloatArray:
    """|t| at which E_n reaches 1/alpha; inf where no t does.

    sqrt(nu (1 - q) / (q - r)) with q = (r alpha^2)^(1/(nu+1)).
    """
    return _radius(n, np.full(n.shape, alpha), phi)


def one_sided_radius_in_se(n: FloatArray, *, alpha: float, phi: float) -> FloatArray:
    """t at which the evidence for a mean above zero alone reaches 1/alpha; inf where none does.

    E is the average of E+ and E-, the mixtures over the positive and over the negative half of the
    prior. At t >= 0 the latter is at most sqrt(r), its value at t = 0, for the likelihood ratio of
    a negative mean falls in t; so E+ >= 2 E - sqrt(r), which reaches 1/alpha where E reaches
    (1/alpha + sqrt(r)) / 2.
    """
    return _radius(n, 2.0 * alpha / (1.0 + alpha * np.sqrt(phi / (phi + n))), phi)


class TMixture:
    """t-mixtures of every prefix of finite values.

    Attributes:
        mean, se: Shape (n,), of each prefix.
        estimable: Shape (n,), whether it has a spread.
    """

    def __init__(self, values: FloatArray, phi: float) -> None:
        moments = running_moments(values)
        self._n = np.arange(1, values.size + 1, dtype=np.float64)
        self._phi = phi
        self.mean = moments.mean
        self.estimable = moments.has_spread
        self.se = np.where(self.estimable, moments.sd, 1.0) / np.sqrt(self._n)

    def log_e(self) -> FloatArray:
        """ln E_n against zero of each prefix, 0 where it is not estimable."""
        n = np.where(self.estimable, self._n, 2.0)
        log_e = log_e_value(self.mean / self.se, n, phi=self._phi)
        return np.where(self.estimable, log_e, 0.0)

    def radius(self, alpha: float, *, one_sided: bool = False) -> FloatArray:
        """Half the width of the interval of each prefix; inf where the data set no limit."""
        in_se = one_sided_radius_in_se if one_sided else radius_in_se
        radius = in_se(self._n, alpha=alpha, phi=self._phi) * self.se
        return np.where(self.estimable, radius, np.inf)


def earliest_t_crossing(*, alpha: float, phi: float) -> int:
    """Blocks from which some t crosses: the smallest n with r^nu < alpha^2."""
    n = 2
    while (n - 1) * math.log(phi / (phi + n)) >= 2.0 * math.log(alpha):
        n += 1
    return n


def _radius(n: FloatArray, alpha: FloatArray, phi: float) -> FloatArray:
    r = phi / (phi + n)
    log_q = (np.log(r) + 2.0 * np.log(alpha)) / n
    above = np.exp(log_q) - r
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = np.sqrt((n - 1.0) * -np.expm1(log_q) / above)
    return np.where(above > 0.0, radius, np.inf)
