from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import nctdtr, stdtr

from gitexp.stats.noncentral_t import SMALLEST_TAIL, noncentrality_at, probability

DF = st.sampled_from([1, 2, 3, 5, 12, 50, 200, 2000])
TAILS = st.sampled_from([0.025, 0.005, 1e-6])


@given(st.floats(0.01, 30.0), DF, st.floats(-4.0, 4.0))
def test_probabilities_are_those_of_scipy_where_it_knows_them(t: float, df: int, z: float) -> None:
    noncentrality = t + z * math.sqrt(1.0 + t * t / (2.0 * df))
    expected = float(nctdtr(df, noncentrality, t))
    assert probability(t, df=df, noncentrality=noncentrality) == pytest.approx(expected, abs=1e-12)
    mirrored = probability(-t, df=df, noncentrality=-noncentrality)
    assert mirrored == pytest.approx(1.0 - expected, abs=1e-12)


@given(st.floats(-40.0, 40.0), DF)
def test_without_noncentrality_it_is_student(t: float, df: int) -> None:
    assert probability(t, df=df, noncentrality=0.0) == pytest.approx(
        float(stdtr(df, t)), rel=1e-9, abs=1e-13
    )


@given(st.floats(-1e6, 1e6), DF, TAILS)
def test_the_noncentrality_found_gives_the_tail(t: float, df: int, tail: float) -> None:
    found = noncentrality_at(t, df=df, tail=tail)
    assert probability(t, df=df, noncentrality=found) == pytest.approx(tail, rel=1e-5)


@pytest.mark.parametrize("tail", [0.0, SMALLEST_TAIL / 2, 0.6])
def test_other_tails_are_quoted(tail: float) -> None:
    with pytest.raises(ValueError, match=str(tail)):
        noncentrality_at(1.0, df=3, tail=tail)
