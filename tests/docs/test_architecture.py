"""The map in docs/architecture.md shows every module, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from gitexp.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


def _mapped() -> set[str]:
    page = (ROOT / "docs" / "architecture.md").read_text()
    block = page[page.index("```\ngitexp/") : page.index("```\n\nImports")]
    found: set[str] = set()
    folder = ""
    for line in block.splitlines():
        match = re.match(r"( {2}| {4})([a-z0-9_]+(?:\.py|/))", line)
        if match and match[2].endswith("/"):
            folder = match[2]
        elif match:
            found.add(match[2] if len(match[1]) == 2 else f"{folder}{match[2]}")
    return found


def test_the_map_agrees_with_the_code() -> None:
    package = ROOT / "gitexp"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    commands = {f"cli/{name}.py" for name in COMMANDS}

    shown = _mapped() | commands

    assert {name for name in modules if not name.endswith("__init__.py")} == shown
