"""The noise that simulated experiments are made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gitexp.stats.results import FloatArray

Arms = tuple[FloatArray, FloatArray]
"""Times of control and treatment, each of shape (experiments, blocks)."""
Noise = Callable[[np.random.Generator, int, int, float], Arms]
"""(rng, experiments, blocks, log effect) -> times."""


def normal(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """Times with 10 % normal noise."""
    shape = (experiments, blocks)
    return rng.normal(1.0, 0.1, shape), rng.normal(1.0, 0.1, shape) * math.exp(effect)


def lognormal(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """Skewed times, sigma 0.5."""
    shape = (experiments, blocks)
    return rng.lognormal(0.0, 0.5, shape), rng.lognormal(effect, 0.5, shape)


def outliers(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """10 % normal noise; one run in twenty takes three times as long."""
    control, treatment = normal(rng, experiments, blocks, effect)
    slow = rng.random((2, experiments, blocks)) < 0.05
    return np.where(slow[0], 3.0, 1.0) * control, np.where(slow[1], 3.0, 1.0) * treatment


def drift(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """A machine that drifts by 10 % (AR(1), .95 from run to run) under 5 % noise.

    The two runs of a block follow each other in random order.
    """
    level = np.empty((experiments, 2 * blocks))
    level[:, 0] = rng.normal(0.0, 0.10, experiments)
    for k in range(1, 2 * blocks):
        step = rng.normal(0.0, 0.10 * math.sqrt(1.0 - 0.95**2), experiments)
        level[:, k] = 0.95 * level[:, k - 1] + step
    runs = (level + rng.normal(0.0, 0.05, level.shape)).reshape(experiments, blocks, 2)
    first = rng.random((experiments, blocks)) < 0.5
    control = np.where(first, runs[..., 0], runs[..., 1])
    treatment = np.where(first, runs[..., 1], runs[..., 0]) + effect
    return np.exp(control), np.exp(treatment)


def coarse(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """10 % normal noise under a clock that ticks every tenth of a typical time: mostly ties."""
    control, treatment = normal(rng, experiments, blocks, effect)
    return np.maximum(control.round(1), 0.1), np.maximum(treatment.round(1), 0.1)


def log_ratios(arms: Arms) -> FloatArray:
    """d of every block to the last bit as `gitexp.blocks.difference` takes it, ties exact."""
    control, treatment = (times.ravel().tolist() for times in arms)
    d = [round(math.log(t) - math.log(c), 12) for c, t in zip(control, treatment, strict=True)]
    return np.array(d).reshape(arms[0].shape)
