"""What each look may know of a metric whose values can come later than the block.

A look sees the values that had come when its last block entered, so that it stays what it was
whatever comes afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from gitexp.blocks import Block, RunTrial
from gitexp.model import Arm, Metric, Position, WriterId

T = TypeVar("T")
_Moment = tuple[Position, WriterId, int]
"""A place in replay order."""


@dataclass(frozen=True, slots=True)
class Known:
    """The blocks up to the last look, as one metric knows them.

    Attributes:
        blocks: Those that say something of the metric, in the order in which they began to.
        counts: How many of them each look knows.
        control, treatment: Trials that failed or have a value, in the order in which that was
            known; `of_control` and `of_treatment` count them at each look.
        lacking: For each look, how many more trials of the treatment than of the control had
            neither failed nor a value.
        awaiting: Blocks that lack a value still.
        is_on_time: Whether no value came later than its trial, and none is awaited.
    """

    blocks: tuple[Block, ...]
    counts: tuple[int, ...]
    control: tuple[RunTrial, ...]
    of_control: tuple[int, ...]
    treatment: tuple[RunTrial, ...]
    of_treatment: tuple[int, ...]
    awaiting: int
    is_on_time: bool

    @property
    def lacking(self) -> tuple[int, ...]:
        pairs = zip(self.of_control, self.of_treatment, strict=True)
        return tuple(control - treatment for control, treatment in pairs)


def known_at(
    blocks: Sequence[Block], positions: Sequence[int], metric: Metric, *, is_last_put_off: bool
) -> Known:
    """What looks at these blocks know of the metric.

    Args:
        blocks: All admitted ones in replay order.
        positions: How many of them each look sees.
        is_last_put_off: Whether the last look was put off until it knew all that there is.
    """
    seen = blocks[: positions[-1]] if positions else [b for b in blocks if b.entered is not None]
    moments = [_moment(seen[position - 1]) for position in positions]
    if is_last_put_off:
        moments = moments[:-1]
    if not any(block.known(metric) or block.awaits(metric) for block in seen):
        return _all_on_time(seen, positions, metric)
    whole = len(positions) if is_last_put_off else None
    blocks_known = _in_order(
        [(_moment(b, b.known(metric)), b) for b in seen if b.has_value(metric)], moments, whole
    )
    control, treatment = (
        _in_order(
            [
                (_moment(block, block.run(arm).known(metric)), block.run(arm))
                for block in seen
                if not block.run(arm).awaits(metric)
            ],
            moments,
            whole,
        )
        for arm in Arm
    )
    awaiting = sum(block.awaits(metric) for block in seen)
    return Known(*blocks_known, *control, *treatment, awaiting, is_on_time=False)


def _all_on_time(blocks: Sequence[Block], positions: Sequence[int], metric: Metric) -> Known:
    telling = [block.has_value(metric) for block in blocks]
    available = [0, *accumulate(telling)]
    return Known(
        blocks=tuple(block for block, tells in zip(blocks, telling, strict=True) if tells),
        counts=tuple(available[position] for position in positions),
        control=tuple(block.control for block in blocks),
        of_control=tuple(positions),
        treatment=tuple(block.treatment for block in blocks),
        of_treatment=tuple(positions),
        awaiting=0,
        is_on_time=True,
    )


def _moment(block: Block, came: Position | None = None) -> _Moment:
    """When the block entered, or where that was later, a value of it."""
    assert block.entered is not None, "a look sees only what has entered"
    return max(block.entered, came or block.entered), block.writer, block.number


def _in_order(
    found: Sequence[tuple[_Moment, T]], moments: Sequence[_Moment], looks: int | None
) -> tuple[tuple[T, ...], tuple[int, ...]]:
    """What was found, by its moment, and how much of it each look knows.

    Args:
        moments: Of the looks that were taken in their turn.
        looks: How many there are, where the last was put off: it knows everything.
    """
    ordered = sorted(found, key=lambda pair: pair[0])
    at = [moment for moment, _ in ordered]
    counts = [bisect_right(at, moment) for moment in moments]
    if looks is not None:
        counts.append(len(at))
    return tuple(one for _, one in ordered), tuple(counts)
