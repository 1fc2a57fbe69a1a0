"""Every case of the table, in its order; the streams of the seed go by it."""

from __future__ import annotations

from collections.abc import Mapping

from bench.calibration import noise
from bench.calibration.any_time import AnyTime, AnyTimePower
from bench.calibration.effects import Power, Trouble, TypeOne
from bench.calibration.endings import Ending
from bench.calibration.failures import Guardrail, Killed
from bench.calibration.revisions import Revisions
from bench.calibration.tally import TESTS, Case, Rule

SIZES = (20, 50, 100, 200)
RULES: tuple[Rule, ...] = ("pocock", "fixed")

NOISES: Mapping[str, noise.Noise] = {
    "normal": noise.normal,
    "lognormal": noise.lognormal,
    "5 % outliers ×3": noise.outliers,
    "drift": noise.drift,
    "coarse clock": noise.coarse,
}

CASES: tuple[Case, ...] = (
    *(
        TypeOne(
            name=name,
            noise=of,
            blocks=blocks,
            alpha=0.05,
            bound={"t": 0.058, "signed-rank": 0.054},
        )
        for name, of in NOISES.items()
        for blocks in SIZES
    ),
    *(
        TypeOne(
            name="normal",
            noise=noise.normal,
            blocks=blocks,
            alpha=0.01,
            bound={"t": 0.012, "signed-rank": 0.012},
        )
        for blocks in SIZES
    ),
    *(Power(blocks=blocks) for blocks in SIZES),
    Trouble(
        name="5 % outliers ×3, −8 %",
        noise=noise.outliers,
        ratio=0.92,
        bound=0.84,
        tests=("signed-rank",),
    ),
    Trouble(name="drift, −4 %", noise=noise.drift, ratio=0.96, bound=0.92, tests=TESTS),
    *(Killed(blocks=blocks) for blocks in SIZES),
    *(Guardrail(blocks=blocks) for blocks in SIZES),
    Revisions(most=3, gives_up=True),
    Revisions(most=5, gives_up=True),
    Revisions(most=5, gives_up=False),
    *(
        TypeOne(
            name="normal",
            noise=noise.normal,
            blocks=blocks,
            alpha=0.05,
            bound={"t": 0.058, "signed-rank": 0.054},
            rule=rule,
        )
        for rule in RULES
        for blocks in SIZES
    ),
    *(Power(blocks=blocks, rule="pocock") for blocks in SIZES),
    *(Ending(blocks=blocks) for blocks in SIZES),
    AnyTime(name="normal", noise=noise.normal, blocks=50),
    AnyTime(name="normal", noise=noise.normal, blocks=200),
    AnyTime(name="5 % outliers ×3", noise=noise.outliers, blocks=50),
    AnyTimePower(blocks=60),
)
