"""One measure of a file that a benchmark tool wrote, by any format that `import` reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from gitexp.errors import Refused
from gitexp.formats import Format, Measure, read_results
from gitexp.formats.offers import Offer, offers_of, shown

_SHOWN = 6


class NotThere(Exception):
    """The file has no such measure; the message says what it has."""


def measure_in(path: Path, *, format: str, select: str, metric: str) -> Measure:
    """The measure that is selected, else the one called like the metric, else the only result's.

    Raises:
        NotThere: when there is none, or several could be meant.
    """
    try:
        results = read_results(path, Format(format)).results
    except Refused as error:
        raise NotThere(error.message) from error
    offers = offers_of(results)
    found = _called(offers, select) if select else _called(offers, metric)
    if not found and not select and len(results) == 1:
        found = [results[0].measures[results[0].main]]
    if len(found) != 1:
        listed = ", ".join(shown(offers)[:_SHOWN]) or "nothing"
        wanted = f"'{select or metric}'"
        how = "not among" if not found else "several times among"
        raise NotThere(f"{wanted} is {how} what it holds: {listed}")
    return found[0]


def _called(offers: Sequence[Offer[Measure]], name: str) -> list[Measure]:
    return [offer.what for offer in offers if name in offer.names]


def inner_samples(measure: Measure) -> tuple[float, ...]:
    """What the trial's value is the median of."""
    is_median = bool(measure.samples) and median(measure.samples) == measure.value
    return measure.samples if is_median else (measure.value,)
