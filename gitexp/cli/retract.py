"""`git exp retract`."""

from __future__ import annotations

import click

from gitexp.cli.options import output_options
from gitexp.cli.output import Output


@click.command()
@click.argument("trial", metavar="TRIAL")
@click.option("--reason", metavar="TEXT", required=True, help="Why it must not count.")
@output_options
def retract(output: Output, trial: str, reason: str) -> None:
    """Take a trial out of the analysis.

    Its record stays, with the reason, and the analysis says what difference it makes: when leaving
    it out changes the verdict, there is none. No trial can leave a decision. TRIAL is an id from
    `git exp log`, its beginning, or the name given with --trial-id.

    \b
    Example:
      git exp retract 01JGXK3W9T --reason 'the laptop was asleep'
    """
    from gitexp.app.opening import open_store
    from gitexp.app.retract import retract as answer
    from gitexp.render.evidence import retracted

    output.show(retracted(answer(open_store(), trial, reason=reason)))
