"""Answers of `auto` and `monitor` made by hand, and rows of `status` that tell of endings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gitexp.app.auto_view import AutoView, Managed, Trouble
from gitexp.app.monitor_view import Alert, MonitorView
from gitexp.decision import Action
from gitexp.health import Health, HealthState
from gitexp.model import ExperimentId, State, Verdict
from tests.render import examples

FAST, SLOW, ODD = ExperimentId("fast-parse"), ExperimentId("simd-x"), ExperimentId("odd")

AUTO_VIEW = AutoView(
    experiments=(
        Managed(
            id=FAST,
            state=State.PROMOTED,
            verdict=Verdict.BETTER,
            action=Action.PROMOTE,
            done=True,
            reason="promoted into main (merge c0ffee123456)",
            undo="git exp restore fast-parse",
            blocks_run=6,
            stopped="decided",
        ),
        Managed(
            id=SLOW,
            state=State.RUNNING,
            verdict=Verdict.WORSE,
            action=Action.ROLL_BACK,
            done=False,
            reason="exp/simd-x is checked out in /home/ann/other",
            trouble=Trouble(
                code="checked-out",
                message="exp/simd-x is checked out in /home/ann/other",
                hint="git -C /home/ann/other switch --detach",
                status=6,
            ),
        ),
        Managed(
            id=ODD,
            state=None,
            verdict=None,
            action=Action.NONE,
            done=False,
            reason="records of odd are here, but no plan that can be read",
            trouble=Trouble(
                code="corrupt",
                message="records of odd are here, but no plan that can be read",
                hint="git exp sync fetches it, if the remote has it",
                status=128,
            ),
        ),
    ),
    is_dry_run=False,
)

ERRORS = Health(
    check="error rate",
    state=HealthState.FAIL,
    value="the treatment failed 7 times in 20 trials, the control 0 times (e-value 36.6)",
    threshold="e-value 20, and 2 times the failures of the control",
    advice="read why: git exp log fast-parse; to give it up: git exp rollback fast-parse",
)
ALERT = Alert(
    exp=FAST,
    name="table-driven tokenizer",
    plan=examples.ANALYSIS_VIEW.experiment.plan_hash,
    revision=examples.REVISION,
    state=State.RUNNING,
    verdict=Verdict.COLLECTING,
    found=ERRORS,
    next=("git exp run fast-parse",),
)
MONITOR_VIEW = MonitorView(
    checked=(FAST, SLOW),
    alerts=(ALERT,),
    unread=((ODD, "no plan that can be read; git exp sync fetches it"),),
    undelivered=((ALERT, "exit status 7: no route to host"),),
)

_IN_FORCE = examples.other(
    "inline-hot",
    Verdict.BETTER,
    state=State.PROMOTED,
    reason="decided at block 10",
    complete=20,
    decided_at=10,
    merge=examples.MERGE,
    ended=examples.NOW - timedelta(days=10),
    estimate=examples.judged(-0.2, -0.25, -0.15),
    next=(),
)
_GIVEN_UP = examples.other(
    "simd-x",
    Verdict.WORSE,
    state=State.ROLLED_BACK,
    reason="decided at block 12",
    complete=12,
    decided_at=12,
    alerts=(ERRORS,),
    ended=examples.NOW - timedelta(days=2),
    ending="rolled back by ann-laptop-1: worse at block 12; by git exp auto",
    estimate=examples.judged(0.098, 0.06, 0.139),
    next=(),
)
ENDED_VIEW = replace(examples.STATUS_VIEW, rows=(_IN_FORCE, _GIVEN_UP), is_single=True)
