"""`git exp monitor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitexp.cli.options import output_options
from gitexp.cli.output import Output

if TYPE_CHECKING:
    from gitexp.app.monitor_view import MonitorView


@click.command()
@click.argument("exp_ids", metavar="[ID…]", nargs=-1)
@click.option("--watch", "watches", is_flag=True, help="Go on looking; tell only what is new.")
@click.option("--every", metavar="DUR", help="With --watch: how often to look (default: 60s).")
@click.option(
    "--notify",
    metavar="CMD",
    help="Hand each alert once, as JSON on stdin, to this shell command (default: exp.notify).",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there are alerts.")
@output_options
def monitor(
    output: Output,
    exp_ids: tuple[str, ...],
    watches: bool,
    every: str | None,
    notify: str | None,
    exit_code: bool,
) -> int:
    """Look for what needs a person.

    Tells the alerts of all running experiments, or of those that are named: failures of the
    treatment, a metric below its floor, a regression, odd values, time that has run out, and
    whatever makes an analysis invalid. Alerts never act: git exp auto promotes and rolls back.

    The command of --notify runs at the top of the work tree and is to end within 30 seconds. An
    alert it does not take is tried again the next time. What was handed over is remembered here,
    so that any number of monitors tell it once.

    \b
    Exit status: 0, with --exit-code 1 when there are alerts; 128 when an
    experiment cannot be read or an alert was not taken.

    \b
    Example:
      git exp monitor
      git exp monitor --watch --notify 'mail -s "git exp" me@example.com'
    """
    from gitexp.app.monitor import look, receiver
    from gitexp.app.opening import open_store
    from gitexp.errors import UsageError
    from gitexp.render.monitor import alert_document

    if every is not None and not watches:
        raise UsageError("--every is for --watch", hint=f"git exp monitor --watch --every {every}")
    if exit_code and watches:
        raise UsageError("a watch ends by ^C alone", hint="leave out --watch, or --exit-code")
    if watches:
        return _watch(output, exp_ids, every=every or "60s", notify=notify)
    store = open_store()
    view = look(store, exp_ids, receiver(store, notify, alert_document))
    _warn(output, view)
    output.show(view)
    return view.status(exit_code=exit_code)


def _watch(output: Output, exp_ids: tuple[str, ...], *, every: str, notify: str | None) -> int:
    from gitexp.app.monitor import receiver, watch
    from gitexp.errors import INTERRUPTED, UsageError
    from gitexp.notation import parse_duration
    from gitexp.render.monitor import alert_document, alert_event, alert_lines

    try:
        every_s = parse_duration(every)
    except ValueError as error:
        raise UsageError(f"--every: {error}", hint="git exp monitor --watch --every 60s") from error
    for view in watch(
        exp_ids, lambda store: receiver(store, notify, alert_document), every_s=every_s
    ):
        _warn(output, view)
        for alert in view.alerts:
            if output.as_json:
                output.stream(alert_event(alert))
            else:
                output.write(alert_lines([alert], output.screen))
        output.flush()
    return INTERRUPTED


def _warn(output: Output, view: MonitorView) -> None:
    for exp, why in view.unread:
        output.warn(f"{exp}: {why}" if exp else why)
    for alert, why in view.undelivered:
        output.warn(f"{alert.exp}: {alert.found.check}: the command did not take it: {why}")
