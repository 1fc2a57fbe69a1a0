"""`git exp record`."""

from __future__ import annotations

import click

from gitexp.cli.options import one_of, output_options, required_experiment_argument
from gitexp.cli.output import Output
from gitexp.model import Arm


@click.command()
@required_experiment_argument
@click.option("--arm", type=one_of(Arm), required=True, help="The arm it measured.")
@click.option(
    "-m",
    "--metric",
    "metrics",
    metavar="NAME=VALUE",
    multiple=True,
    required=True,
    help="A metric in base units (seconds, bytes); repeat it for more.",
)
@click.option("--block", type=int, help="The block it belongs to, from 1.")
@click.option("--trial-id", metavar="T", help="Your own name for it: recorded only once.")
@output_options
def record(
    output: Output,
    exp_id: str,
    arm: str,
    metrics: tuple[str, ...],
    block: int | None,
    trial_id: str | None,
) -> None:
    """Record a trial measured elsewhere.

    It counts for what the arm's branch holds now. Two trials of one block, one per arm, were
    measured under the same conditions in random order.

    \b
    Example:
      git exp record fast-parse --arm control -m time=12.3 --block 1
    """
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.record import NewTrial
    from gitexp.app.record import record as answer

    store = open_store()
    new = NewTrial(arm=Arm(arm), metrics=metrics, block=block, trial_id=trial_id)
    output.show(answer(store, resolve_id(store, exp_id), new))
