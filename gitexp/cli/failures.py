"""What ended a command, told on stderr and, with --json, in an envelope on stdout."""

from __future__ import annotations

import contextlib
import errno
import re
import sys
from typing import NamedTuple

import click

from gitexp.errors import FATAL, INTERRUPTED, USAGE, GitexpError

ENVELOPE = "gitexp.error/1"


class Failure(NamedTuple):
    """One failure in the user's words.

    Attributes:
        code: Stable machine name.
        hint: One thing to type or do.
    """

    code: str
    message: str
    hint: str
    status: int


def explain(error: BaseException) -> Failure | None:
    """The failure this exception stands for, or None when it is a bug."""
    match error:
        case GitexpError():
            return Failure(error.code, error.message, error.hint, error.exit_status)
        case click.ClickException():
            return _usage(error)
        case KeyboardInterrupt() | click.Abort():
            return Failure(
                "interrupted",
                "interrupted: everything recorded is kept",
                "run it again to go on",
                INTERRUPTED,
            )
        case MemoryError():
            return Failure(
                "no-memory",
                "out of memory",
                "nothing recorded is lost: close other programs and run it again",
                FATAL,
            )
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            where = f" for {error.filename}" if error.filename else ""
            return Failure(
                "no-space",
                f"no space left on the device{where}",
                "nothing recorded is lost: free some space and run it again",
                FATAL,
            )
        case OSError(errno=errno.EROFS | errno.EIO):
            where = f": {error.filename}" if error.filename else ""
            return Failure(
                "cannot-write",
                f"{(error.strerror or 'the disk failed').lower()}{where}",
                "nothing recorded is lost: see to the disk, then run it again",
                FATAL,
            )
        case OSError(errno=errno.EFBIG):
            return Failure(
                "no-space",
                "a file may not grow as large as it has to here",
                "raise the limit and run it again: ulimit -f unlimited",
                FATAL,
            )
        case _:
            return None


def tell(failure: Failure, *, as_json: bool) -> None:
    """Print the failure, for people and, if asked, for programs.

    Where nothing can be printed, as in a file on a full disk, the exit status has to be enough.
    """
    with contextlib.suppress(OSError):
        _print(failure, as_json=as_json)


def _print(failure: Failure, *, as_json: bool) -> None:
    from gitexp.render.text import clean

    if failure.status == INTERRUPTED:
        print(f"{clean(failure.message)}; {clean(failure.hint)}", file=sys.stderr)
    else:
        print(f"error: {clean(failure.message)}", file=sys.stderr)
        print(f"hint: {clean(failure.hint)}", file=sys.stderr)
    if as_json:
        import json

        told = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        # one line, so that it can also end a stream of objects
        print(json.dumps({"schema": ENVELOPE, "ok": False, "error": told}), flush=True)


def _usage(error: click.ClickException) -> Failure:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "git exp"
    hint = f"see '{path} -h'"
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        message = f"no such option '{error.option_name}'"
        if context is not None and context.parent is None:
            hint = "options follow the command, as in 'git exp status --json'"
        elif error.possibilities:
            hint = f"did you mean '{error.possibilities[0]}'?"
    return Failure("usage", _plainly(_as_phrase(message)), hint, USAGE)


def _plainly(message: str) -> str:
    """Click's words for a whole number in ours.

    >>> _plainly("'x' is not a valid integer range")
    "'x' is not a whole number"
    """
    return re.sub(r"is not a valid integer( range)?\Z", "is not a whole number", message)


def _as_phrase(message: str) -> str:
    """Click's sentence in the form of ours: no capital, no full stop.

    >>> _as_phrase("Missing option '--name'.")
    "missing option '--name'"
    """
    text = message.strip().removesuffix(".")
    return text[:1].lower() + text[1:]
