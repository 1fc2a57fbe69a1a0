"""Other tests of the same values, beside the registered one: for comparison only."""

from __future__ import annotations

from gitexp.app.views import AnalysisView
from gitexp.model import Plan, Stopping
from gitexp.other_tests import EffectSize, Method, Others, OtherTest
from gitexp.render import numbers, words
from gitexp.render.columns import Column, table
from gitexp.render.labels import told
from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

_METHODS = {
    Method.SIGNED_RANK: "signed-rank",
    Method.T: "paired t",
    Method.SIGN_FLIP: "sign-flip",
    Method.WELCH: "Welch's t",
    Method.MANN_WHITNEY: "Mann–Whitney",
    Method.PERMUTATION: "permutation",
    Method.RATIO: "Fieller's ratio",
    Method.EQUIVALENCE: "TOST equivalence",
    Method.MCNEMAR: "McNemar",
    Method.BOSCHLOO: "Boschloo",
    Method.FISHER: "Fisher",
    Method.NEWCOMBE: "Newcombe",
}
_SIZES = {
    "cohens_d": "Cohen's d, independent arms",
    "hedges_g": "Hedges' g, independent arms",
    "d_z": "d_z, paired",
}


def other_tests(view: AnalysisView, screen: Screen) -> list[Line]:
    """A table of what other tests say, and one of the effect sizes."""
    others, plan = view.others, view.experiment.plan
    if others is None:
        return []
    what = "block" if plan.test.is_paired else "pair's worth of trial"
    title = (
        f"other tests, one look at {numbers.plural(others.used, what)}: for comparison, not "
        "adjusted for looks"
    )
    return [
        line(),
        *wrapped(title, screen),
        *_tests(view, others, screen),
        *_caveats(others, screen),
        line(),
        *_sizes(others, screen),
    ]


def _tests(view: AnalysisView, others: Others, screen: Screen) -> list[Line]:
    rows, plan = others.tests, view.experiment.plan
    metric, scale = plan.primary, plan.scale
    is_decided = view.analysis.looks.decided_at is not None
    role = "decided" if is_decided else "decides"
    if plan.stopping is Stopping.ALWAYS_VALID:
        role += ", in its always-valid form"
    notes = [Span(role, Style.STRONG) if r.is_registered else _note(r, plan) for r in rows]
    return table(
        [
            Column(title="TEST", rows=[_METHODS[row.method] for row in rows]),
            Column(
                title="CHANGE",
                rows=[numbers.change(row.estimate, metric, scale) for row in rows],
                is_right=True,
            ),
            Column(
                title=f"{numbers.level(others.level)} INTERVAL",
                rows=[numbers.interval(row.interval, metric, scale) for row in rows],
                drop=1,
            ),
            Column(title="P", rows=[numbers.p_value(row.p_value) for row in rows]),
            Column(title="", rows=notes, least=len("decided")),
        ],
        screen,
    )


def _note(row: OtherTest, plan: Plan) -> Span:
    notes = []
    if row.method is Method.EQUIVALENCE:
        limit = words.whole(plan.min_effect, plan.primary, plan.scale).removeprefix("+")
        notes.append(f"within ±{limit}")
    if row.ignores_pairs:
        notes.append("ignores the pairs")
    if row.left_out:
        notes.append(f"without {row.left_out} failed")
    return Span(", ".join(notes), Style.MUTED)


def _caveats(others: Others, screen: Screen) -> list[Line]:
    said = [f"{_METHODS[row.method]}: {note}" for row in others.tests for note in row.caveats]
    return [
        part for at, text in enumerate(said) for part in told("" if at else "notes", text, screen)
    ]


def _sizes(others: Others, screen: Screen) -> list[Line]:
    sizes, level = others.effect_sizes, numbers.level(others.level)
    return table(
        [
            Column(title="EFFECT SIZE", rows=[_SIZES[size.name] for size in sizes]),
            Column(title="", rows=[numbers.short(size.value) for size in sizes], is_right=True),
            Column(title=f"{level} INTERVAL", rows=[_ends(size) for size in sizes]),
        ],
        screen,
    )


def _ends(size: EffectSize) -> str:
    if size.interval is None:
        return numbers.UNKNOWN
    low, high = map(numbers.short, size.interval)
    return f"[{low}, {high}]"
