"""The formats of an export; nothing else, so that help and usage errors cost nothing."""

from __future__ import annotations

from enum import StrEnum


class ExportFormat(StrEnum):
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    GO = "go"

    @property
    def is_analysed(self) -> bool:
        """Whether it holds an analysis, which takes numpy."""
        return self in (ExportFormat.JSON, ExportFormat.MARKDOWN)
