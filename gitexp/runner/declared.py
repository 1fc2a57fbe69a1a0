"""A measurement in the units the plan declares.

What a command reports with a unit is in base units by then: seconds, bytes. A metric declared in
another unit of the same kind (`latency:lower:ms`) gets its number in that one, as if the command
had printed the number without a unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitexp.model import Metric, Outcome
from gitexp.runner.metrics import BASE_UNITS
from gitexp.runner.trial import Measurement

_BASES = frozenset(base for base, _ in BASE_UNITS.values())


def declared_units(declared: Iterable[Metric]) -> dict[str, str]:
    """The units by name, of the metrics that have one."""
    return {metric.name: metric.unit for metric in declared if metric.unit is not None}


def in_declared_units(measured: Measurement, declared: Mapping[str, str]) -> Measurement:
    """The same; a metric that comes in a unit of another kind is complained about and left out.

    Args:
        declared: Units by metric.
    """
    metrics, samples = dict(measured.metrics), dict(measured.samples)
    complaint = measured.complaint
    for name, unit in declared.items():
        try:
            factor = _factor(unit, measured.units.get(name))
        except ValueError as error:
            if measured.outcome is Outcome.OK:
                complaint = complaint or f"metric '{name}' {error}"
            metrics.pop(name, None)
            continue
        if factor != 1.0 and name in metrics:
            metrics[name] /= factor
            if name in samples:
                samples[name] = tuple(value / factor for value in samples[name])
    return replace(measured, metrics=metrics, samples=samples, complaint=complaint)


def _factor(declared: str, reported: str | None) -> float:
    """What a value in the reported unit is divided by, to be in the declared one.

    Args:
        reported: A base unit, any other text as it was printed, or None.

    Raises:
        ValueError: when the two are of different kinds.
    """
    if reported is None:
        return 1.0
    base, factor = BASE_UNITS.get(declared, (declared, 1.0))
    if base != reported and (reported in _BASES or base in _BASES):
        raise ValueError(f"is declared in {declared} and reported in {reported}")
    return factor if base == reported else 1.0  # 'points' and 'score' may well mean the same
