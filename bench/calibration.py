"""Measure the error rates that docs/statistics.md claims.

Simulates whole experiments and replays each with the product's own code: a look after every block,
the verdict at the deciding look. Writes the table into docs/statistics.md.

    python bench/calibration.py                       the table, some minutes on one core
    python bench/calibration.py --experiments 1000    a quick impression, printed only
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import nctdtr, stdtr, stdtrit

from gitexp.model import Verdict
from gitexp.policy import Signal, walk
from gitexp.stats.boundaries import Boundary, boundary
from gitexp.stats.guardrails import (
    GuardrailLevels,
    GuardrailState,
    guardrail_levels,
    metric_guardrail,
)
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest, replay, result_at
from gitexp.stats.results import BoolArray, FloatArray

SEED = 20_240_601
EXPERIMENTS = 20_000
EXPERIMENTS_ABOVE_50 = 5_000
"""Long experiments cost more and differ less."""

PAGE = Path(__file__).parent.parent / "docs" / "statistics.md"
BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"

TESTS: tuple[PairedTest, ...] = ("t", "signed-rank")
NO_REGION = (0.0, 0.0)
GOOD = -1  # times: lower is better
MIN_BLOCKS = 10

Arms = tuple[FloatArray, FloatArray]
"""Times of control and treatment, each of shape (experiments, blocks)."""
Noise = Callable[[np.random.Generator, int, int, float], Arms]
"""(rng, experiments, blocks, log effect) -> times."""


# --- the noise ------------------------------------------------------------------------------


def normal(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """Times with 10 % normal noise."""
    shape = (experiments, blocks)
    return rng.normal(1.0, 0.1, shape), rng.normal(1.0, 0.1, shape) * math.exp(effect)


def lognormal(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """Skewed times, sigma 0.5."""
    shape = (experiments, blocks)
    return rng.lognormal(0.0, 0.5, shape), rng.lognormal(effect, 0.5, shape)


def outliers(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """10 % normal noise; one run in twenty takes three times as long."""
    control, treatment = normal(rng, experiments, blocks, effect)
    slow = rng.random((2, experiments, blocks)) < 0.05
    return np.where(slow[0], 3.0, 1.0) * control, np.where(slow[1], 3.0, 1.0) * treatment


def drift(rng: np.random.Generator, experiments: int, blocks: int, effect: float) -> Arms:
    """A machine that drifts by 10 % (AR(1), .95 from run to run) under 5 % noise.

    The two runs of a block follow each other in random order.
    """
    level = np.empty((experiments, 2 * blocks))
    level[:, 0] = rng.normal(0.0, 0.10, experiments)
    for k in range(1, 2 * blocks):
        step = rng.normal(0.0, 0.10 * math.sqrt(1.0 - 0.95**2), experiments)
        level[:, k] = 0.95 * level[:, k - 1] + step
    runs = (level + rng.normal(0.0, 0.05, level.shape)).reshape(experiments, blocks, 2)
    first = rng.random((experiments, blocks)) < 0.5
    control = np.where(first, runs[..., 0], runs[..., 1])
    treatment = np.where(first, runs[..., 1], runs[..., 0]) + effect
    return np.exp(control), np.exp(treatment)


def log_ratios(arms: Arms) -> FloatArray:
    """d of every block as the product takes it, ties exact."""
    control, treatment = arms
    return np.round(np.log(treatment) - np.log(control), 12)


# --- one experiment -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a replay ends: at the deciding look, or undecided at the last one."""

    verdict: Verdict
    look: Look


