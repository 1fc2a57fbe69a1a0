"""Blocks run one after the other, the evidence growing in memory with what is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from gitexp.app.claims import Claims
from gitexp.app.preflight import blame, missing_in_control
from gitexp.app.rig import Rig
from gitexp.app.views import TrialDone
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment, fold
from gitexp.model import Evidence, Outcome, PlanBody, Record, Revision, Trial
from gitexp.runner.process import CannotStart
from gitexp.store.store import Store

MAX_VOIDS = 10
"""Attempts of one block that the command may declare void before the run stops."""


class BlockRunner:
    """Runs this clone's next block of one revision, again and again."""

    def __init__(
        self,
        store: Store,
        experiment: Experiment,
        revision: Revision,
        *,
        is_bounded: bool = False,
    ) -> None:
        """For one revision.

        Args:
            is_bounded: Whether to refuse a block beyond those that the plan has.
        """
        self._store = store
        self._experiment = experiment
        self._revision = revision
        self._new: list[Record] = []
        self._claims = Claims(store, revision, is_bounded=is_bounded)

    @property
    def experiment(self) -> Experiment:
        """The experiment with all that was recorded since."""
        old = self._experiment
        if self._new:
            evidence = Evidence(
                exp=old.id,
                records=(*old.records, *self._new),
                problems=old.problems,
                tips=old.tips,
            )
            self._new.clear()
            body = PlanBody(plan=old.plan, canonical=old.canonical)
            self._experiment = fold(evidence, body, old.plan_hash)
        return self._experiment

    def read_again(self, experiment: Experiment) -> None:
        """Go on from the experiment as it was read after other records were written."""
        self._experiment = experiment
        self._new.clear()

    def warm_up(self, rig: Rig) -> Iterator[Record]:
        """Blocks that are recorded and not counted; a failing arm stops the run here.

        Raises:
            Refused: then, with the likely cause.
        """
        for attempt in range(1, self._experiment.plan.warm_up + 1):
            for slot, arm in enumerate(rig.order(0, attempt)):
                try:
                    record = rig.trial(arm, block=0, attempt=attempt, slot=slot)
                except CannotStart as error:
                    raise (missing_in_control(rig, arm) or error) from error
                trial = self._note(record)
                yield record
                if trial.outcome in (Outcome.FAILED, Outcome.TIMEOUT):
                    raise blame(rig, trial)

    def block(self, rig: Rig) -> Iterator[Record]:
        """The next block until both its trials have ended; voids are run again.

        Raises:
            Refused: when the command declares one attempt after the other void.
        """
        for _ in range(MAX_VOIDS):
            outcomes = []
            with self._claims.next_block(self.experiment) as claim:
                if claim.experiment is not self._experiment:
                    self.read_again(claim.experiment)
                for slot, arm in enumerate(rig.order(claim.number, claim.attempt)):
                    if arm in claim.done:
                        continue
                    record = rig.trial(arm, block=claim.number, attempt=claim.attempt, slot=slot)
                    outcomes.append(self._note(record).outcome)
                    yield record
                    if outcomes[-1] is Outcome.VOID:
                        break
                else:
                    self._claims.block_ended()
            if Outcome.VOID not in outcomes:
                return
        raise Refused(
            f"the command declared {MAX_VOIDS} attempts of one block void (exit 125)",
            hint=f"git exp log {self._experiment.id} shows them; find out why it exits with 125",
            code="all-void",
        )

    def last_failed(self) -> bool:
        """Whether neither arm of the newest block has a value of the primary metric."""
        own = self.experiment.series.get((self._revision, self._store.writer))
        blocks = own.blocks if own else ()
        primary = self._experiment.plan.primary
        return bool(blocks) and blocks[-1].is_silent(primary)

    def _note(self, record: Record) -> Trial:
        self._new.append(record)
        assert isinstance(record.body, Trial)
        return record.body


def trial_done(
    record: Record, *, at_most_s: float | None = None, shows_values: bool = True
) -> TrialDone:
    """What is told of a trial that was recorded just now."""
    trial = record.body
    assert isinstance(trial, Trial)
    return TrialDone(
        id=record.id,
        arm=trial.arm,
        block=trial.block or 0,
        attempt=trial.attempt,
        slot=trial.slot or 0,
        outcome=trial.outcome,
        exit_code=trial.exit_code,
        metrics=trial.metrics if shows_values else {},
        at_most_s=at_most_s,
    )
