"""`git exp analyze`."""

from __future__ import annotations

import click

from gitexp.cli.options import (
    exit_code_option,
    experiment_argument,
    output_options,
    verbose_option,
    verdict_status,
)
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@verbose_option
@exit_code_option
@output_options
def analyze(output: Output, exp_id: str | None, verbose: bool, exit_code: bool) -> int:
    """Analyze the evidence and give the verdict.

    Replays every scheduled look from the records. The answer depends on plan and records alone:
    who looks, and how often, changes nothing.

    \b
    Example:
      git exp analyze fast-parse --exit-code
    """
    from gitexp.app.analyze import analyze as answer
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store

    store = open_store()
    view = answer(store, resolve_id(store, exp_id), with_others=verbose)
    output.show(view, verbose=verbose)
    return verdict_status(view.analysis.verdict, exit_code=exit_code)
