"""Rounding for people: never a zero for what is not zero, never a digit that means nothing."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.model import Scale
from gitexp.render import numbers
from gitexp.render.bars import interval_bar, progress_bar, reach_of
from tests.render.examples import FAILURES, MAXRSS, PASS_RATE, TIME


@given(st.floats(min_value=0, max_value=1))
def test_a_p_value_is_never_printed_as_zero(p: float) -> None:
    assert numbers.p_value(p).strip("p=<0.") != ""


@given(st.floats(min_value=-10, max_value=10).filter(lambda x: abs(x) > 1e-8))
def test_a_change_that_is_there_is_never_printed_as_none(fraction: float) -> None:
    text = numbers.percent(fraction)

    assert text[0] == ("−" if fraction < 0 else "+")
    assert any(digit in text for digit in "123456789")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.4823, "s", "1.482 s"),
        (0.99996, "s", "1.000 s"),
        (0.0009, "s", "900.0 µs"),
        (0.0, "s", "0 s"),
        (3e-12, "s", "0.003000 ns"),
        (512.0, "B", "512 B"),
        (999_999.0, "B", "1.000 MB"),
        (0.0, "B", "0 B"),
        (41.0, "count", "41"),
        (41.5, None, "41.50"),
        (3.25, "requests", "3.250 requests"),
        (0.125, "bool", "12.5%"),
        (71.25, "pp", "71.25%"),
        (None, "s", "–"),
        (math.nan, "s", "–"),
    ],
)
def test_a_quantity_has_its_unit(value: float | None, unit: str | None, text: str) -> None:
    assert numbers.quantity(value, unit) == text


def test_a_difference_is_in_metric_units_and_never_a_percentage() -> None:
    assert numbers.change(-0.031, TIME, Scale.DIFFERENCE) == "−31.0 ms"
    assert numbers.change(2e6, MAXRSS, Scale.DIFFERENCE) == "+2.00 MB"
    assert numbers.change(0.024, FAILURES, Scale.DIFFERENCE) == "+2.4pp"
    assert numbers.change(0.4, PASS_RATE, Scale.DIFFERENCE) == "+0.40pp"
    assert numbers.change(0.0, PASS_RATE, Scale.DIFFERENCE) == "0pp"


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((-0.113, -0.006), "[−11.3%, −0.6%]"),
        ((-0.0004, 0.0006), "[−0.04%, +0.06%]"),
        ((-math.inf, -0.046), "[unbounded, −4.6%]"),
        ((-math.inf, math.inf), "unbounded"),
        (None, "–"),
    ],
)
def test_both_ends_of_an_interval_have_the_same_digits(
    ends: tuple[float, float] | None, text: str
) -> None:
    assert numbers.interval(ends, TIME, Scale.LOG) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.35, "0.35s"), (59.6, "1m"), (192.0, "3m12s"), (3660, "1h1m"), (9e4, "1d1h")],
)
def test_a_span_has_at_most_two_units(seconds: float, text: str) -> None:
    assert numbers.span(seconds) == text


def test_an_age_has_one_unit() -> None:
    assert [numbers.age(timedelta(seconds=s)) for s in (5, 61, 7300, 2e5)] == [
        "5s", "1m", "2h", "2d",
    ]  # fmt: skip


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 60))
def test_a_progress_bar_fills_its_width(done: float, total: float, width: int) -> None:
    assert len(progress_bar(done, total, width)) == width


@given(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), st.sampled_from([0.1, 1.0, 2.0]))
def test_an_interval_bar_fills_its_width(ends: tuple[float, float], reach: float) -> None:
    low, high = sorted(ends)

    bar = interval_bar(low, high, (low + high) / 2, reach=reach, width=25)

    assert len(bar) == 25
    assert ("├" in bar) <= (low >= -reach)


@given(st.floats(1e-9, 1e9))
def test_the_reach_of_an_axis_holds_its_values_and_wastes_little(value: float) -> None:
    assert value <= reach_of(value, -value / 2, math.inf) * (1 + 1e-9) <= 5.1 * value
