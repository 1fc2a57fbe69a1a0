"""Other tests of the same values, for comparison: they decide nothing (docs/statistics.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import NotPositive
from gitexp.decision import Analysis
from gitexp.lifecycle import Experiment
from gitexp.model import Plan, Scale, TestName
from gitexp.other_tests import EffectSize, Method, Others, OtherTest
from gitexp.policy.measure import ratio_change
from gitexp.policy.paired import PairedSample
from gitexp.policy.samples import Sample, good_sign, min_effect_region
from gitexp.policy.study import study_of
from gitexp.policy.unpaired import UnpairedSample
from gitexp.stats.effects import (
    cohens_d,
    cohens_d_interval,
    d_z,
    d_z_interval,
    hedges_g,
    hedges_g_interval,
)
from gitexp.stats.equivalence import Equivalence, paired_equivalence, welch_equivalence
from gitexp.stats.exact_rates import boschloo, fisher_p, mcnemar
from gitexp.stats.mann_whitney import mann_whitney
from gitexp.stats.permutation import difference_of_means_p, sign_flip_p
from gitexp.stats.proportions import PairedCounts, newcombe, newcombe_paired
from gitexp.stats.ratio import ratio_of_means, ratio_of_paired_means
from gitexp.stats.replay import PairedTest, result_at
from gitexp.stats.replay_arms import result_at_welch
from gitexp.stats.results import Interval, Result
from gitexp.stats.student import welch

LEVEL = 0.05
"""Two-sided, of one look, whatever the plan's own level is."""
_OF_MEANS = (Method.T, Method.WELCH, Method.RATIO, Method.EQUIVALENCE)
"""What may be asked of means of many uses."""
SEED = 1
"""Of the arrangements drawn where there are too many to count: the same in every clone."""


def others_of(experiment: Experiment, analysis: Analysis) -> Others | None:
    """What other tests make of the blocks, or trials, that the primary result is of.

    None before the first look, while the plan keeps its values hidden, and where a value has no
    logarithm.
    """
    is_hidden = experiment.shows_counts_only(analysis.revision)
    if is_hidden and not analysis.verdict.is_final:
        return None
    kept = [b for b in experiment.admitted(analysis.revision) if not b.is_retracted]
    try:
        study = study_of(experiment, analysis.revision, kept)
    except NotPositive:
        return None
    look = study.shown
    if look is None:
        return None
    sample = study.material.first(look.used, study.plan).sample(study.plan)
    return Others(
        level=1 - LEVEL,
        used=look.n,
        tests=_tests(sample),
        effect_sizes=_effect_sizes(sample),
    )


def _tests(sample: Sample) -> tuple[OtherTest, ...]:
    rows = _rows(sample)
    if not sample.plan.windows:
        return rows
    # a window's mean is no value to be ranked or exchanged for another
    return tuple(row for row in rows if row.method in _OF_MEANS)


def _rows(sample: Sample) -> tuple[OtherTest, ...]:
    is_rate = sample.plan.primary.unit == "bool" and not sample.plan.windows
    if isinstance(sample, PairedSample):
        return _rates_of_pairs(sample) if is_rate else _numbers_of_pairs(sample)
    assert isinstance(sample, UnpairedSample), "there is no third kind"
    return _rates_of_arms(sample) if is_rate else _numbers_of_arms(sample)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes rows from what a method found.

    Attributes:
        entries: Blocks or trials there are.
    """

    plan: Plan
    entries: int
    ignores_pairs: bool = False

    def row(self, method: Method, found: Result) -> OtherTest:
        """The row of an estimate on the plan's scale."""
        return self._row(
            method,
            n=found.n,
            estimate=self._in_units(found.estimate),
            interval=self._ends(found.interval),
            p_value=found.p_value,
            caveats=found.caveats,
        )

    def ratio(self, found: Result) -> OtherTest:
        """The row of a ratio of means."""
        interval = found.interval
        return self._row(
            Method.RATIO,
            n=found.n,
            estimate=None if found.estimate is None else found.estimate - 1,
            interval=(interval.low - 1, interval.high - 1),
            p_value=found.p_value,
            caveats=found.caveats,
        )

    def p_only(self, method: Method, p_value: float | None, *, n: int) -> OtherTest:
        """The row of a method that gives a p-value alone."""
        return self._row(method, n=n, estimate=None, interval=None, p_value=p_value)

    def interval(self, method: Method, estimate: float, found: Interval) -> OtherTest:
        """The row of a method that gives no p-value."""
        return self._row(
            method, n=self.entries, estimate=estimate, interval=self._ends(found), p_value=None
        )

    def _row(
        self,
        method: Method,
        *,
        n: int,
        estimate: float | None,
        interval: tuple[float, float] | None,
        p_value: float | None,
        caveats: tuple[str, ...] = (),
    ) -> OtherTest:
        return OtherTest(
            method=method,
            estimate=estimate,
            interval=interval,
            p_value=p_value,
            n=n,
            left_out=self.entries - n,
            ignores_pairs=self.ignores_pairs,
            is_registered=method == self.plan.test.value,
            caveats=caveats,
        )

    def _in_units(self, value: float | None) -> float | None:
        is_ratio = value is not None and self.plan.scale is Scale.LOG
        return ratio_change(value) if value is not None and is_ratio else value

    def _ends(self, interval: Interval) -> tuple[float, float]:
        if self.plan.scale is Scale.LOG:
            return ratio_change(interval.low), ratio_change(interval.high)
        return interval.low, interval.high


