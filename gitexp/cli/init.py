"""`git exp init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitexp.cli.options import output_options
from gitexp.cli.output import Output

if TYPE_CHECKING:
    from gitexp.app.init import InitView


@click.command()
@click.option("--undo", is_flag=True, help="Take the lines out again; experiments stay.")
@output_options
def init(output: Output, undo: bool) -> None:
    """Set this clone up for experiments.

    Lets plain `git log` show their results, and `git fetch` bring the evidence of others. Safe to
    repeat.

    \b
    Example:
      git exp init
    """
    from gitexp.app import init as app
    from gitexp.render.changes import ChangeReport
    from gitexp.store.git import Git

    git = Git.open()
    view = app.undo(git) if undo else app.init(git)
    output.show(
        ChangeReport(
            command="init",
            headline=_headline(view),
            facts=tuple(("set" if at == 0 else "", done) for at, done in enumerate(view.done)),
            next=view.next,
            undo=None if undo else "git exp init --undo",
            values={"done": view.done, "remotes": view.remotes, "undone": view.undone},
        )
    )


def _headline(view: InitView) -> str:
    if view.undone:
        return "what init set is taken out" if view.done else "there was nothing to take out"
    return "this clone is set up for experiments" + ("" if view.done else " already")
