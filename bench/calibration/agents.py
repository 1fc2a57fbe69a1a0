"""An agent that tries two hundred changes one after the other, of which ten are worth having.

The claim is about what ends up promoted: among the changes called `better`, how many are not?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.calibration.experiments import GOOD
from bench.calibration.matrix import RankTest
from bench.calibration.proof import Mismatch
from bench.calibration.tally import MIN_BLOCKS
from gitexp.stats.boundaries import boundary
from gitexp.stats.budget import grant
from gitexp.stats.power import sample_size
from gitexp.stats.replay import replay
from gitexp.stats.results import FloatArray, IntArray
from gitexp.stats.signed_rank import rejection_count

CHANGES, REAL = 200, 10
EFFECT = -math.log(1.05)
Q = 0.10
ALPHA = 0.05
MOST_BLOCKS = 200
POWER = 0.80
INFLATION = 1.056
"""What looking after every block costs at most, in blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What each agent called `better`, shape (agents,) each.

    Attributes:
        false, true: Changes without an effect, and with one.
        blocks: Blocks spent on all changes.
    """

    false: IntArray
    true: IntArray
    blocks: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """How an agent goes about it.

    Attributes:
        rule: 'ledger' asks the budget for alpha; 'alone' gives every plan .05;
            'peek' plans like 'alone' and takes the first p < .05.
        sd: Standard deviation of d.
        in_flight: Plans that are open at a time; a verdict is known that many plans later.
    """

    what: str
    rule: str
    sd: float
    in_flight: int = 1
    changes: int = CHANGES

    def play(self, rng: np.random.Generator, agents: int) -> Found:
        """Let so many agents try all their changes."""
        real = np.argsort(rng.random((agents, self.changes)), axis=1) < REAL
        ledgers = [Ledger() for _ in range(agents)]
        found = np.zeros((2, agents), dtype=np.int64)
        spent = np.zeros(agents, dtype=np.int64)
        for t in range(1, self.changes + 1):
            plans = [self._plan(ledger) for ledger in ledgers]
            is_real = real[:, t - 1]
            longest = max(len(plan) for plan in plans)
            effect = np.where(is_real, EFFECT, 0.0)
            d = rng.normal(effect[:, None], self.sd, (agents, longest)).round(12)
            verdict, blocks = _verdicts(d, plans)
            better = verdict == GOOD
            found += (better & ~is_real, better & is_real)
            spent += blocks
            for ledger in (ledgers[i] for i in np.flatnonzero(better)):
                ledger.discoveries.append(t + self.in_flight - 1)
            if self.rule != "peek":
                _prove(d[t % agents], ledgers[t % agents].granted[-1], self.sd, verdict[t % agents])
        return Found(false=found[0], true=found[1], blocks=spent)

    def _plan(self, ledger: Ledger) -> tuple[int, ...]:
        """K of the signed-rank test after each block of the next plan."""
        if self.rule == "peek":
            return counts(ALPHA, self.sd, peek=True)
        alpha = ALPHA
        if self.rule == "ledger":
            t = len(ledger.granted) + 1
            known = [r for r in ledger.discoveries if r < t]
            alpha = rounded(grant(asked=ALPHA, q=Q, granted=ledger.granted, discoveries=known))
        ledger.granted.append(alpha)
        return counts(alpha, self.sd)


class Ledger:
    """What a repository remembers of its plans."""

    def __init__(self) -> None:
        self.granted: list[float] = []
        self.discoveries: list[int] = []


def rounded(alpha: float) -> float:
    """Two leading digits of what was granted, never more: few boundaries serve all plans."""
    digits = 1 - math.floor(math.log10(alpha))
    return math.floor(alpha * 10.0**digits * (1.0 + 1e-12)) / 10.0**digits


@cache
def blocks_for(alpha: float, sd: float) -> int:
    """max_blocks such that the effect is found with power .80, at most 200."""
    n = sample_size(
        EFFECT / sd, alpha=alpha, power=POWER, design="pairs", ranks=True, inflation=INFLATION
    )
    return max(MIN_BLOCKS, math.ceil(min(n or math.inf, MOST_BLOCKS)))


@cache
def counts(alpha: float, sd: float, *, peek: bool = False) -> tuple[int, ...]:
    """K after each block: of the plan's boundary, or of alpha at every look."""
    n = blocks_for(alpha, sd)
    plan = boundary(alpha=alpha, max_blocks=n, min_blocks=MIN_BLOCKS)
    level = {
        n: alpha if peek else nominal for n, nominal in zip(plan.looks, plan.nominal, strict=True)
    }
    return tuple(rejection_count(k, level.get(k, 0.0)) for k in range(1, n + 1))


