"""`git exp trust`."""

from __future__ import annotations

import click

from gitexp.cli.grace import confirm
from gitexp.cli.options import output_options, required_experiment_argument, yes_option
from gitexp.cli.output import Output


@click.command()
@required_experiment_argument
@yes_option
@output_options
def trust(output: Output, exp_id: str, yes: bool) -> None:
    """Allow the commands of a plan to run here.

    A plan that came with a clone runs nothing until you have read and trusted it. Kept outside the
    repository, for this plan and this user alone.

    \b
    Example:
      git exp trust fast-parse
    """
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.trust import plan_commands
    from gitexp.app.trust import trust as trust_plan

    store = open_store()
    view = plan_commands(store, resolve_id(store, exp_id))
    commands = [("setup", view.setup), ("command", view.command)]
    for word, text in commands:
        if text is not None:
            output.note(f"{word}: {text}")
    confirm(f"Let the plan of {view.id} run this here?", yes=yes)
    trust_plan(view.plan_hash)
    output.show(view)
