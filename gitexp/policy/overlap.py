"""Whether the arms ran at the same time: then one may have slowed the other down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gitexp.blocks import Block, RunTrial
from gitexp.health import Health, HealthState

_WITHIN_S = 1.0
"""Recording takes a moment, so what ended last is not known to better than this, seconds."""


def overlap_health(blocks: Sequence[Block]) -> list[Health]:
    """A warning for blocks of real uses whose two uses went on at one time on one host.

    The comparison stays fair, for chance drew the arms; only the differences become smaller or
    larger than they would be apart.
    """
    drawn = [b for b in blocks if _is_use(b.control) and _is_use(b.treatment)]
    together = [b for b in drawn if _overlap(b)]
    if not together:
        return []
    return [
        Health(
            check="overlap",
            state=HealthState.WARN,
            value=f"the arms of {len(together)} of {len(drawn)} blocks ran at the same time on "
            "one host",
            threshold="one after the other, where time is compared",
            advice="compare what a busy host does not change: --metric user, or tokens; or use the "
            "command from one place at a time",
        )
    ]


def _is_use(run: RunTrial) -> bool:
    """Whether `exec` or `run` measured it; when what was recorded by hand began nobody knows."""
    return run.trial.slot is not None and run.trial.trial_id is None


def _overlap(block: Block) -> bool:
    if block.control.trial.host != block.treatment.trial.host:
        return False
    (began, ended), (other_began, other_ended) = _span(block.control), _span(block.treatment)
    together = min(ended, other_ended) - max(began, other_began)
    return together > timedelta(seconds=_WITHIN_S)


def _span(run: RunTrial) -> tuple[datetime, datetime]:
    wall_s = run.trial.metrics.get("wall", run.trial.metrics.get("time", 0.0))
    return run.record.at - timedelta(seconds=max(0.0, min(wall_s, 1e9))), run.record.at
