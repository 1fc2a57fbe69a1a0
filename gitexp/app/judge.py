"""The verdict before an irreversible act: recorded first, then turned into permission."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.analyze import settle, view_of
from gitexp.app.load import Loaded, load
from gitexp.app.views import AnalysisView
from gitexp.decision import MayPromote
from gitexp.model import ExperimentId
from gitexp.policy import permit
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An analysis whose decision, if one fell and this writer decides, is on record."""

    loaded: Loaded
    view: AnalysisView

    def permission(self, *, override: str | None) -> MayPromote:
        """Permission to promote.

        Raises:
            Refused: when the verdict is not `better` and no override is given.
        """
        return permit(self.loaded.experiment, self.view.analysis, override=override)


def judge(store: Store, exp: ExperimentId) -> Judged:
    """Analyse, and record the decision or the expiry if it has fallen."""
    loaded = load(store, exp)
    view = view_of(loaded.experiment, loaded.compared(), loaded)
    if settle(store, view):
        store.flush()
        loaded = load(store, exp)
        # one that expired before its first trial has no records to tell the arms from
        view = view_of(loaded.experiment, loaded.comparison or view.comparison, loaded)
    return Judged(loaded=loaded, view=view)
