"""The answer of `power`."""

from __future__ import annotations

from gitexp.app.views import PowerView
from gitexp.model import Stopping
from gitexp.render import numbers, words
from gitexp.render.columns import Column, table
from gitexp.render.labels import told
from gitexp.render.screen import Line, Screen, line
from gitexp.render.sentences import found_effect, guard_size


def power_page(view: PowerView, screen: Screen) -> list[Line]:
    """What the plan can find, what the effect asked for takes, and other numbers of blocks."""
    plan = view.plan
    counted = "blocks" if plan.test.is_paired else "trials of each arm"
    lines = told(
        "finds", f"{found_effect(plan, view.effect)} in {plan.max_blocks} {counted}", screen
    )
    if view.wanted is not None:
        takes = "more than anybody could run"
        if view.needed is not None:
            takes = f"{view.needed} {counted}: --max-blocks {view.needed}"
        lines += told("takes", f"{found_effect(plan, view.wanted)}: {takes}", screen)
    lines += [part for g in view.guards for part in told("guardrail", guard_size(g), screen)]
    lines += told("with", _conditions(view), screen)
    lines += [line()]
    lines += table(
        [
            Column(
                title=counted.upper(),
                rows=[str(n) for n, _ in view.finds],
                is_right=True,
            ),
            Column(title="FINDS", rows=[found_effect(plan, effect) for _, effect in view.finds]),
        ],
        screen,
    )
    return lines


def _conditions(view: PowerView) -> str:
    plan, noise = view.plan, view.noise
    source = (
        f", from {numbers.plural(noise.blocks, 'block')} of {view.source}" if view.source else ""
    )
    rule = f"{words.test(plan.test)}, {plan.stopping}, α {numbers.short(plan.alpha)}"
    text = (
        f"power {numbers.short(view.power)}, {rule}; noise {numbers.short(noise.sd)} on "
        f"{words.block_number(plan.scale)}{source}"
    )
    if plan.stopping is Stopping.ALWAYS_VALID:
        text += f"; {words.ANYTIME_PRICE}"
    return text
