"""`git exp hooks`."""

from __future__ import annotations

import click

from gitexp.cli.options import output_options
from gitexp.cli.output import Output


@click.group(no_args_is_help=False)
def hooks() -> None:
    """Install the git hooks, or see whether they run.

    post-commit says what a commit means for its experiment; pre-push takes the evidence along with
    an experiment's branch. Hooks that are there already are kept and run first.

    \b
    Example:
      git exp hooks status
    """


@hooks.command()
@output_options
def install(output: Output) -> None:
    """Put both hooks where git runs them.

    Hooks that are there already are kept and run first. Where others manage the hooks (husky, a
    tracked folder), nothing is touched, and the line by which their hooks call ours is printed.
    Safe to repeat; puts back what a manager displaced.

    \b
    Example:
      git exp hooks install
    """
    from gitexp.app import hooks as app
    from gitexp.render.hook_files import hooks_report
    from gitexp.store.git import Git

    output.show(hooks_report(app.install(Git.open())))


@hooks.command()
@output_options
def uninstall(output: Output) -> None:
    """Take both hooks out, put back what was there.

    \b
    Example:
      git exp hooks uninstall
    """
    from gitexp.app import hooks as app
    from gitexp.render.hook_files import hooks_report
    from gitexp.store.git import Git

    output.show(hooks_report(app.uninstall(Git.open())))


@hooks.command()
@output_options
def status(output: Output) -> None:
    """Show whether both hooks run, and through what.

    \b
    Example:
      git exp hooks status
    """
    from gitexp.app import hooks as app
    from gitexp.render.hook_files import hooks_report
    from gitexp.store.git import Git

    output.show(hooks_report(app.status(Git.open())))


@hooks.command(hidden=True)
@click.argument("name", type=click.Choice(["post-commit", "pre-push"]))
@click.argument("args", nargs=-1)
def run(name: str, args: tuple[str, ...]) -> int:
    """Do the work of one hook; its script calls this when there may be some.

    \b
    Example:
      git exp hooks run post-commit
    """
    from gitexp.cli import hook_runs

    return hook_runs.post_commit() if name == "post-commit" else hook_runs.pre_push(args)
