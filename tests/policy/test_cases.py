"""A case of an evaluation counts once, or somebody is told."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.decision import Analysis
from gitexp.health import HealthState
from gitexp.model import Arm
from gitexp.policy import analyse
from tests.making import COMPARISON, Notebook


def analysis_of(cases: Sequence[str | None]) -> Analysis:
    """Blocks of these cases, in this order."""
    notebook = Notebook()
    for number, case in enumerate(cases, 1):
        for arm, value in ((Arm.CONTROL, 1.0), (Arm.TREATMENT, 0.9)):
            notebook.trial(arm, number, {"time": value + number / 100}, case=case)
    return analyse(notebook.experiment(), COMPARISON)


def test_cases_of_their_own_and_blocks_without_any_are_no_matter() -> None:
    analysis = analysis_of(["a", "b", None, None])

    assert "cases" not in {health.check for health in analysis.health}


def test_a_case_in_two_blocks_warns_and_names_the_second() -> None:
    analysis = analysis_of(["a", "b", "a"])

    (warning,) = [health for health in analysis.health if health.check == "cases"]
    assert warning.state is HealthState.WARN
    assert warning.value == "1 of 3 blocks ask a case again"
    assert warning.advice.startswith("take them out: git exp retract ")