def _verdicts(d: FloatArray, plans: Sequence[tuple[int, ...]]) -> tuple[IntArray, IntArray]:
    """The sign of the first crossing of each row, 0 without, and the blocks used."""
    longest = d.shape[1]
    k = np.array([plan + (0,) * (longest - len(plan)) for plan in plans]).T
    ranks = RankTest(d)
    verdict = np.zeros(len(d), dtype=np.int64)
    used = np.array([len(plan) for plan in plans])
    for n in range(MIN_BLOCKS, longest + 1):
        crossed = ranks.rejected(n, k[n - 1])
        new = (verdict == 0) & (crossed != 0)
        used[new] = n
        verdict = np.where(new, crossed, verdict)
    return verdict, used


def _prove(row: FloatArray, alpha: float, sd: float, verdict: int) -> None:
    """The product's own replay of one of these experiments.

    Raises:
        Mismatch: for another verdict.
    """
    n = blocks_for(alpha, sd)
    plan = boundary(alpha=alpha, max_blocks=n, min_blocks=MIN_BLOCKS)
    ok = np.ones(n, dtype=np.bool_)
    looks = replay(row[:n], ok, test="signed-rank", boundary=plan, region=(0.0, 0.0), good=GOOD)
    first = next((look.crossed for look in looks if look.crossed), 0)
    if first != verdict:
        raise Mismatch(f"verdict {first} in the product, {verdict} here, for d = {row.tolist()}")


AGENTS: tuple[Agent, ...] = tuple(
    Agent(what=what, rule=rule, sd=sd, in_flight=in_flight)
    for sd in (0.05, 0.10)
    for what, rule, in_flight in (
        ("LORD++ at q = .1, one plan at a time", "ledger", 1),
        ("LORD++ at q = .1, ten plans at a time", "ledger", 10),
        ("every plan at α = .05", "alone", 1),
        ("p < .05 at any look", "peek", 1),
    )
)


def together(portions: Sequence[Found]) -> Found:
    """All agents of the same kind."""
    return Found(
        false=np.concatenate([found.false for found in portions]),
        true=np.concatenate([found.true for found in portions]),
        blocks=np.concatenate([found.blocks for found in portions]),
    )


def mfdr(found: Found) -> tuple[float, float]:
    """Expected false over expected discoveries, and its standard error by the delta method."""
    discoveries = np.maximum(found.false + found.true, 1)
    rate = float(found.false.mean() / discoveries.mean())
    residuals = found.false - rate * discoveries
    return rate, float(residuals.std(ddof=1) / math.sqrt(residuals.size) / discoveries.mean())


def fdr(found: Found) -> tuple[float, float]:
    """The mean share of false among what was found, and its standard error."""
    shares = found.false / np.maximum(found.false + found.true, 1)
    return float(shares.mean()), float(shares.std(ddof=1) / math.sqrt(shares.size))


def agents_table(rows: Sequence[tuple[Agent, Found]]) -> str:
    """What the agents found, in Markdown."""
    lines = [
        "| the agent | s_d | mFDR (± se) | FDR (± se) | false, of 190 | found, of 10 | blocks |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for agent, found in rows:
        cells = (
            agent.what,
            f"{agent.sd:.2f}",
            "{:.4f} ± {:.4f}".format(*mfdr(found)),
            "{:.4f} ± {:.4f}".format(*fdr(found)),
            f"{found.false.mean():.2f}",
            f"{found.true.mean():.2f}",
            f"{found.blocks.mean():.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def holds(agent: Agent, found: Found) -> bool:
    """Whether the budget kept what it promises."""
    rate, se = mfdr(found)
    return agent.rule != "ledger" or rate - 2.0 * se <= Q
