from __future__ import annotations

import math

import pytest

from gitexp.stats.effects import cohens_d, d_z, hedges_g, summary


def test_pairs_have_another_effect_size_than_arms() -> None:
    control, treatment = [1.0, 2.0, 3.0], [2.0, 3.5, 3.5]
    assert cohens_d(control, treatment) == pytest.approx(1.0 / math.sqrt((1.0 + 0.75) / 2))
    assert d_z([1.0, 1.5, 0.5]) == pytest.approx(2.0)


def test_the_correction_of_hedges_shrinks_small_samples() -> None:
    d, g = cohens_d([1.0, 2.0], [2.0, 4.0]), hedges_g([1.0, 2.0], [2.0, 4.0])
    assert d is not None
    assert g is not None
    assert g / d == pytest.approx(1.0 / math.sqrt(math.pi))  # J(2) = Gamma(1) / Gamma(1/2)


@pytest.mark.parametrize(
    ("control", "treatment"), [([], []), ([1.0], [2.0]), ([1.0, 1.0], [2.0, 2.0]), ([1.0, 2.0], [])]
)
def test_no_spread_has_no_effect_size(control: list[float], treatment: list[float]) -> None:
    assert cohens_d(control, treatment) is None
    assert hedges_g(control, treatment) is None


def test_three_values_are_too_few_to_correct() -> None:
    assert cohens_d([1.0, 2.0], [3.0]) is not None
    assert hedges_g([1.0, 2.0], [3.0]) is None
    assert d_z([1.0]) is None
    assert d_z([1.0, 1.0]) is None


def test_one_value_has_no_standard_deviation() -> None:
    one = summary([4.0])
    assert one is not None
    assert (one.n, one.mean, one.sd, one.median) == (1, 4.0, None, 4.0)
    assert summary([]) is None
