"""A measurement in the units the plan declares.

What a command reports with a unit is in base units by then: seconds, bytes. A metric declared in
another unit of the same kind (`latency:lower:ms`) gets its number in that one, as if the command
had printed the number without a unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitexp.model import Metric, Outcome
from gitexp.runner.metrics import BASE_UNITS
from gitexp.runner.trial import Measurement

_BASES = frozenset(base for base, _ in BASE_UNITS.values())


def in_declared_units(measured: Measurement, declared: Iterable[Metric]) -> Measurement:
    """The same; a metric that comes in a unit of another kind is complained about and left out."""
    metrics, samples = dict(measured.metrics), dict(measured.samples)
    complaint = measured.complaint
    for metric in declared:
        try:
            factor = _factor(metric.unit, measured.units.get(metric.name))
        except ValueError as error:
            if measured.outcome is Outcome.OK:
                complaint = complaint or f"metric '{metric.name}' {error}"
            metrics.pop(metric.name, None)
            continue
        if factor != 1.0 and metric.name in metrics:
            metrics[metric.name] /= factor
            if metric.name in samples:
                samples[metric.name] = tuple(value / factor for value in samples[metric.name])
    return replace(measured, metrics=metrics, samples=samples, complaint=complaint)


def _factor(declared: str | None, reported: str | None) -> float:
    """What a value in the reported unit is divided by, to be in the declared one.

    Args:
        reported: A base unit, any other text as it was printed, or None.

    Raises:
        ValueError: when the two are of different kinds.
    """
    if reported is None or declared is None:
        return 1.0
    base, factor = BASE_UNITS.get(declared, (declared, 1.0))
    if base != reported and (reported in _BASES or base in _BASES):
        raise ValueError(f"is declared in {declared} and reported in {reported}")
    return factor if base == reported else 1.0  # 'points' and 'score' may well mean the same
