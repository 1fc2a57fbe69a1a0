from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from gitexp.stats.boundaries import Boundary, boundary, fixed_boundary
from gitexp.stats.operating import crossing, drift_needed, inflation
from tests.stats.reference import CASES, agrees


def equal_looks(critical: Sequence[float], *, alpha: float) -> Boundary:
    z = np.atleast_1d(np.array(critical, dtype=np.float64))
    return Boundary(
        looks=tuple(range(1, z.size + 1)),
        critical=tuple(z.tolist()),
        nominal=tuple((2.0 * ndtr(-z)).tolist()),
        alpha=alpha,
    )


def boundary_of(case: dict[str, Any], looks: int) -> Boundary:
    return equal_looks(case["expected"]["z"][str(looks)], alpha=case["inputs"]["alpha"])


@pytest.mark.parametrize("looks", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "name",
    [
        "gs_OF_a0.05",
        "gs_P_a0.05",
        "gs_asOF_a0.05",
        "gs_P_a0.01",
        "gs_asOF_a0.01",
        "gs_asP_a0.01",
    ],
)
def test_inflation_with_equal_looks(name: str, looks: int) -> None:
    case = CASES[name]
    bound = boundary_of(case, looks)
    r = inflation(bound, power=case["inputs"]["power"])
    agrees(case, [r], [case["expected"]["inflation"][str(looks)]])


def test_inflation_with_ten_looks() -> None:
    case = CASES["gs_asOF_K10"]
    r = inflation(equal_looks(case["expected"]["z"], alpha=0.05), power=0.8)
    agrees(case, [r], [case["expected"]["inflation"]])


@pytest.mark.parametrize(
    ("alpha", "max_blocks", "r"),
    [
        (0.05, 20, 1.046),
        (0.05, 50, 1.052),
        (0.05, 100, 1.055),
        (0.05, 200, 1.056),
        (0.01, 20, 1.029),
        (0.01, 50, 1.035),
        (0.01, 100, 1.037),
        (0.01, 200, 1.038),
    ],
)
def test_looking_after_every_block_costs_a_few_percent(
    alpha: float, max_blocks: int, r: float
) -> None:
    bound = boundary(alpha=alpha, max_blocks=max_blocks, min_blocks=10)
    assert inflation(bound, power=0.8) == pytest.approx(r, abs=0.0005)


def test_expected_sample_sizes() -> None:
    case = CASES["gs_sample_size_means"]
    bound = boundary_of(CASES["gs_asOF_a0.05"], case["inputs"]["K"])
    largest = case["expected"]["fixed_total"] * inflation(bound, power=0.8)
    at_effect = crossing(bound, drift=drift_needed(bound, power=0.8))
    at_null = crossing(bound, drift=0.0)
    agrees(
        case,
        [
            largest,
            largest * at_effect.expected_information,
            largest * at_null.expected_information,
        ],
        [case["expected"][key] for key in ("max_n_total", "expected_n_H1", "expected_n_H0")],
    )


@pytest.mark.parametrize(("level", "alpha"), [("05", 0.05), ("01", 0.01)])
def test_the_classical_constants(level: str, alpha: float) -> None:
    case = CASES["published_jt2000"]
    for i, looks in enumerate(case["inputs"]["K"]):
        falling = np.sqrt(looks / np.arange(1, looks + 1))
        for family, shape in (("pocock", np.ones(looks)), ("obf", falling)):

            def excess(c: float, shape: np.ndarray[Any, Any] = shape) -> float:
                at_null = crossing(equal_looks((c * shape).tolist(), alpha=alpha), drift=0.0)
                return sum(at_null.up) + sum(at_null.down) - alpha

            single = -float(ndtri(alpha / 2.0))
            constant = brentq(excess, single, 1.3 * single)
            agrees(case, [constant], [case["expected"][f"{family}_{level}"][i]])


