"""The frame of all commands: how errors end, who gets what, and when there is colour."""

from __future__ import annotations

import errno
import json
import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

import click
import pytest

from gitexp import __version__
from gitexp.app.views import RunMessage
from gitexp.cli import main as frame
from gitexp.cli.main import COMMANDS, Entry, main, wants_json
from gitexp.cli.options import VERDICT_STATUS, output_options, verdict_status
from gitexp.cli.output import ColourWhen, Output
from gitexp.errors import GitexpError, Refused
from gitexp.model import Verdict
from gitexp.render.screen import Span, Style, line
from tests.render.examples import RUN_ENDED, STARTED, TRIAL_DONE
from tests.support import BIN, GitExp

PRESENT = [name for name, e in COMMANDS.items() if find_spec(e.target.partition(":")[0])]


def loaded(name: str) -> click.Command:
    module, _, attribute = COMMANDS[name].target.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    return command


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """`git exp status` raises this instead of doing anything."""

    def prepare(error: BaseException) -> None:
        @click.command()
        @output_options
        def status(output: Output) -> None:  # noqa: ARG001
            raise error

        monkeypatch.setattr(frame.Commands, "get_command", lambda *_: status)

    return prepare


# --- the table of commands ------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESENT)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = loaded(name)

    assert command.name == name
    assert command.get_short_help_str(limit=200) == COMMANDS[name].help


@pytest.mark.parametrize("name", PRESENT)
def test_help_of_a_command_ends_with_an_example(name: str) -> None:
    assert "Example:\n" in (loaded(name).help or "")


@pytest.mark.parametrize("name", PRESENT)
def test_choices_are_typed_as_the_design_spells_them(name: str) -> None:
    for parameter in loaded(name).params:
        if isinstance(parameter.type, click.Choice):
            # members of an enum would have to be typed by their names, in capitals
            assert not [choice for choice in parameter.type.choices if isinstance(choice, Enum)]


def test_short_helps_fit_beside_their_names() -> None:
    assert max(len(entry.help) for entry in COMMANDS.values()) <= 60
    assert all(isinstance(entry, Entry) for entry in COMMANDS.values())


def test_help_cuts_no_short_help_off(git_exp: GitExp) -> None:
    told = git_exp("-h").stdout + git_exp("hooks", "-h").stdout

    cut = [line for line in told.splitlines() if line.startswith("  ") and line.endswith("...")]
    assert cut == []


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(option: str, git_exp: GitExp) -> None:
    said = git_exp(option)

    assert said.stdout.startswith("Usage: git exp ")
    assert all(f"  {name} " in said.stdout for name in COMMANDS)
    assert said.stderr == ""


def test_the_version_is_told(git_exp: GitExp) -> None:
    assert git_exp("--version").stdout == f"gitexp {__version__}\n"


def test_git_finds_the_command(repo: Path) -> None:
    done = subprocess.run(
        ["git", "exp", "--version"], cwd=repo, capture_output=True, text=True, check=True
    )

    assert done.stdout == f"gitexp {__version__}\n"


# --- errors and exit statuses ---------------------------------------------------------------


def test_usage_errors_have_our_form_and_status(git_exp: GitExp) -> None:
    said = git_exp("--bogus", check=False)

    assert (said.status, said.stdout) == (129, "")
    assert said.stderr.splitlines()[0] == "error: no such option '--bogus'"
    assert said.stderr.splitlines()[1].startswith("hint: ")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("statsu", "did you mean 'git exp status'?"), ("xyzzy", "see 'git exp -h'")],
)
def test_an_unknown_command_names_the_nearest(typed: str, hint: str, git_exp: GitExp) -> None:
    said = git_exp(typed, check=False)

    assert said.status == 129
    assert said.stderr == f"error: there is no command '{typed}'\nhint: {hint}\n"


