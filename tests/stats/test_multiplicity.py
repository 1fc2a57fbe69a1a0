from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.multiplicity import benjamini_hochberg, holm
from tests.stats.reference import CASES, agrees


def test_adjusted_p_values() -> None:
    case = CASES["multiplicity_10"]
    agrees(case, holm(case["inputs"]["p"]), case["expected"]["holm"])
    agrees(case, benjamini_hochberg(case["inputs"]["p"]), case["expected"]["bh"])


def test_the_example_of_benjamini_and_hochberg() -> None:
    case = CASES["bh1995_published"]
    by_holm, by_bh = holm(case["inputs"]["p"]), benjamini_hochberg(case["inputs"]["p"])
    agrees(case, by_holm, case["expected"]["holm_adj"])
    agrees(case, by_bh, case["expected"]["bh_adj"])
    assert np.sum(by_holm <= case["inputs"]["q"]) == case["expected"]["holm_rejects"]
    assert np.sum(by_bh <= case["inputs"]["q"]) == case["expected"]["bh_rejects"]


@given(st.lists(st.floats(0.0, 1.0), max_size=20), st.randoms())
def test_the_order_of_metrics_does_not_matter(p: list[float], random: np.random.Generator) -> None:
    order = list(range(len(p)))
    random.shuffle(order)
    for adjust in (holm, benjamini_hochberg):
        shuffled = adjust([p[i] for i in order])
        assert shuffled == pytest.approx(adjust(p)[order], abs=1e-15)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_adjusting_only_raises_and_holm_raises_most(p: list[float]) -> None:
    by_holm, by_bh = holm(p), benjamini_hochberg(p)
    assert np.all(by_bh >= np.array(p) * (1 - 1e-12))
    assert np.all(by_holm >= by_bh * (1 - 1e-12))
    assert np.all(by_holm <= 1.0)


def test_one_metric_is_not_adjusted_and_none_is_nothing() -> None:
    assert holm([0.03]).tolist() == benjamini_hochberg([0.03]).tolist() == [0.03]
    assert holm([]).size == benjamini_hochberg([]).size == 0


def test_what_is_no_p_value_is_refused() -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match=r"1\.2"):
            adjust([0.1, 1.2])
        with pytest.raises(ValueError, match="nan"):
            adjust([0.1, float("nan")])


def test_holm_finds_something_in_noise_with_probability_alpha() -> None:
    experiments = 4_000
    p = np.random.default_rng(24).random((experiments, 8))
    found = np.mean([holm(row).min() < 0.05 for row in p])
    assert abs(found - (1 - (1 - 0.05 / 8) ** 8)) < 4 * np.sqrt(0.05 * 0.95 / experiments)
