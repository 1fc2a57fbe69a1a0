"""Repositories that the weather changes: experiments made by the installed program."""

from tests.cli.conftest import (
    bench_template,
    decided,
    decided_template,
    ready,
    ready_template,
    repo,
)

__all__ = ["bench_template", "decided", "decided_template", "ready", "ready_template", "repo"]
