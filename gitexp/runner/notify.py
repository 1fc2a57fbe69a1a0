"""Handing a document to a command of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from gitexp.errors import GitexpError
from gitexp.runner.process import CannotStart, Launcher, errors_path
from gitexp.runner.variables import for_command

TIMEOUT_S = 30.0
_SAID = 200
"""Characters of what the command said that are told."""
_TAIL = 64 << 10
"""Bytes at the end of what it printed that are read for it; a command may print without end."""


def deliver(
    command: str,
    document: bytes,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
) -> str | None:
    """Run the shell command with the document on its standard input, and wait for its end.

    Returns:
        None when it ended well; else why it counts as not delivered, one line.
    """
    with TemporaryDirectory(prefix="gitexp-") as folder, Launcher() as launcher:
        path, output = Path(folder, "document"), Path(folder, "output")
        path.write_bytes(document)
        env = {**for_command(environ, cwd=cwd), "GITEXP_DOCUMENT": str(path)}
        try:
            # the launcher gives its commands an empty standard input
            finished = launcher.run(
                f'exec <"$GITEXP_DOCUMENT"\n{command}',
                cwd=cwd,
                env=env,
                timeout_s=timeout_s,
                output=output,
            )
        except CannotStart as error:
            return error.reason
        except GitexpError as error:
            return error.message
        if finished.timed_out:
            return f"it did not end within {timeout_s:g} s"
        if finished.exit_code == 0:
            return None
        how = "a signal" if finished.exit_code is None else f"exit status {finished.exit_code}"
        return f"{how}{_said(errors_path(output)) or _said(output)}"


def _said(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL, 0))
        text = file.read(_TAIL).decode("utf-8", errors="replace")
    spoken = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {spoken[-1][:_SAID]}" if spoken else ""
