"""The moment before a change: whoever stops it then is told that nothing was changed."""

from __future__ import annotations

import time
from typing import NoReturn

import click
import pytest

from gitexp.cli import grace
from gitexp.cli.failures import explain
from gitexp.cli.output import ColourWhen, Output
from gitexp.errors import INTERRUPTED, Cancelled


@pytest.fixture(autouse=True)
def somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grace, "is_watched", lambda: True)


def interrupt(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


def abort(*_: object, **__: object) -> NoReturn:
    raise click.Abort


def test_an_interrupt_while_counting_down_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", interrupt)
    output = Output.of_process(as_json=False, colour=ColourWhen.NEVER)

    with pytest.raises(Cancelled) as caught:
        grace.give_time(output, ["merge exp/fast into main"], yes=False)

    failure = explain(caught.value)
    assert failure is not None
    assert failure.message == "cancelled: nothing was changed"
    assert failure.status == INTERRUPTED


def test_a_no_and_an_interrupt_at_the_question_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for answer in (abort, lambda *_, **__: False):
        monkeypatch.setattr(click, "confirm", answer)
        with pytest.raises(Cancelled):
            grace.confirm("Let it run?", yes=False)
