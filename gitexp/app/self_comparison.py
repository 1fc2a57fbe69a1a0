"""`run --aa`: the control compared with itself, to see what this host makes of no change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from gitexp.app.block_runner import BlockRunner
from gitexp.app.load import load
from gitexp.app.preflight import refuse_to_start
from gitexp.app.rig import open_rig
from gitexp.app.views import RunMessage, RunStarted, SelfCompared, TrialDone
from gitexp.model import ExperimentId, Record, Trial
from gitexp.policy.noise import noise_floors
from gitexp.runner.environment import host
from gitexp.runner.timing_lock import timing_lock
from gitexp.store.store import Store

DEFAULT_BLOCKS = 10


def compare_with_itself(
    store: Store, exp: ExperimentId, *, blocks: int = DEFAULT_BLOCKS
) -> Iterator[RunMessage]:
    """Run so many blocks of the control against itself, each trial durable before the next.

    They are recorded and count for no verdict: the two trees of their revision are equal.

    Raises:
        Refused: when nothing may or can be run; nothing was recorded then.
    """
    with timing_lock(store.git.common_dir), ExitStack() as stack:
        loaded = load(store, exp)
        refuse_to_start(store, loaded)
        comparison = loaded.compared().of_control
        started = time.monotonic()
        stack.callback(store.maintain)
        stack.callback(store.flush)
        # both arms run the same code here on purpose
        rig = stack.enter_context(open_rig(store, loaded.experiment, comparison, allow_shared=True))
        runner = BlockRunner(store, loaded.experiment, comparison.revision)
        yield RunStarted(
            experiment=loaded.experiment,
            comparison=comparison,
            host=host(),
            blocks_done=0,
            blocks_left=blocks,
            warm_up=loaded.experiment.plan.warm_up,
            warnings=(),
        )
        for record in runner.warm_up(rig):
            yield _done(record)
        for _ in range(blocks):
            for record in runner.block(rig):
                yield _done(record)
        experiment = runner.experiment
        yield SelfCompared(
            experiment=experiment,
            floor=next((f for f in noise_floors(experiment) if f.host == host()), None),
            blocks_run=blocks,
            elapsed_s=time.monotonic() - started,
        )


def _done(record: Record) -> TrialDone:
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
        metrics=trial.metrics,
        at_most_s=None,
    )
