"""Kendall's tau agrees with scipy's, which is too slow to load for every analysis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from gitexp.stats.kendall import tau_against_order


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1))
def test_with_ties_it_is_what_scipy_finds(values: list[int]) -> None:
    array = np.array(values, dtype=np.float64)
    expected = kendalltau(np.arange(array.size), array, method="auto")

    tau, p_value = tau_against_order(array)

    assert tau == pytest.approx(expected.statistic, abs=1e-12)
    if len(set(values)) < len(values):
        expected = kendalltau(np.arange(array.size), array, method="asymptotic")
    assert p_value == pytest.approx(expected.pvalue, rel=1e-9)


@given(st.permutations(list(range(1, 34))), st.integers(2, 33))
def test_without_ties_p_is_exact_up_to_33_values(values: list[int], n: int) -> None:
    array = np.array(values[:n], dtype=np.float64)
    expected = kendalltau(np.arange(n), array, method="exact")

    assert tau_against_order(array) == pytest.approx(
        (expected.statistic, expected.pvalue), rel=1e-9, abs=1e-12
    )


def test_a_long_series_is_what_scipy_finds() -> None:
    values = np.random.default_rng(29).normal(size=20_000).round(3)
    expected = kendalltau(np.arange(values.size), values)

    found = tau_against_order(values)

    assert found == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
