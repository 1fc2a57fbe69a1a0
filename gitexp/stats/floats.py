"""The floats in their order, so that a bisection over them ends on an exact one."""

from __future__ import annotations

import math

import numpy as np


def position(x: float) -> int:
    """The place of x among all floats in increasing order; zero is 0."""
    bits = int(np.float64(abs(x)).view(np.int64))
    return bits if x >= 0.0 else -bits


def float_at(place: int) -> float:
    """The float at that place."""
    return math.copysign(float(np.int64(abs(place)).view(np.float64)), place)
