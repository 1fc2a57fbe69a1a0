"""What is to be said of a team's .gitexp: what it proposes, and what nobody listens to."""

from __future__ import annotations

import difflib
from dataclasses import fields

from gitexp.app.planning import NEVER_CONFIGURED, PlanOptions
from gitexp.app.settings import TEAM_FILE, Settings, spelled

OTHERS = ("fdr", "protect", "reservation-timeout")
"""What a team may set besides the options of a plan."""


def team_notes(settings: Settings, *, run: str | None, setup: str | None) -> list[str]:
    """What it proposes to run where nothing else was chosen, and what it sets without effect.

    Args:
        run, setup: What was chosen.
    """
    proposals = settings.proposals(run=run, setup=setup)
    return [f"the team's .gitexp proposes: {one}" for one in proposals] + _unheard(settings)


def _unheard(settings: Settings) -> list[str]:
    """A note for each setting that has no effect, which nobody would notice."""
    options = [one.name.replace("_", "-") for one in fields(PlanOptions)]
    never = {name.replace("_", "-") for name in NEVER_CONFIGURED}
    heard = {
        name.replace("-", ""): spelled(name) for name in (*options, *OTHERS) if name not in never
    }
    notes = []
    for key in settings.team:
        if key in heard:
            continue
        line = settings.team_lines.get(key)
        where = f"exp.{key} in {TEAM_FILE}" + (f", line {line}" if line else "")
        near = difflib.get_close_matches(key.replace("-", ""), heard, n=1, cutoff=0.8)
        meant = f": did you mean {heard[near[0]]}?" if near else ""
        notes.append(f"{where}, is no setting of a team{meant}")
    return notes
