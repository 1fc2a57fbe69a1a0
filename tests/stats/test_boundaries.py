from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from gitexp.stats import boundaries
from gitexp.stats.boundaries import (
    boundary,
    critical_values,
    earliest_rank_look,
    earliest_t_look,
    obrien_fleming_spending,
)


@pytest.mark.parametrize("fractions", [(0.1, 0.2), (0.2, 0.9), (0.5, 0.55), (0.95, 1.0)])
def test_the_second_look_agrees_with_direct_integration(fractions: tuple[float, float]) -> None:
    rates = obrien_fleming_spending(fractions, alpha=0.05)
    c1, c2 = critical_values(fractions, rates)
    first, second = fractions
    step, b1, b2 = math.sqrt(second - first), c1 * math.sqrt(first), c2 * math.sqrt(second)

    def crosses_at_second(u: float) -> float:
        density = math.exp(-u * u / (2 * first)) / math.sqrt(2 * math.pi * first)
        return density * float(ndtr((u - b2) / step) + ndtr((-u - b2) / step))

    spent, _ = quad(crosses_at_second, -b1, b1, epsabs=0, epsrel=1e-11, limit=500)
    assert spent == pytest.approx(rates[1] - rates[0], rel=1e-7)


@pytest.mark.parametrize("blocks", [50, 200])
def test_a_random_walk_crosses_by_every_look_as_often_as_it_may(blocks: int) -> None:
    paths, plan = 20_000, boundary(alpha=0.05, max_blocks=blocks, min_blocks=10)
    steps = np.random.default_rng(20).normal(size=(paths, blocks))
    z = np.abs(steps.cumsum(axis=1) / np.sqrt(np.arange(1, blocks + 1)))[:, 9:]
    crossed = np.logical_or.accumulate(z >= plan.critical, axis=1).mean(axis=0)
    spent = obrien_fleming_spending(np.array(plan.looks) / blocks, alpha=0.05)
    assert np.all(np.abs(crossed - spent) <= 4.5 * np.sqrt(spent * (1 - spent) / paths) + 1e-4)


gauss_legendre = boundaries._gauss_legendre


def test_more_nodes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fractions = np.arange(10, 201) / 200
    rates = obrien_fleming_spending(fractions, alpha=0.05)
    critical = critical_values(fractions, rates)
    monkeypatch.setattr(boundaries, "_gauss_legendre", lambda count: gauss_legendre(2 * count))
    finer = critical_values(fractions, rates)
    below_6 = finer < 6
    assert np.allclose(critical[below_6], finer[below_6], rtol=0, atol=1e-9)


@given(st.floats(1e-4, 0.3), st.integers(1, 400), st.integers(0, 60))
def test_no_look_takes_more_than_alpha(alpha: float, low: int, more: int) -> None:
    plan = boundary(alpha=alpha, max_blocks=low + more, min_blocks=low)
    nominal = np.array(plan.nominal)
    assert np.all(nominal >= 0.0)
    assert np.all(nominal <= alpha * (1 + 1e-9))
    assert nominal.sum() >= alpha * (1 - 1e-9)
    assert plan.looks[-1] == low + more


def test_one_look_is_an_ordinary_test() -> None:
    plan = boundary(alpha=0.05, max_blocks=30, min_blocks=30)
    assert plan.looks == (30,)
    assert plan.nominal[0] == pytest.approx(0.05, rel=1e-9)


def test_looks_with_nothing_to_spend_cannot_be_crossed() -> None:
    plan = boundary(alpha=0.05, max_blocks=10_000, min_blocks=10)
    assert plan.critical[0] == math.inf
    assert plan.nominal[0] == 0.0
    assert earliest_t_look(plan) == next(
        n for n, level in zip(plan.looks, plan.nominal, strict=True) if level > 0
    )


def test_what_an_early_look_cannot_spend_is_left_to_the_next() -> None:
    carried = critical_values([0.5, 1.0], [1e-17, 0.05])
    assert carried[0] == math.inf
    assert carried[1] == pytest.approx(1.959964, abs=1e-6)


def test_more_than_200_looks_become_200() -> None:
    plan = boundary(alpha=0.05, max_blocks=5_000, min_blocks=10)
    assert len(plan.looks) == len(set(plan.looks)) == 200
    assert (plan.looks[0], plan.looks[-1]) == (10, 5_000)
    assert len(boundary(alpha=0.05, max_blocks=209, min_blocks=10).looks) == 200


def test_200_looks_are_computed_at_once() -> None:
    boundary.cache_clear()
    start = time.process_time()
    boundary(alpha=0.043, max_blocks=209, min_blocks=10)
    assert time.process_time() - start < 1.0  # 0.15 s on a quiet machine


@pytest.mark.parametrize(
    ("alpha", "max_blocks", "earliest"),
    [(0.05, 20, 10), (0.05, 40, 14), (0.05, 100, 21), (0.01, 20, 13)],
)
def test_ranks_cannot_decide_before(alpha: float, max_blocks: int, earliest: int) -> None:
    plan = boundary(alpha=alpha, max_blocks=max_blocks, min_blocks=10)
    assert earliest_rank_look(plan) == earliest
    assert 2.0 ** (1 - earliest) <= plan.nominal[plan.looks.index(earliest)]


def test_five_blocks_can_never_decide_by_rank() -> None:
    assert earliest_rank_look(boundary(alpha=0.05, max_blocks=5, min_blocks=5)) is None
    assert earliest_t_look(boundary(alpha=0.05, max_blocks=1, min_blocks=1)) is None


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"1\.2"):
        boundary(alpha=1.2, max_blocks=20, min_blocks=10)
    with pytest.raises(ValueError, match="30"):
        boundary(alpha=0.05, max_blocks=20, min_blocks=30)
    with pytest.raises(ValueError, match=r"0\.5, 0\.5"):
        critical_values([0.5, 0.5], [0.01, 0.05])
    with pytest.raises(ValueError, match=r"0\.05, 0\.01"):
        critical_values([0.5, 1.0], [0.05, 0.01])
    with pytest.raises(ValueError, match="shapes"):
        critical_values([0.5, 1.0], [0.05])
