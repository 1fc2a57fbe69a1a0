"""`git exp auto`."""

from __future__ import annotations

import click

from gitexp.cli.options import output_options, yes_option
from gitexp.cli.output import Output


@click.command()
@click.argument("exp_ids", metavar="[ID…]", nargs=-1)
@click.option("--run", "runs", is_flag=True, help="Run the blocks that undecided ones lack.")
@click.option(
    "--max-time",
    metavar="DUR",
    help="With --run: begin no block that would not end within DUR, over all experiments.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --run: of each experiment, begin no block after N failed trials.",
)
@click.option(
    "--max-cost",
    multiple=True,
    metavar="METRIC=VALUE",
    help="With --run: begin no block once METRIC adds up to VALUE, over all experiments.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Tell what would be done; change nothing.")
@yes_option
@click.option(
    "--progress/--no-progress", default=None, help="Show progress on stderr (default: a terminal)."
)
@output_options
def auto(
    output: Output,
    exp_ids: tuple[str, ...],
    runs: bool,
    max_time: str | None,
    max_failures: int | None,
    max_cost: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    progress: bool | None,
) -> int:
    """Do what the verdicts ask for: promote or roll back.

    Goes through all running experiments, or those that are named, and tells each in one line.
    What is better is promoted; what is worse or blocked is rolled back; the rest is reported, and
    rolled back after the plan's last day. Only the clone that decides acts. Plans made with
    --no-auto-promote or --no-auto-rollback, and whatever somebody restored, are reported with the
    command to type. Never asks; without a terminal it does not wait either.

    \b
    Exit status: 0 nothing failed, 5 a budget ended it, 6 something was
    refused, 128 something failed; of several the largest. What fails for one
    experiment does not stop the others.

    \b
    Example:
      git exp auto --dry-run
      git exp sync && git exp auto --run --max-time 30m && git exp sync
    """
    from gitexp.app.allowance import Limits, read_limits
    from gitexp.app.auto import AutoOptions, Wording
    from gitexp.app.auto import auto as go
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.unfinished import unfinished_ids
    from gitexp.cli.following import follow_auto
    from gitexp.errors import UsageError
    from gitexp.render.promotion import promotion_text, summary_text
    from gitexp.render.sentences import decision_text

    try:
        limits = read_limits(time=max_time, failures=max_failures, cost=max_cost)
    except UsageError as error:
        hint = error.hint.replace("git exp run", "git exp auto --run")
        raise UsageError(error.message, hint=hint) from error
    if limits != Limits() and not runs:
        raise UsageError(
            "a budget is for what --run runs", hint="git exp auto --run --max-time 30m"
        )
    store = open_store()
    exps = tuple(dict.fromkeys(resolve_id(store, exp) for exp in exp_ids)) or unfinished_ids(store)
    options = AutoOptions(runs=runs, is_dry=dry_run, limits=limits)
    wording = Wording(promotion=promotion_text, decision=decision_text, summary=summary_text)
    view = follow_auto(
        output,
        go(store, exps, options, wording),
        exps=exps,
        is_dry_run=dry_run,
        yes=yes,
        progress=progress,
    )
    return view.status
