"""Real uses through the installed program, started as a shell would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import BIN, GitExp, GitIn

EXEC = [str(BIN / "git-exp"), "exec"]


@dataclass(frozen=True)
class Desk:
    """A user's clone."""

    git: GitIn

    @property
    def path(self) -> Path:
        return self.git.path

    @property
    def exp(self) -> GitExp:
        return GitExp(self.path)

    def use(
        self,
        *args: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        program: list[str] = EXEC,
    ) -> subprocess.CompletedProcess[str]:
        """One `exec`."""
        return subprocess.run(
            [*program, *args],
            cwd=cwd or self.path,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def begin(
        self, *args: str, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """One `exec` in the background."""
        return subprocess.Popen(
            [*EXEC, *args],
            cwd=self.path,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def python(self, code: str, *args: str) -> list[str]:
        """A command that runs Python code."""
        return [sys.executable, "-S", "-c", code, *args]

    @property
    def trials(self) -> list[dict[str, Any]]:
        """The trial records, oldest first."""
        records = self.exp("log", "fast", "--json").json["records"]
        return [record for record in records if record["kind"] == "trial"]

    @property
    def slots(self) -> Counter[tuple[int, int, str]]:
        """How often each (block, attempt, arm) was recorded."""
        return Counter((t["block"], t["attempt"], t["arm"]) for t in self.trials)


def is_unrecorded(done: subprocess.CompletedProcess[str], why: str) -> bool:
    """Whether the command ran with one warning that says why it is no trial."""
    lines = done.stderr.splitlines()
    return len(lines) == 1 and lines[0].startswith("warning: not recorded: ") and why in lines[0]
