"""What people see, compared with files people can read (GOLDEN=update pytest … writes them)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitexp.render.changes import ChangeReport
from gitexp.render.screen import Screen, Style
from gitexp.render.text import cells
from gitexp.render.views import page
from tests.render import ailing, examples, unattended

if TYPE_CHECKING:
    from gitexp.render.views import View

GOLDEN = Path(__file__).parent / "golden"
UPDATES = os.environ.get("GOLDEN") == "update"

WIDE = Screen(width=100, encoding="utf-8")
NARROW = Screen(width=60, encoding="ascii")

PROMOTED = ChangeReport(
    command="promote",
    headline="exp/fast-parse is merged into main as c0ffee1",
    facts=(
        ("shown", "treatment −4.5% in time (95% repeated interval −8.0% to −0.9%)"),
        ("kept", "refs/exp/archive/fast-parse/ann-laptop-1"),
    ),
    next=("git push",),
    undo="git exp restore fast-parse",
)
PAGES: dict[str, tuple[View, bool]] = {
    "status-list": (examples.STATUS_VIEW, False),
    "status-one": (examples.SINGLE_VIEW, False),
    "analysis": (examples.ANALYSIS_VIEW, False),
    "analysis-verbose": (examples.ANALYSIS_VIEW, True),
    "analysis-young": (examples.YOUNG_VIEW, False),
    "plan": (examples.PLAN_VIEW, False),
    "log": (examples.LOG_VIEW, False),
    "run-ended": (examples.RUN_ENDED, False),
    "promoted": (PROMOTED, False),
    "status-ended": (unattended.ENDED_VIEW, False),
    "auto": (unattended.AUTO_VIEW, False),
    "monitor": (unattended.MONITOR_VIEW, False),
    "doctor": (ailing.DOCTOR_VIEW, False),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("look", "screen"), [("wide", WIDE), ("ascii", NARROW)])
def test_a_page_is_as_people_approved_it(name: str, look: str, screen: Screen) -> None:
    view, verbose = PAGES[name]
    golden = GOLDEN / f"{name}.{look}.txt"

    shown = screen.text(page(view, screen, verbose=verbose))

    if UPDATES:
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in PAGES if name != "analysis-verbose"])
@pytest.mark.parametrize("width", [40, 59, 60, 79, 80, 99, 100, 140, 200])
def test_no_page_is_wider_than_the_screen(name: str, width: int) -> None:
    view, verbose = PAGES[name]
    screen = Screen(width=width)

    shown = screen.text(page(view, screen, verbose=verbose)).splitlines()

    # hashes and commands are for copying and stay whole
    copied = ("git exp", "git push", "hash", "make build", "kept")
    wide = [line for line in shown if cells(line) > width and not any(w in line for w in copied)]
    assert wide == []


@pytest.mark.parametrize("name", PAGES)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    view, verbose = PAGES[name]
    plain, painted = Screen(width=100), Screen(width=100, colour=True)

    shown = painted.text(page(view, painted, verbose=verbose))

    for style in Style:
        shown = shown.replace(f"\x1b[{style}m", "")
    assert shown.replace("\x1b[m", "") == plain.text(page(view, plain, verbose=verbose))


@pytest.mark.parametrize("name", PAGES)
def test_an_ascii_page_is_ascii(name: str) -> None:
    view, verbose = PAGES[name]

    assert NARROW.text(page(view, NARROW, verbose=verbose)).isascii()
