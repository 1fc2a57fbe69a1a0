"""`git exp restore`."""

from __future__ import annotations

import click

from gitexp.cli.options import output_options, required_experiment_argument
from gitexp.cli.output import Output


@click.command()
@required_experiment_argument
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change; change nothing.")
@output_options
def restore(output: Output, exp_id: str, dry_run: bool) -> None:
    """Undo a rollback, an expiry or a promotion.

    Brings the branch back from the archive. A promotion can be undone until it is pushed; a
    promotion that was reverted is put in place again.

    \b
    Example:
      git exp restore fast-parse
    """
    from gitexp.app import restore as app
    from gitexp.app.endings import standing_on
    from gitexp.app.load import load, resolve_id
    from gitexp.app.opening import open_store
    from gitexp.render.promotion import planned, restored

    store = open_store()
    experiment = load(store, resolve_id(store, exp_id)).experiment
    if dry_run:
        changes = app.restoration(store, experiment)
        output.show(planned("restore", experiment.id, changes, here=standing_on(store)))
        return
    output.show(restored(app.restore(store, experiment)))
