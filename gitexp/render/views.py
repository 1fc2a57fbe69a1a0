"""Any answer of a command as lines."""

from __future__ import annotations

from typing import assert_never

from gitexp.app.init import InitView
from gitexp.app.trust import TrustView
from gitexp.app.views import (
    AnalysisView,
    CreatedView,
    LogView,
    PlanView,
    RecordedView,
    RunEnded,
    StatusView,
)
from gitexp.render.changes import (
    ChangeReport,
    changes_page,
    created,
    recorded,
    set_up,
    trusted,
)
from gitexp.render.screen import Line, Screen

View = (
    StatusView
    | AnalysisView
    | PlanView
    | LogView
    | RunEnded
    | CreatedView
    | RecordedView
    | InitView
    | TrustView
    | ChangeReport
)


def page(view: View, screen: Screen, *, verbose: bool = False) -> list[Line]:
    """The lines that tell this view.

    Args:
        verbose: Of an analysis: add the raw statistics.
    """
    # each page is imported when it is shown: `status` should not wait for the analysis's
    match view:
        case StatusView():
            from gitexp.render.status import status_page

            return status_page(view, screen)
        case AnalysisView():
            from gitexp.render.analysis import analysis_page

            return analysis_page(view, screen, verbose=verbose)
        case PlanView():
            from gitexp.render.plan import plan_page

            return plan_page(view, screen)
        case LogView():
            from gitexp.render.log import log_page

            return log_page(view, screen)
        case RunEnded():
            from gitexp.render.run import run_page

            return run_page(view, screen)
        case CreatedView():
            return changes_page(created(view), screen)
        case RecordedView():
            return changes_page(recorded(view), screen)
        case InitView():
            return changes_page(set_up(view), screen)
        case TrustView():
            return changes_page(trusted(view), screen)
        case ChangeReport():
            return changes_page(view, screen)
        case _:
            assert_never(view)
