"""The verdict of `run --json` in 2 KiB, whatever the plan and the checks are called."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gitexp.app.allowance import Reached
from gitexp.app.views import RunEnded
from gitexp.health import Health, HealthState
from gitexp.model import ExperimentId, GuardState
from gitexp.render.verdict_line import LIMIT, verdict_line
from tests.render.examples import ANALYSIS_VIEW, RUN_ENDED

LONG = -1.2345678901234567e-100
PLAN = replace(ANALYSIS_VIEW.experiment.plan, id=ExperimentId("f" * 64))
WORDS = ["short", "m" * 200, "\u202e\u6587" * 100, '"\\' * 100, "\U0001f600" * 200]


def with_names(word: str, count: int) -> RunEnded:
    """The example with so many guardrails and checks, all of this name."""
    analysis = ANALYSIS_VIEW.analysis
    primary = replace(
        analysis.primary, metric=replace(analysis.primary.metric, name=word, unit=word)
    )
    guard = replace(analysis.guardrails[0], metric=replace(analysis.primary.metric, name=word))
    check = Health(
        check="load", state=HealthState.WARN, value=word, threshold=word, advice=word * 5
    )
    full = replace(
        analysis,
        primary=primary,
        reason=word * 3,
        guardrails=(guard,) * count,
        alerts=(check,) * count,
        health=(check,) * count,
    )
    next_ = ("git exp run " + "f" * 64 + f" --max-cost {'c' * 100}=1.2345678901234e-100" * 3,)
    reached = Reached(budget="max-cost", limit=LONG, used=LONG, metric="c" * 100)
    experiment = replace(ANALYSIS_VIEW.experiment, plan=PLAN)
    view = replace(ANALYSIS_VIEW, analysis=full, experiment=experiment, next=next_)
    return replace(RUN_ENDED, view=view, stopped="max-cost", reached=reached, elapsed_s=LONG)


def told(ended: RunEnded) -> dict[str, Any]:
    return verdict_line(ended)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("count", [0, 1, 3, 50, 3000])
def test_it_fits_and_counts_what_it_leaves_out(word: str, count: int) -> None:
    line = told(with_names(word, count))

    text = json.dumps(line, allow_nan=False)
    assert len(text) + 1 <= LIMIT
    assert list(line["next"]) == list(with_names(word, 0).view.next)
    for name in ("guardrails", "alerts", "health"):
        assert len(line[name]) + line["left_out"][name] == count
    text.encode("ascii")


def test_it_says_all_when_all_fits() -> None:
    line = told(RUN_ENDED)

    assert line["left_out"] == {"guardrails": 0, "alerts": 0, "health": 0}
    assert len(line["guardrails"]) == len(ANALYSIS_VIEW.analysis.guardrails)


def test_the_worst_comes_first() -> None:
    ended = RUN_ENDED
    good = ended.view.analysis.guardrails[0]
    bad = replace(good, state=GuardState.HARMED)
    many = replace(ended.view.analysis, guardrails=(*(good,) * 40, bad), alerts=(), health=())
    line = told(replace(ended, view=replace(ended.view, analysis=many)))

    assert line["guardrails"][0]["state"] == "harmed"
    assert line["left_out"]["guardrails"] > 0
