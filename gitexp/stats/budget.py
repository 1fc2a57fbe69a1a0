"""The error rate that a repository's next plan may have.

LORD++ of Ramdas, Yang, Wainwright and Jordan (2017), Online control of the false discovery rate
with decaying memory, in the asynchronous form of Zrnic, Ramdas and Jordan (2021), JMLR 22 (33),
LORD_async: a discovery helps the plans created after it was recorded. It controls mFDR, the
expected number of false discoveries over the expected number of discoveries, at q.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=4096)  # a ledger asks for the same few again and again
def gamma(j: int) -> float:
    """Share of the budget for the j-th plan after a discovery; all shares together are .976.

    Javanmard and Montanari (2018), Annals of Statistics 46, 526, eq. 31.

    Raises:
        ValueError: for j < 1.
    """
    if j < 1:
        raise ValueError(f"j must be at least 1, not {j}")
    return 0.07720838 * math.log(max(j, 2)) / (j * math.exp(math.sqrt(math.log(j))))


def lord_alpha(*, q: float, t: int, discoveries: Sequence[int]) -> float:
    """alpha_t of LORD++ for the t-th plan, half of the budget kept for after the first discovery.

    Args:
        q: The false discovery rate to keep, in (0, 1).
        t: Index of the plan among all plans of the repository, from 1.
        discoveries: For each discovery, in any order, how many plans existed when it was recorded.
            Those with t plans or more come too late for this one.

    Raises:
        ValueError: outside these ranges.

    >>> [round(lord_alpha(q=0.1, t=t, discoveries=()), 4) for t in (1, 10)]
    [0.0027, 0.0002]
    """
    if not 0.0 < q < 1.0:
        raise ValueError(f"q must lie in (0, 1), not {q}")
    if t < 1:
        raise ValueError(f"t must be at least 1, not {t}")
    if any(r < 1 for r in discoveries):
        raise ValueError(f"discoveries need at least one plan, not {min(discoveries)}")
    initial = q / 2.0
    alpha = gamma(t) * initial
    for number, r in enumerate(sorted(discoveries)):
        if r < t:
            alpha += (q - initial if number == 0 else q) * gamma(t - r)
    return alpha


def grant(*, asked: float, q: float, granted: Sequence[float], discoveries: Sequence[int]) -> float:
    """The alpha of the next plan: what was asked for, if the budget has it; 0 if nothing is left.

    Once granted it is neither computed again nor given back: later discoveries help later plans.

    Args:
        asked: Two-sided error rate the plan asks for, in (0, 1).
        q: As in `lord_alpha`.
        granted: The alpha of every plan so far, each at least 0.
        discoveries: As in `lord_alpha`.

    Raises:
        ValueError: outside these ranges.
    """
    if not 0.0 < asked < 1.0:
        raise ValueError(f"asked must lie in (0, 1), not {asked}")
    if any(alpha < 0.0 for alpha in granted):
        raise ValueError(f"granted must not be negative, not {min(granted)}")
    spent = math.fsum(granted)
    return grant_of(asked=asked, q=q, t=len(granted) + 1, spent=spent, discoveries=discoveries)


def grant_of(*, asked: float, q: float, t: int, spent: float, discoveries: Sequence[int]) -> float:
    """The same as `grant`, from what was granted so far in all.

    Args:
        t: As in `lord_alpha`.
        spent: The alpha of every plan so far, added up.
    """
    due = lord_alpha(q=q, t=t, discoveries=discoveries)
    left = q * max(len(discoveries), 1) - spent
    return max(0.0, min(asked, due, left))
