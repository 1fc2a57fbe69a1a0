"""`git exp import`."""

# ruff: noqa: N999 (a file is called like its command)

from __future__ import annotations

from pathlib import Path

import click

from gitexp.cli.options import one_of, output_options, required_experiment_argument
from gitexp.cli.output import Output
from gitexp.model import Arm


@click.command("import")
@required_experiment_argument
@click.argument("files", metavar="FILE...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--arm", type=one_of(Arm), help="The arm that was measured, where no file says it.")
@click.option(
    "--format",
    "format_name",
    metavar="F",
    default="auto",
    show_default=True,
    help="bmf, catch2, criterion, csv, github-action-benchmark, go, google-benchmark, hyperfine, "
    "inspect, jmh, jsonl, junit, libtest, promptfoo, pyperf, pytest-benchmark or vitest; auto goes "
    "by the shape.",
)
@click.option("--select", metavar="NAME", help="The one result of the file that is meant.")
@click.option(
    "--map",
    "maps",
    metavar="NAME=METRIC",
    multiple=True,
    help="Which metric a name or column of the file is; repeat it for more.",
)
@click.option(
    "--block", type=int, metavar="N", help="The block of the first file, from 1; the next follow."
)
@click.option("--trial-id", metavar="T", help="Your own name for the one trial there is.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be recorded.")
@output_options
def import_(
    output: Output,
    exp_id: str,
    files: tuple[Path, ...],
    arm: str | None,
    format_name: str,
    select: str | None,
    maps: tuple[str, ...],
    block: int | None,
    trial_id: str | None,
    dry_run: bool,
) -> None:
    """Import trials from files that other tools wrote.

    One file of a benchmark is one trial, however often the tool ran it: its samples become their
    median. A file of an evaluation has a trial for every case, and a case is a block: import both
    arms. A table has a trial in every line. The same file again records nothing.

    \b
    Example:
      git exp import fast-parse --arm control --block 1 control.json
      git exp import terse-prompt --arm treatment results.json
      git exp import fast-parse trials.csv --dry-run
    """
    from gitexp.app.importing import Import, format_named, import_files
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.errors import UsageError
    from gitexp.render.imported import imported

    if not files:
        raise UsageError(
            "no FILE is named", hint="the experiment comes first: git exp import ID FILE"
        )
    wanted = Import(
        files=files,
        arm=None if arm is None else Arm(arm),
        format=format_named(format_name),
        select=select,
        maps=maps,
        block=block,
        trial_id=trial_id,
        is_dry_run=dry_run,
    )
    store = open_store()
    report = imported(import_files(store, resolve_id(store, exp_id), wanted))
    for warning in report.warnings:
        output.warn(warning)
    output.show(report)
