"""`git exp`: the table of commands, loaded when called, and errors as exit statuses."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple, TextIO

import click

from gitexp import __version__
from gitexp.cli.failures import Failure, explain, tell
from gitexp.errors import DONE, FATAL, UsageError

BROKEN_PIPE = 141
"""What a shell shows for a program that ended by SIGPIPE."""


class Entry(NamedTuple):
    """Where a command is, and the line it gets in `git exp -h`.

    Attributes:
        target: 'module:name' of its click command.
        help: The same as the command's own short help, so that `-h` need not import it.
    """

    target: str
    help: str


COMMANDS: Mapping[str, Entry] = {
    "init": Entry("gitexp.cli.init:init", "Set this clone up for experiments."),
    "create": Entry("gitexp.cli.create:create", "Register an experiment and start its branch."),
    "run": Entry("gitexp.cli.run:run", "Run trials in blocks until the experiment is decided."),
    "exec": Entry(
        "gitexp.cli.exec:exec_", "Run a command of real use once, as a trial of either arm."
    ),
    "assign": Entry("gitexp.cli.assign:assign", "Tell the arm of one use measured elsewhere."),
    "record": Entry(
        "gitexp.cli.record:record", "Record a trial measured elsewhere, or its later values."
    ),
    "import": Entry(
        "gitexp.cli.import:import_", "Import trials from files that other tools wrote."
    ),
    "retract": Entry("gitexp.cli.retract:retract", "Take a trial out of the analysis."),
    "status": Entry("gitexp.cli.status:status", "Show where experiments stand."),
    "show": Entry("gitexp.cli.show:show", "Show the plan of an experiment."),
    "log": Entry("gitexp.cli.log:log", "Show the records of an experiment."),
    "analyze": Entry("gitexp.cli.analyze:analyze", "Analyze the evidence and give the verdict."),
    "export": Entry("gitexp.cli.export:export", "Write records or trials for other programs."),
    "power": Entry(
        "gitexp.cli.power:power", "Size an experiment: how many blocks an effect takes."
    ),
    "promote": Entry("gitexp.cli.promote:promote", "Merge a treatment that proved better."),
    "rollback": Entry("gitexp.cli.rollback:rollback", "Drop a treatment, or revert its merge."),
    "restore": Entry("gitexp.cli.restore:restore", "Undo a rollback, an expiry or a promotion."),
    "auto": Entry("gitexp.cli.auto:auto", "Do what the verdicts ask for: promote or roll back."),
    "monitor": Entry("gitexp.cli.monitor:monitor", "Look for what needs a person."),
    "handover": Entry("gitexp.cli.handover:handover", "Let another clone decide."),
    "sync": Entry("gitexp.cli.sync:sync", "Share records and branches with a remote."),
    "compact": Entry("gitexp.cli.compact:compact", "Gather all writers' records in one ref."),
    "hooks": Entry("gitexp.cli.hooks:hooks", "Install the git hooks, or see whether they run."),
    "doctor": Entry(
        "gitexp.cli.doctor:doctor", "Find what is wrong here, and repair what is safe."
    ),
    "trust": Entry("gitexp.cli.trust:trust", "Allow the commands of a plan to run here."),
    "demo": Entry("gitexp.cli.demo:demo", "Walk through an experiment in a scratch repository."),
}


class Commands(click.Group):
    """A group that imports a command's module only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.target.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            raise _unknown_command(args[0])
        return super().resolve_command(ctx, args)


def _unknown_command(name: str) -> UsageError:
    from difflib import get_close_matches

    nearest = get_close_matches(name, COMMANDS, n=1, cutoff=0.6)
    hint = f"did you mean 'git exp {nearest[0]}'?" if nearest else "see 'git exp -h'"
    return UsageError(f"there is no command {name!r}", hint=hint, code="unknown-command")


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Without a command: git exp status. Help of one command: git exp COMMAND -h.
Where [ID] may be left out, the default is the branch checked out here.

\b
Exit status: 0 done, 5 a --max-… budget was reached, 6 refused, 128 failed,
129 usage, 130 interrupted;
with --exit-code: 0 better, 1 worse, blocked or equivalent, 3 collecting or
undecided, 4 invalid.""",
)
@click.version_option(__version__, message="gitexp %(version)s")
def program() -> None:
    """Run A/B experiments on this repository and keep everything in git."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the entry point of `git-exp`.

    Returns:
        The exit status of DESIGN's contract: a verdict's when the command returned one, never 2.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    _never_fail_on_a_character()
    _collect_rarely()
    as_json = wants_json(args)
    try:
        return _run(args or ["status"])
    except BrokenPipeError:
        # whoever read our output has seen enough; that is not worth a word
        _forget(sys.stdout)
        return BROKEN_PIPE
    except BaseException as error:
        _flush_if_possible()
        failure = explain(error)
        if failure is None:
            return _bug(error, as_json)
        tell(failure, as_json=as_json)
        _flush_if_possible()
        return failure.status


def _collect_rarely() -> None:
    """Records are many, stay to the end and are in no cycles.

    To look for garbage among them again and again took a third of the time of 100,000 trials.
    """
    gc.set_threshold(100_000, 50, 100)


def wants_json(args: Sequence[str]) -> bool:
    """Whether `--json` is among the command's own options, readable even when parsing failed."""
    own = args[: args.index("--")] if "--" in args else args
    return "--json" in own


def _run(args: list[str]) -> int:
    # not Command.main(): it has exit statuses and a completion protocol of its own
    try:
        with program.make_context("git exp", args) as context:
            result = program.invoke(context)
    except click.exceptions.Exit as end:
        result = end.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return result if isinstance(result, int) else DONE


def _bug(error: BaseException, as_json: bool) -> int:
    if isinstance(error, SystemExit):
        raise error
    import traceback

    traceback.print_exception(error)
    if as_json:
        # 1 would read as the verdict 'worse', so a bug is a failure like any other
        message = f"{type(error).__name__}: {error}"
        tell(
            Failure("bug", message, "this is a bug in gitexp: please report it", FATAL),
            as_json=True,
        )
    return FATAL


def _never_fail_on_a_character() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _flush_if_possible() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _forget(stream)


def _forget(stream: TextIO) -> None:
    """Send what is still buffered nowhere, or Python fails once more when it exits."""
    import os

    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass
