"""Errors of many uses, counted in windows: whether they fall to the treatment more often.

The evidence of `alarms.error_rate` where the arms had different numbers of uses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from gitexp.stats.alarms import ERROR_EVIDENCE, ERROR_RATIO
from gitexp.stats.signals import Evidence, Signal

_SHARES = 0.5 + (np.arange(500.0) + 0.5) / 1000.0
"""Shares of the errors that would fall to the treatment with equal numbers of uses, if it harms."""


def use_error_rate(
    control: Sequence[tuple[int, int]], treatment: Sequence[tuple[int, int]]
) -> Evidence:
    """Whether uses of the treatment fail more often than those of the control.

    Of the errors of a pair of windows each falls to the treatment with probability q = t/(t + c)
    of its uses if the arms do not differ, and r·t/(r·t + c) if it fails r times as often. E is the
    mean likelihood ratio over all windows for r = s/(1 - s) with s on an even grid in (1/2, 1): a
    mixture of likelihood ratios as in Robbins (1970), AMS 41, 1397, and with equal numbers of uses
    that of `error_rate`. Any grid keeps P(E >= 20 at any time) <= 1/20 for errors that fall on
    uses independently; errors that come in clusters raise it more often. Raised where E reaches 20
    and the rate is twice that of the control. The value is the ratio of the rates.

    Args:
        control, treatment: (errors, uses) of the k-th window of each arm, as many of each.

    Raises:
        ValueError: for arms of different lengths, and for more errors than uses.
    """
    if len(control) != len(treatment):
        raise ValueError(f"arms have {len(control)} and {len(treatment)} windows")
    if any(not 0 <= errors <= uses for errors, uses in (*control, *treatment)):
        raise ValueError("errors must lie between 0 and the uses")
    y, c = np.array(control, dtype=np.float64).reshape(-1, 2).T
    x, t = np.array(treatment, dtype=np.float64).reshape(-1, 2).T
    if y.sum() + x.sum() == 0:
        return Evidence(
            value=None,
            e_value=None,
            threshold=ERROR_EVIDENCE,
            signal=Signal.NOT_ESTIMABLE,
            caveats=("not estimable: no error yet",),
        )
    odds = (_SHARES / (1.0 - _SHARES))[:, None]
    # log of (share under harm / share without) for the treatment's errors, and for the control's
    scale = np.log((t + c) / (odds * t + c))
    log_ratio = (x * (np.log(odds) + scale) + y * scale).sum(axis=1)
    log_e = float(logsumexp(log_ratio) - math.log(_SHARES.size))
    e_value = math.exp(log_e) if log_e < 700.0 else math.inf
    ratio = (x.sum() / t.sum()) / (y.sum() / c.sum()) if y.sum() else math.inf
    is_raised = e_value >= ERROR_EVIDENCE and ratio >= ERROR_RATIO
    return Evidence(
        value=float(ratio),
        e_value=e_value,
        threshold=ERROR_EVIDENCE,
        signal=Signal.RAISED if is_raised else Signal.QUIET,
    )
