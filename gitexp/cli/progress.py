"""Following a run: its progress to stderr, its objects or its verdict to stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import assert_never

from gitexp.app.answered import Answered
from gitexp.app.views import RunEnd, RunEnded, RunMessage, RunStarted, SelfCompared
from gitexp.cli.output import Output
from gitexp.render.documents import run_object
from gitexp.render.run import Progress, answer_page, run_page, self_page
from gitexp.render.screen import Line, Screen

REDRAW_S = 0.1
LINE_S = 10.0


def follow(
    output: Output, messages: Iterable[RunMessage], *, progress: bool | None = None
) -> RunEnd:
    """Tell every message as it comes, and the end.

    Args:
        progress: Whether to show progress; None: only on a terminal, and not beside JSON.
    """
    # a redrawn line and a stream of objects would write over each other on one terminal
    redraws = output.redraws and not output.as_json and progress is not False
    told = Told(output, redraws=redraws, is_on=redraws if progress is None else progress)
    ended: RunEnd | None = None
    try:
        for message in messages:
            told.hear(message)
            if output.as_json:
                output.stream(run_object(message))
            if isinstance(message, RunEnd):
                ended = message
    finally:
        told.clear()
    assert ended is not None, "a run that does not end in an error ends with its verdict"
    if not output.as_json:
        output.write(_last_page(ended, output.screen))
    return ended


def _last_page(ended: RunEnd, screen: Screen) -> list[Line]:
    match ended:
        case RunEnded():
            return run_page(ended, screen)
        case SelfCompared():
            return self_page(ended, screen)
        case Answered():
            return answer_page(ended, screen)
        case _:
            assert_never(ended)


class Told:
    """The progress on stderr: one line drawn again and again, or a line now and then.

    Args:
        redraws: Whether stderr is a terminal that nothing else writes to.
        is_on: Whether to show anything but warnings.
    """

    def __init__(self, output: Output, *, redraws: bool, is_on: bool) -> None:
        self._output = output
        self._redraws = redraws
        self._is_on = is_on
        self._progress = Progress()
        self._last = -LINE_S
        self._is_drawn = False

    def hear(self, message: RunMessage) -> None:
        self._progress.hear(message)
        if isinstance(message, RunStarted):
            for warning in message.warnings:
                self._output.warn(warning)
        now = time.monotonic()
        if self._is_on and now - self._last >= (REDRAW_S if self._redraws else LINE_S):
            self._last = now
            self._draw()

    def clear(self) -> None:
        """Leave nothing of a redrawn line."""
        if self._is_drawn:
            self._write("\r\x1b[K")
            self._is_drawn = False

    def _draw(self) -> None:
        shown = self._output.aside.text([self._progress.line(self._output.aside)])
        if self._redraws:
            self._is_drawn = True
            self._write(f"\r\x1b[K{shown.rstrip()}")
        else:
            self._write(shown)

    def _write(self, text: str) -> None:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
