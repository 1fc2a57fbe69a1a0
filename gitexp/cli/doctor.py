"""`git exp doctor`."""

from __future__ import annotations

import click

from gitexp.cli.grace import confirm, is_watched
from gitexp.cli.options import output_options, yes_option
from gitexp.cli.output import Output


@click.command()
@click.option("--fix", is_flag=True, help="Repair what is safe to repair, and say what was done.")
@yes_option
@output_options
def doctor(output: Output, fix: bool, yes: bool) -> int:
    """Find what is wrong here, and repair what is safe.

    Looks at refs, records, notes, archives, remotes, locks, checkouts, hooks, isolation and this
    machine, and writes nothing. --fix finishes or undoes what a killed command left half done,
    flushes the journal, writes again what git lost, sets missing fetch lines again, and removes
    what ended experiments left; on a terminal it asks first. What is not ours is never touched.

    \b
    Exit status: 0 nothing worse than a note, 1 a warning or an error is left,
    128 a repair failed.

    \b
    Example:
      git exp doctor
      git exp doctor --fix
    """
    from gitexp.app import doctor as app

    view = app.examine()
    planned = app.repairs(view)
    if fix and planned:
        if is_watched() and not yes:
            for repair in planned:
                output.note(f"will {repair.what}")
        confirm("Do it?", yes=yes)
        view = app.repair(planned)
    output.show(view)
    return view.status
