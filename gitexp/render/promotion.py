"""What a merge, a revert and their reports say was shown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from gitexp.app.promote import Promotion
from gitexp.app.restore import Restoration
from gitexp.app.rollback import Rollback
from gitexp.app.views import AnalysisView
from gitexp.changes import Changes, PromotionText, steps
from gitexp.model import Goal, Recognised, Verdict
from gitexp.refs import short
from gitexp.render import words
from gitexp.render.changes import ChangeReport
from gitexp.render.sentences import verdict_sentence


def promotion_text(view: AnalysisView) -> PromotionText:
    """The words of the merge message."""
    analysis, plan = view.analysis, view.experiment.plan
    margin = words.margin(words.goal(plan)).lstrip("+−")
    effect, interval = words.change_and_interval(analysis.primary)
    is_known = words.effect(analysis.primary) is not None
    result = f"{view.analysis.verdict}: {verdict_sentence(view)}"
    # what was shown is shown of the control as it was, not of what the target has since
    for check in analysis.health:
        if check.check == "base":
            result += f"\n\nNot measured together: {check.value}."
    return PromotionText(
        result=result,
        effect=effect if is_known else None,
        interval=interval if is_known else None,
        blocks=f"{analysis.blocks.used} of {analysis.blocks.max}",
        goal=f"{plan.goal} {margin}" if plan.goal is Goal.NO_REGRESSION else None,
    )


def summary_text(view: AnalysisView) -> str:
    """What plain `git log` shows at the treatment: the verdict in one line."""
    return f"exp/{view.experiment.id} {view.analysis.verdict}: {verdict_sentence(view)}"


def planned(
    command: str,
    exp: str,
    changes: Changes | None,
    *,
    here: str,
    options: Iterable[tuple[str, str | None]] = (),
) -> ChangeReport:
    """What would change, for --dry-run.

    Args:
        here: The branch HEAD names, or the commit when it is detached.
        options: Those that were typed, to be typed again; None: was not.
    """
    lines = ("nothing: it is so already",) if changes is None else steps(changes, here=here)
    typed = [f"{name} {shlex.quote(value)}" for name, value in options if value is not None]
    return ChangeReport(
        command=command,
        headline=f"would roll {exp} back" if command == "rollback" else f"would {command} {exp}",
        facts=tuple(("would" if at == 0 else "", step) for at, step in enumerate(lines)),
        next=(" ".join([f"git exp {command} {exp}", *typed]),),
        values={"id": exp, "dry_run": True, "steps": lines},
    )


def promoted(result: Promotion) -> ChangeReport:
    """The answer of `promote`."""
    if result.recognised is not None:
        return _recognised(result, result.recognised)
    exp = result.experiment.id
    done = "was promoted already" if result.existed else "promoted"
    facts = [("merge", f"{result.merge[:12]} on {short(result.target)}"), *_override(result)]
    if not result.existed:
        facts.append(("branch", f"exp/{exp} is deleted; the archive keeps {result.tip[:12]}"))
    return ChangeReport(
        command="promote",
        headline=f"{exp} {done} into {short(result.target)}",
        facts=(*facts, *_standing(result.stands_on)),
        next=("git exp status --all",),
        undo=result.undo,
        values=_promotion_values(result),
    )


def _recognised(result: Promotion, how: Recognised) -> ChangeReport:
    """The answer of `promote` when the merge was there and only had to be recorded."""
    exp, target = result.experiment.id, short(result.target)
    facts = [("merge", f"{result.merge[:12]} on {target}, found {how}")]
    if result.verdict is not Verdict.BETTER:
        decided = "without a decision" if result.verdict is None else f"as {result.verdict}"
        facts.append(("note", f"it was merged {decided}, and status and log say so"))
    facts += _override(result)
    return ChangeReport(
        command="promote",
        headline=f"{target} has {exp} already: recorded as promoted",
        facts=tuple(facts),
        next=(f"git exp status {exp}",),
        undo=result.undo,
        values=_promotion_values(result),
    )


def _override(result: Promotion) -> list[tuple[str, str]]:
    return [] if result.override is None else [("override", result.override)]


def _promotion_values(result: Promotion) -> dict[str, object]:
    return {
        "id": result.experiment.id,
        "target": result.target,
        "tip": result.tip,
        "merge": result.merge,
        "before": result.before,
        "evidence": result.evidence,
        "existed": result.existed,
        "recognised": result.recognised,
        "override": result.override,
    }


def rolled_back(result: Rollback) -> ChangeReport:
    """The answer of `rollback`."""
    exp = result.experiment.id
    done = "was rolled back already" if result.existed else "rolled back"
    facts = []
    if result.revert is not None and result.target is not None:
        facts.append(("revert", f"{result.revert[:12]} on {short(result.target)}"))
    elif not result.existed:
        facts.append(("branch", f"exp/{exp} is deleted; the archive keeps {result.tip[:12]}"))
    return ChangeReport(
        command="rollback",
        headline=f"{exp} {done}; every record stays",
        facts=(*facts, *_standing(result.stands_on)),
        next=("git exp status --all",),
        undo=result.undo,
        values={
            "id": exp,
            "tip": result.tip,
            "target": result.target,
            "revert": result.revert,
            "existed": result.existed,
        },
    )


def restored(result: Restoration) -> ChangeReport:
    """The answer of `restore`."""
    exp = result.experiment.id
    if result.existed:
        state = "running" if result.merge is None else "promoted"
        headline = f"{exp} is {state}: there is nothing to restore"
    elif result.taken_back is not None:
        headline = f"promotion of {exp} taken back"
    elif result.merge is not None:
        headline = f"{exp} is promoted again"
    else:
        headline = f"{exp} is running again"
    facts = [("branch", f"exp/{exp} at {result.tip[:12]}")]
    if result.merge is not None and result.target is not None:
        facts = [("commit", f"{result.merge[:12]} on {short(result.target)}")]
    if result.taken_back is not None and result.target is not None:
        again = f"{short(result.target)} is at {result.taken_back[:12]} again"
        facts = [("target", again), *facts]
    return ChangeReport(
        command="restore",
        headline=headline,
        facts=(*facts, *_standing(result.stands_on)),
        next=(f"git exp status {exp}",) if result.taken_back is None else (result.undo,),
        undo=None if result.existed else result.undo,
        values={
            "id": exp,
            "tip": result.tip,
            "merge": result.merge,
            "target": result.target,
            "existed": result.existed,
        },
    )


def _standing(stands_on: str | None) -> tuple[tuple[str, str], ...]:
    if stands_on is None:
        return ()
    if not stands_on.startswith("refs/"):
        return (("here", f"you are on {stands_on[:12]} now, which is no branch"),)
    return (("here", f"you are on {short(stands_on)} now"),)
