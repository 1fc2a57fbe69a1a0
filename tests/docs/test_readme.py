"""README names every command and leads to every page."""

from __future__ import annotations

import re
from pathlib import Path

from gitexp.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_command_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`git exp .*?) \|", README, re.MULTILINE)
    named = re.findall(r"git exp (\w+)", " ".join(rows))

    assert sorted(named) == sorted(COMMANDS)


def test_every_page_is_linked() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", README))

    assert linked == {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
