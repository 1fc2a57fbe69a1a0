"""From what the user calls a trial to the trial."""

from __future__ import annotations

from collections.abc import Iterator

from gitexp.app.branches import current_experiment, known_ids
from gitexp.app.load import Loaded, load
from gitexp.blocks import RunTrial
from gitexp.errors import GitexpError, Refused, UnknownTrial
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Observation
from gitexp.store.store import Store

_SHORTEST = 6
"""Characters of an id that are enough to name a trial, if only one has them."""


def find_trial(
    store: Store, text: str, *, exp: ExperimentId | None = None
) -> tuple[Loaded, RunTrial]:
    """The trial, and the experiment it belongs to.

    Args:
        text: Its id, the beginning of it, or the name its user gave it.
        exp: Where to look; None: everywhere.

    Raises:
        UnknownTrial: if there is none, or several.
    """
    for loaded in _experiments(store) if exp is None else [load(store, exp)]:
        run = TrialNames(loaded.experiment).get(text)
        if run is not None:
            return loaded, run
    raise _unknown(text, exp)


def refuse_observation(store: Store, text: str) -> None:
    """Nothing, unless the text names values that came later.

    Raises:
        Refused: then, with the trial they belong to. Taken out alone they could make room for
            others, chosen by what they do.
    """
    for loaded in _experiments(store) if len(text) >= _SHORTEST else ():
        for record in loaded.experiment.records:
            if isinstance(record.body, Observation) and record.id.startswith(text.upper()):
                raise Refused(
                    f"{record.id} is what came later of trial {record.body.trial}: it cannot be "
                    "taken out alone",
                    hint=f"take the trial out: git exp retract {record.body.trial} --reason WHY",
                    code="observation",
                )


class TrialNames:
    """The trials of one experiment by what users call them."""

    def __init__(self, experiment: Experiment) -> None:
        self._exp = experiment.id
        self._runs = experiment.trials
        self._exact = {run.trial.trial_id or "": run for run in reversed(self._runs)}
        self._exact.pop("", None)
        self._exact |= {run.record.id: run for run in self._runs}

    def find(self, text: str) -> RunTrial:
        """The trial of this name.

        Raises:
            UnknownTrial: if there is none, or several.
        """
        found = self.get(text)
        if found is None:
            raise _unknown(text, self._exp)
        return found

    def get(self, text: str) -> RunTrial | None:
        """The trial of this name, if there is one.

        Raises:
            UnknownTrial: if there are several.
        """
        if text in self._exact:
            return self._exact[text]
        if len(text) < _SHORTEST:
            return None
        runs = [run for run in self._runs if run.record.id.startswith(text.upper())]
        if len(runs) > 1:
            raise UnknownTrial(
                f"{len(runs)} trials of {self._exp} begin with {text!r}",
                hint=f"git exp log {self._exp} shows the whole ids",
            )
        return runs[0] if runs else None


def _unknown(text: str, exp: ExperimentId | None) -> UnknownTrial:
    if exp is None:
        hint = "git exp log shows them, with their ids"
        return UnknownTrial(f"no trial is named {text!r}", hint=hint)
    return UnknownTrial(
        f"no trial of {exp} is named {text!r}", hint=f"git exp log {exp} shows them, with their ids"
    )


def _experiments(store: Store) -> Iterator[Loaded]:
    """The one checked out here first: trials are mostly looked for where one stands."""
    current = current_experiment(store)
    names = [name for name in known_ids(store) if name != current]
    for name in ([current] if current else []) + names:
        try:
            yield load(store, name)
        except GitexpError:
            continue  # a foreign branch, or records without a plan
