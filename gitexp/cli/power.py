"""`git exp power`."""

from __future__ import annotations

from typing import Any

import click

from gitexp.cli.options import experiment_argument, one_of, output_options
from gitexp.cli.output import Output
from gitexp.model import Scale, Stopping, TestName


@click.command()
@experiment_argument
@click.option("--effect", "min_effect", metavar="SIZE", help="How many blocks does it take?")
@click.option("--blocks", "max_blocks", metavar="N", help="What can so many find? Default: 20.")
@click.option("--power", "level", metavar="P", help="Chance to find the effect. Default: 0.8.")
@click.option("--noise", metavar="SD", help="Scatter of a block's difference, e.g. 5%.")
@click.option("--run", metavar="CMD", help="Take the noise of this command, measured before.")
@click.option("--metric", metavar="NAME[:DIR[:UNIT]]", help="Default: time:lower:s.")
@click.option(
    "--guardrail", metavar="NAME[:DIR[:UNIT]]:+MARGIN", multiple=True, help="As for create."
)
@click.option("--scale", type=one_of(Scale), help="Compare ratios, or differences.")
@click.option("--test", type=one_of(TestName), help="Default: signed-rank; scores: t.")
@click.option("--stopping", type=one_of(Stopping), help="Default: group-sequential.")
@click.option("--alpha", metavar="P", help="Error rate of the experiment. Default: 0.05.")
@output_options
def power(
    output: Output, exp_id: str | None, level: str | None, noise: str | None, **options: Any
) -> None:
    """Size an experiment: how many blocks an effect takes.

    The noise comes from what was recorded of ID, or of the command given with --run; else give it.
    git exp run --aa measures it before anything else. The options are those of create; with an ID,
    those not given are its plan's.

    \b
    Example:
      git exp power --noise 5% --effect 3%
    """
    from gitexp.app.opening import open_store
    from gitexp.app.planning import PlanOptions
    from gitexp.app.power import power as answer

    view = answer(open_store(), exp_id, PlanOptions(**options), noise=noise, level=level)
    output.show(view)
