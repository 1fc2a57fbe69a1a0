"""p-values of many metrics, adjusted so that their number is paid for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gitexp.stats.results import FloatArray, as_values


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjusted p-values that bound the chance of any false finding, whatever the dependence.

    max over j <= i of (m - j + 1) p_(j), at most 1: Holm (1979), Scand. J. Statist. 6, 65.

    Args:
        p_values: Shape (m,), in [0, 1], in any order, which is kept.

    Raises:
        ValueError: for other values.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    factors = np.arange(p.size, 0, -1)
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Adjusted p-values that bound the expected share of false findings among the findings.

    min over j >= i of m p_(j) / j: Benjamini and Hochberg (1995), JRSS B 57, 289. Valid for
    independent and for positively dependent tests.

    Args:
        p_values: Shape (m,), in [0, 1], in any order, which is kept.

    Raises:
        ValueError: for other values.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    p = _checked(p_values)
    return np.asarray(false_discovery_control(p, method="bh"), dtype=np.float64)


def _checked(p_values: npt.ArrayLike) -> FloatArray:
    p = as_values("p_values", p_values)
    if np.any((p < 0.0) | (p > 1.0)):
        raise ValueError(f"p-values must lie in [0, 1], not {p.tolist()}")
    return p
