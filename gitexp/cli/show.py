"""`git exp show`."""

from __future__ import annotations

import click

from gitexp.cli.options import experiment_argument, output_options
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@output_options
def show(output: Output, exp_id: str | None) -> None:
    """Show the plan of an experiment.

    What was registered before the first trial, and what its two arms are now.

    \b
    Example:
      git exp show fast-parse
    """
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.show import show as answer

    store = open_store()
    output.show(answer(store, resolve_id(store, exp_id)))
