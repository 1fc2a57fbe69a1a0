"""A repository and its experiments as they are: read without writing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitexp.codec import plan_hash
from gitexp.lifecycle import Experiment, choose_plan, fold
from gitexp.model import Evidence, ExperimentId, Oid, PlanBody, State
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the checks of `doctor` look at.

    Attributes:
        refs: Every ref that could be of an experiment.
        evidence: By experiment, those with records or refs of records.
        experiments: Those with a plan that can be read.
    """

    store: Store
    refs: Mapping[str, Oid]
    evidence: Mapping[ExperimentId, Evidence]
    experiments: Mapping[ExperimentId, Experiment]

    @property
    def running(self) -> tuple[Experiment, ...]:
        return tuple(e for e in self.experiments.values() if e.state is State.RUNNING)

    def has_ended(self, exp: ExperimentId) -> bool:
        """Whether nothing will be measured for it; one that cannot be read may go on."""
        found = self.experiments.get(exp)
        if found is not None:
            return found.state is not State.RUNNING
        return exp not in self.evidence


def see(store: Store) -> Seen:
    """Read everything; what cannot be read is left out, and the checks say so."""
    listed = store.our_refs()
    evidence: dict[ExperimentId, Evidence] = {}
    experiments: dict[ExperimentId, Experiment] = {}
    for exp in store.experiment_ids(listed):
        evidence[exp] = store.look(exp)
        experiment = _folded(evidence[exp])
        if experiment is not None:
            experiments[exp] = experiment
    return Seen(store=store, refs=listed, evidence=evidence, experiments=experiments)


def _folded(evidence: Evidence) -> Experiment | None:
    """The experiment; where clones registered two of one name, one that still runs before others.

    What has to stay for one of them must not go because another has ended.
    """
    held = choose_plan(evidence, None, None)
    if held is None:
        return None
    plans = (record.body for record in evidence.records if isinstance(record.body, PlanBody))
    bodies = {body.canonical: body for body in (held, *plans)}
    folded = [fold(evidence, body, plan_hash(line)) for line, body in bodies.items()]
    return next((found for found in folded if found.state is State.RUNNING), folded[0])
