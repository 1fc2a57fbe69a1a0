"""`run --aa`: the control compared with itself, to see what this host makes of no change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from gitexp.app.block_runner import BlockRunner, trial_done
from gitexp.app.load import load
from gitexp.app.preflight import refuse_to_start
from gitexp.app.rig import open_rig
from gitexp.app.views import RunMessage, RunStarted, SelfCompared
from gitexp.model import ExperimentId
from gitexp.policy.noise import noise_floors
from gitexp.runner.environment import host
from gitexp.runner.only_one import timing_lock
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
            warnings=rig.warnings,
        )
        for record in runner.warm_up(rig):
            yield trial_done(record)
        for _ in range(blocks):
            for record in runner.block(rig):
                yield trial_done(record)
        experiment = runner.experiment
        yield SelfCompared(
            experiment=experiment,
            floor=next((f for f in noise_floors(experiment) if f.host == host()), None),
            blocks_run=blocks,
            elapsed_s=time.monotonic() - started,
        )
