"""What in a file could be a metric, and what it may be called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gitexp.formats.values import Case, Measure, Result

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Generic[T]):
    """Something in the file that could be a metric.

    Attributes:
        names: What it may be called; the first is shown.
        is_alias: Whether it says the same as another, and needs no mention.
    """

    names: tuple[str, ...]
    what: T
    is_alias: bool = False


def shown(offers: Iterable[Offer[T]]) -> list[str]:
    """What people call them."""
    return [offer.names[0] for offer in offers if not offer.is_alias]


def offers_of(results: Sequence[Result]) -> tuple[Offer[Measure], ...]:
    """Every measure of these results, under the names that mean it alone."""
    is_one = len(results) == 1
    shared = Counter(alias for r in results for alias in {r.name, *r.aliases})
    found: list[Offer[Measure]] = []
    for result in results:
        own = [result.name, *(a for a in result.aliases if shared[a] == 1)]
        for name, measure in result.measures.items():
            names = [name] if is_one else []
            if name == result.main:
                names += own
                if is_one and measure.unit == "s" and "time" not in result.measures:
                    names.append("time")
            names += [f"{one}:{name}" for one in own]
            found.append(Offer(names=tuple(names), what=measure, is_alias=measure.is_alias))
    return tuple(found)


def case_offers(cases: Iterable[Case]) -> tuple[Offer[str], ...]:
    """The names of all measures that cases have."""
    names = dict.fromkeys(name for case in cases for name in case.measures)
    return tuple(Offer(names=(name,), what=name) for name in names)


def column_offers(columns: Iterable[str]) -> tuple[Offer[str], ...]:
    """The columns of a table; `metric.NAME` where the name alone means something else."""
    return tuple(Offer(names=(name, name.removeprefix("metric.")), what=name) for name in columns)
