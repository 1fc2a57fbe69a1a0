"""The raw statistics of an analysis: every number a statistician would ask for."""

from __future__ import annotations

from gitexp.app.views import AnalysisView
from gitexp.blocks import WORST, Block, NotPositive, difference
from gitexp.decision import ArmSummary, PrimaryResult
from gitexp.model import Scale, Stopping
from gitexp.render import numbers, words
from gitexp.render.labels import told
from gitexp.render.others import other_tests
from gitexp.render.screen import Line, Screen, Span, Style, line


def raw_statistics(view: AnalysisView, screen: Screen) -> list[Line]:
    """Both arms' summaries, the test, the effect sizes, other tests, and a table of the blocks."""
    analysis, stopping = view.analysis, view.experiment.plan.stopping
    lines = [line(), line(Span("raw statistics", Style.STRONG))]
    lines += _result(analysis.primary, stopping, screen)
    critical = analysis.looks.critical
    if critical is not None:
        shown = numbers.short(critical, 5)
        lines += told("boundary", f"|z| {shown} at the look this result is of", screen)
    if analysis.after is not None:
        lines += [line(Span("over all blocks, for comparison", Style.MUTED))]
        lines += _result(analysis.after, stopping, screen)
    lines += other_tests(view, screen)
    is_hidden = view.experiment.shows_counts_only(analysis.revision)
    if is_hidden and not analysis.verdict.is_final:
        return [*lines, line()]
    return [*lines, line(), *_blocks(view, screen), line()]


def _result(found: PrimaryResult, stopping: Stopping, screen: Screen) -> list[Line]:
    lines = told("control", _summary(found, found.control), screen)
    lines += told("treatment", _summary(found, found.treatment), screen)
    test = words.test(found.test)
    if found.statistic is not None:
        test += f" {words.statistic(found, stopping)}={numbers.short(found.statistic)}"
    test += f" df={numbers.short(found.df)}" if found.df is not None else ""
    nominal = numbers.short(found.nominal_level)
    p = numbers.p_value(found.p_value)
    lines += told("test", f"{test} {p} (this look's level {nominal})", screen)
    effect = (
        f"{numbers.change(found.effect, found.metric, Scale.DIFFERENCE)} in metric units, "
        f"Hedges' g {numbers.short(found.hedges_g)}, Cohen's d {numbers.short(found.cohens_d)} "
        f"(independent arms), d_z {numbers.short(found.d_z)} (paired)"
    )
    return lines + told("effect", effect, screen)


def _summary(found: PrimaryResult, arm: ArmSummary) -> str:
    def shown(value: float | None) -> str:
        return numbers.quantity(value, found.metric.unit)

    return (
        f"n {arm.n}, mean {shown(arm.mean)}, sd {shown(arm.sd)}, median {shown(arm.median)}, "
        f"range {shown(arm.low)} to {shown(arm.high)}"
    )


def _blocks(view: AnalysisView, screen: Screen) -> list[Line]:
    from tabulate import tabulate

    analysis, plan = view.analysis, view.experiment.plan
    rows: list[list[str]] = []
    used = 0
    for block in view.experiment.admitted(analysis.revision):
        counts = not block.is_retracted and block.has_value(plan.primary)
        used += counts
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
                _note(block, view, is_after=used > analysis.blocks.used),
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
    # one arm failed: the test ranks it beyond every number, and no number says that
    if value is None or abs(value) >= WORST:
        return numbers.UNKNOWN
    return numbers.significant(value, 5)


def _note(block: Block, view: AnalysisView, *, is_after: bool) -> str:
    if block.is_retracted:
        return "retracted"
    primary = view.experiment.plan.primary
    if block.awaits(primary):
        return f"awaits {primary.name}"
    match block.values(primary):
        case (None, None):
            return "failed in both arms"
        case (None, _):
            failed = "control failed"
        case (_, None):
            failed = "treatment failed"
        case _:
            failed = ""
    after = "after the decision" if is_after else ""
    return ", ".join(filter(None, [failed, after]))
