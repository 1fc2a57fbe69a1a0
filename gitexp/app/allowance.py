"""What one run may use up: time, failed trials, the sum of a metric.

Asked before every block, so nothing that runs is cut off: a run goes beyond a budget by what its
last block cost, at most. Of time alone it is known beforehand what a block takes; one that would
not fit is not begun.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from gitexp.errors import Refused, UsageError
from gitexp.model import Outcome, Trial
from gitexp.notation import parse_cost, parse_duration

COUNTED_FAILURES = (Outcome.FAILED, Outcome.TIMEOUT)
MOST_COSTS = 3
"""Metrics that can be limited at once: the command that goes on names them, in 2 KiB of verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may use; None and nothing: as much as it takes.

    Attributes:
        cost: Metric and the most that its values over all trials of the run may add up to.
    """

    time_s: float | None = None
    failures: int | None = None
    cost: tuple[tuple[str, float], ...] = ()

    @property
    def flags(self) -> str:
        """As on the command line, each after a blank."""
        time = [] if self.time_s is None else [f" --max-time {_duration(self.time_s)}"]
        failures = [] if self.failures is None else [f" --max-failures {self.failures}"]
        return "".join([*time, *failures, *(f" --max-cost {m}={v:.15g}" for m, v in self.cost)])


def read_limits(*, time: str | None, failures: int | None, cost: tuple[str, ...]) -> Limits:
    """The limits as they are typed: '10m', 3, 'tokens=100000'.

    Raises:
        UsageError: when one cannot be meant.
    """
    try:
        time_s = None if time is None else parse_duration(time)
    except ValueError as error:
        raise UsageError(f"--max-time: {error}", hint="git exp run --max-time 10m") from error
    try:
        amounts = tuple(map(parse_cost, cost))
    except ValueError as error:
        hint = "git exp run --max-cost METRIC=AMOUNT"
        raise UsageError(f"--max-cost: {error}", hint=hint) from error
    metrics = [metric for metric, _ in amounts]
    if twice := [metric for metric in metrics if metrics.count(metric) > 1]:
        raise UsageError(f"--max-cost limits {twice[0]} twice", hint="leave out one of both")
    if len(metrics) > MOST_COSTS:
        hint = "let the command report their sum as one metric"
        raise UsageError(f"--max-cost limits at most {MOST_COSTS} metrics", hint=hint)
    return Limits(time_s=time_s, failures=failures, cost=amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The budget that ended a run.

    Attributes:
        budget: 'max-time', 'max-failures' or 'max-cost'.
        limit, used: Seconds, failures or units of the metric.
        metric: What 'max-cost' adds up, else None.
        block_s: What a block takes, as far as 'max-time' knows, else None.
    """

    budget: str
    limit: float
    used: float
    metric: str | None = None
    block_s: float | None = None


class Allowance:
    """Keeps count of what one run uses.

    Args:
        clock: Seconds from any moment on; what was used by now counts from 0 of it.
    """

    def __init__(self, limits: Limits, *, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._began = clock()
        self._failures = 0
        self._cost = {metric: 0.0 for metric, _ in limits.cost}
        self._warm_up_s: list[float] = []
        self._block_s: list[float] = []

    def take(self, trial: Trial) -> None:
        """Count a trial, a warm-up or void one, too: it was paid for.

        Raises:
            Refused: when one that went well does not say what it cost.
        """
        self._failures += trial.outcome in COUNTED_FAILURES
        for metric in self._cost:
            value = trial.metrics.get(metric)
            if value is None and trial.outcome is Outcome.OK:
                raise Refused(
                    f"the budget of {metric} cannot be kept: a trial in the {trial.arm} did not "
                    "report it",
                    hint=f"print 'METRIC {metric}=…' in every trial; this one is recorded",
                    code="no-cost",
                )
            self._cost[metric] += value or 0.0

    def block_took(self, seconds: float, *, is_warm_up: bool = False) -> None:
        (self._warm_up_s if is_warm_up else self._block_s).append(seconds)

    @property
    def left_s(self) -> float:
        """Time that may still be used."""
        limit = self._limits.time_s
        return math.inf if limit is None else max(limit - self._used_s, 0.0)

    def reached(self) -> Reached | None:
        """The first budget that forbids another block."""
        limits, used_s, block_s = self._limits, self._used_s, self._mean_block_s
        if limits.failures is not None and self._failures >= limits.failures:
            return Reached(budget="max-failures", limit=limits.failures, used=self._failures)
        for metric, limit in limits.cost:
            if (used := self._cost[metric]) >= limit:
                return Reached(budget="max-cost", limit=limit, used=used, metric=metric)
        if limits.time_s is not None and used_s + (block_s or 0.0) >= limits.time_s:
            limit_s = limits.time_s
            return Reached(budget="max-time", limit=limit_s, used=used_s, block_s=block_s)
        return None

    def going_on(self, reached: Reached) -> Limits:
        """The same limits for the next run, or as much as a first block takes."""
        if self._block_s:
            return self._limits
        if reached.budget == "max-cost":
            cost = {**dict(self._limits.cost), reached.metric or "": 2 * reached.used}
            return replace(self._limits, cost=tuple(cost.items()))
        if reached.budget != "max-time":
            return self._limits
        enough = math.ceil(2 * (reached.used + (reached.block_s or reached.limit)))
        return replace(self._limits, time_s=float(enough))

    @property
    def _used_s(self) -> float:
        return self._clock() - self._began

    @property
    def _mean_block_s(self) -> float | None:
        # a warm-up block is the only experience there is before the first one
        known = self._block_s or self._warm_up_s
        return sum(known) / len(known) if known else None


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:.15g}s"
