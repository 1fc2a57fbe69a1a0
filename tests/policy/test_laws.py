"""Laws of the decision: it depends on plan and records, not on who looked when."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.decision import Analysis
from gitexp.model import Scale, TestName, Verdict
from gitexp.policy import analyse
from tests.making import COMPARISON, Notebook, plan_with

value = st.one_of(
    st.none(), st.floats(0.5, 2.0).map(lambda x: round(x, 2)), st.sampled_from([1.0, 1.05, 0.95])
)
blocks = st.lists(st.tuples(value, value), max_size=24)
tests = st.sampled_from([TestName.SIGNED_RANK, TestName.T])


def _notebook(test: TestName, pairs: list[tuple[float | None, float | None]]) -> Notebook:
    notebook = Notebook(plan_with(test=test, min_effect=0.02))
    notebook.blocks(pairs)
    return notebook


def _same(a: Analysis, b: Analysis) -> bool:
    # NaN appears nowhere, so equality of values is equality of numbers
    return a == b


@given(test=tests, pairs=blocks, seed=st.integers(0, 2**16))
@settings(max_examples=60)
def test_the_order_in_which_records_are_found_changes_nothing(
    test: TestName, pairs: list[tuple[float | None, float | None]], seed: int
) -> None:
    notebook = _notebook(test, pairs)
    shuffled = [*notebook.records]
    random.Random(seed).shuffle(shuffled)

    found = analyse(notebook.experiment(), COMPARISON)

    assert _same(analyse(notebook.experiment(shuffled), COMPARISON), found)


@given(test=tests, pairs=blocks)
@settings(max_examples=60)
def test_a_final_verdict_stays_whatever_comes_after(
    test: TestName, pairs: list[tuple[float | None, float | None]]
) -> None:
    whole = analyse(_notebook(test, pairs).experiment(), COMPARISON)

    for count in range(len(pairs)):
        part = analyse(_notebook(test, pairs[:count]).experiment(), COMPARISON)
        if part.verdict.is_final:
            assert part.verdict is whole.verdict
            assert part.primary == whole.primary
            assert part.looks.decided_at == whole.looks.decided_at
            break


@given(test=tests, pairs=blocks)
@settings(max_examples=60)
def test_swapping_the_arms_turns_the_effect_around(
    test: TestName, pairs: list[tuple[float | None, float | None]]
) -> None:
    plain = replace(plan_with(test=test), min_effect=0.0)
    one, other = Notebook(plain), Notebook(plain)
    one.blocks(pairs)
    other.blocks([(treatment, control) for control, treatment in pairs])

    found = analyse(one.experiment(), COMPARISON)
    swapped = analyse(other.experiment(), COMPARISON)

    effect, mirrored = found.primary.rel_effect, swapped.primary.rel_effect
    if effect is not None and mirrored is not None and math.isfinite(effect):
        assert math.log1p(mirrored) == pytest.approx(-math.log1p(effect), abs=1e-9)
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert swapped.verdict is opposite.get(found.verdict, found.verdict)


@given(pairs=blocks, factor=st.sampled_from([1e-3, 60.0, 1024.0]))
@settings(max_examples=40)
def test_the_unit_of_a_metric_changes_nothing_relative(
    pairs: list[tuple[float | None, float | None]], factor: float
) -> None:
    scaled = [
        (None if c is None else c * factor, None if t is None else t * factor) for c, t in pairs
    ]

    found = analyse(_notebook(TestName.SIGNED_RANK, pairs).experiment(), COMPARISON)
    other = analyse(_notebook(TestName.SIGNED_RANK, scaled).experiment(), COMPARISON)

    assert other.verdict is found.verdict
    assert other.looks.decided_at == found.looks.decided_at


sizes = st.floats(-1e60, 1e60) | st.sampled_from([1e60, -1e60, 5e-324, -5e-324, 1e-300, 0.0])


@given(
    test=st.sampled_from(TestName),
    scale=st.sampled_from(Scale),
    alpha=st.sampled_from([0.05, 1e-17, 1e-300]),
    pairs=st.lists(st.tuples(sizes, sizes), max_size=24),
)
@settings(max_examples=200)
def test_any_value_a_record_may_hold_has_an_analysis(
    test: TestName, scale: Scale, alpha: float, pairs: list[tuple[float, float]]
) -> None:
    notebook = Notebook(plan_with(test=test, scale=scale, alpha=alpha))
    notebook.blocks(pairs)

    assert analyse(notebook.experiment(), COMPARISON).verdict in Verdict
