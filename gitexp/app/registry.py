"""The plans of all experiments known here, read from their archives without their records."""

from __future__ import annotations

from gitexp import refs
from gitexp.codec import parse_plan
from gitexp.errors import GitexpError
from gitexp.model import ExperimentId, Plan
from gitexp.store.archives import registered_plan
from gitexp.store.store import Store


def registered_plans(store: Store) -> tuple[Plan, ...]:
    """One for every experiment, the newest first; what cannot be read is passed over."""
    found: dict[ExperimentId, Plan] = {}
    for name, tip in store.repository.refs(refs.ARCHIVES, refs.REMOTE_ARCHIVES).items():
        ref = refs.parse_archive(name)
        if ref is None or ref.exp in found:
            continue
        try:
            line = registered_plan(store.repository, tip)
            if line is not None:
                found[ref.exp] = parse_plan(line)
        except (GitexpError, ValueError):
            continue
    return tuple(sorted(found.values(), key=lambda plan: (plan.created, plan.id), reverse=True))
