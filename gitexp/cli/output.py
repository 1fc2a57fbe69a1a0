"""Where a command's answer goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from gitexp.errors import GitexpError
from gitexp.render.screen import Line, Screen, line

if TYPE_CHECKING:
    from gitexp.app.status_view import StatusView
    from gitexp.app.views import RunEnd, RunMessage
    from gitexp.render.views import View


class ColourWhen(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Output:
    """The two streams of one command.

    Attributes:
        as_json: stdout carries JSON and nothing else.
        screen: What stdout can show.
        aside: What stderr can show.
        redraws: stderr is a terminal on which a line can be drawn again.
    """

    as_json: bool
    screen: Screen
    aside: Screen
    redraws: bool

    @staticmethod
    def of_process(*, as_json: bool, colour: ColourWhen) -> Output:
        """The output of this process, by its streams, its environment and git's configuration."""
        # colours only for people: JSON has none, so git need not be asked
        has_colour = not as_json and _has_colour(colour, sys.stdout)
        return Output(
            as_json=as_json,
            screen=_screen(sys.stdout, has_colour),
            aside=_screen(sys.stderr, has_colour and _is_terminal(sys.stderr)),
            redraws=_is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb",
        )

    def show(self, view: View, *, verbose: bool = False) -> None:
        """Print what a command answers, as text or as its JSON document."""
        if self.as_json:
            from gitexp.render.documents import document

            self.document(document(view))
        else:
            from gitexp.render.views import page

            self.write(page(view, self.screen, verbose=verbose))

    def porcelain(self, view: StatusView, *, nul: bool) -> None:
        """Print the stable lines of `status --porcelain=v1`."""
        from gitexp.render.porcelain import porcelain

        _print(porcelain(view, nul=nul), sys.stdout)

    def document(self, values: Mapping[str, object]) -> None:
        """Print one JSON document."""
        _print(_json(values, indent=2), sys.stdout)

    def stream(self, values: Mapping[str, object]) -> None:
        """Print one JSON object on its own line, at once."""
        _print(_json(values), sys.stdout)
        self.flush()

    def write(self, lines: Iterable[Line]) -> None:
        """Print lines of the answer."""
        _print(self.screen.text(lines), sys.stdout)

    def text(self, pieces: Iterable[str]) -> None:
        """Print text for other programs, piece by piece."""
        for piece in pieces:
            _print(piece, sys.stdout)

    def flush(self) -> None:
        """Let whoever follows along see what was written so far."""
        if sys.stdout is not None:
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something that is not the answer."""
        _print(self.aside.text([line(text)]), sys.stderr)

    def warn(self, text: str) -> None:
        """Say what the user should know, and may ignore."""
        self.note(f"warning: {text}")

    def follow(self, messages: Iterable[RunMessage], *, progress: bool | None = None) -> RunEnd:
        """Tell a run while it goes on, then print what it ended with.

        Args:
            progress: Whether to show progress on stderr; None: only on a terminal.
        """
        from gitexp.cli.progress import follow

        return follow(self, messages, progress=progress)


def _json(values: Mapping[str, object], *, indent: int | None = None) -> str:
    import json

    # ASCII: control characters and bidi marks reach no terminal, whatever shows the document
    return json.dumps(values, indent=indent, ensure_ascii=True, allow_nan=False) + "\n"


def _print(text: str, stream: TextIO | None) -> None:
    if stream is not None:
        stream.write(text)


def _screen(stream: TextIO | None, has_colour: bool) -> Screen:
    return Screen(
        width=_width(stream),
        colour=has_colour,
        encoding=(getattr(stream, "encoding", None) or "ascii").lower(),
        # under git's own pager stdout is a pipe, and git says so
        is_read=_is_terminal(stream) or _is_paged(),
    )


def _width(stream: TextIO | None) -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        columns = int(told)
    else:
        try:
            columns = os.get_terminal_size(stream.fileno()).columns if stream else 0
        except (OSError, ValueError):
            columns = 0
    return min(max(columns or 80, 40), 200)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _is_paged() -> bool:
    return os.environ.get("GIT_PAGER_IN_USE") == "true"


def _has_colour(when: ColourWhen, stream: TextIO | None) -> bool:
    if when is not ColourWhen.AUTO:
        return when is ColourWhen.ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if not _is_terminal(stream) and not _is_paged():
        return False
    from gitexp.store.git import Git

    try:
        answer = Git.open().attempt("config", "--get-colorbool", "color.exp", "true")
    except GitexpError:
        return True
    return answer.stdout.strip() != b"false"
