"""What needs a person: the alerts of an experiment, and what makes its analysis invalid."""

from __future__ import annotations

from gitexp.app.analyze import analyze
from gitexp.app.load import load
from gitexp.app.monitor_view import Alert
from gitexp.health import HealthState
from gitexp.model import ExperimentId
from gitexp.store.store import Store


def alerts_of(store: Store, exp: ExperimentId) -> tuple[Alert, ...]:
    """The alerts of this moment. Writes nothing but a cache, and decides nothing.

    Raises:
        GitexpError: if the experiment cannot be read or analysed.
    """
    if load(store, exp).comparison is None:
        return ()  # the branch is gone and nothing was measured
    view = analyze(store, exp)
    experiment, analysis = view.experiment, view.analysis
    invalid = [check for check in analysis.health if check.state is HealthState.FAIL]
    return tuple(
        Alert(
            exp=exp,
            name=experiment.plan.name,
            plan=experiment.plan_hash,
            revision=analysis.revision,
            state=experiment.state,
            verdict=analysis.verdict,
            found=found,
            next=view.next,
        )
        for found in (*invalid, *analysis.alerts)
    )
