"""Units of time and size, and their base units: the second and the byte."""

from __future__ import annotations

from collections.abc import Mapping

BASE_UNITS: Mapping[str, tuple[str, float]] = {
    "ns": ("s", 1e-9),
    "us": ("s", 1e-6),
    "µs": ("s", 1e-6),  # micro sign
    "μs": ("s", 1e-6),  # Greek mu
    "ms": ("s", 1e-3),
    "s": ("s", 1.0),
    "sec": ("s", 1.0),
    "seconds": ("s", 1.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "B": ("B", 1.0),
    "bytes": ("B", 1.0),
    "kB": ("B", 1e3),
    "MB": ("B", 1e6),
    "GB": ("B", 1e9),
    "KiB": ("B", 2.0**10),
    "MiB": ("B", 2.0**20),
    "GiB": ("B", 2.0**30),
}
"""Unit to base unit and factor."""


def from_base_units(value: float, unit: str | None) -> float:
    """A number of base units in this unit; of a unit that has no base unit as it is.

    >>> from_base_units(0.0025, "ms")
    2.5
    """
    _, factor = BASE_UNITS.get(unit or "", (unit, 1.0))
    return value * round(1 / factor) if factor < 1 else value / factor


def in_base_units(value: float, unit: str | None) -> tuple[float, str | None]:
    """The value in the base unit, as near as a double can be; other units stay as they are.

    >>> in_base_units(1726.0, "ns")
    (1.726e-06, 's')
    """
    base, factor = BASE_UNITS.get(unit or "", (unit, 1.0))
    # 1e-9 is no double and 1e9 is one: dividing rounds once
    return (value / round(1 / factor) if factor < 1 else value * factor), base
