"""`git exp assign`."""

from __future__ import annotations

import click

from gitexp.cli.options import experiment_argument, output_options
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@click.option("--for", "name", metavar="NAME", help="The experiment of this command's name.")
@output_options
def assign(output: Output, exp_id: str | None, name: str | None) -> None:
    """Tell the arm of one use measured elsewhere.

    The arm is drawn at random and reserved for you. Use what is in its checkout, measure, and
    record the value by the command it prints; without one it is a failed trial after a day
    (exp.reservationTimeout).

    \b
    Example:
      git exp assign fast-parse
    """
    from gitexp.app.assign import assign as answer
    from gitexp.app.command_names import running_experiment_for
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.errors import UsageError

    if name is not None and exp_id is not None:
        raise UsageError("ID and --for both name the experiment", hint="leave out one of both")
    store = open_store()
    found = resolve_id(store, exp_id) if name is None else running_experiment_for(store, name)
    output.show(answer(store, found))
