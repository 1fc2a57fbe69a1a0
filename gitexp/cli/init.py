"""`git exp init`."""

from __future__ import annotations

import click

from gitexp.cli.options import is_attended, output_options
from gitexp.cli.output import Output


@click.command()
@click.option("--undo", is_flag=True, help="Take all of it out again; experiments stay.")
@output_options
def init(output: Output, undo: bool) -> None:
    """Set this clone up for experiments.

    Lets plain `git log` show their results, and `git fetch` bring the evidence of others, which is
    also fetched now. Installs the hooks, before those that are there (git exp hooks -h). Safe to
    repeat.

    \b
    Example:
      git exp init
    """
    from gitexp.app import init as app
    from gitexp.store.git import Git

    git = Git.open()
    view = app.undo(git) if undo else app.init(git, ask=is_attended())
    for warning in view.warnings:
        output.warn(warning)
    output.show(view)