def decide(looks: Sequence[Look]) -> Decision:
    """The product's walk through the looks, all blocks used and no guardrails."""
    signals = [
        Signal(
            n=look.n,
            is_worse=look.crossed == -GOOD,
            is_better=look.crossed == GOOD and look.reaches,
            is_equivalent=look.inside,
            crossed=look.crossed != 0,
        )
        for look in looks
    ]
    end = walk(signals, [], is_over=True)
    assert end.shown is not None  # there is at least one look
    return Decision(verdict=end.verdict, look=looks[end.shown])


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of many experiments, and of the same data without correction.

    Attributes:
        peeked: Experiments in which an ordinary p <= alpha occurred at any of the looks.
        covered, peeked_covered: Whether the interval at the stop held the truth: the repeated one;
            the ordinary one at the first p <= alpha, else at the end.
    """

    experiments: int = 0
    better: int = 0
    worse: int = 0
    blocks: int = 0
    squared_blocks: int = 0
    peeked: int = 0
    covered: int = 0
    peeked_covered: int = 0


def simulate(
    d: FloatArray,
    *,
    plan: Boundary,
    test: PairedTest,
    both_ok: BoolArray | None = None,
    truth: float | None = None,
) -> Tally:
    """Replay every row of d; with a `truth`, see which intervals hold it."""
    tally = Tally()
    all_ok = np.ones(d.shape, dtype=bool) if both_ok is None else both_ok
    for row, ok in zip(d, all_ok, strict=True):
        looks = replay(row, ok, test=test, boundary=plan, region=NO_REGION, good=GOOD)
        decision = decide(looks)
        tally.experiments += 1
        tally.better += decision.verdict is Verdict.BETTER
        tally.worse += decision.verdict is Verdict.WORSE
        tally.blocks += decision.look.n
        tally.squared_blocks += decision.look.n**2
        peek = next((k for k in looks if k.p_value is not None and k.p_value <= plan.alpha), None)
        tally.peeked += peek is not None
        if truth is None:
            continue
        stop = decision.look
        used = result_at(row, ok, test=test, used=stop.used, level=stop.nominal)
        tally.covered += truth in used.interval
        naive = result_at(row, ok, test=test, used=(peek or looks[-1]).used, level=plan.alpha)
        tally.peeked_covered += truth in naive.interval
    return tally


# --- the table ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, its bound and what the naive procedure gives on the same data.

    Attributes:
        se: Monte-Carlo standard error.
        is_upper: Whether the bound is one the figure must not exceed.
    """

    what: str
    figure: float
    se: float
    bound: float
    is_upper: bool = True
    naive: float | None = None
    naive_is: str = ""

    @property
    def holds(self) -> bool:
        if self.is_upper:
            return self.figure - 2.0 * self.se <= self.bound
        return self.figure + 2.0 * self.se >= self.bound


def share(count: int, of: int) -> tuple[float, float]:
    """A rate and its binomial standard error."""
    rate = count / of
    return rate, math.sqrt(rate * (1.0 - rate) / of)


def type_one(rng: np.random.Generator, size: Callable[[int], int]) -> Iterator[Row]:
    bounds = {"t": 0.058, "signed-rank": 0.054}
    noises: dict[str, Noise] = {
        "normal": normal,
        "lognormal": lognormal,
        "5 % outliers ×3": outliers,
        "drift": drift,
    }
    for name, noise in noises.items():
        for blocks in (20, 50, 100, 200):
            d = log_ratios(noise(rng, size(blocks), blocks, 0.0))
            plan = boundary(alpha=0.05, max_blocks=blocks, min_blocks=MIN_BLOCKS)
            for test in TESTS:
                tally = simulate(d, plan=plan, test=test)
                figure, se = share(tally.better + tally.worse, tally.experiments)
                yield Row(
                    what=f"type I error, {test}, {name}, {blocks} blocks",
                    figure=figure,
                    se=se,
                    bound=bounds[test],
                    naive=tally.peeked / tally.experiments,
                    naive_is="p ≤ .05 at any look",
                )


def type_one_high_risk(rng: np.random.Generator, size: Callable[[int], int]) -> Iterator[Row]:
    for blocks in (20, 50, 100):
        d = log_ratios(normal(rng, size(blocks), blocks, 0.0))
        plan = boundary(alpha=0.01, max_blocks=blocks, min_blocks=MIN_BLOCKS)
        for test in TESTS:
            tally = simulate(d, plan=plan, test=test)
            figure, se = share(tally.better + tally.worse, tally.experiments)
            yield Row(
                what=f"type I error at α = .01, {test}, normal, {blocks} blocks",
                figure=figure,
                se=se,
                bound=0.012,
                naive=tally.peeked / tally.experiments,
                naive_is="p ≤ .01 at any look",
            )


