from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from gitexp.stats.mann_whitney import mann_whitney
from gitexp.stats.permutation import difference_of_means_p, midrank_p, sign_flip_p
from tests.stats.reference import CASES, agrees, arms

COARSE = st.integers(-6, 6).map(lambda k: k / 4)
SMALL = st.lists(st.one_of(COARSE, st.floats(-4, 4)), min_size=1, max_size=7)


def test_all_choices_of_eight_in_sixteen() -> None:
    case = CASES["perm_indep_exact_DS1_first8"]
    control, treatment = arms(case)
    p = difference_of_means_p(control, treatment, seed=1)
    assert p is not None
    difference = float(np.mean(treatment) - np.mean(control))
    agrees(case, [difference, p], [case["expected"]["diff"], case["expected"]["p"]])


def test_midranks_given_their_ties() -> None:
    case = CASES["mw_exact_ties_DS2"]
    p = midrank_p(*arms(case))
    assert p is not None
    agrees(case, [p], [case["expected"]["p"]])

    case = CASES["benchstat_mw"]
    p = midrank_p(*case["inputs"]["swap4"])
    assert p is not None
    agrees(case, [p], [case["expected"]["p_swap4"]])


@given(st.lists(COARSE, min_size=1, max_size=9))
def test_signs_are_all_counted(d: list[float]) -> None:
    p = sign_flip_p(d, seed=1)
    if not any(d):
        assert p is None
        return
    sums = [
        abs(sum(s * x for s, x in zip(signs, d, strict=True)))
        for signs in itertools.product([-1, 1], repeat=len(d))
    ]
    assert p == sum(total >= abs(sum(d)) for total in sums) / len(sums)


@given(SMALL, SMALL)
def test_choices_are_those_of_scipy(control: list[float], treatment: list[float]) -> None:
    p = difference_of_means_p(control, treatment, seed=1)
    if len({*control, *treatment}) == 1:
        assert p is None
        return
    if min(len(control), len(treatment)) < 2 or np.ptp([*control, *treatment]) < 1e-6:
        return  # scipy needs two values per arm
    other = permutation_test(
        (treatment, control),
        lambda t, c, axis: np.mean(t, axis=axis) - np.mean(c, axis=axis),
        vectorized=True,
        n_resamples=10_000,
    )
    assert p == pytest.approx(other.pvalue)


@given(SMALL, SMALL)
def test_the_order_of_the_arms_does_not_matter(
    control: list[float], treatment: list[float]
) -> None:
    assert midrank_p(control, treatment) == pytest.approx(midrank_p(treatment, control))
    assert difference_of_means_p(control, treatment, seed=1) == pytest.approx(
        difference_of_means_p(treatment, control, seed=1)
    )


@given(
    st.lists(st.integers(-400, 400).map(float), min_size=1, max_size=9, unique=True),
    st.integers(1, 8),
)
def test_midranks_without_ties_are_the_test_of_mann_and_whitney(
    values: list[float], cut: int
) -> None:
    control, treatment = values[:cut], values[cut:]
    if control and treatment:
        result = mann_whitney(control, treatment, level=0.05)
        assert midrank_p(control, treatment) == pytest.approx(result.p_value)


def test_drawn_arrangements_come_close_to_all_of_them() -> None:
    rng = np.random.default_rng(4)
    d = rng.normal(0.4, 1.0, 25)
    drawn = sign_flip_p(d, seed=7)
    assert drawn == sign_flip_p(d, seed=7)
    t = float(d.mean() / d.std(ddof=1) * 5.0)
    assert drawn == pytest.approx(math.erfc(t / math.sqrt(2.0)), abs=0.02)

    control, treatment = rng.normal(size=30), rng.normal(0.6, 1.0, 30)
    p = difference_of_means_p(control, treatment, seed=7)
    assert p == difference_of_means_p(control, treatment, seed=7)
    z = float(treatment.mean() - control.mean()) / math.sqrt(
        np.concatenate([control, treatment]).var(ddof=1) / 15.0
    )
    assert p == pytest.approx(math.erfc(abs(z) / math.sqrt(2.0)), abs=0.01)


def test_a_drawn_p_is_never_zero() -> None:
    assert sign_flip_p([1.0] * 60, seed=1) == pytest.approx(1 / 100_001)
    p = difference_of_means_p([0.0] * 50, range(1, 51), seed=1)
    assert p == pytest.approx(2 / 100_001)


@pytest.mark.parametrize(
    ("control", "treatment"), [([], []), ([1.0], []), ([], [1.0]), ([2.0] * 4, [2.0] * 3)]
)
def test_nothing_to_arrange_has_no_p(control: list[float], treatment: list[float]) -> None:
    assert difference_of_means_p(control, treatment, seed=1) is None
    assert midrank_p(control, treatment) is None
    assert sign_flip_p([], seed=1) is None
    assert midrank_p(range(150), range(150, 300)) is None