@pytest.mark.parametrize("drift", [0.0, 1.0, 2.8, -4.0])
def test_random_walks_cross_where_they_should(drift: float) -> None:
    paths, blocks = 40_000, 20
    bound = boundary(alpha=0.05, max_blocks=blocks, min_blocks=10)
    steps = np.random.default_rng(22).normal(drift / math.sqrt(blocks), 1.0, size=(paths, blocks))
    z = (steps.cumsum(axis=1) / np.sqrt(np.arange(1, blocks + 1)))[:, 9:]
    beyond = np.abs(z) >= bound.critical
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), -1)
    sign = np.sign(z[np.arange(paths), first])

    expected = crossing(bound, drift=drift)

    for side, probabilities in ((1.0, expected.up), (-1.0, expected.down)):
        for k, p in enumerate(probabilities):
            seen = np.mean((first == k) & (sign == side))
            assert abs(seen - p) <= 4.5 * math.sqrt(p * (1 - p) / paths) + 1e-4
    stopped = np.where(first >= 0, np.array(bound.looks)[first], blocks)
    error = 4.0 * stopped.std() / math.sqrt(paths)
    assert abs(stopped.mean() - blocks * expected.expected_information) <= error


@given(st.floats(-12.0, 12.0), st.integers(2, 40), st.sampled_from(["obf", "pocock"]))
def test_swapping_the_sides_flips_the_drift(drift: float, blocks: int, spending: str) -> None:
    bound = boundary(alpha=0.05, max_blocks=blocks, min_blocks=2, spending=spending)
    one, other = crossing(bound, drift=drift), crossing(bound, drift=-drift)
    assert one.up == pytest.approx(other.down, abs=1e-12)
    assert one.expected_information == pytest.approx(other.expected_information, abs=1e-12)
    assert 0.025 - 1e-8 <= one.power <= 1.0 + 1e-8
    assert 0.0 < one.expected_information <= 1.0


def test_without_a_drift_the_looks_spend_alpha() -> None:
    for spending in ("obf", "pocock"):
        bound = boundary(alpha=0.05, max_blocks=200, min_blocks=10, spending=spending)
        at_null = crossing(bound, drift=0.0)
        assert sum(at_null.up) + sum(at_null.down) == pytest.approx(0.05, abs=1e-8)


def test_one_look_is_the_fixed_test() -> None:
    bound = fixed_boundary(alpha=0.05, max_blocks=30)
    assert inflation(bound, power=0.9) == pytest.approx(1.0, abs=1e-9)
    assert crossing(bound, drift=2.0).power == pytest.approx(float(ndtr(2.0 - 1.959963985)))
    assert crossing(bound, drift=9.0).expected_information == 1.0


def test_looks_that_cannot_be_crossed_are_passed_over() -> None:
    bound = boundary(alpha=0.05, max_blocks=10_000, min_blocks=10)
    assert bound.critical[0] == math.inf
    strong = crossing(bound, drift=40.0)
    assert strong.up[0] == 0.0
    assert strong.power == pytest.approx(1.0, abs=1e-8)
    never = Boundary(looks=(5,), critical=(math.inf,), nominal=(0.0,), alpha=0.05)
    assert crossing(never, drift=3.0).power == 0.0
    assert crossing(never, drift=3.0).expected_information == 1.0
    assert drift_needed(never, power=0.8) == inflation(never, power=0.8) == math.inf


def test_the_drift_needed_gives_the_power_asked_for() -> None:
    bound = boundary(alpha=0.01, max_blocks=50, min_blocks=10, spending="pocock")
    for power in (0.01, 0.5, 0.8, 0.999, 1 - 1e-9):
        drift = drift_needed(bound, power=power)
        assert crossing(bound, drift=drift).power == pytest.approx(power, abs=1e-9)


def test_bad_arguments_are_quoted() -> None:
    bound = boundary(alpha=0.05, max_blocks=20, min_blocks=10)
    with pytest.raises(ValueError, match="nan"):
        crossing(bound, drift=math.nan)
    with pytest.raises(ValueError, match=r"1\.0"):
        inflation(bound, power=1.0)
    with pytest.raises(ValueError, match=r"0\.01"):
        drift_needed(bound, power=0.01)
