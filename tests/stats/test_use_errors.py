"""Errors counted in windows: the evidence of `error_rate` where numbers of uses differ."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gitexp.stats.alarms import error_rate
from gitexp.stats.signals import Signal
from gitexp.stats.use_errors import use_error_rate


@pytest.mark.parametrize(("control", "treatment"), [(0, 7), (0, 6), (3, 12), (40, 60), (5, 2)])
def test_with_as_many_uses_it_is_the_evidence_of_trials(control: int, treatment: int) -> None:
    by_uses = use_error_rate([(control, 1000)], [(treatment, 1000)])
    by_trials = error_rate(control=control, treatment=treatment)

    assert by_uses.e_value == pytest.approx(by_trials.e_value, rel=1e-3)
    assert by_uses.signal is by_trials.signal


def test_more_uses_explain_more_errors() -> None:
    found = use_error_rate([(5, 1000)] * 4, [(20, 4000)] * 4)

    assert found.signal is Signal.QUIET
    assert found.e_value is not None
    assert found.e_value < 1
    assert found.value == pytest.approx(1.0)


def test_it_does_not_matter_how_uses_are_divided_into_windows() -> None:
    whole = use_error_rate([(6, 3000)], [(21, 6000)])
    parts = use_error_rate([(1, 1000), (2, 1000), (3, 1000)], [(7, 2000)] * 3)

    assert parts.e_value == pytest.approx(whole.e_value)


def test_no_error_says_nothing_and_many_do_not_overflow() -> None:
    assert use_error_rate([(0, 10)], [(0, 10)]).signal is Signal.NOT_ESTIMABLE
    assert use_error_rate([], []).signal is Signal.NOT_ESTIMABLE
    assert use_error_rate([(0, 10**6)], [(10**5, 10**6)]).e_value == math.inf


def test_chance_alone_rarely_raises_it_however_often_one_looks() -> None:
    rng = np.random.default_rng(7)
    raised = 0
    for _ in range(400):
        uses = 1 + rng.poisson(300, (2, 12))
        errors = rng.binomial(uses, 0.01)
        arms = [list(zip(errors[k].tolist(), uses[k].tolist(), strict=True)) for k in (0, 1)]
        raised += any(
            use_error_rate(arms[0][:n], arms[1][:n]).signal is Signal.RAISED for n in range(1, 13)
        )

    # P(E >= 20 at any time) <= 0.05
    assert raised / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="windows"):
        use_error_rate([(0, 1)], [])
    with pytest.raises(ValueError, match="between 0 and"):
        use_error_rate([(2, 1)], [(0, 1)])
