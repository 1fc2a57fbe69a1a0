"""An export in each of its formats, as pieces of text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import assert_never

from gitexp.app.export import Exported, ExportView
from gitexp.render.export_format import ExportFormat
from gitexp.render.plain import plain_object


def pieces(view: ExportView, format: ExportFormat) -> Iterator[str]:
    """The whole text, in pieces that end lines."""
    match format:
        case ExportFormat.JSON:
            yield json.dumps(export_document(view), indent=2, allow_nan=False) + "\n"
        case ExportFormat.JSONL:
            from gitexp.render.export_tables import jsonl_lines

            yield from jsonl_lines(view)
        case ExportFormat.CSV:
            from gitexp.render.export_tables import csv_lines

            yield from csv_lines(view)
        case ExportFormat.MARKDOWN:
            from gitexp.render.export_markdown import markdown_lines

            yield from markdown_lines(view)
        case ExportFormat.GO:
            from gitexp.render.export_go import go_lines

            yield from go_lines(view)
        case _:
            assert_never(format)


def export_document(view: ExportView) -> dict[str, object]:
    """Plan, records and analysis of each experiment."""
    found = [_experiment(exported) for exported in view.experiments]
    return {"schema": "gitexp.export/1", "ok": True, "experiments": found}


def _experiment(exported: Exported) -> dict[str, object]:
    from gitexp.render.analysis_document import analysis_values
    from gitexp.render.documents import entry_values

    experiment = exported.experiment
    analysis = None if exported.analysis is None else analysis_values(exported.analysis)
    return plain_object(
        {
            "id": experiment.id,
            "state": experiment.state,
            "plan": json.loads(experiment.canonical),
            "plan_hash": experiment.plan_hash,
            "records": [entry_values(entry) for entry in exported.entries],
            "analysis": analysis,
        }
    )
