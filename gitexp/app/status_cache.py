"""Rows of `status` kept from the last time, each for exactly the refs it was made from.

Reading an experiment costs milliseconds, a thousand of them seconds. A row that does not fit
exactly, or that a newer program wrote, is made anew.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from gitexp.app.branches import branch_tips, target_tips
from gitexp.app.status_view import Estimate, Judged, StatusRow
from gitexp.app.verdict_cache import verdict_stamp
from gitexp.health import Health, HealthState
from gitexp.ledger import Registered
from gitexp.model import (
    Direction,
    ExperimentId,
    Grant,
    Metric,
    Oid,
    Problem,
    Revision,
    Scale,
    State,
    Verdict,
    WriterId,
)
from gitexp.store.store import Store

_NAME = "status-rows"
_VERSION = "6"


class RowCache:
    """The rows of all experiments as last seen."""

    def __init__(self, store: Store, listed: Mapping[str, Oid]) -> None:
        self._store = store
        self._tips = store.tips(listed)
        self._branches = branch_tips(listed)
        self._writer = store.known_writer
        self._targets: dict[str, tuple[Oid, ...]] = {}
        self._kept = self._load()
        self._fresh: dict[str, dict[str, Any]] = {}

    def get(self, exp: ExperimentId) -> StatusRow | None:
        """The row, if nothing it was made from has changed."""
        kept = self._kept.get(exp)
        if not isinstance(kept, dict):
            return None
        try:
            if kept["key"] != self._key(exp, str(kept["row"]["target"])):
                return None
            row = _row(kept["row"])
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        self._fresh[exp] = kept
        return row

    def put(self, row: StatusRow) -> None:
        """Remember a row made just now."""
        self._fresh[row.id] = {"key": self._key(row.id, row.target), "row": asdict(row)}

    def save(self) -> None:
        """Keep the rows seen, if any is new."""
        if self._fresh != self._kept:
            text = json.dumps(self._fresh, default=_plain)
            self._store.cache.put(_NAME, _VERSION, text.encode("ascii"))

    def _load(self) -> Mapping[str, Any]:
        try:
            kept = json.loads(self._store.cache.get(_NAME, _VERSION) or b"{}")
        except ValueError:
            return {}
        return kept if isinstance(kept, dict) else {}

    def _key(self, exp: ExperimentId, target: str) -> str:
        if target not in self._targets:
            self._targets[target] = target_tips(self._store, target)
        parts = [
            sorted(self._tips.get(exp, {}).items()),
            self._branches.get(exp),
            self._writer,
            self._targets[target],
            verdict_stamp(self._store, exp),
        ]
        return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in a row of status")


def _row(kept: dict[str, Any]) -> StatusRow:
    ended = kept["ended"]
    return StatusRow(
        **{
            **kept,
            "id": ExperimentId(kept["id"]),
            "state": State(kept["state"]),
            "verdict": Verdict(kept["verdict"]),
            "metric": _metric(kept["metric"]),
            "scale": Scale(kept["scale"]),
            "plans": tuple(map(_registered, kept["plans"])),
            "judged": tuple(map(_judged, kept["judged"])),
            "waiting": tuple((WriterId(writer), int(n)) for writer, n in kept["waiting"]),
            "uses": None if kept["uses"] is None else tuple(kept["uses"]),
            "awaiting": tuple((name, int(n)) for name, n in kept["awaiting"]),
            "failed": tuple(kept["failed"]),
            "estimate": _estimate(kept["estimate"]),
            "guardrails": tuple((name, state) for name, state in kept["guardrails"]),
            "health": tuple(map(_check, kept["health"])),
            "alerts": tuple(map(_check, kept["alerts"])),
            "created": datetime.fromisoformat(kept["created"]),
            "expires": datetime.fromisoformat(kept["expires"]),
            "ended": None if ended is None else datetime.fromisoformat(ended),
            "problems": tuple(Problem(**problem) for problem in kept["problems"]),
            "next": tuple(kept["next"]),
        }
    )


def _registered(kept: dict[str, Any]) -> Registered:
    grant, better = kept["grant"], kept["better"]
    if grant is not None:
        grant = Grant(**{**grant, "discoveries": tuple(grant["discoveries"])})
    return Registered(
        **{
            **kept,
            "created": datetime.fromisoformat(kept["created"]),
            "grant": grant,
            "better": None if better is None else datetime.fromisoformat(better),
        }
    )


def _judged(kept: dict[str, Any]) -> Judged:
    return Judged(
        **{
            **kept,
            "revision": Revision(*kept["revision"]),
            "verdict": Verdict(kept["verdict"]),
            "at": datetime.fromisoformat(kept["at"]),
        }
    )


def _check(kept: dict[str, Any]) -> Health:
    return Health(**{**kept, "state": HealthState(kept["state"])})


def _metric(kept: dict[str, Any]) -> Metric:
    return Metric(name=kept["name"], direction=Direction(kept["direction"]), unit=kept["unit"])


def _estimate(kept: dict[str, Any]) -> Estimate:
    interval = kept["interval"]
    ends = None if interval is None else (float(interval[0]), float(interval[1]))
    if ends is not None and any(map(math.isnan, ends)):
        raise ValueError("an interval that is none")
    return Estimate(**{**kept, "interval": ends})
