"""What all runs of one `auto` may use up together."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

from gitexp.app.allowance import Limits
from gitexp.app.load import load
from gitexp.model import ExperimentId, RecordId
from gitexp.store.store import Store


class Spending:
    """Keeps count over several runs.

    Time and what is added up are one purse. Failures are counted for each run: what keeps failing
    in one experiment says nothing of the next.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began = time.monotonic()
        self._spent = dict.fromkeys((metric for metric, _ in limits.cost), 0.0)

    @property
    def left(self) -> Limits:
        """What the next run may use."""
        time_s = self._limits.time_s
        return replace(
            self._limits,
            time_s=None if time_s is None else time_s - (time.monotonic() - self._began),
            cost=tuple((metric, most - self._spent[metric]) for metric, most in self._limits.cost),
        )

    @property
    def reached(self) -> str | None:
        """The budget that forbids another run: 'max-time' or 'max-cost'."""
        left = self.left
        if left.time_s is not None and left.time_s <= 0:
            return "max-time"
        return "max-cost" if any(amount <= 0 for _, amount in left.cost) else None

    def take(self, store: Store, exp: ExperimentId, trials: Collection[RecordId]) -> None:
        """Count what these trials cost, as recorded: a run may not show it."""
        if not self._spent or not trials:
            return
        for run in load(store, exp).experiment.trials:
            if run.record.id in trials:
                for metric in self._spent:
                    self._spent[metric] += run.metrics.get(metric) or 0.0
