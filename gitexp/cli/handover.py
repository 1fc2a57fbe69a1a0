"""`git exp handover`."""

from __future__ import annotations

import click

from gitexp.cli.options import experiment_argument, output_options
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@click.option("--to", "to", metavar="WRITER", help="Who decides from now on; default: this clone.")
@output_options
def handover(output: Output, exp_id: str | None, to: str | None) -> None:
    """Let another clone decide.

    One clone decides: it takes in what the others measured, and records the verdict. Any clone may
    take that over, for the old one may be gone. What the old one recorded later waits, except a
    decision it had already taken.

    \b
    Example:
      git exp handover fast-parse
    """
    from gitexp.app.handover import hand_over
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.render.evidence import handed_over

    store = open_store()
    output.show(handed_over(hand_over(store, resolve_id(store, exp_id), to)))
