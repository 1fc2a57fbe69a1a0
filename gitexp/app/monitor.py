"""Looking at all running experiments for what needs a person. Alerts never act.

Nothing is written into the evidence; what would promote or roll back is `auto`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gitexp.app.alerts import alerts_of
from gitexp.app.load import resolve_id
from gitexp.app.monitor_view import Alert, MonitorView
from gitexp.app.opening import open_store
from gitexp.app.settings import Settings
from gitexp.app.told_alerts import tell_new
from gitexp.app.unfinished import unfinished_ids
from gitexp.errors import GitexpError
from gitexp.model import ExperimentId
from gitexp.runner.notify import deliver
from gitexp.store.git import Git
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The user's command that gets alerts.

    Attributes:
        document: An alert of the repository at this path as the command gets it.
    """

    command: str
    document: Callable[[Alert, str], bytes]

    def take(self, git: Git, alert: Alert) -> str | None:
        """Hand one over; why it was not taken, if it was not."""
        place = git.top or git.common_dir
        document = self.document(alert, str(place))
        return deliver(self.command, document, cwd=place, environ=os.environ)


def receiver(
    store: Store, flag: str | None, document: Callable[[Alert, str], bytes]
) -> Receiver | None:
    """Who gets alerts by the flag, GITEXP_NOTIFY or `exp.notify`; None: nobody.

    What a clone brought along (.gitexp) names no command that runs unasked.
    """
    command = Settings.of(store.git).value("notify", flag, is_local=True)
    return Receiver(command=command, document=document) if command else None


def look(store: Store, names: Sequence[str], to: Receiver | None) -> MonitorView:
    """Look once, and hand over what is new.

    Args:
        names: The experiments to look at; none: all that run.

    Raises:
        GitexpError: if there is no experiment of one of these names.
    """
    exps = tuple(dict.fromkeys(resolve_id(store, name) for name in names))
    checked = exps or unfinished_ids(store)
    found: list[Alert] = []
    unread: list[tuple[ExperimentId, str]] = []
    for exp in checked:
        try:
            found += alerts_of(store, exp)
        except GitexpError as error:
            unread.append((exp, f"{error.message}; {error.hint}"))
    view = MonitorView(checked=checked, alerts=tuple(found), unread=tuple(unread))
    if to is None or not found:
        return view
    return replace(view, undelivered=tell_new(store.git, found, partial(to.take, store.git)))


def watch(
    names: Sequence[str],
    to: Callable[[Store], Receiver | None],
    *,
    every_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[MonitorView]:
    """Look again and again; each view holds only what none before it had. Never ends.

    Later looks that fail are told and tried again: a watch outlives a repository that is busy.

    Raises:
        GitexpError: if the first look fails.
    """
    seen: set[object] = set()
    is_first = True
    while True:
        began = time.monotonic()
        try:
            store = open_store()
            view = look(store, names, to(store))
        except GitexpError as error:
            if is_first:
                raise
            why = f"{error.message}; {error.hint}"
            view = MonitorView(checked=(), alerts=(), unread=((None, why),))
        is_first = False
        yield _news(view, seen)
        sleep(max(every_s - (time.monotonic() - began), 0.0))


def _news(view: MonitorView, seen: set[object]) -> MonitorView:
    def is_new(key: object) -> bool:
        is_known = key in seen
        seen.add(key)
        return not is_known

    return replace(
        view,
        alerts=tuple(alert for alert in view.alerts if is_new(alert.key)),
        unread=tuple(pair for pair in view.unread if is_new(pair)),
        undelivered=tuple((a, why) for a, why in view.undelivered if is_new((a.key, why))),
    )
