"""Following `auto`: each experiment's line as it comes, progress and warnings to stderr."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gitexp.app.auto_view import AutoMessage, AutoView, Due, Managed
from gitexp.cli.grace import give_time
from gitexp.cli.output import Output
from gitexp.cli.progress import Told
from gitexp.errors import Cancelled
from gitexp.render.auto import managed_lines


def follow_auto(
    output: Output,
    messages: Iterable[AutoMessage],
    *,
    exps: Collection[str],
    is_dry_run: bool,
    yes: bool,
    progress: bool | None,
) -> AutoView:
    """Tell every experiment as it is done with; with --json one document at the end.

    Args:
        exps: Those that are gone through.
        yes: Not to wait before something irreversible, not even on a terminal.
        progress: Whether to show progress of runs; None: only on a terminal.
    """
    redraws = output.redraws and progress is not False
    told = Told(output, redraws=redraws, is_on=redraws if progress is None else progress)
    done: list[Managed] = []
    try:
        for message in messages:
            match message:
                case Due():
                    told.clear()
                    _give_time(output, message, yes=yes)
                case Managed():
                    told.clear()
                    done.append(message)
                    if not output.as_json:
                        output.write(managed_lines(message, exps, output.screen))
                        output.flush()
                case _:
                    told.hear(message)
    finally:
        told.clear()
    view = AutoView(experiments=tuple(done), is_dry_run=is_dry_run)
    if output.as_json or not done:
        output.show(view)
    return view


def _give_time(output: Output, due: Due, *, yes: bool) -> None:
    try:
        give_time(output, due.steps, yes=yes)
    except Cancelled:
        # earlier ones are done: 'nothing was changed' would not be true
        raise KeyboardInterrupt from None
