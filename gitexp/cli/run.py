"""`git exp run`."""

from __future__ import annotations

import click

from gitexp.cli.options import (
    exit_code_option,
    experiment_argument,
    output_options,
    verdict_status,
)
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@click.option(
    "--blocks",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run exactly N blocks, even past the decision.",
)
@click.option(
    "--max-time", metavar="DUR", help="Begin no block that would not end within DUR (90s, 10m, 2h)."
)
@click.option(
    "--max-failures",
    type=click.IntRange(min=1),
    metavar="N",
    help="Begin no block after N failed trials.",
)
@click.option(
    "--max-cost",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Begin no block once METRIC adds up to VALUE over all trials; may be repeated.",
)
@click.option(
    "--again", is_flag=True, help="Run although another experiment has judged the same two trees."
)
@click.option(
    "--aa",
    is_flag=True,
    help="Compare the control with itself: how much this machine makes of no change.",
)
@click.option(
    "--allow-shared", is_flag=True, help="Go on although both arms may run your checkout's code."
)
@click.option(
    "--progress/--no-progress", default=None, help="Show progress on stderr (default: a terminal)."
)
@exit_code_option
@output_options
def run(
    output: Output,
    exp_id: str | None,
    blocks: int | None,
    max_time: str | None,
    max_failures: int | None,
    max_cost: tuple[str, ...],
    again: bool,
    aa: bool,
    allow_shared: bool,
    progress: bool | None,
    exit_code: bool,
) -> int:
    """Run trials in blocks until the experiment is decided.

    A block runs control and treatment once each, in random order, in checkouts of their own. Every
    trial is durable before the next one starts: stop it any time with ^C, run it again to go on.
    What another experiment has found of the same two trees, by the same command and for the same
    metrics, is answered from its record, and nothing is run.

    The budgets --max-… are of this run, warm-up trials counted, and asked before every block; a
    trial that has begun is never cut off. When one is reached the exit status is 5; the answer says
    which, what is known by then, and what to type to go on.

    With --json: one object a line; the last one, the verdict, is at most 2 KiB, and all there is to
    know is in git exp analyze --json.

    \b
    Example:
      git exp run fast-parse
    """
    from gitexp.app.allowance import Limits, read_limits
    from gitexp.app.answered import Answered
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.run import RunOptions
    from gitexp.app.run import run as go
    from gitexp.app.self_comparison import DEFAULT_BLOCKS, compare_with_itself
    from gitexp.app.views import SelfCompared
    from gitexp.errors import BUDGET_REACHED, DONE, GitexpError, UsageError
    from gitexp.render.promotion import summary_text

    store = open_store()
    exp = resolve_id(store, exp_id)
    limits = read_limits(time=max_time, failures=max_failures, cost=max_cost)
    if aa and limits != Limits():
        raise UsageError("--aa keeps no budget", hint="git exp run --aa --blocks N")
    options = RunOptions(
        blocks=blocks,
        again=again,
        allow_shared=allow_shared,
        max_time_s=limits.time_s,
        max_failures=limits.failures,
        max_cost=limits.cost,
    )
    messages = (
        compare_with_itself(store, exp, blocks=blocks or DEFAULT_BLOCKS)
        if aa
        else go(store, exp, options)
    )
    ended = output.follow(messages, progress=progress)
    if isinstance(ended, SelfCompared):
        return DONE
    if isinstance(ended, Answered):
        return verdict_status(ended.judged.verdict, exit_code=exit_code)
    try:
        store.write_summaries({ended.view.comparison.treatment.commit: summary_text(ended.view)})
    except GitexpError as error:
        # the summary can be made again any time; what was run is recorded
        output.warn(f"git log will not show this result: {error.message}")
    if ended.reached is not None:
        return BUDGET_REACHED
    return verdict_status(ended.view.analysis.verdict, exit_code=exit_code)
