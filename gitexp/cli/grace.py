"""A moment to think, on a terminal only: nobody else is ever kept waiting or asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

import click

from gitexp.cli.output import Output
from gitexp.errors import Cancelled

GRACE_S = 5


def is_watched() -> bool:
    """Whether somebody sits at the terminal who could answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def give_time(output: Output, steps: Iterable[str], *, yes: bool) -> None:
    """Say what will happen, and wait a few seconds for ^C.

    Raises:
        Cancelled: when it came.
    """
    if yes or not is_watched():
        return
    for step in steps:
        output.note(f"will {step}")
    output.note(f"in {GRACE_S} seconds; ^C cancels, --yes does not wait")
    try:
        time.sleep(GRACE_S)
    except KeyboardInterrupt:
        raise Cancelled from None


def confirm(question: str, *, yes: bool) -> None:
    """Ask; a no ends the command.

    Raises:
        Cancelled: when the answer is no, or ^C.
    """
    if yes or not is_watched():
        return
    try:
        is_wanted = click.confirm(question, err=True)
    except click.Abort:
        is_wanted = False
    if not is_wanted:
        raise Cancelled