def _numbers_of_pairs(sample: PairedSample) -> tuple[OtherTest, ...]:
    plan, size = sample.plan, sample.size
    of_blocks, of_arms = _Maker(plan, size), _Maker(plan, 2 * size, ignores_pairs=True)
    d = sample.differences(used=None)
    control, treatment = sample.values(used=None)
    rows = [
        of_blocks.row(Method.SIGNED_RANK, _by_blocks(sample, "signed-rank")),
        of_blocks.row(Method.T, _by_blocks(sample, "t")),
        of_blocks.p_only(Method.SIGN_FLIP, sign_flip_p(d, seed=SEED), n=len(d)),
    ]
    if plan.scale is Scale.LOG:
        pairs = [block.values(plan.primary) for block in sample.blocks]
        whole = [(c, t) for c, t in pairs if c is not None and t is not None]
        found = ratio_of_paired_means([c for c, _ in whole], [t for _, t in whole], level=LEVEL)
        rows.append(of_blocks.ratio(found))
    if plan.min_effect > 0:
        inside = paired_equivalence(d, region=min_effect_region(plan))
        rows.append(of_blocks.p_only(Method.EQUIVALENCE, _p_of(inside), n=len(d)))
    return (
        *rows,
        of_arms.row(
            Method.WELCH, welch(_scaled(control, plan), _scaled(treatment, plan), level=LEVEL)
        ),
        of_arms.row(Method.MANN_WHITNEY, mann_whitney(*_ranked_arms(sample), level=LEVEL)),
    )


def _by_blocks(sample: PairedSample, test: PairedTest) -> Result:
    return result_at(sample.d, sample.both_ok, test=test, used=sample.size, level=LEVEL)


def _ranked_arms(sample: PairedSample) -> tuple[list[float], list[float]]:
    """Both arms' values on the plan's scale; a failed trial is worse than any of them."""
    plan = sample.plan
    worst = -good_sign(plan.primary) * math.inf
    pairs = [block.values(plan.primary) for block in sample.blocks]

    def ranked(values: Sequence[float | None]) -> list[float]:
        return [worst if value is None else _scaled([value], plan)[0] for value in values]

    return ranked([c for c, _ in pairs]), ranked([t for _, t in pairs])


def _rates_of_pairs(sample: PairedSample) -> tuple[OtherTest, ...]:
    plan, size = sample.plan, sample.size
    of_blocks, of_arms = _Maker(plan, size), _Maker(plan, 2 * size, ignores_pairs=True)
    answers = list(zip(*sample.answers, strict=True))
    counts = PairedCounts(
        both=answers.count((True, True)),
        only_treatment=answers.count((False, True)),
        only_control=answers.count((True, False)),
        neither=answers.count((False, False)),
    )
    found = mcnemar(counts, level=LEVEL)
    control, treatment = counts.both + counts.only_control, counts.both + counts.only_treatment
    shift = (treatment - control) / size
    return (
        *_registered_numbers(sample, of_blocks),
        of_blocks.row(Method.MCNEMAR, found),
        of_blocks.interval(Method.NEWCOMBE, shift, newcombe_paired(counts, level=LEVEL)),
        *_exact_of_arms(of_arms, (control, size), (treatment, size)),
    )


