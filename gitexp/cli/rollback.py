"""`git exp rollback`."""

from __future__ import annotations

import click

from gitexp.cli.grace import give_time
from gitexp.cli.options import experiment_argument, output_options, yes_option
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@click.option("--reason", metavar="TEXT", help="Why; default: the verdict.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change; change nothing.")
@yes_option
@output_options
def rollback(
    output: Output, exp_id: str | None, reason: str | None, dry_run: bool, yes: bool
) -> None:
    """Drop a treatment, or revert its merge.

    Before promotion the branch is deleted and the archive keeps it; after it the merge is reverted
    on the target. Every record stays.

    \b
    Example:
      git exp rollback fast-parse --reason 'slower on cold caches'
    """
    from gitexp.app import rollback as app
    from gitexp.app.endings import standing_on
    from gitexp.app.load import load, resolve_id
    from gitexp.app.opening import open_store
    from gitexp.changes import steps
    from gitexp.render.promotion import planned, rolled_back
    from gitexp.render.sentences import decision_text

    store = open_store()
    experiment = load(store, resolve_id(store, exp_id)).experiment
    result = decision_text(experiment)
    why = reason or app.default_reason(experiment)
    changes = app.rollback(store, experiment, reason=why, result=result)
    here = standing_on(store)
    if dry_run:
        typed = [("--reason", reason)]
        output.show(planned("rollback", experiment.id, changes, here=here, options=typed))
        return
    if changes is not None:
        give_time(output, steps(changes, here=here), yes=yes)
    output.show(rolled_back(app.roll_back(store, experiment, reason=why, result=result)))
