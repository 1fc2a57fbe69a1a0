"""Numbers as people read them: significant digits, units, signs, intervals.

Everything here is typographic (a real minus sign, 'µs'); a screen without those characters shows
its own (`gitexp.render.screen`).
"""

from __future__ import annotations

import math
from datetime import timedelta

from gitexp.model import Metric, Scale

UNKNOWN = "–"
UNBOUNDED = "unbounded"

_LEAST = 0.00005
"""Smaller fractions than this are only told from zero."""

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
_SPANS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def significant(value: float, digits: int = 4) -> str:
    """The value with so many significant digits, never in scientific form between 1e-6 and 1e15.

    >>> significant(1234567.0), significant(0.0012345), significant(-2.0)
    ('1234567', '0.001234', '−2')
    """
    value = float(value)
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else UNKNOWN
    if value == 0:
        return "0"
    magnitude = abs(value)
    if not 1e-6 <= magnitude < 1e15:
        return _minus(f"{value:.{digits - 1}e}")
    text = _fixed(value, digits)
    # a count stays whole, however many digits were asked for
    return text.partition(".")[0] if value.is_integer() else text


def quantity(value: float | None, unit: str | None, *, digits: int = 4) -> str:
    """The value with its unit: times and sizes scaled, shares as percentages.

    >>> quantity(0.0123456, "s"), quantity(212_300_000, "B"), quantity(0.025, "bool")
    ('12.35 ms', '212.3 MB', '2.5%')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return significant(value)
    match unit:
        case "s":
            return _scaled(value, _TIMES, digits)
        case "B":
            return _scaled(value, _SIZES, digits)
        case "bool":
            return f"{_trimmed(significant(100 * value, digits - 1))}%"
        case "%" | "pp":
            return f"{significant(value, digits)}%"
        case None | "" | "count" | "score":
            return significant(value, digits)
        case _:
            return f"{significant(value, digits)} {unit}"


def total(value: float, unit: str | None) -> str:
    """A sum over many uses, with its sign; long times in hours.

    >>> total(-53_280.0, "s"), total(12.0, "count")
    ('−14.8 h', '+12')
    """
    if unit == "s" and math.isfinite(value) and abs(value) >= 3600:
        return signed(f"{significant(value / 3600, 3)} h")
    if unit == "bool" and math.isfinite(value):
        return signed(significant(value, 3))
    return UNBOUNDED if math.isinf(value) else signed(quantity(value, unit, digits=3))


def short(value: float | None, digits: int = 4) -> str:
    """Like `significant`, without zeros at the end.

    >>> short(0.05), short(-3.6102), short(None)
    ('0.05', '−3.61', '–')
    """
    return UNKNOWN if value is None else _trimmed(significant(value, digits))


def signed(text: str) -> str:
    """A formatted number with its sign always shown; zero has none."""
    if text.startswith(("−", "+")) or not any(digit in text for digit in "123456789"):
        return text
    return f"+{text}"


def percent(fraction: float | None, *, decimals: int | None = None, sign: bool = True) -> str:
    """The fraction as a percentage; what is not zero never shows as zero.

    >>> percent(-0.061), percent(0.0004), percent(1.5), percent(0.05, sign=False), percent(-1e-5)
    ('−6.1%', '+0.040%', '+150%', '5%', '−<0.01%')
    """
    if fraction is None or math.isnan(fraction):
        return UNKNOWN
    if math.isinf(fraction):
        return UNBOUNDED
    if decimals is None and 0 < abs(fraction) < _LEAST:
        text = "<0.01%" if fraction > 0 else "−<0.01%"
        return signed(text) if sign else text
    wanted = percent_decimals(fraction) if decimals is None else decimals
    text = f"{100 * fraction:.{wanted}f}"
    if decimals is None and not sign:
        text = _trimmed(text)
    text = _minus("0" if float(text) == 0 and fraction == 0 else text)
    return f"{signed(text) if sign else text}%"


def percent_decimals(*fractions: float | None) -> int:
    """Digits behind the point with which the smallest of these can still be told from zero."""
    sizes = [abs(100 * f) for f in fractions if f is not None and math.isfinite(f) and f != 0]
    if not sizes:
        return 1
    if min(sizes) >= 100:
        return 0
    return 1 if min(sizes) >= 0.1 else min(1 - math.floor(math.log10(min(sizes))), 6)


def change(
    value: float | None, metric: Metric, scale: Scale, *, decimals: int | None = None
) -> str:
    """A difference treatment minus control: relative on the log scale, else in metric units.

    >>> from gitexp.model import BUILT_IN_METRICS as B
    >>> change(-0.061, B["time"], Scale.LOG), change(0.024, B["failures"], Scale.DIFFERENCE)
    ('−6.1%', '+2.4pp')
    """
    if scale is Scale.LOG:
        return percent(value, decimals=decimals)
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return UNBOUNDED
    if metric.unit == "bool":
        return signed(f"{significant(100 * value, 2)}pp")
    if metric.unit in ("%", "pp"):
        return signed(f"{significant(value, 2)}pp")
    return signed(quantity(value, metric.unit, digits=3))


def interval(
    ends: tuple[float, float] | None,
    metric: Metric,
    scale: Scale,
    *,
    included: tuple[bool, bool] = (True, True),
) -> str:
    """Both ends on one scale, as '[−11.3%, −0.6%]'.

    Args:
        included: Whether each end is itself not rejected. It shows where it matters: when the end
            is no change.

    >>> from gitexp.model import BUILT_IN_METRICS as B
    >>> interval((-math.inf, -0.046), B["time"], Scale.LOG)
    '[unbounded, −4.6%]'
    >>> interval((0.0, 0.046), B["time"], Scale.LOG, included=(False, True))
    '(0%, +4.6%]'
    """
    if ends is None:
        return UNKNOWN
    if not any(map(math.isfinite, ends)):
        return UNBOUNDED
    low, high = interval_ends(ends, metric, scale)
    left = "(" if ends[0] == 0.0 and not included[0] else "["
    right = ")" if ends[1] == 0.0 and not included[1] else "]"
    return f"{left}{low}, {high}{right}"


def interval_ends(ends: tuple[float, float], metric: Metric, scale: Scale) -> tuple[str, str]:
    """The two ends with the same number of digits."""
    decimals = min(percent_decimals(*ends), 2)
    low, high = (change(end, metric, scale, decimals=decimals) for end in ends)
    return low, high


def p_value(value: float | None) -> str:
    """'p=0.012'; small ones as a bound, never as zero.

    >>> p_value(0.0123), p_value(0.00004), p_value(1.0), p_value(None)
    ('p=0.012', 'p<0.0001', 'p=1', 'p –')
    """
    if value is None or math.isnan(value):
        return f"p {UNKNOWN}"
    if value < 1e-4:
        return "p<0.0001"
    return f"p={significant(value, 2)}"


def level(value: float) -> str:
    """A level of confidence: 0.95 is '95%', 0.975 is '97.5%'.

    >>> level(0.95), level(1 - 0.05 / 3)
    ('95%', '98.3%')
    """
    return f"{significant(100 * value, 3)}%"


def span(seconds: float) -> str:
    """A duration in its two largest units.

    >>> span(192.4), span(7200), span(3 * 86400 + 7000), span(0.35)
    ('3m12s', '2h', '3d1h', '0.35s')
    """
    if seconds < 10:
        return f"{significant(max(seconds, 0.0), 2)}s"
    left = round(seconds)
    for position, (size, name) in enumerate(_SPANS):
        if left < size:
            continue
        text = f"{left // size}{name}"
        if position + 1 < len(_SPANS):
            smaller, smaller_name = _SPANS[position + 1]
            rest = left % size // smaller
            text += f"{rest:02d}{smaller_name}" if rest and size == 60 else ""
            text += f"{rest}{smaller_name}" if rest and size != 60 else ""
        return text
    return "0s"


def age(elapsed: timedelta) -> str:
    """How long ago, in one unit.

    >>> age(timedelta(minutes=200)), age(timedelta(seconds=-3))
    ('3h', '0s')
    """
    seconds = max(int(elapsed.total_seconds()), 0)
    size, name = next((s for s in _SPANS if seconds >= s[0]), _SPANS[-1])
    return f"{seconds // size}{name}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """The count with its noun.

    >>> plural(1, "block"), plural(0, "block")
    ('1 block', '0 blocks')
    """
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def _scaled(value: float, units: tuple[tuple[float, str], ...], digits: int) -> str:
    magnitude = abs(value)
    # 999.96 ms rounds to the next unit's 1 s
    rounded = float(f"{magnitude:.{digits - 1}e}")
    fitting = [u for u in units if rounded >= u[0]]
    size, name = fitting[0] if fitting else (units[-1] if magnitude else units[0])
    if not magnitude:
        return f"0 {units[0][1] if units is _TIMES else 'B'}"
    if size == 1.0 and name == "B" and float(value).is_integer():
        return f"{significant(value)} B"
    return f"{_fixed(value / size, digits)} {name}"


def _fixed(value: float, digits: int) -> str:
    # rounded first: 0.99996 has its digits like 1, not like 0.9
    rounded = abs(float(f"{value:.{digits - 1}e}"))
    decimals = max(digits - 1 - math.floor(math.log10(rounded)), 0)
    return _minus(f"{value:.{decimals}f}")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _minus(text: str) -> str:
    return text.replace("-", "−")