def _registered_numbers(sample: PairedSample, make: _Maker) -> tuple[OtherTest, ...]:
    """The plan's own test of a rate, when it is one of numbers."""
    if sample.plan.test is TestName.T:
        return (make.row(Method.T, _by_blocks(sample, "t")),)
    if sample.plan.test is TestName.SIGNED_RANK:
        return (make.row(Method.SIGNED_RANK, _by_blocks(sample, "signed-rank")),)
    return ()


def _exact_of_arms(
    make: _Maker, control: tuple[int, int], treatment: tuple[int, int]
) -> tuple[OtherTest, ...]:
    return (
        make.row(Method.BOSCHLOO, boschloo(control, treatment, level=LEVEL)),
        make.p_only(Method.FISHER, fisher_p(control, treatment), n=control[1] + treatment[1]),
    )


def _rates_of_arms(sample: UnpairedSample) -> tuple[OtherTest, ...]:
    make = _Maker(sample.plan, len(sample.raw))
    arms = list(zip(sample.answers, sample.is_treatment, strict=True))
    control, treatment = (
        (sum(yes for yes, treated in arms if treated is arm), sample.is_treatment.count(arm))
        for arm in (False, True)
    )
    shift = treatment[0] / treatment[1] - control[0] / control[1]
    own = _numbers_of_arms(sample) if sample.plan.test is not TestName.BOSCHLOO else ()
    return (
        *(row for row in own if row.is_registered),
        *_exact_of_arms(make, control, treatment),
        make.interval(Method.NEWCOMBE, shift, newcombe(control, treatment, level=LEVEL)),
    )


def _numbers_of_arms(sample: UnpairedSample) -> tuple[OtherTest, ...]:
    plan = sample.plan
    make = _Maker(plan, len(sample.raw))
    scaled, arm = sample.scaled, sample.is_treatment
    measured = [k for k, value in enumerate(sample.raw) if value is not None]
    by_welch = result_at_welch(
        [scaled[k] for k in measured],
        [arm[k] for k in measured],
        used=len(measured),
        level=LEVEL,
        strata=[sample.hosts[k] for k in measured],
    )
    rows = [make.row(Method.WELCH, by_welch)]
    # hosts differ for themselves: what cannot be stratified would mix that with the effect
    if len(set(sample.hosts)) > 1 and plan.test is not TestName.MANN_WHITNEY:
        return tuple(rows)
    control, treatment = (
        [x for x, treated in zip(scaled, arm, strict=True) if treated is which]
        for which in (False, True)
    )
    rows.append(make.row(Method.MANN_WHITNEY, mann_whitney(control, treatment, level=LEVEL)))
    values = sample.values(used=None)
    c, t = (_scaled(found, plan) for found in values)
    rows.append(
        make.p_only(Method.PERMUTATION, difference_of_means_p(c, t, seed=SEED), n=len(c) + len(t))
    )
    if plan.scale is Scale.LOG:
        rows.append(make.ratio(ratio_of_means(*values, level=LEVEL)))
    if plan.min_effect > 0:
        inside = welch_equivalence(c, t, region=min_effect_region(plan))
        rows.append(make.p_only(Method.EQUIVALENCE, _p_of(inside), n=len(c) + len(t)))
    return tuple(rows)


def _effect_sizes(sample: Sample) -> tuple[EffectSize, ...]:
    """Cohen's d and Hedges' g of the raw arms; d_z of the blocks, which is another quantity."""
    control, treatment = sample.values(used=None)
    d = sample.differences(used=None)
    sizes = [
        _size(
            "cohens_d",
            cohens_d(control, treatment),
            cohens_d_interval(control, treatment, level=LEVEL),
        ),
        _size(
            "hedges_g",
            hedges_g(control, treatment),
            hedges_g_interval(control, treatment, level=LEVEL),
        ),
    ]
    if isinstance(sample, PairedSample):
        sizes.append(_size("d_z", d_z(d), d_z_interval(d, level=LEVEL)))
    return tuple(sizes)


def _size(name: str, value: float | None, interval: Interval | None) -> EffectSize:
    ends = None if interval is None else (interval.low, interval.high)
    return EffectSize(name=name, value=value, interval=ends)


def _scaled(values: Sequence[float], plan: Plan) -> list[float]:
    return [math.log(value) for value in values] if plan.scale is Scale.LOG else [*values]


def _p_of(found: Equivalence | None) -> float | None:
    return None if found is None else found.p_value
