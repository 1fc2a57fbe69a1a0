"""Where experiments stand, without statistics; rows kept from the last time where they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gitexp import refs
from gitexp.app.branches import current_experiment, known_ids, without_switch
from gitexp.app.budget import budget_of, configured_rate
from gitexp.app.status_cache import RowCache
from gitexp.app.status_view import StatusRow, StatusView, Summary
from gitexp.errors import GitexpError
from gitexp.model import ExperimentId, Oid, State
from gitexp.store.store import Store


def status(store: Store, exp: str | None, *, everything: bool) -> StatusView:
    """All experiments, or one; ended ones only when asked for or recent.

    Args:
        everything: Ended ones too.
    """
    current = current_experiment(store)
    now = datetime.now(UTC)
    if exp is not None:
        row = _one_row(store, exp, current)
        return StatusView(
            rows=(row,),
            summary=_summary([row], now),
            budget=None,
            foreign=(),
            now=now,
            is_single=True,
        )
    rate = configured_rate(store.git)
    listed = store.our_refs()
    rows, foreign = _all_rows(store, listed, current)
    rows.sort(key=lambda row: (row.state is not State.RUNNING, row.id != current, row.created))
    shown = [row for row in rows if everything or row.state is State.RUNNING or len(rows) <= 10]
    return StatusView(
        rows=tuple(shown),
        summary=_summary(rows, now),
        budget=budget_of(rows, rate),
        foreign=(*foreign, *_strangers(listed)),
        now=now,
        is_single=False,
    )


def every_row(store: Store) -> tuple[StatusRow, ...]:
    """One row for each experiment that can be read; nothing is said of who stands where."""
    return tuple(_all_rows(store, store.our_refs(), None)[0])


def _one_row(store: Store, exp: str, current: ExperimentId | None) -> StatusRow:
    from gitexp.app.load import resolve_id

    return _seen_from(current, _made(store, resolve_id(store, exp)))


def _seen_from(current: ExperimentId | None, row: StatusRow) -> StatusRow:
    """The row for somebody who stands on this experiment's branch, or not."""
    if row.id != current:
        return replace(row, is_current=False)
    return replace(row, is_current=True, next=without_switch(row.next, row.id))


def _made(store: Store, exp: ExperimentId) -> StatusRow:
    # only when no kept row fits: reading records needs much that showing rows does not
    from gitexp.app.status_row import make_row

    return make_row(store, exp)


def _all_rows(
    store: Store, listed: Mapping[str, Oid], current: ExperimentId | None
) -> tuple[list[StatusRow], list[str]]:
    """Every experiment's row, and the names that turned out to be none."""
    kept = RowCache(store, listed)
    rows: list[StatusRow] = []
    foreign: list[str] = []
    for name in known_ids(store, listed):
        row = kept.get(name)
        if row is None:
            try:
                row = _made(store, name)
            except GitexpError:
                foreign.append(refs.short(refs.branch(name)))
                continue
            kept.put(row)
        rows.append(_seen_from(current, row))
    kept.save()
    return rows, foreign


def _strangers(listed: Mapping[str, Oid]) -> tuple[str, ...]:
    """Branches under exp/ whose names cannot be experiments."""
    names = [name for name in listed if name.startswith(refs.BRANCHES)]
    return tuple(refs.short(name) for name in sorted(names) if refs.parse_branch(name) is None)


def _summary(rows: Sequence[StatusRow], now: datetime) -> Summary:
    by_state = {state: sum(row.state is state for row in rows) for state in State}
    ended = len(rows) - by_state[State.RUNNING]
    promotions = [row.ended for row in rows if row.state is State.PROMOTED and row.ended]
    totals: dict[str, float] = {}
    for row in rows:
        if row.state is State.PROMOTED and row.per_month is not None:
            # what has no unit adds up only with its like
            unit = row.metric.unit or row.metric.name
            totals[unit] = totals.get(unit, 0.0) + row.per_month
    judged = [row for row in rows if row.has_verdict]
    return Summary(
        running=by_state[State.RUNNING],
        promoted=by_state[State.PROMOTED],
        rolled_back=by_state[State.ROLLED_BACK],
        expired=by_state[State.EXPIRED],
        success_rate=by_state[State.PROMOTED] / ended if ended else None,
        judged=len(judged),
        false_promotions=sum(row.false_better for row in judged),
        days_since_promotion=(
            (now - max(promotions)).total_seconds() / 86400 if promotions else None
        ),
        per_month=tuple(sorted(totals.items())),
    )
