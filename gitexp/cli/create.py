"""`git exp create`."""

from __future__ import annotations

import sys
from typing import Any

import click

from gitexp.cli.options import is_attended, one_of, output_options
from gitexp.cli.output import Output
from gitexp.model import Goal, Scale, Spending, Stopping, TestName


@click.command()
@click.argument("name", required=False)
@click.option("--hypothesis", metavar="TEXT", help="What you expect, and by how much.")
@click.option("--description", metavar="TEXT", help="Anything worth knowing later.")
@click.option("--id", metavar="ID", help="The experiment's id; default: from NAME.")
@click.option(
    "--metric",
    metavar="NAME[:DIR[:UNIT]]",
    help="Primary metric; DIR is lower or higher; UNIT pp, %, score or bool is compared by "
    "difference. Default: time:lower:s.",
)
@click.option(
    "--guardrail",
    metavar="NAME[:DIR[:UNIT]]:+MARGIN",
    multiple=True,
    help="What must not get worse by more than +10% (of control), +5pp (points) or +3 (units).",
)
@click.option(
    "--watch",
    metavar="NAME[:DIR[:UNIT]][:floor=X]",
    multiple=True,
    help="What is shown and never decides; below the floor it raises an alert.",
)
@click.option(
    "--secondary",
    metavar="NAME[:DIR[:UNIT]]",
    multiple=True,
    help="What is tested beside the primary metric and never decides.",
)
@click.option("--scale", type=one_of(Scale), help="Compare ratios, or differences.")
@click.option("--min-effect", metavar="SIZE", help="Smallest effect worth having, e.g. 15%.")
@click.option("--goal", type=one_of(Goal), help="Default: better.")
@click.option(
    "--max-regression", metavar="SIZE", help="Margin of --goal no-regression. Default: 10%."
)
@click.option("--alpha", metavar="P", help="Error rate of the whole experiment. Default: 0.05.")
@click.option("--risk", type=click.Choice(["high"]), help="A stricter level: alpha 0.01.")
@click.option("--max-blocks", metavar="N", help="Blocks at most. Default: 20.")
@click.option("--min-blocks", metavar="N", help="Blocks before the first look. Default: 10.")
@click.option(
    "--stopping",
    type=one_of(Stopping),
    help="When looks may decide. Default: group-sequential, after every block.",
)
@click.option(
    "--spending",
    type=one_of(Spending),
    help="How group-sequential looks share the error rate: obf late (default), pocock evenly.",
)
@click.option(
    "--on-expiry",
    type=click.Choice(["spend"]),
    help="At expiry decide with what is left of the error rate; only counts are shown until then.",
)
@click.option("--max-days", metavar="N", help="Days until it expires. Default: 14.")
@click.option("--test", type=one_of(TestName), help="Default: signed-rank; scores: t.")
@click.option("--revisions", metavar="K", help="Versions of the code allowed. Default: 1.")
@click.option("--run", metavar="CMD", help="The command to measure.")
@click.option("--timeout", metavar="DUR", help="Limit of one trial. Default: 10m.")
@click.option("--warm-up", metavar="N", help="Uncounted blocks at the start of a run. Default: 1.")
@click.option("--setup", metavar="CMD", help="Run once in each new checkout.")
@click.option(
    "--link", metavar="PATH", multiple=True, help="Link an ignored path into both checkouts."
)
@click.option(
    "--harness", metavar="PATH", multiple=True, help="Take this path from control in both arms."
)
@click.option(
    "--extract",
    metavar="NAME=RULE",
    multiple=True,
    help="Read a metric from regex:PATTERN, json:[FILE#]PATH, csv:[FILE#]COLUMN, size:FILE, or "
    "from a tool's results, as hyperfine:FILE[#NAME].",
)
@click.option(
    "--command",
    metavar="NAME",
    help="A command of real use whose uses are trials: git exp exec --for NAME.",
)
@click.option(
    "--uses-per-month", metavar="N", help="How often it is used: says what a change saves."
)
@click.option(
    "--windows",
    is_flag=True,
    default=None,
    help="Every trial is a window of live use: many uses as one record.",
)
@click.option("--base", metavar="REV", help="Start from here; a branch becomes the target.")
@click.option("--like", metavar="ID", help="Copy the plan and the change of an experiment.")
@click.option(
    "--worktree",
    metavar="PATH",
    is_flag=False,
    flag_value="",
    help="Check the branch out in a new worktree.",
)
@click.option("--no-checkout", is_flag=True, help="Stay on the present branch.")
@click.option("--if-not-exists", is_flag=True, help="Do nothing if there is one of that name.")
@click.option(
    "--no-auto-promote",
    "auto_promote",
    flag_value=False,
    type=bool,
    default=None,
    help="Registered for unattended use: a better verdict never promotes by itself.",
)
@click.option(
    "--no-auto-rollback",
    "auto_rollback",
    flag_value=False,
    type=bool,
    default=None,
    help="Registered for unattended use: a bad verdict never rolls back by itself.",
)
@output_options
def create(
    output: Output,
    name: str | None,
    id: str | None,
    base: str | None,
    like: str | None,
    worktree: str | None,
    no_checkout: bool,
    if_not_exists: bool,
    hypothesis: str | None,
    **plan: Any,
) -> None:
    """Register an experiment and start its branch.

    The plan is fixed here, before the first trial: metric, test, error rate, number of blocks.
    Uncommitted work comes along, as with git switch -c. Commit the change on the new branch, then:
    git exp run.

    Worth an experiment: a faster implementation, another configuration, a reworded prompt, whose
    benefit is likely and not certain. Not worth one: bug fixes, documentation, what is urgent, or
    so sure that you would keep it whatever came out.

    \b
    Example:
      git exp create fast-parse --run './bench.sh' \\
        --hypothesis 'a table-driven parser is 15 % faster' --min-effect 5%
    """
    from gitexp.app.create import CreateOptions
    from gitexp.app.create import create as register
    from gitexp.app.opening import open_store
    from gitexp.app.planning import PlanOptions

    store = open_store()
    if hypothesis is None and like is None and sys.stdin is not None and sys.stdin.isatty():
        hypothesis = click.prompt("Hypothesis (what do you expect, and by how much?)", err=True)
    view = register(
        store,
        CreateOptions(
            plan=PlanOptions(hypothesis=hypothesis, **plan),
            name=name,
            id=id,
            base=base,
            like=like,
            worktree=worktree,
            no_checkout=no_checkout,
            if_not_exists=if_not_exists,
            ask=is_attended(),
        ),
    )
    for warning in view.warnings:
        output.warn(warning)
    output.show(view)
