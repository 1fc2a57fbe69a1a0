"""`git exp trust`."""

from __future__ import annotations

import click

from gitexp.cli.options import output_options, required_experiment_argument
from gitexp.cli.output import Output


@click.command()
@required_experiment_argument
@output_options
def trust(output: Output, exp_id: str) -> None:
    """Allow the commands of a plan to run here.

    A plan that came with a clone runs nothing until you have read and trusted it. Kept outside the
    repository, for this plan and this user alone.

    \b
    Example:
      git exp trust fast-parse
    """
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.trust import trust_experiment
    from gitexp.render.changes import ChangeReport

    store = open_store()
    view = trust_experiment(store, resolve_id(store, exp_id))
    commands = [("setup", view.setup), ("command", view.command)]
    output.show(
        ChangeReport(
            command="trust",
            headline=f"the plan of {view.id} may run here",
            facts=tuple((word, text) for word, text in commands if text is not None),
            next=view.next,
            values={
                "id": view.id,
                "plan_hash": view.plan_hash,
                "setup": view.setup,
                "command": view.command,
            },
        )
    )
