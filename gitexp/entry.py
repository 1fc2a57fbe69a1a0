"""Where `git-exp` begins: `exec` without click, all else by the table of commands."""

from __future__ import annotations


def main() -> int:
    """Run the command line of this process; its exit status."""
    from gitexp.cli.use import started_as, use

    request = started_as()
    if request is not None:
        return use(request)
    from gitexp.cli.main import main as command_line

    return command_line()
