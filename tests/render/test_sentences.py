"""The one sentence a reader may take away."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from gitexp.app.views import AnalysisView
from gitexp.decision import Looks
from gitexp.model import Goal, GuardState, Verdict
from gitexp.render.promotion import promotion_text
from gitexp.render.screen import Screen
from gitexp.render.sentences import verdict_sentence
from gitexp.render.views import page
from tests.render.examples import ANALYSIS, ANALYSIS_VIEW, BLOCKS, EXPERIMENT, PLAN, PRIMARY


def view(*, goal: Goal = Goal.BETTER, **changes: object) -> AnalysisView:
    experiment = replace(EXPERIMENT, plan=replace(PLAN, goal=goal))
    analysis = replace(ANALYSIS, **changes)  # type: ignore[arg-type]
    return replace(ANALYSIS_VIEW, experiment=experiment, analysis=analysis)


def shown(what: AnalysisView) -> str:
    return Screen(width=100).text(page(what, Screen(width=100)))


def test_not_worse_is_not_told_as_an_improvement() -> None:
    found = view(goal=Goal.NO_REGRESSION)

    assert verdict_sentence(found).startswith("not worse than +10% in time: −4.5% (95% repeated")
    assert promotion_text(found).goal == "no-regression 10%"
    assert promotion_text(ANALYSIS_VIEW).goal is None


def test_worse_through_a_guardrail_names_it_before_the_gain() -> None:
    harmed = replace(ANALYSIS.guardrails[0], state=GuardState.HARMED, fell_at=10, least=0.0712)
    found = view(verdict=Verdict.WORSE, guardrails=(harmed,))

    assert verdict_sentence(found).startswith(
        "maxrss harmed: more than +5% worse, decided at block 10 of 20; time −4.5% (95%"
    )
    assert "at least +7.1%  ✗ harmed" in shown(found)
    endless = view(verdict=Verdict.WORSE, guardrails=(replace(harmed, least=inf),))
    assert "failed too often" in shown(endless)


def test_what_ended_undecided_was_not_decided() -> None:
    found = view(
        verdict=Verdict.UNDECIDED,
        looks=Looks(
            last=10, next=None, crossed_at=None, decided_at=None, ended_at=None, critical=2.0
        ),
        blocks=replace(BLOCKS, max=10),
    )

    assert verdict_sentence(found).endswith(
        ", ended undecided after 10 blocks; 2 later blocks not used"
    )


def test_what_never_varies_needs_no_interval_and_no_warning() -> None:
    arm = replace(PRIMARY.control, n=10, low=1.0, high=1.0)
    found = view(primary=replace(PRIMARY, control=arm, treatment=arm))

    assert "treatment −4.5% in time, the same in all 10 blocks, decided" in verdict_sentence(found)
    assert "overstate" not in shown(found)
