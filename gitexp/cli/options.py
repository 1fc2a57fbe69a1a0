"""Options and arguments several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

import click

from gitexp import errors
from gitexp.cli.output import ColourWhen, Output
from gitexp.model import Verdict

Command = TypeVar("Command", bound=Callable[..., Any])

VERDICT_STATUS = {
    Verdict.BETTER: errors.DONE,
    Verdict.WORSE: errors.NOT_BETTER,
    Verdict.BLOCKED: errors.NOT_BETTER,
    Verdict.EQUIVALENT: errors.NOT_BETTER,
    Verdict.COLLECTING: errors.NO_DECISION,
    Verdict.UNDECIDED: errors.NO_DECISION,
    Verdict.INVALID: errors.INVALID,
}


def is_attended() -> bool:
    """Whether somebody could type an answer: git may ask for a password then."""
    return sys.stdin is not None and sys.stdin.isatty()


def one_of(kind: type[StrEnum]) -> click.Choice[str]:
    """A choice among the values; click itself would offer the members' Python names."""
    return click.Choice([member.value for member in kind])


def experiment_argument(command: Command) -> Command:
    """An optional ID as `exp_id: str | None`; None is the experiment of the checked-out branch."""
    return click.argument("exp_id", metavar="[ID]", required=False)(command)


def required_experiment_argument(command: Command) -> Command:
    """An ID that cannot be left out as `exp_id: str`."""
    return click.argument("exp_id", metavar="ID")(command)


def output_options(command: Command) -> Callable[..., Any]:
    """`--json`, `--color` and `--no-color`, handed to the command as `output: Output`."""

    @wraps(command)
    def with_output(
        *args: Any, as_json: bool, colour: str | None, no_colour: bool, **kwargs: Any
    ) -> Any:
        when = ColourWhen.NEVER if no_colour and colour is None else ColourWhen(colour or "auto")
        return command(*args, output=Output.of_process(as_json=as_json, colour=when), **kwargs)

    with_output = click.option(
        "--no-color", "no_colour", is_flag=True, help="The same as --color=never."
    )(with_output)
    with_output = click.option(
        "--color",
        "colour",
        type=one_of(ColourWhen),
        help="Colours; auto: on a terminal, unless NO_COLOR or color.exp say otherwise.",
    )(with_output)
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON for programs (see the schema key)."
    )(with_output)


def exit_code_option(command: Command) -> Command:
    """`--exit-code` as `exit_code: bool`; the command then returns `verdict_status(…)`."""
    return click.option(
        "--exit-code",
        is_flag=True,
        help="Exit with 0 better, 1 worse, blocked or equivalent, 3 no decision, 4 invalid.",
    )(command)


def verbose_option(command: Command) -> Command:
    """`--verbose` as `verbose: bool`."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Add the raw statistics, other tests for comparison, and every block.",
    )(command)


def yes_option(command: Command) -> Command:
    """`--yes` as `yes: bool`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask and do not wait.")(command)


def verdict_status(verdict: Verdict, *, exit_code: bool) -> int:
    """The exit status a verdict stands for, when the user asked for it; else 0."""
    return VERDICT_STATUS[verdict] if exit_code else errors.DONE
