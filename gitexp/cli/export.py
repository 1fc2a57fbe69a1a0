"""`git exp export`."""

from __future__ import annotations

import click

from gitexp.cli.options import one_of, output_options
from gitexp.cli.output import Output
from gitexp.render.export_format import ExportFormat


@click.command()
@click.argument("exp_ids", metavar="[ID]...", nargs=-1)
@click.option("--format", "wanted", type=one_of(ExportFormat), help="Default: json.")
@click.option(
    "--output", "target", metavar="FILE", help="Write it there, whole or not at all; - is stdout."
)
@output_options
def export(
    output: Output, exp_ids: tuple[str, ...], wanted: str | None, target: str | None
) -> None:
    """Write records or trials for other programs.

    json has all records and the analysis; jsonl and csv have a trial a line, later values merged
    in, as git exp import reads them; markdown is a summary for a pull request; go is the input of
    benchstat -col /arm. Warm-up, void, retracted and late trials are in json alone.

    \b
    Example:
      git exp export fast-parse --format csv --output trials.csv
    """
    from gitexp.app.export import export as answer
    from gitexp.app.load import resolve_id
    from gitexp.app.opening import open_store
    from gitexp.cli.export_file import write_whole
    from gitexp.errors import UsageError
    from gitexp.render.changes import exported
    from gitexp.render.export import pieces

    format = ExportFormat(wanted or "json")
    is_file = target not in (None, "-")
    if output.as_json and not is_file and format is not ExportFormat.JSON:
        raise UsageError(
            f"--json and --format {format} both say what stdout is",
            hint="leave out one of both, or write to a file with --output FILE",
        )
    store = open_store()
    ids = [resolve_id(store, text) for text in exp_ids] or [resolve_id(store, None)]
    view = answer(store, ids, is_analysed=format.is_analysed)
    for found in view.experiments:
        if found.hides_values:
            output.warn(f"the plan of {found.experiment.id} shows no values until it has ended")
    if target is None or not is_file:
        output.text(pieces(view, format))
        return
    written = write_whole(target, pieces(view, format))
    output.show(exported(view, format, target, written))
