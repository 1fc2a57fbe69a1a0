"""`git exp compact`."""

from __future__ import annotations

import click

from gitexp.cli.grace import give_time, is_watched
from gitexp.cli.options import experiment_argument, output_options, yes_option
from gitexp.cli.output import Output
from gitexp.errors import DONE, REFUSED


@click.command()
@experiment_argument
@click.argument("remote", metavar="[REMOTE]", required=False)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change; change nothing.")
@yes_option
@output_options
def compact(
    output: Output, exp_id: str | None, remote: str | None, dry_run: bool, yes: bool
) -> int:
    """Gather all writers' records in one ref.

    For an experiment that ended. Every clone and lane writes notes and an archive of its own; they
    become one of each, here and on REMOTE (default: the one `git exp sync` uses). Each ref is
    deleted there only after every record of it was read back from the gathered one. No record is
    lost or changed. --dry-run asks nobody: it goes by what was fetched last.

    \b
    Example:
      git exp compact fast-parse
    """
    from gitexp.app import compact as app
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.render.compaction import compacted, compaction_planned, compaction_steps

    store = open_store()
    exp = resolve_id(store, exp_id)
    where = app.remote_for(store, remote)
    if not dry_run:
        app.bring(store, where, ask=is_watched())
    plan = app.plan(store, exp, where)
    if dry_run:
        output.show(compaction_planned(plan))
        return DONE
    if not plan.is_idle:
        give_time(output, compaction_steps(plan), yes=yes)
    done = app.compact(store, plan, ask=is_watched())
    report = compacted(done)
    for warning in report.warnings:
        output.warn(warning)
    output.show(report)
    return REFUSED if done.refused else DONE