def test_an_option_before_the_command_is_told_its_place(git_exp: GitExp) -> None:
    said = git_exp("--json", "status", check=False)

    assert said.status == 129
    assert "hint: options follow the command, as in 'git exp status --json'" in said.stderr
    assert said.json["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (GitexpError("nothing here", hint="look there"), 128, "failed"),
        (Refused("not now", hint="later", code="busy"), 6, "busy"),
        (click.UsageError("Missing option '--name'."), 129, "usage"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (MemoryError(), 128, "no-memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), 128, "no-space"),
        (ZeroDivisionError("division by zero"), 128, "bug"),
    ],
)
def test_every_end_has_its_status_and_its_envelope(
    error: BaseException,
    status: int,
    code: str,
    raising: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    raising(error)

    assert main(["status", "--json"]) == status

    envelope = json.loads(capsys.readouterr().out)
    assert envelope["schema"] == "gitexp.error/1"
    assert envelope["ok"] is False
    assert envelope["error"].keys() == {"code", "message", "hint"}
    assert envelope["error"]["code"] == code


def test_an_error_is_one_line_and_a_hint_and_cannot_move_the_cursor(
    raising: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    raising(GitexpError("bad\x1b[2J name\nerror: forged", hint="type \u202ethis"))

    assert main(["status"]) == 128

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: bad\\x1b[2J name error: forged\nhint: type \\u202ethis\n"


def test_an_interrupt_is_quiet_and_says_what_is_kept(
    raising: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    raising(KeyboardInterrupt())

    assert main(["status"]) == 130

    expected = "interrupted: everything recorded is kept; run it again to go on\n"
    assert capsys.readouterr().err == expected


def test_a_bug_keeps_its_traceback(
    raising: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    raising(ZeroDivisionError("division by zero"))

    assert main(["status"]) == 128

    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["status", "--json"], True),
        (["status"], False),
        (["exec", "x", "--", "tool", "--json"], False),
    ],
)
def test_json_counts_only_among_our_own_options(args: list[str], expected: bool) -> None:
    assert wants_json(args) is expected


def test_a_closed_pipe_ends_quietly(repo: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [str(BIN / "git-exp"), "-h"], cwd=repo, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_with_a_hint(repo: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [str(BIN / "git-exp"), "-h"], cwd=repo, stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert done.returncode == 128
    assert done.stderr.splitlines()[0] == b"error: no space left on the device"
    assert len(done.stderr.splitlines()) == 2


def test_a_verdict_changes_the_status_only_when_asked() -> None:
    assert {verdict_status(verdict, exit_code=False) for verdict in Verdict} == {0}
    assert VERDICT_STATUS.keys() == set(Verdict)
    assert 2 not in VERDICT_STATUS.values()


# --- where output goes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "width"), [("20", 40), ("97", 97), ("999", 200), ("wide", 80), ("0", 80)]
)
def test_the_width_is_what_columns_says_within_reason(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert Output.of_process(as_json=False, colour=ColourWhen.AUTO).screen.width == width


@pytest.mark.parametrize(
    ("when", "as_json", "expected"),
    [
        (ColourWhen.ALWAYS, False, True),
        (ColourWhen.ALWAYS, True, False),
        (ColourWhen.AUTO, False, False),
        (ColourWhen.NEVER, False, False),
    ],
)
def test_a_pipe_gets_colour_only_when_told(
    when: ColourWhen, as_json: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert Output.of_process(as_json=as_json, colour=when).screen.colour is expected


@pytest.mark.parametrize(
    ("variables", "config", "expected"),
    [
        ({}, None, True),
        ({"NO_COLOR": "1"}, None, False),
        ({"NO_COLOR": ""}, None, True),
        ({"TERM": "dumb"}, None, False),
        ({}, ("color.exp", "never"), False),
        ({}, ("color.ui", "false"), False),
        ({}, ("color.exp", "always"), True),
    ],
)
def test_a_terminal_gets_colour_unless_somebody_minds(
    variables: dict[str, str],
    config: tuple[str, str] | None,
    expected: bool,
    repo: Path,
    terminal: TextIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if config is not None:
        subprocess.run(["git", "config", *config], cwd=repo, check=True)
    # here, because pytest puts its own stdout back after every fixture
    monkeypatch.setattr("sys.stdout", terminal)

    assert Output.of_process(as_json=False, colour=ColourWhen.AUTO).screen.colour is expected


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A stdout that is a terminal."""
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        yield stream
    os.close(leader)


def test_under_gits_pager_there_is_colour_as_on_a_terminal(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("GIT_PAGER_IN_USE", "true")

    assert Output.of_process(as_json=False, colour=ColourWhen.AUTO).screen.colour is True


def test_an_answer_goes_to_stdout_and_a_warning_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output.of_process(as_json=False, colour=ColourWhen.ALWAYS)

    output.write([line("all ", Span("well", Style.GOOD))])
    output.warn("clock\x07 moved")

    said = capsys.readouterr()
    assert said.out == "all \x1b[32mwell\x1b[m\n"
    assert said.err == "warning: clock\\x07 moved\n"


# --- following a run ------------------------------------------------------------------------

RUN: list[RunMessage] = [STARTED, TRIAL_DONE, RUN_ENDED]


def test_a_run_without_a_terminal_shows_its_verdict_and_no_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output.of_process(as_json=False, colour=ColourWhen.AUTO)

    assert output.follow(RUN) is RUN_ENDED

    said = capsys.readouterr()
    assert said.out.startswith("10 blocks run in 4m41s: the experiment is decided\n")
    assert said.err == "warning: load 1.8 on 4 cpus\n"


def test_progress_without_a_terminal_comes_in_lines_if_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output.of_process(as_json=False, colour=ColourWhen.AUTO)

    output.follow(RUN, progress=True)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2, "one at the start, and none again within ten seconds"
    assert lines[1].startswith("fast-parse  ")
    assert "\r" not in lines[1]


def test_a_run_on_a_terminal_redraws_one_line_and_leaves_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    quiet = Output.of_process(as_json=False, colour=ColourWhen.AUTO)
    output = Output(as_json=False, screen=quiet.screen, aside=quiet.aside, redraws=True)

    output.follow(RUN)

    drawn = capsys.readouterr().err.partition("\n")[2]
    assert drawn.startswith("\r\x1b[Kfast-parse  ")
    assert drawn.endswith("\r\x1b[K")
    assert "\n" not in drawn


def test_a_run_as_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output.of_process(as_json=True, colour=ColourWhen.AUTO)

    output.follow(RUN)

    kinds = [json.loads(text)["kind"] for text in capsys.readouterr().out.splitlines()]
    assert kinds == ["plan", "trial", "verdict"]


def test_an_error_in_a_run_leaves_no_half_drawn_line(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Output.of_process(as_json=False, colour=ColourWhen.AUTO)
    output = Output(as_json=False, screen=quiet.screen, aside=quiet.aside, redraws=True)

    def failing() -> Iterator[RunMessage]:
        yield STARTED
        raise Refused("both arms fail", hint="look at the log")

    with pytest.raises(Refused):
        output.follow(failing())

    assert capsys.readouterr().err.endswith("\r\x1b[K")
