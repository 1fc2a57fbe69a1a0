"""`git exp status`, and `git exp` alone."""

from __future__ import annotations

import click

from gitexp.cli.options import (
    exit_code_option,
    experiment_argument,
    output_options,
    verdict_status,
)
from gitexp.cli.output import Output
from gitexp.errors import UsageError


@click.command()
@experiment_argument
@click.option(
    "--all", "everything", is_flag=True, help="Show ended experiments even in a long list."
)
@click.option(
    "--porcelain",
    type=click.Choice(["v1"]),
    is_flag=False,
    flag_value="v1",
    help="Stable lines for scripts.",
)
@click.option("-z", "nul", is_flag=True, help="With --porcelain: end lines with NUL.")
@exit_code_option
@output_options
def status(
    output: Output,
    exp_id: str | None,
    everything: bool,
    porcelain: str | None,
    nul: bool,
    exit_code: bool,
) -> int:
    """Show where experiments stand.

    One line each, or one experiment in full. Never analyses: it shows the recorded decision, else
    the last verdict found by run or analyze, else plain medians. Looking changes nothing.

    \b
    Example:
      git exp status
      git exp status fast-parse --exit-code
    """
    from gitexp.app.opening import open_store
    from gitexp.app.status import status as answer

    if exit_code and exp_id is None:
        raise UsageError("--exit-code needs one experiment", hint="git exp status ID --exit-code")
    view = answer(open_store(), exp_id, everything=everything)
    if porcelain or nul:
        output.porcelain(view, nul=nul)
    else:
        output.show(view)
    return verdict_status(view.rows[0].verdict, exit_code=exit_code) if exit_code else 0