def power_of_fixed_t(effect: float, blocks: int) -> float:
    """Power of one two-sided paired t-test at .05; `effect` in standard deviations of d."""
    df, shift = blocks - 1, effect * math.sqrt(blocks)
    critical = float(stdtrit(df, 0.975))
    return float(1.0 - nctdtr(df, shift, critical) + nctdtr(df, shift, -critical))


def effect_with_power_80(blocks: int) -> float:
    """The effect one fixed paired t finds with power .80, in standard deviations of d."""
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if power_of_fixed_t(middle, blocks) < 0.8 else (low, middle)
    return high


def power_and_coverage(rng: np.random.Generator, size: Callable[[int], int]) -> Iterator[Row]:
    for blocks, mean_n in ((20, 0.85), (50, 0.80)):
        effect = -effect_with_power_80(blocks)
        d = rng.normal(effect, 1.0, (size(blocks), blocks))
        null = rng.normal(0.0, 1.0, d.shape)
        plan = boundary(alpha=0.05, max_blocks=blocks, min_blocks=MIN_BLOCKS)
        for test in TESTS:
            tally = simulate(d, plan=plan, test=test, truth=effect)
            figure, se = share(tally.better, tally.experiments)
            where = f"{test}, {blocks} blocks"
            yield Row(
                what=f"power where one fixed paired t has .80, {where}",
                figure=figure,
                se=se,
                bound=0.75,
                is_upper=False,
            )
            mean = tally.blocks / tally.experiments
            variance = tally.squared_blocks / tally.experiments - mean**2
            yield Row(
                what=f"its mean number of blocks over the maximum, {where}",
                figure=mean / blocks,
                se=math.sqrt(variance / tally.experiments) / blocks,
                bound=mean_n,
                naive=1.0,
                naive_is="one look at the end",
            )
            without = simulate(null, plan=plan, test=test, truth=0.0)
            for which, seen in (("with that effect", tally), ("without effect", without)):
                figure, se = share(seen.covered, seen.experiments)
                yield Row(
                    what=f"coverage of the interval at the stop, {which}, {where}",
                    figure=figure,
                    se=se,
                    bound=0.94,
                    is_upper=False,
                    naive=seen.peeked_covered / seen.experiments,
                    naive_is="95 % interval at the first p ≤ .05",
                )


def power_under_trouble(rng: np.random.Generator, size: Callable[[int], int]) -> Iterator[Row]:
    rows: tuple[tuple[str, Noise, float, float, tuple[PairedTest, ...]], ...] = (
        ("5 % outliers ×3, −8 %", outliers, 0.92, 0.84, ("signed-rank",)),
        ("drift, −4 %", drift, 0.96, 0.92, TESTS),
    )
    for name, noise, ratio, bound, tests in rows:
        arms = noise(rng, size(50), 50, math.log(ratio))
        plan = boundary(alpha=0.05, max_blocks=50, min_blocks=MIN_BLOCKS)
        for test in tests:
            tally = simulate(log_ratios(arms), plan=plan, test=test)
            figure, se = share(tally.better, tally.experiments)
            yield Row(
                what=f"power, {test}, {name}, 50 blocks",
                figure=figure,
                se=se,
                bound=bound,
                is_upper=False,
                naive=fixed_welch(arms),
                naive_is="Welch, one look at the end",
            )


def fixed_welch(arms: Arms) -> float:
    """How often one Welch test of all times at .05 finds the treatment faster."""
    control, treatment = arms
    n = control.shape[1]
    a, b = (x.var(axis=1, ddof=1) / n for x in arms)
    df = (a + b) ** 2 * (n - 1) / (a**2 + b**2)
    t = (treatment.mean(axis=1) - control.mean(axis=1)) / np.sqrt(a + b)
    return float(np.mean(stdtr(df, t) <= 0.025))


