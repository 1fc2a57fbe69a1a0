"""`git exp record`."""

from __future__ import annotations

import click

from gitexp.cli.options import experiment_argument, one_of, output_options
from gitexp.cli.output import Output
from gitexp.errors import UsageError
from gitexp.model import Arm, Outcome


@click.command()
@experiment_argument
@click.option("--arm", type=one_of(Arm), help="The arm a new trial measured; assign knows it.")
@click.option(
    "--for",
    "later_for",
    metavar="TRIAL",
    help="The trial that values which came later belong to: its id, or your own name for it.",
)
@click.option(
    "-m",
    "--metric",
    "metrics",
    metavar="NAME=VALUE",
    multiple=True,
    help="A metric in the unit the plan declares, else in seconds or bytes; repeat it for more.",
)
@click.option("--block", type=int, metavar="N", help="The block a new trial belongs to, from 1.")
@click.option("--trial-id", metavar="T", help="Your own name for a new trial: recorded only once.")
@click.option("--outcome", type=one_of(Outcome), help="How a new trial ended; without it ok.")
@click.option(
    "--window",
    metavar="count=N[,failures=K]",
    help="A new trial is so many uses, K of which failed; its metrics are their means.",
)
@click.option(
    "--variance",
    "variances",
    metavar="NAME=VALUE",
    multiple=True,
    help="The variance of the uses in the window; repeat it for more.",
)
@output_options
def record(
    output: Output,
    exp_id: str | None,
    arm: str | None,
    later_for: str | None,
    metrics: tuple[str, ...],
    block: int | None,
    trial_id: str | None,
    outcome: str | None,
    window: str | None,
    variances: tuple[str, ...],
) -> None:
    """Record a trial measured elsewhere, or its later values.

    A new trial counts for what the arm's branch holds now. Two trials of one block, one per arm,
    were measured under the same conditions in random order. With --for the values are added to a
    trial that is recorded already; what it has stays as it is. What git exp assign gave out is
    recorded by its --trial-id alone. Files that other tools wrote: git exp import.

    \b
    Example:
      git exp record fast-parse --arm control -m time=12.3 --block 1
      git exp record --for 01KDTR2M8QZX -m satisfaction=0.8
      git exp record live --arm control --block 3 --window count=5000,failures=12 -m time=0.812
    """
    from gitexp.app.complete import Completion, complete
    from gitexp.app.load import resolve_id
    from gitexp.app.metric_values import parse_metrics, parse_window
    from gitexp.app.observe import observe
    from gitexp.app.opening import open_store
    from gitexp.app.record import NewTrial
    from gitexp.app.record import record as answer

    values = parse_metrics(metrics)
    if variances and window is None:
        raise UsageError("a variance is of a window", hint="add --window count=5000")
    store = open_store()
    if later_for is not None:
        if any(given is not None for given in (arm, block, trial_id, outcome, window)):
            raise UsageError(
                "--for names a trial that is recorded already: its arm and block are known",
                hint=f"git exp record --for {later_for} -m NAME=VALUE",
            )
        named = None if exp_id is None else resolve_id(store, exp_id)
        output.show(observe(store, later_for, values, exp=named))
        return
    exp = resolve_id(store, exp_id)
    how = Outcome.OK if outcome is None else Outcome(outcome)
    if trial_id is not None and window is None:
        done = Completion(
            trial_id=trial_id,
            metrics=values,
            outcome=how,
            arm=None if arm is None else Arm(arm),
            block=block,
        )
        completed = complete(store, exp, done)
        if completed is not None:
            output.show(completed)
            return
    if arm is None:
        raise UsageError(
            "a new trial needs its arm, and values that came later their trial",
            hint="add --arm control, --arm treatment or --for TRIAL",
        )
    new = NewTrial(
        arm=Arm(arm),
        metrics=values,
        block=block,
        trial_id=trial_id,
        outcome=how,
        window=None if window is None else parse_window(window, variances),
    )
    output.show(answer(store, exp, new))
