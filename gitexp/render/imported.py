"""What `import` recorded, or would."""

from __future__ import annotations

from gitexp.app.importing import Imported, ImportedView
from gitexp.render.changes import ChangeReport

_SHOWN = 20
"""Trials listed by a dry run."""


def imported(view: ImportedView) -> ChangeReport:
    """The answer of `import`."""
    facts = [
        ("read" if at == 0 else "", f"{file} as {format}")
        for at, (file, format) in enumerate(view.files[:_SHOWN])
    ]
    if len(view.files) > _SHOWN:
        facts.append(("", f"and {len(view.files) - _SHOWN} more"))
    facts += _places(view)
    facts += [("note" if at == 0 else "", text) for at, text in enumerate(_notes(view))]
    if view.is_dry_run:
        facts += _list(view.trials)
    return ChangeReport(
        command="import",
        headline=_headline(view),
        facts=tuple(facts),
        warnings=view.warnings,
        next=_next(view),
        values=_values(view),
    )


def _headline(view: ImportedView) -> str:
    if view.observed:
        new, old = view.observed - view.known_observed, view.known_observed
        what = "later value" if view.observed == 1 else "later values"
        what = f"the {what} of {_counted(new, 'trial')}"
    else:
        old = sum(1 for trial in view.trials if trial.existed)
        new = len(view.trials) - old
        what = _counted(new, "trial")
    if new == 0:
        return f"nothing to record for {view.exp}: {_counted(old, 'trial')} recorded already"
    verb = "would be recorded" if view.is_dry_run else "recorded"
    known = f", {old} recorded already" if old else ""
    return f"{what} {verb} for {view.exp}{known}"


def _places(view: ImportedView) -> list[tuple[str, str]]:
    facts = []
    blocks = _blocks(view)
    arms = sorted({trial.arm for trial in view.trials})
    if arms:
        what = " and ".join(arms)
        if blocks:
            what += (
                f", block {blocks[0]}"
                if len(blocks) == 1
                else (f", blocks {blocks[0]} to {blocks[-1]}")
            )
        facts.append(("arm" if len(arms) == 1 else "arms", what))
    failed = sum(1 for trial in view.trials if trial.outcome in ("failed", "timeout"))
    if failed:
        facts.append(("failed", _counted(failed, "trial")))
    return facts


def _blocks(view: ImportedView) -> list[int]:
    return sorted({trial.block for trial in view.trials if trial.block})


def _notes(view: ImportedView) -> list[str]:
    notes = list(view.notes)
    if view.waits is not None:
        is_one = len(_blocks(view)) == 1
        what = "this block waits for its" if is_one else "these blocks wait for their"
        notes.append(f"{what} {view.waits}")
    if view.cases and view.cases < view.max_blocks:
        notes.append(
            f"{_counted(view.cases, 'case')}, and the plan ends with block {view.max_blocks}: it "
            "goes on collecting until more cases come"
        )
    elif view.cases > view.max_blocks:
        notes.append(
            f"{view.cases} cases, and the plan ends with block {view.max_blocks}: the rest comes "
            "after and decides nothing"
        )
    return notes


def _list(trials: tuple[Imported, ...]) -> list[tuple[str, str]]:
    facts = []
    for at, trial in enumerate(trials[:_SHOWN]):
        where = "unpaired" if trial.block is None else f"block {trial.block}"
        case = "" if trial.case is None else f" case {trial.case[:40]}"
        values = ", ".join(f"{name} {value:g}" for name, value in trial.metrics.items())
        known = ", recorded already" if trial.existed else ""
        text = f"{trial.arm} {where}{case}: {trial.outcome}, {values}{known}"
        facts.append(("trials" if at == 0 else "", text))
    if len(trials) > _SHOWN:
        facts.append(("", f"and {len(trials) - _SHOWN} more: --json lists all"))
    return facts


def _next(view: ImportedView) -> tuple[str, ...]:
    if view.is_dry_run:
        return ()
    if view.waits is not None:
        block = "" if view.cases else f" --block {_blocks(view)[0]}"
        return (f"git exp import {view.exp} --arm {view.waits}{block} FILE",)
    return (f"git exp analyze {view.exp}",)


def _values(view: ImportedView) -> dict[str, object]:
    return {
        "id": view.exp,
        "dry_run": view.is_dry_run,
        "files": [{"file": file, "format": format} for file, format in view.files],
        "recorded": sum(1 for t in view.trials if not t.existed) if not view.is_dry_run else 0,
        "existed": sum(1 for t in view.trials if t.existed),
        "observed": view.observed - view.known_observed,
        "cases": view.cases,
        "max_blocks": view.max_blocks,
        "notes": _notes(view),
        "trials": [
            {
                "id": trial.id,
                "arm": trial.arm,
                "block": trial.block,
                "case": trial.case,
                "trial_id": trial.trial_id,
                "outcome": trial.outcome,
                "metrics": trial.metrics,
                "existed": trial.existed,
            }
            for trial in view.trials
        ],
    }


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
