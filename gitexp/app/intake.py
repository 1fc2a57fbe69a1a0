"""Taking in what other clones measured: only the deciding one does, and says so in a record."""

from __future__ import annotations

from gitexp.app.load import Loaded, load
from gitexp.model import State
from gitexp.store.store import Store


def take_in(store: Store, loaded: Loaded) -> Loaded:
    """The experiment with all that is here of the present revision admitted.

    Nothing happens unless this clone decides and the revision is open; then what others completed
    since the last time enters by a recorded event, and the experiment is read again.
    """
    experiment, comparison = loaded.experiment, loaded.comparison
    if not loaded.is_decider or comparison is None or experiment.state is not State.RUNNING:
        return loaded
    if comparison.revision in experiment.decisions or experiment.expired is not None:
        return loaded
    # policy needs numpy, which a clone that takes nothing in can do without
    from gitexp.policy.intake import due_intakes

    due = due_intakes(experiment, comparison.revision)
    for intake in due:
        target = experiment.plan_commit or comparison.treatment.commit
        store.record(experiment.id, experiment.plan_hash, intake, target=target)
    return load(store, experiment.id) if due else loaded
