"""The last verdict, kept for as long as the evidence and the arms are the same.

Analysing needs scipy; `status` must not. A cache entry that does not fit exactly is a miss.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gitexp.health import Health, HealthState
from gitexp.model import ExperimentId, Scale, Verdict
from gitexp.store.store import Store

if TYPE_CHECKING:
    from gitexp.app.load import Loaded
    from gitexp.decision import Analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedVerdict:
    """What `status` shows of an analysis; `interval` ends may be infinite.

    Attributes:
        used: Blocks the result is of.
        health: Checks that warned or failed, but for those that are made anew each time.
    """

    verdict: Verdict
    reason: str
    used: int
    change: float | None
    interval: tuple[float, float]
    guardrails: tuple[tuple[str, str], ...]
    health: tuple[Health, ...]
    alerts: tuple[Health, ...]


def cached_verdict(store: Store, loaded: Loaded) -> CachedVerdict | None:
    """The verdict kept for exactly this evidence, or None."""
    text = store.cache.get(f"{loaded.experiment.id}.verdict", _key(loaded))
    if text is None:
        return None
    try:
        kept = json.loads(text)
        low, high = kept["interval"]
        return CachedVerdict(
            verdict=Verdict(kept["verdict"]),
            reason=str(kept["reason"]),
            used=int(kept["used"]),
            change=None if kept["change"] is None else float(kept["change"]),
            interval=(-math.inf if low is None else low, math.inf if high is None else high),
            guardrails=tuple((str(name), str(state)) for name, state in kept["guardrails"]),
            health=_checks(kept["health"]),
            alerts=_checks(kept["alerts"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _checks(kept: list[dict[str, str]]) -> tuple[Health, ...]:
    return tuple(Health(**{**check, "state": HealthState(check["state"])}) for check in kept)  # type: ignore[arg-type]


def verdict_stamp(store: Store, exp: ExperimentId) -> int:
    """Changes whenever another verdict is kept; 0 while there is none."""
    return store.cache.stamp(f"{exp}.verdict")


def keep_verdict(store: Store, loaded: Loaded, analysis: Analysis) -> None:
    """Keep what was found for `status`; failing to is no matter."""
    primary = analysis.primary
    change = primary.rel_effect if primary.scale is Scale.LOG else primary.effect
    low, high = (None if math.isinf(end) else end for end in primary.interval)
    text = json.dumps(
        {
            "verdict": analysis.verdict,
            "reason": analysis.reason,
            "used": analysis.blocks.used,
            "change": None if change is None or math.isinf(change) else change,
            "interval": [low, high],
            "guardrails": [[g.metric.name, g.state] for g in analysis.guardrails],
            "health": [
                asdict(check)
                for check in analysis.health
                if check.state is not HealthState.OK and check not in loaded.health
            ],
            "alerts": [asdict(alert) for alert in analysis.alerts],
        }
    )
    store.cache.put(f"{loaded.experiment.id}.verdict", _key(loaded), text.encode())


def _key(loaded: Loaded) -> str:
    """Changes whenever evidence or arms do, or a check fails."""
    comparison = loaded.comparison
    parts = [
        loaded.experiment.plan_hash,
        sorted(loaded.experiment.tips.items()),
        []
        if comparison is None
        else [comparison.revision.control_tree, comparison.revision.treatment_tree],
        [
            [check.check, check.value]
            for check in loaded.health
            if check.state is HealthState.FAIL  # others change no verdict
        ],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
