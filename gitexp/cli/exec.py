"""`git exp exec`: its help and its refusals; `cli/use.py` does the work."""

from __future__ import annotations

import sys

import click

from gitexp.errors import UsageError


@click.command("exec", context_settings={"ignore_unknown_options": False})
@click.option("--for", "name", metavar="NAME", help="The experiment of this command's name.")
@click.option("--in-place", is_flag=True, help="Run it here; GITEXP_ARM_DIR is the arm's checkout.")
@click.argument("words", metavar="[ID] -- CMD…", nargs=-1, type=click.UNPROCESSED)
def exec_(name: str | None, in_place: bool, words: tuple[str, ...]) -> None:  # noqa: ARG001
    """Run a command of real use once, as a trial of either arm.

    The arm is drawn at random, the command runs in that arm's checkout, in the same subfolder as
    you stand in, and the trial is recorded when it ends. Its input, output, terminal, signals and
    exit status are as without git exp. Where there is nothing to assign, the command runs here,
    with one warning, and is not recorded.

    It sees GITEXP_ARM, GITEXP_TRIAL and GITEXP_USER_DIR, where you are; metrics it writes to the
    file GITEXP_METRICS, one name=value a line, are recorded.

    \b
    Example:
      git exp exec --for review -- ./review.sh main
    """
    hint = "git exp exec [ID | --for NAME] [--in-place] -- CMD…"
    if "--" not in sys.argv:
        raise UsageError("the command to run comes after '--'", hint=hint)
    if name == "":
        raise UsageError("--for names no command", hint=hint)
    if name is not None and words:
        own = sys.argv[2 : sys.argv.index("--")]
        if words[0] in own:
            raise UsageError("name the experiment or its command, not both", hint=hint)
    raise UsageError("no command to run, or more than one experiment named", hint=hint)
