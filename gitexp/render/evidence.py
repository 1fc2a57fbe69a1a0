"""What `handover` and `retract` changed."""

from __future__ import annotations

from gitexp.app.handover import HandoverView
from gitexp.app.retract import RetractedView
from gitexp.render.changes import ChangeReport


def handed_over(view: HandoverView) -> ChangeReport:
    """The answer of `handover`."""
    here = "this clone" if view.is_here else view.decider
    facts = []
    if view.predecessor == view.decider:
        headline = f"{here} decides {view.id} already"
    else:
        headline = f"{here} decides {view.id} from now on, no longer {view.predecessor}"
        facts = [("counts", f"what {view.predecessor} had recorded, up to {view.counted}")]
    return ChangeReport(
        command="handover",
        headline=headline,
        facts=tuple(facts),
        next=view.next,
        values={
            "id": view.id,
            "predecessor": view.predecessor,
            "decider": view.decider,
            "counted": view.counted,
            "is_here": view.is_here,
        },
    )


def retracted(view: RetractedView) -> ChangeReport:
    """The answer of `retract`."""
    done = "was retracted already" if view.existed else "does not count any more"
    facts = [("because", view.reason), ("note", view.note or "")]
    return ChangeReport(
        command="retract",
        headline=f"trial {view.trial} of {view.exp} {done}",
        facts=tuple((word, text) for word, text in facts if text),
        next=(f"git exp analyze {view.exp}",),
        values={
            "trial": view.trial,
            "exp": view.exp,
            "reason": view.reason,
            "existed": view.existed,
            "note": view.note,
        },
    )