def killed(rng: np.random.Generator, size: Callable[[int], int]) -> Iterator[Row]:
    """The treatment is no slower, but its slowest fifth of runs is killed."""
    for blocks in (20, 50):
        control, treatment = lognormal(rng, size(blocks), 2 * blocks, 0.0)
        limit = math.exp(0.5 * 0.8416212335729143)  # the upper fifth of the lognormal
        ok = treatment <= limit
        d = np.where(ok, log_ratios((control, treatment)), 1e6)
        plan = boundary(alpha=0.05, max_blocks=blocks, min_blocks=MIN_BLOCKS)
        survivors = np.stack([row[kept][:blocks] for row, kept in zip(d, ok, strict=True)])
        for test in TESTS:
            tally = simulate(d[:, :blocks], both_ok=ok[:, :blocks], plan=plan, test=test)
            naive = simulate(survivors, plan=plan, test=test)
            figure, se = share(tally.better, tally.experiments)
            yield Row(
                what=f"P(`better`), no effect, slowest 20 % of the treatment killed, {test}, "
                f"{blocks} blocks",
                figure=figure,
                se=se,
                bound=0.025,
                naive=naive.better / naive.experiments,
                naive_is="killed blocks dropped",
            )


def guardrails(rng: np.random.Generator, size: Callable[[int], int]) -> Iterator[Row]:
    """A guardrail that is exactly as much worse as its margin allows."""
    margin = math.log(1.1)
    for blocks in (20, 50):
        d = log_ratios(normal(rng, size(blocks), blocks, margin))
        levels = guardrail_levels(
            alpha=0.05, guardrails=1, max_blocks=blocks, min_blocks=MIN_BLOCKS
        )
        for test in TESTS:
            flat = [0.10] * len(levels.ok.looks)
            passed = passing(d, levels=levels, ok=levels.ok.nominal, margin=margin, test=test)
            figure, se = share(passed, len(d))
            yield Row(
                what=f"guardrail `ok` at the margin, {test}, {blocks} blocks",
                figure=figure,
                se=se,
                bound=0.055,
                naive=passing(d, levels=levels, ok=flat, margin=margin, test=test) / len(d),
                naive_is="flat 95 % bound at each look",
            )


def passing(
    d: FloatArray,
    *,
    levels: GuardrailLevels,
    ok: Sequence[float],
    margin: float,
    test: PairedTest,
) -> int:
    """The rows of d whose guardrail ends `ok`."""
    paths = (
        metric_guardrail(
            row,
            counts=levels.ok.looks,
            margin=margin,
            bad=1,
            test=test,
            ok_levels=ok,
            harmed_levels=levels.harmed.nominal,
        )
        for row in d
    )
    return sum(path.state is GuardrailState.OK for path in paths)


SECTIONS = (
    type_one,
    type_one_high_risk,
    power_and_coverage,
    power_under_trouble,
    killed,
    guardrails,
)


def measure(experiments: int) -> Iterator[Row]:
    """Every row; each section has its own stream of the seed, so that they can be run apart."""

    def size(blocks: int) -> int:
        return (
            experiments
            if blocks <= 50
            else max(1, experiments * EXPERIMENTS_ABOVE_50 // EXPERIMENTS)
        )

    for section, seed in zip(
        SECTIONS, np.random.SeedSequence(SEED).spawn(len(SECTIONS)), strict=True
    ):
        yield from section(np.random.default_rng(seed), size)


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| figure | measured (± se) | bound | holds | naive | the naive way |",
        "|---|---:|---:|---|---:|---|",
    ]
    for row in rows:
        sign = "≤" if row.is_upper else "≥"
        naive = "" if row.naive is None else f"{row.naive:.3f}"
        lines.append(
            f"| {row.what} | {row.figure:.4f} ± {row.se:.4f} | {sign} {row.bound:.3f} "
            f"| {'yes' if row.holds else '**no**'} | {naive} | {row.naive_is} |"
        )
    return "\n".join(lines)


def written_into(page: str, content: str) -> str:
    """The page with the content between its marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    chosen = parser.parse_args(arguments)

    start = time.perf_counter()
    rows = []
    for row in measure(chosen.experiments):
        rows.append(row)
        print(
            f"{time.perf_counter() - start:5.0f} s  {row.what}: {row.figure:.4f}", file=sys.stderr
        )
    print(table(rows))
    if chosen.experiments == EXPERIMENTS:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(written_into(page, table(rows)), encoding="utf-8")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
