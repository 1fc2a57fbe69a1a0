"""The one line a run shows while it goes on."""

from __future__ import annotations

from dataclasses import replace

from gitexp.render.run import Progress
from gitexp.render.screen import Screen
from tests.render.examples import LOOK_TAKEN, STARTED, TRIAL_DONE, YOUNG_VIEW


def shown(progress: Progress, width: int = 120) -> str:
    screen = Screen(width=width)
    return screen.text([progress.line(screen)]).rstrip("\n")


def test_progress_shows_how_far_the_estimate_and_the_time_left_at_most() -> None:
    progress = Progress()

    progress.hear(STARTED)
    assert shown(progress) == "fast-parse  ███···························  2/20 blocks  warming up"

    progress.hear(TRIAL_DONE)
    assert shown(progress).endswith("2/20 blocks  1 failed  at most 3m12s left")

    progress.hear(LOOK_TAKEN)
    assert shown(progress).endswith(
        "12/20 blocks  time ↓ −4.5% [−8.0%, −0.9%]  1 failed  at most 2m10s left"
    )


def test_an_estimate_without_an_interval_stands_alone() -> None:
    progress = Progress()
    progress.hear(STARTED)

    progress.hear(replace(LOOK_TAKEN, view=YOUNG_VIEW))

    assert "time ↓ −4.5%  at most" in shown(progress)


def test_progress_leaves_the_last_cell_of_a_narrow_screen_free() -> None:
    progress = Progress()
    progress.hear(STARTED)
    progress.hear(LOOK_TAKEN)

    assert len(shown(progress, width=40)) == 39
