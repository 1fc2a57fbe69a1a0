"""What `compact` did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitexp.app.compact import Compaction
from gitexp.render.changes import ChangeReport
from gitexp.render.numbers import plural

_SHOWN = 5


def compaction_planned(plan: Compaction) -> ChangeReport:
    """What would change, for --dry-run."""
    steps = compaction_steps(plan)
    return ChangeReport(
        command="compact",
        headline=_idle(plan) if plan.is_idle else f"would compact {plan.exp}",
        facts=(*_listed("would", steps), *_staying(plan)),
        next=(_again(plan),) if steps else (),
        values={**_values(plan), "dry_run": True, "steps": steps},
    )


def compaction_steps(plan: Compaction) -> tuple[str, ...]:
    """What will happen, one line a step."""
    found = []
    if plan.moved:
        found.append(f"gather {_counted(plan)} in {plan.into}")
    if plan.dropped:
        found.append(f"drop {plural(len(plan.dropped), 'ref')} of other lanes here")
    if plan.pushed:
        found.append(f"push {plural(len(plan.pushed), 'ref')} to {plan.remote}")
    if plan.deleted:
        refs = plural(len(plan.deleted), "ref")
        found.append(f"delete {refs} on {plan.remote}, which then has what they hold")
    return tuple(found)


def compacted(done: Compaction) -> ChangeReport:
    """The answer of `compact`."""
    facts = [("in", done.into)]
    if done.dropped:
        facts.append(("here", f"{plural(len(done.dropped), 'ref')} of other lanes dropped"))
    if done.pushed or done.deleted:
        took = plural(len(done.pushed), "ref")
        facts.append(("remote", f"{done.remote} took {took}; {len(done.deleted)} deleted there"))
    return ChangeReport(
        command="compact",
        headline=_idle(done) if done.is_idle else f"{_counted(done)} of {done.exp} gathered",
        facts=(*facts, *_staying(done)),
        warnings=tuple(
            f"{done.remote} did not take {name}: {said}; nothing it holds was deleted there"
            for name, said in done.refused.items()
        ),
        next=(_again(done),) if done.refused else (f"git exp log {done.exp}",),
        values={**_values(done), "dry_run": False},
    )


def _again(plan: Compaction) -> str:
    return " ".join(["git exp compact", plan.exp, *([plan.remote] if plan.remote else [])])


def _idle(plan: Compaction) -> str:
    return f"{plan.exp} is compacted: {_counted(plan)} in one ref"


def _counted(plan: Compaction) -> str:
    return f"{plural(plan.records, 'record')} of {plural(plan.writers, 'writer')}"


def _staying(plan: Compaction) -> list[tuple[str, str]]:
    texts = [f"{name}: {why}" for name, why in plan.stay.items()]
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return _listed("stays", [*texts[:_SHOWN], *more])


def _listed(word: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(word if at == 0 else "", text) for at, text in enumerate(texts)]


def _values(plan: Compaction) -> Mapping[str, object]:
    return {
        "id": plan.exp,
        "remote": plan.remote,
        "records": plan.records,
        "writers": plan.writers,
        "into": plan.into,
        "moved": plan.moved,
        "dropped": plan.dropped,
        "pushed": plan.pushed,
        "deleted": plan.deleted,
        "stay": dict(plan.stay),
        "refused": dict(plan.refused),
    }
