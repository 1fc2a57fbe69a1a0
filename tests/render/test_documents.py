"""JSON holds the keys that were promised, unrounded, and nothing JSON lacks."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest

from gitexp.app.views import RunMessage
from gitexp.render.changes import ChangeReport
from gitexp.render.documents import document, run_object
from gitexp.render.porcelain import porcelain
from tests.render import examples, unattended

if TYPE_CHECKING:
    from gitexp.render.views import View

VIEWS: dict[str, View] = {
    "status": examples.STATUS_VIEW,
    "analyze": examples.ANALYSIS_VIEW,
    "show": examples.PLAN_VIEW,
    "log": examples.LOG_VIEW,
    "auto": unattended.AUTO_VIEW,
    "monitor": unattended.MONITOR_VIEW,
    "promote": ChangeReport(command="promote", headline="done", values={"id": "x"}),
}


def told(view: View) -> Any:
    return json.loads(json.dumps(document(view), allow_nan=False))


@pytest.mark.parametrize("command", VIEWS)
def test_every_document_names_its_schema_and_holds_no_infinity(command: str) -> None:
    values = told(VIEWS[command])

    assert values["schema"] == f"gitexp.{command}/1"
    assert values["ok"] is True


def test_the_analysis_holds_every_promised_key() -> None:
    values = told(examples.ANALYSIS_VIEW)

    summary = {"n", "mean", "sd", "median", "min", "max"}
    assert values.keys() >= {
        "id", "verdict", "action", "plan", "revision", "control", "treatment", "blocks",
        "primary", "after", "looks", "guardrails", "secondary", "alerts", "health", "criteria",
        "impact", "next",
    }  # fmt: skip
    assert values["plan"].keys() >= {
        "hash", "alpha", "min_blocks", "max_blocks", "stopping", "test",
    }  # fmt: skip
    assert values["primary"].keys() >= {
        "metric", "unit", "direction", "test", "control", "treatment", "effect", "rel_effect",
        "interval", "level", "interval_kind", "p_value", "nominal_level", "statistic", "df",
        "hedges_g", "cohens_d", "d_z",
    }  # fmt: skip
    assert values["primary"]["control"].keys() == values["primary"]["treatment"].keys() == summary
    assert values["after"].keys() == values["primary"].keys()
    assert values["control"].keys() >= {"commit", "n"}
    assert values["blocks"].keys() >= {"complete", "used", "waiting", "max"}
    assert values["looks"].keys() >= {"next", "crossed_at", "boundary"}
    assert values["guardrails"][0].keys() >= {"metric", "margin", "bound", "state"}
    assert values["health"][0].keys() >= {"check", "state", "value", "threshold", "advice"}
    assert values["criteria"][0].keys() >= {"name", "met", "text"}


def test_numbers_of_the_analysis_keep_full_precision() -> None:
    values = told(examples.ANALYSIS_VIEW)

    assert values["primary"]["rel_effect"] == -0.045
    assert values["primary"]["effect"] == -0.045 * 1.4823
    assert values["looks"]["boundary"] == 2.9626
    assert values["plan"]["stopping"] == "group-sequential"
    assert values["impact"] is None


def test_what_is_unbounded_or_not_estimable_is_null() -> None:
    primary = replace(examples.PRIMARY, interval=(-inf, 0.1), effect=nan)
    analysis = replace(examples.ANALYSIS, primary=primary, after=None)
    values = told(replace(examples.ANALYSIS_VIEW, analysis=analysis))

    assert values["primary"]["interval"] == [None, 0.1]
    assert values["primary"]["effect"] is None
    assert values["after"] is None
    assert values["guardrails"][1]["bound"] is None


def test_status_lists_each_experiment_with_its_state_and_verdict() -> None:
    rows = told(examples.STATUS_VIEW)["experiments"]

    assert [(row["id"], row["state"], row["verdict"]) for row in rows][:2] == [
        ("fast-parse", "running", "collecting"),
        ("zstd-level", "running", "better"),
    ]
    assert rows[1]["estimate"]["interval"] == [None, -0.0871]
    assert rows[0]["created"] == "2026-11-22T08:48:00.000Z"


def test_the_log_holds_the_stored_records_and_their_marks() -> None:
    records = told(examples.LOG_VIEW)["records"]

    for shown, stored in zip(records, examples.RECORDS, strict=True):
        added = {"marks": shown["marks"], "tail": shown["tail"]}
        assert {**json.loads(stored.line), **added} == shown
    assert [r["marks"] for r in records if r["kind"] == "trial"][:3] == [["warm-up"]] * 2 + [[]]


def test_a_run_is_a_stream_of_a_plan_trials_looks_and_a_verdict() -> None:
    messages: list[RunMessage] = [
        examples.STARTED,
        examples.TRIAL_DONE,
        examples.LOOK_TAKEN,
        examples.RUN_ENDED,
    ]

    objects = [json.loads(json.dumps(run_object(m), allow_nan=False)) for m in messages]

    assert [one["kind"] for one in objects] == ["plan", "trial", "look", "verdict"]
    assert {one["schema"] for one in objects} == {"gitexp.run/1"}
    assert objects[1]["id"] == examples.TRIAL_DONE.id
    assert objects[3]["verdict"] == "better"
    analysed = told(examples.ANALYSIS_VIEW)["primary"]
    for arm in ("control", "treatment"):
        assert objects[3]["primary"].pop(arm).items() <= analysed.pop(arm).items()
    assert objects[3]["primary"].items() <= analysed.items()


def test_porcelain_lines_are_what_they_always_were() -> None:
    lines = porcelain(examples.STATUS_VIEW, nul=False).splitlines()

    control, treatment = examples.CONTROL, examples.TREATMENT
    assert lines[0] == (
        f"exp fast-parse running collecting * {control} {treatment} 4 20 log -0.061 - - lower time"
    )
    assert lines[1] == (
        f"exp zstd-level running better - {control} {treatment} "
        "10 20 log -0.124 -inf -0.0871 lower time"
    )
    assert lines[-1] == "foreign exp/Scratch Pad"


def test_porcelain_with_nul_has_no_newline() -> None:
    text = porcelain(examples.STATUS_VIEW, nul=True)

    assert "\n" not in text
    assert text.count("\0") == len(examples.STATUS_VIEW.rows) + 1
    assert text.endswith("\0")
