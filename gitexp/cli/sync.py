"""`git exp sync`."""

from __future__ import annotations

import click

from gitexp.cli.options import is_attended, output_options
from gitexp.cli.output import Output
from gitexp.errors import DONE, REFUSED


@click.command()
@click.argument("remote", metavar="[REMOTE]", required=False)
@output_options
def sync(output: Output, remote: str | None) -> int:
    """Share records and branches with a remote.

    Fetches what others recorded, lets it count where this clone decides, records the decisions
    that fall, and pushes experiment branches and own records: forward only, nothing is deleted.
    Without REMOTE: the one the current branch follows, else origin, else the only one.

    \b
    Example:
      git exp sync
    """
    from gitexp.app import sync as app
    from gitexp.app.opening import open_store
    from gitexp.render.sync import synced

    store = open_store()
    view = app.sync(store, remote, ask=is_attended())
    if view.judged:
        from gitexp.render.promotion import summary_text

        store.write_summaries(
            {judged.comparison.treatment.commit: summary_text(judged) for judged in view.judged}
        )
    report = synced(view)
    for warning in report.warnings:
        output.warn(warning)
    output.show(report)
    return DONE if view.is_complete else REFUSED
