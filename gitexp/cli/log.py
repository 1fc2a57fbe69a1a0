"""`git exp log`."""

from __future__ import annotations

import click

from gitexp.cli.options import experiment_argument, output_options
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@output_options
def log(output: Output, exp_id: str | None) -> None:
    """Show the records of an experiment.

    Every trial and every event, oldest first, with what became of it.

    \b
    Example:
      git exp log fast-parse --json
    """
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.show import log as answer

    store = open_store()
    output.show(answer(store, resolve_id(store, exp_id)))
