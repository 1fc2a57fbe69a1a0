"""What a sync did, in the form of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitexp import refs
from gitexp.app.sync_view import Kept, NotPushed, SyncedExperiment, SyncView
from gitexp.model import State, WriterId
from gitexp.render.changes import ChangeReport
from gitexp.render.plain import problem_values

_SHOWN = 3


def synced(view: SyncView) -> ChangeReport:
    """The answer of `sync`."""
    facts = [
        *_facts("came", (_came(exp) for exp in view.experiments)),
        *_facts("counts", (_taken_in(exp) for exp in view.experiments)),
        *_facts("decided", (_decided(exp) for exp in view.experiments)),
        *_facts("merged", (_merged(exp) for exp in view.experiments)),
        *_facts("pushed", _pushed(view.pushed)),
        *_facts("waiting", (_waiting(exp) for exp in view.experiments)),
        *(fact for refused in view.refused for fact in _refused(refused)),
        *(fact for kept in view.kept for fact in _kept(kept, view.remote)),
    ]
    return ChangeReport(
        command="sync",
        headline=_headline(view, is_quiet=not facts),
        facts=tuple(facts),
        warnings=view.warnings,
        next=view.next,
        values={
            "remote": view.remote,
            "attempts": view.attempts,
            "experiments": [_experiment_values(exp) for exp in view.experiments],
            "unknown": view.unknown,
            "pushed": view.pushed,
            "refused": [
                {"refs": each.names, "reason": each.reason, "way_out": each.way_out}
                for each in view.refused
            ],
            "not_fetched": view.not_fetched,
            "kept": [
                {
                    "id": kept.exp,
                    "writer": kept.writer,
                    "records": kept.records,
                    "ref": kept.ref,
                    "again": kept.again,
                }
                for kept in view.kept
            ],
        },
    )


def _headline(view: SyncView, *, is_quiet: bool) -> str:
    if view.refused:
        return f"{view.remote} does not have everything of this clone"
    if view.not_fetched:
        return f"this clone does not have everything of {view.remote}"
    quiet = ": nothing new on either side" if is_quiet else ""
    return f"in step with {view.remote}{quiet}"


def _facts(word: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    said = [text for text in texts if text]
    return [(word if at == 0 else "", text) for at, text in enumerate(said)]


def _came(exp: SyncedExperiment) -> str:
    if not exp.came:
        return ""
    each = []
    for writer, came in exp.came.items():
        blocks = f" ({_count(came.blocks, 'block')})" if came.blocks else ""
        each.append(f"{_count(came.records, 'record')}{blocks} of {writer}")
    rest = len(each) - _SHOWN
    if rest > 1:
        each = [*each[:_SHOWN], f"{rest} more writers"]
    return f"{exp.id}: {', '.join(each)}"


def _taken_in(exp: SyncedExperiment) -> str:
    if not exp.taken_in:
        return ""
    count = sum(exp.taken_in.values())
    return f"{exp.id}: {_count(count, 'block')} of {_writers(exp.taken_in)} from now on"


def _decided(exp: SyncedExperiment) -> str:
    if exp.decided is not None:
        return f"{exp.id}: {exp.decided}"
    return f"{exp.id}: its last day has passed, {exp.verdict}" if exp.expired else ""


def _merged(exp: SyncedExperiment) -> str:
    return f"{exp.id}: promoted by {exp.merge[:12]}, made elsewhere" if exp.merge else ""


def _waiting(exp: SyncedExperiment) -> str:
    count = sum(exp.waiting.values())
    if not count or exp.state is not State.RUNNING:
        return ""
    blocks, verb = _count(count, "block"), "waits" if count == 1 else "wait"
    if exp.is_decider:
        return f"{exp.id}: {blocks} {verb} for earlier ones that have not ended"
    return f"{exp.id}: {blocks} {verb} for {exp.decider} to sync"


def _pushed(names: Iterable[str]) -> list[str]:
    names = [*names]
    branches = [refs.short(name) for name in names if refs.parse_branch(name)]
    parsed = (refs.parse_notes(name) or refs.parse_archive(name) for name in names)
    ids = sorted({ref.exp for ref in parsed if ref is not None})
    said = []
    if branches:
        said.append(", ".join(branches[:_SHOWN]) + _more(len(branches)))
    if ids:
        said.append(f"evidence of {', '.join(ids[:_SHOWN])}{_more(len(ids))}")
    return said


def _refused(refused: NotPushed) -> list[tuple[str, str]]:
    what = ", ".join(refs.short(name) for name in refused.names[:2])
    more = f" and {len(refused.names) - 2} more" if len(refused.names) > 2 else ""
    facts = [("refused", f"{what}{more}: {refused.reason}")]
    return [*facts, *(("", command) for command in refused.way_out)]


def _kept(kept: Kept, remote: str) -> list[tuple[str, str]]:
    records = _count(kept.records, "record")
    text = (
        f"{kept.exp}: {records} of {kept.writer} that {remote} no longer has; a sync of "
        f"{kept.writer} brings them back, or"
    )
    return [("kept", text), ("", kept.again)]


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""


def _writers(counts: Mapping[WriterId, int]) -> str:
    names = [*counts]
    return ", ".join(names[:_SHOWN]) + _more(len(names))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _experiment_values(exp: SyncedExperiment) -> dict[str, object]:
    return {
        "id": exp.id,
        "state": exp.state,
        "verdict": exp.verdict,
        "came": {
            writer: {"records": came.records, "blocks": came.blocks}
            for writer, came in exp.came.items()
        },
        "taken_in": exp.taken_in,
        "decided": exp.decided,
        "expired": exp.expired,
        "merge": exp.merge,
        "waiting": exp.waiting,
        "decider": exp.decider,
        "is_decider": exp.is_decider,
        "problems": [problem_values(problem) for problem in exp.problems],
    }
