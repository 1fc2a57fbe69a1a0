"""The raw statistics of an analysis: every number a statistician would ask for."""

from __future__ import annotations

from gitexp.app.views import AnalysisView
from gitexp.blocks import Block, NotPositive, difference
from gitexp.decision import ArmSummary, PrimaryResult
from gitexp.model import Scale
from gitexp.render import numbers, words
from gitexp.render.labels import labelled
from gitexp.render.screen import Line, Screen, Span, Style, line


def raw_statistics(view: AnalysisView, screen: Screen) -> list[Line]:
    """Both arms' summaries, the test, the effect sizes, and a table of the blocks."""
    analysis = view.analysis
    lines = [line(), line(Span("raw statistics", Style.STRONG))]
    lines += _result(analysis.primary)
    critical = analysis.looks.critical
    if critical is not None:
        shown = numbers.significant(critical, 5)
        lines += labelled("boundary", [line(f"|z| {shown} at the look this result is of")])
    if analysis.after is not None:
        lines += [line(Span("over all blocks, for comparison", Style.MUTED))]
        lines += _result(analysis.after)
    return [*lines, line(), *_blocks(view, screen), line()]


def _result(found: PrimaryResult) -> list[Line]:
    lines = labelled("control", [line(_summary(found, found.control))])
    lines += labelled("treatment", [line(_summary(found, found.treatment))])
    name = "V" if found.df is None else "t"
    test = f"{words.test(found.test)} {name}={_number(found.statistic)}"
    test += f" df={_number(found.df)}" if found.df is not None else ""
    nominal = _number(found.nominal_level)
    lines += labelled(
        "test", [line(f"{test} {numbers.p_value(found.p_value)} (this look's level {nominal})")]
    )
    effect = (
        f"{numbers.change(found.effect, found.metric, Scale.DIFFERENCE)} in metric units, "
        f"Hedges' g {_number(found.hedges_g)}, Cohen's d {_number(found.cohens_d)} "
        f"(independent arms), d_z {_number(found.d_z)} (paired)"
    )
    return lines + labelled("effect", [line(effect)])


def _summary(found: PrimaryResult, arm: ArmSummary) -> str:
    def shown(value: float | None) -> str:
        return numbers.quantity(value, found.metric.unit)

    return (
        f"n {arm.n}, mean {shown(arm.mean)}, sd {shown(arm.sd)}, median {shown(arm.median)}, "
        f"range {shown(arm.low)} to {shown(arm.high)}"
    )


def _number(value: float | None) -> str:
    return numbers.UNKNOWN if value is None else numbers.significant(value)


def _blocks(view: AnalysisView, screen: Screen) -> list[Line]:
    from tabulate import tabulate

    analysis, plan = view.analysis, view.experiment.plan
    rows: list[list[str]] = []
    used = 0
    for block in view.experiment.admitted(analysis.revision):
        counts = not block.is_retracted and block.has_value(plan.primary)
        used += counts
        note = "" if used <= analysis.blocks.used else "after"
        if not counts:
            note = "retracted" if block.is_retracted else "failed in both arms"
        control, treatment = block.values(plan.primary)
        rows.append(
            [
                str(block.number),
                block.writer,
                block.control.trial.host,
                "control" if block.control.trial.slot == 0 else "treatment",
                numbers.quantity(control, plan.primary.unit),
                numbers.quantity(treatment, plan.primary.unit),
                _difference(block, view),
                note,
            ]
        )
    if not rows:
        return [line("no complete block")]
    # cleaned before they are aligned: what is made visible takes more room
    drawn = tabulate(
        [[screen.plain(cell) for cell in row] for row in rows],
        headers=["block", "writer", "host", "first", "control", "treatment",
                 screen.plain(words.block_number(plan.scale)), ""],
        tablefmt="simple",
        disable_numparse=True,
        colalign=("right", "left", "left", "left", "right", "right", "right", "left"),
    )  # fmt: skip
    return [line(row) for row in drawn.splitlines()]


def _difference(block: Block, view: AnalysisView) -> str:
    try:
        value = difference(block, view.experiment.plan.primary, view.experiment.plan.scale)
    except NotPositive:
        return "not positive"
    return numbers.UNKNOWN if value is None else numbers.significant(value, 5)
