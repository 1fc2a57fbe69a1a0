"""How long commands take to start: ratios of one run. python -m bench.startup"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.scale.scene import fill, repository
from gitexp.app.planning import PlanOptions

GIT_EXP = Path(sys.executable).with_name("git-exp")
ROUNDS = 15


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        small = repository(Path(folder) / "small")
        options = PlanOptions(hypothesis="this is 10 % faster", run="true")
        fill(small, experiments=2, trials=20, options=options)
        click = [sys.executable, "-c", "import click"]
        both = [sys.executable, "-c", "import click, pygit2"]
        _ratio("-h", [str(GIT_EXP), "-h"], "import click", click, small, bound=1.5)
        _ratio("status", [str(GIT_EXP), "status"], "import click, pygit2", both, small, bound=1.7)


def _ratio(
    name: str, command: Sequence[str], base: str, other: Sequence[str], cwd: Path, *, bound: float
) -> None:
    """Both commands in turn, so that a busy machine slows both alike."""
    pairs = [(_time(command, cwd), _time(other, cwd)) for _ in range(ROUNDS)]
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
    ms = statistics.median(a for a, _ in pairs) * 1000
    print(f"git exp {name:<7} {ms:6.0f} ms, {ratio:.2f} x python -c '{base}' (bound {bound})")


def _time(command: Sequence[str], cwd: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
