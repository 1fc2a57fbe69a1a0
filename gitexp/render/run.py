"""A run while it goes on, and how it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from gitexp.app.allowance import Reached
from gitexp.app.answered import Answered
from gitexp.app.views import (
    LookTaken,
    RunEnded,
    RunMessage,
    RunStarted,
    SelfCompared,
    TrialDone,
)
from gitexp.decision import PrimaryResult
from gitexp.lifecycle import Experiment
from gitexp.model import Outcome, RolledBack
from gitexp.render import numbers, words
from gitexp.render.analysis import analysis_page
from gitexp.render.bars import progress_bar
from gitexp.render.columns import shortened
from gitexp.render.labels import commands, told
from gitexp.render.screen import Line, Screen, line, wrapped

_STOPPED = {
    "decided": "the experiment is decided",
    "ended": "the experiment has ended",
    "blocks": "the blocks asked for are run",
    "exhausted": "the planned blocks are used up",
    "expired": "the plan's last day is over",
}


def run_page(ended: RunEnded, screen: Screen) -> list[Line]:
    """The answer of `run`: what it did, and the analysis as it stands."""
    why = _STOPPED.get(ended.stopped, ended.stopped)
    if ended.stopped == "waiting":
        decider = ended.view.experiment.decider
        why = f"all planned blocks are there; waiting for {decider} to sync"
    if ended.stopped == "ended":
        why = f"{why}: {_ending(ended.view.experiment)}"
    if ended.reached is not None:
        why = _used_up(ended.reached)
    did = f"{numbers.plural(ended.blocks_run, 'block')} run in {numbers.span(ended.elapsed_s)}"
    if not ended.blocks_run:
        did = "nothing run"
    return [*wrapped(f"{did}: {why}", screen), line(), *analysis_page(ended.view, screen)]


def self_page(ended: SelfCompared, screen: Screen) -> list[Line]:
    """The answer of `run --aa`."""
    did = f"{numbers.plural(ended.blocks_run, 'block')} run in {numbers.span(ended.elapsed_s)}"
    floor, plan = ended.floor, ended.experiment.plan
    if floor is None:
        return wrapped(f"{did}: no block has a value of {plan.primary.name}", screen)
    if not any(map(math.isfinite, floor.interval)):
        blocks = numbers.plural(floor.blocks, "block")
        return wrapped(f"{did}: {blocks} are too few to say what no change measures", screen)
    ends = numbers.interval(floor.interval, plan.primary, plan.scale)
    found = f"no change measures {ends} in {plan.primary.name} on {floor.host}"
    over = f"95% interval over {numbers.plural(floor.blocks, 'block')}"
    lines = wrapped(f"{did}: {found} ({over})", screen)
    if floor.sd is not None:
        lines += told(
            "noise", f"a block's difference scatters by {numbers.short(floor.sd)}", screen
        )
    if not floor.is_clean:
        lines += told(
            "warning", "the same code differs from itself: something favours one arm", screen
        )
    return lines


def answer_page(ended: Answered, screen: Screen) -> list[Line]:
    """The answer of a `run` for which the records have one."""
    judged = ended.judged
    text = (
        f"nothing run: {ended.by} has judged these two trees by the same command and metric: "
        f"{judged.verdict}, {judged.at:%Y-%m-%d %H:%M} UTC, after "
        f"{numbers.plural(judged.blocks, 'block')}"
    )
    change = numbers.change(judged.effect, ended.metric, ended.scale)
    lines = [*wrapped(text, screen), *told("primary", f"{ended.metric.name} {change}", screen)]
    return lines + commands("next", ended.next)


def _used_up(reached: Reached) -> str:
    """Which budget forbids another block, and what was used of it."""
    match reached.budget:
        case "max-failures":
            failed = numbers.plural(round(reached.used), "trial")
            return f"{failed} failed, and --max-failures allows {round(reached.limit)}"
        case "max-cost":
            used = numbers.significant(reached.used, 6)
            limit = numbers.significant(reached.limit, 6)
            return f"{reached.metric} adds up to {used}, and --max-cost allows {limit}"
        case _:
            limit = numbers.span(reached.limit)
            if reached.block_s is None or reached.used >= reached.limit:
                return f"--max-time {limit} is used up"
            block = numbers.span(reached.block_s)
            return f"another block, about {block}, does not fit in --max-time {limit}"


def _ending(experiment: Experiment) -> str:
    """How it ended, and who said so: it may have been another clone."""
    event = experiment.state_event
    how = f"it was {words.state(experiment.state).text}"
    if event is None:
        return how
    reason = f": {event.body.reason}" if isinstance(event.body, RolledBack) else ""
    return f"{how} by {event.writer}{reason}"


@dataclass
class Progress:
    """What a run has told so far, as one line."""

    _id: str = ""
    _done: int = 0
    _total: int = 0
    _phase: str = ""
    _estimate: str = ""
    _left_s: float | None = None
    _failed: int = field(default=0)

    def hear(self, message: RunMessage) -> None:
        """Take one message in."""
        match message:
            case RunStarted():
                self._id = message.experiment.id
                self._done = message.blocks_done
                self._total = message.blocks_done + message.blocks_left
                self._phase = "warming up" if message.warm_up else ""
            case TrialDone():
                self._left_s = message.at_most_s
                self._failed += message.outcome in (Outcome.FAILED, Outcome.TIMEOUT)
                self._phase = "warming up" if message.block == 0 else ""
            case LookTaken():
                self._done = message.view.analysis.blocks.complete
                self._total = max(self._total, self._done)
                self._left_s = message.at_most_s
                self._estimate = _estimate(message.view.analysis.primary)
            case RunEnded() | SelfCompared() | Answered():
                self._left_s = None

    def line(self, screen: Screen) -> Line:
        """The state of the run in at most one row of the screen."""
        parts = [self._id]
        if self._total and screen.width >= 60:
            parts.append(progress_bar(self._done, self._total, min(screen.width // 4, 30)))
        if self._total:
            parts.append(f"{self._done}/{self._total} blocks")
        parts += [part for part in (self._phase, self._estimate) if part]
        if self._failed:
            parts.append(f"{self._failed} failed")
        if self._left_s is not None:
            parts.append(f"at most {numbers.span(self._left_s)} left")
        # the last cell stays empty: some terminals wrap when it is filled
        return shortened(line("  ".join(parts)), screen.width - 1, screen)


def _estimate(primary: PrimaryResult) -> str:
    change, ends = words.change_and_interval(primary)
    if words.effect(primary) is None:
        return ""
    bounded = any(map(math.isfinite, primary.interval))
    return f"{words.metric(primary.metric)} {change}" + (f" {ends}" if bounded else "")
