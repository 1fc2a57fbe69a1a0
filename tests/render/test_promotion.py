"""What is said before and after a change of the target branch."""

from __future__ import annotations

import shlex
from dataclasses import replace

from gitexp.app.restore import Restoration
from gitexp.render.promotion import planned, restored
from gitexp.render.screen import Screen
from gitexp.render.views import page
from tests.render.examples import CONTROL, EXPERIMENT, LOG_VIEW, MERGE, TREATMENT

WIDE = Screen(width=100)
UNDONE = Restoration(
    experiment=EXPERIMENT,
    tip=TREATMENT,
    merge=None,
    taken_back=CONTROL,
    target="refs/heads/main",
    stands_on=None,
    existed=False,
    undo="git exp promote fast-parse --override 'it'\"'\"'s needed'",
)


def test_a_dry_run_repeats_what_was_typed() -> None:
    options = [("--into", None), ("--override", "it's needed")]

    report = planned("promote", "fast", None, here="refs/heads/main", options=options)

    assert shlex.split(report.next[0]) == [
        *("git", "exp", "promote", "fast", "--override", "it's needed"),
    ]
    back = planned("rollback", "fast", None, here="refs/heads/main")
    assert back.headline == "would roll fast back"


def test_a_promotion_taken_back_says_where_the_target_is_and_how_to_promote_again() -> None:
    report = restored(UNDONE)

    assert report.headline == "promotion of fast-parse taken back"
    assert report.facts[0] == ("target", f"main is at {CONTROL[:12]} again")
    assert report.next == (UNDONE.undo,)
    assert report.undo == UNDONE.undo


def test_nothing_to_restore_proposes_nothing_to_undo() -> None:
    holds = replace(UNDONE, merge=MERGE, taken_back=None, existed=True)

    report = restored(holds)

    assert report.headline == "fast-parse is promoted: there is nothing to restore"
    assert report.undo is None
    assert report.next == ("git exp status fast-parse",)


def test_a_log_that_nobody_reads_along_is_whole() -> None:
    piped = Screen(width=40, is_read=False)

    text = piped.text(page(LOG_VIEW, piped))

    assert "block 1 treatment  time 1.391 s  maxrss 212.0 MB" in text
    assert "…" not in text
