"""Alerts: for people, and for the commands they are handed to."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gitexp.app.monitor_view import Alert, MonitorView
from gitexp.render import numbers, words
from gitexp.render.plain import health_values, plain_object
from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

ALERT = "gitexp.alert/1"


def monitor_page(view: MonitorView, screen: Screen) -> list[Line]:
    """Every alert, or that there is none."""
    if view.alerts:
        return alert_lines(view.alerts, screen)
    checked = numbers.plural(len(view.checked), "experiment")
    return [line("no experiment is running" if not view.checked else f"{checked}: no alerts")]


def alert_lines(alerts: Sequence[Alert], screen: Screen) -> list[Line]:
    """'fast  ! error rate: …', then what to do."""
    lines: list[Line] = []
    for alert in alerts:
        found = alert.found
        text = f"{found.check}: {found.value}"
        if found.threshold:
            text += f" (threshold {found.threshold})"
        first = (Span(f"{alert.exp}  ", Style.STRONG), words.health(found.state), Span(" "))
        lines += wrapped(text, screen, first=first, indent=4)
        if found.advice:
            lines += wrapped(found.advice, screen, first=" " * 4)
    return lines


def monitor_values(view: MonitorView) -> dict[str, object]:
    """The document of `monitor --json`."""
    return {
        "checked": view.checked,
        "alerts": [alert_values(alert) for alert in view.alerts],
        "unread": [{"id": exp, "reason": why} for exp, why in view.unread],
        "undelivered": [{**alert_values(alert), "reason": why} for alert, why in view.undelivered],
    }


def alert_values(alert: Alert) -> dict[str, object]:
    """One alert as programs get it."""
    return {
        "id": alert.exp,
        "name": alert.name,
        "state": alert.state,
        "verdict": alert.verdict,
        "revision": {
            "control_tree": alert.revision.control_tree,
            "treatment_tree": alert.revision.treatment_tree,
        },
        "subject": alert.found.subject,
        **{("severity" if k == "state" else k): v for k, v in health_values(alert.found).items()},
        "next": alert.next,
    }


def alert_event(alert: Alert) -> dict[str, object]:
    """One object of the stream of `monitor --watch --json`."""
    return {"schema": "gitexp.monitor/1", "kind": "alert", **plain_object(alert_values(alert))}


def alert_document(alert: Alert, repository: str) -> bytes:
    """What the command of --notify reads: one line of ASCII JSON."""
    values = {"schema": ALERT, "repository": repository, **alert_values(alert)}
    return (json.dumps(plain_object(values), ensure_ascii=True, allow_nan=False) + "\n").encode()
