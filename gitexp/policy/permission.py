"""Who may be merged: only a `better` decision, or a stated override, gives permission."""

from __future__ import annotations

from gitexp.decision import Analysis, MayPromote
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, Verdict


def permit(experiment: Experiment, analysis: Analysis, *, override: str | None) -> MayPromote:
    """Permission to promote what was analysed.

    Args:
        override: The user's reason for promoting all the same.

    Raises:
        Refused: when the verdict is not `better` and there is no override, saying what is missing.
    """
    record = experiment.decisions.get(analysis.revision)
    decided = record.body if record is not None and isinstance(record.body, Decided) else None
    if analysis.verdict is Verdict.BETTER:
        return MayPromote(verdict=Verdict.BETTER, decided=decided, override=None)
    if override is not None:
        return MayPromote(verdict=analysis.verdict, decided=decided, override=override)
    raise Refused(
        f"{experiment.id} is {analysis.verdict}, not better: {analysis.reason}",
        hint=_way_on(experiment, analysis),
        code="not-better",
    )


def _way_on(experiment: Experiment, analysis: Analysis) -> str:
    verdict, blocks = analysis.verdict, analysis.blocks
    if verdict is Verdict.COLLECTING and blocks.complete + blocks.waiting >= blocks.max:
        return "git exp sync, which takes in the blocks that wait"
    if verdict is Verdict.COLLECTING and experiment.plan.command:
        return f"git exp run {experiment.id}"
    if verdict in (Verdict.WORSE, Verdict.BLOCKED, Verdict.EQUIVALENT):
        return f"git exp rollback {experiment.id}"
    return f"git exp analyze {experiment.id}"
