"""Any answer of a command as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitexp.app.status_view import StatusView
from gitexp.render.screen import Line, Screen

if TYPE_CHECKING:
    from gitexp.app.auto_view import AutoView
    from gitexp.app.doctor_view import DoctorView
    from gitexp.app.monitor_view import MonitorView
    from gitexp.app.views import AnalysisView, LogView, PlanView, PowerView, RunEnded
    from gitexp.render.changes import Reported

    Paged = (
        AutoView
        | DoctorView
        | MonitorView
        | AnalysisView
        | PlanView
        | PowerView
        | LogView
        | RunEnded
        | Reported
    )
    View = StatusView | Paged


def page(view: View, screen: Screen, *, verbose: bool = False) -> list[Line]:
    """The lines that tell this view.

    Args:
        verbose: Of an analysis: add the raw statistics.
    """
    # `status` must start fast: it does not wait for the other views and their pages
    if isinstance(view, StatusView):
        from gitexp.render.status import status_page

        return status_page(view, screen)
    return _other_page(view, screen, verbose=verbose)


def _other_page(view: Paged, screen: Screen, *, verbose: bool) -> list[Line]:
    from gitexp.app.auto_view import AutoView
    from gitexp.app.doctor_view import DoctorView
    from gitexp.app.monitor_view import MonitorView
    from gitexp.app.views import AnalysisView, LogView, PlanView, PowerView, RunEnded

    match view:
        case MonitorView():
            from gitexp.render.monitor import monitor_page

            return monitor_page(view, screen)
        case DoctorView():
            from gitexp.render.doctor import doctor_page

            return doctor_page(view, screen)
        case AutoView():
            from gitexp.render.auto import auto_page

            return auto_page(view, screen)
        case AnalysisView():
            from gitexp.render.analysis import analysis_page

            return analysis_page(view, screen, verbose=verbose)
        case PlanView():
            from gitexp.render.plan import plan_page

            return plan_page(view, screen)
        case PowerView():
            from gitexp.render.power import power_page

            return power_page(view, screen)
        case LogView():
            from gitexp.render.log import log_page

            return log_page(view, screen)
        case RunEnded():
            from gitexp.render.run import run_page

            return run_page(view, screen)
        case _:
            from gitexp.render.changes import changes_page, report

            return changes_page(report(view), screen)
