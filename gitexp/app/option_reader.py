"""Options read one by one, so that one refusal can name everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from gitexp.model import Metric, Scale
from gitexp.notation import in_metric_units, parse_amount

T = TypeVar("T")

MOST_USES = 1e15


class OptionReader:
    """Reads options one by one and keeps every complaint."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def read(self, option: str, text: str | None, parse: Callable[[str], T], default: T) -> T:
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            why = str(error)
            if isinstance(parse, type) and issubclass(parse, StrEnum):
                why = f"{text!r} is not {' or '.join(parse)}"
            self.complaints.append(f"--{option}: {why}")
            return default

    def complained_of(self, option: str) -> bool:
        return any(complaint.startswith(f"--{option}:") for complaint in self.complaints)

    def refuse_unless(self, condition: bool, complaint: str) -> None:
        if not condition:
            self.complaints.append(complaint)


def yes_or_no(text: str) -> bool:
    """A truth value as git spells it."""
    match text.strip().lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(f"{text!r} is not true or false")


def fraction(text: str) -> float:
    """0.05 or 5% as a fraction."""
    amount = parse_amount(text)
    return amount.value / 100 if amount.suffix == "%" else amount.value


def positive(text: str) -> float:
    """A plain number above 0."""
    amount = parse_amount(text)
    if amount.suffix or not 0 < amount.value <= 36500:
        raise ValueError(f"{text!r} is not a number above 0")
    return amount.value


def uses(text: str) -> float:
    """A number of uses above 0."""
    amount = parse_amount(text)
    if amount.suffix or not 0 < amount.value <= MOST_USES:
        raise ValueError(f"{text!r} is not a number of uses above 0")
    return amount.value


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number in this range."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high}")
        return value

    return parse


def between(low: float, high: float) -> Callable[[str], float]:
    """Reads a fraction strictly between the two."""

    def parse(text: str) -> float:
        value = fraction(text)
        if not low < value < high:
            raise ValueError(f"{text!r} is not between {low:g} and {high:g}")
        return value

    return parse


def size_reader(metric: Metric, scale: Scale) -> Callable[[str], float]:
    """Reads the size of an effect on this metric: a share, or a number of its own units."""

    def parse(given: str) -> float:
        amount = parse_amount(given)
        if amount.value < 0:
            raise ValueError(f"{given!r} is below 0: give the size, the direction is known")
        if scale is Scale.LOG:
            if amount.suffix != "%":
                raise ValueError(
                    f"{given!r} is no share, and {metric.name} is compared by ratio: write 5% for "
                    f"5 percent, or add --scale difference to compare in its own unit"
                )
            if amount.value >= 100:
                raise ValueError(f"{given!r} cannot be reached: it must be under 100%")
            return amount.value / 100
        if amount.suffix == "%" and metric.unit != "%":
            raise ValueError(
                f"{metric.name} is compared by difference, in its own unit: write "
                f"{amount.value:g} or {amount.value:g}pp"
            )
        return in_metric_units(metric, amount)

    return parse
