"""Which alerts were handed over already, kept in the git dir: each is told once.

Two monitors take turns: what one has handed over, the other finds noted. An alert is noted after
its command ended well; so one whose command fails is tried again, and only a kill between the two
tells it twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from gitexp.app.monitor_view import Alert
from gitexp.model import ExperimentId
from gitexp.store.files import Folder
from gitexp.store.git import Git


def tell_new(
    git: Git, alerts: Iterable[Alert], deliver: Callable[[Alert], str | None]
) -> tuple[tuple[Alert, str], ...]:
    """Hand over those that were not yet, and note each.

    Args:
        deliver: Hands one over; returns why it could not, or None.

    Returns:
        Those that could not be handed over, and why.
    """
    failed: list[tuple[Alert, str]] = []
    with _turn(git):
        for alert in alerts:
            told = _told(git, alert.exp)
            if alert.key in told:
                continue
            why = deliver(alert)
            if why is not None:
                failed.append((alert, why))
                continue
            now = datetime.now(UTC).isoformat(timespec="seconds")
            told[alert.key] = {"check": alert.found.check, "at": now}
            _folder(git).write(f"{alert.exp}.json", json.dumps(told, indent=1).encode("ascii"))
    return tuple(failed)


def _told(git: Git, exp: ExperimentId) -> dict[str, object]:
    try:
        kept = json.loads(_folder(git).read(f"{exp}.json") or b"{}")
    except ValueError:
        return {}  # an alert told twice is better than one that never is
    return kept if isinstance(kept, dict) else {}


def _folder(git: Git) -> Folder:
    return Folder(git.common_dir, "exp", "alerts")


@contextlib.contextmanager
def _turn(git: Git) -> Iterator[None]:
    """Wait until no other monitor hands anything over."""
    lock = Folder(git.common_dir, "exp").open("alerts.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
