"""Measure the error rates that docs/statistics.md claims, and write them there.

Simulates whole experiments with a fixed seed, on all cores: a look after every block, the verdict
at the deciding look. Of every case 200 experiments are replayed by the product's own code and
compared look by look; a mismatch aborts.

    python -m bench.calibration                       both tables
    python -m bench.calibration --experiments 1000    a quick impression, printed only
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor

import numpy as np

from bench.calibration.agents import AGENTS, Agent, Found, agents_table, holds, mfdr, together
from bench.calibration.cases import CASES
from bench.calibration.exact import crossing_probability
from bench.calibration.page import Row, table, write
from bench.calibration.tally import MIN_BLOCKS, Tallies
from gitexp.stats.boundaries import boundary

SEED = 20_240_601
EXPERIMENTS = 20_000
PROVED = 200
"""Experiments of each case that the product replays."""
PORTION = 1_000
"""Experiments played at once: their sums fit a processor's cache."""
AGENTS_PORTION = 100


def portion(case: int, number: int, experiments: int) -> Tallies:
    """One portion of a case, from its own stream of the seed."""
    rng = np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(case, number)))
    proved = PROVED * PORTION // EXPERIMENTS
    return CASES[case].tallies(rng, experiments, proved)


def agents_portion(agent: int, number: int, agents: int) -> Found:
    """One portion of the agents of a kind, from its own stream of the seed."""
    rng = np.random.default_rng(np.random.SeedSequence((SEED, 1), spawn_key=(agent, number)))
    return AGENTS[agent].play(rng, agents)


def portions(total: int, most: int) -> list[int]:
    """The total in portions of at most so many."""
    return [min(most, total - start) for start in range(0, total, most)]


def measure(pool: Executor, experiments: int) -> Iterator[Row]:
    """Every row of the first table."""
    waiting = [
        [
            pool.submit(portion, case, number, size)
            for number, size in enumerate(portions(experiments, PORTION))
        ]
        for case in range(len(CASES))
    ]
    yield from exact_rows()
    for case, parts in zip(CASES, waiting, strict=True):
        yield from case.rows(_together([part.result() for part in parts]))


def measure_agents(pool: Executor, agents: int) -> Iterator[tuple[Agent, Found]]:
    """Every row of the second table."""
    waiting = [
        [
            pool.submit(agents_portion, agent, number, size)
            for number, size in enumerate(portions(agents, AGENTS_PORTION))
        ]
        for agent in range(len(AGENTS))
    ]
    for agent, parts in zip(AGENTS, waiting, strict=True):
        yield agent, together([part.result() for part in parts])


def exact_rows() -> Iterator[Row]:
    """What needs no simulation."""
    for alpha, bound in ((0.05, 0.054), (0.01, 0.012)):
        plan = boundary(alpha=alpha, max_blocks=20, min_blocks=MIN_BLOCKS)
        at = "" if alpha == 0.05 else " at α = .01"
        yield Row(
            what=f"type I error{at}, signed-rank, any symmetric noise without ties, 20 blocks",
            figure=crossing_probability(plan),
            se=None,
            bound=bound,
        )


def _together(portions: Sequence[Tallies]) -> Tallies:
    first, *others = portions
    total = dict(first)
    for tallies in others:
        for name, tally in tallies.items():
            total[name] += tally
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.calibration", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    chosen = parser.parse_args(arguments)

    start = time.perf_counter()

    def publish(name: str, content: str) -> None:
        print(content, end="\n\n", flush=True)
        if chosen.experiments == EXPERIMENTS:
            write(name, content)

    def say(what: str, figure: float) -> None:
        print(f"{time.perf_counter() - start:5.0f} s  {what}: {figure:.4f}", file=sys.stderr)

    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = []
        for row in measure(pool, chosen.experiments):
            rows.append(row)
            say(row.what, row.figure)
        publish("calibration", table(rows))
        agents = []
        for agent, found in measure_agents(pool, max(2, chosen.experiments // 40)):
            agents.append((agent, found))
            say(f"mFDR, {agent.what}, s_d {agent.sd}", mfdr(found)[0])
        publish("agents", agents_table(agents))
    kept = all(row.holds for row in rows) and all(holds(*found) for found in agents)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
