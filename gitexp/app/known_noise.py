"""The noise of a command, as earlier experiments recorded it."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.load import load
from gitexp.app.registry import registered_plans
from gitexp.decision import Noise
from gitexp.errors import GitexpError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Metric, Plan, Scale
from gitexp.policy.sizing import noise_of, scales_of
from gitexp.store.store import Store

MOST_READ = 5
"""Experiments whose records are read: each takes some time, and old noise says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNoise:
    """How much the differences of a block scatter, by metric name.

    Attributes:
        source: The experiment they were recorded in.
    """

    source: ExperimentId
    by_metric: dict[str, Noise]

    @property
    def sds(self) -> dict[str, float]:
        return {name: noise.sd for name, noise in self.by_metric.items()}


def noise_of_command(store: Store, plan: Plan) -> KnownNoise | None:
    """That of the newest experiment that measured the plan's command by its primary metric.

    With the noise of its guardrails, where that experiment recorded them.
    """
    others = (p for p in registered_plans(store) if p.command == plan.command and p.id != plan.id)
    for other in list(others)[:MOST_READ] if plan.command is not None else ():
        try:
            experiment = load(store, other.id).experiment
        except GitexpError:
            continue
        found = noise_in(experiment, scales_of(plan), is_paired=plan.test.is_paired)
        if plan.primary.name in found:
            return KnownNoise(source=other.id, by_metric=found)
    return None


def noise_in(
    experiment: Experiment, wanted: list[tuple[Metric, Scale]], *, is_paired: bool
) -> dict[str, Noise]:
    """The noise of these metrics, of those that have enough blocks."""
    found = {
        metric.name: noise_of(experiment, metric, scale, is_paired=is_paired)
        for metric, scale in wanted
    }
    return {name: noise for name, noise in found.items() if noise is not None}
