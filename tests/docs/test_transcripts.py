"""Every transcript in README and docs is what the program prints, numbers apart.

A transcript is a fenced block marked `console`; its lines that start with `$ ` are commands, the
others what they printed. An HTML comment before it says where it runs:

    <!-- transcript: NAME -->   in the repository NAME of `REPOSITORIES`, made anew
    <!-- transcript: same -->   where the block before it ran
    <!-- transcript: same in ann -->   in its folder `ann`, as another user of that name

A block marked `sh` after `<!-- file: NAME -->` is a file in every repository of the page.
What varies from run to run is compared by kind only: numbers, ids, bars and how wide a column is.
A command that begins with `$EDITOR` stands for the change the repository's maker knows.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitexp.app import demo
from tests.docs.ideas import make_project
from tests.support import BIN

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_MACHINE = "(?:load|governor|turbo|smt|power|throttled)"
_LINES = re.MULTILINE | re.DOTALL
_BLOCK = re.compile(
    r"(?:<!-- transcript: (\w[\w-]*)(?: in (\w+))? -->\n+)?```console\n(.*?)```", re.DOTALL
)


_FILE = re.compile(r"<!-- file: ([\w.-]+) -->\n+```sh\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Exchange:
    """One command of a transcript, and what it is said to print."""

    command: str
    output: str


def transcripts(page: Path) -> Iterator[tuple[str, str, list[Exchange]]]:
    """The page's console blocks: where each runs, as whom, and its commands."""
    for where, who, text in _BLOCK.findall(page.read_text()):
        exchanges: list[Exchange] = []
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = part.split("\n")
            count = 1
            while lines[count - 1].endswith("\\"):
                count += 1
            command = "\n".join(lines[:count])
            exchanges.append(Exchange(command, "\n".join(lines[count:]).strip("\n")))
        yield where, who, exchanges


def _log_summary(folder: Path) -> None:
    for step in demo.set_up():
        match step:
            case demo.Command(args=args):
                subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)
            case demo.Edit(path=path, content=content):
                (folder / path).write_bytes(content)
            case _:
                raise AssertionError(step)


def _own_experiment(folder: Path) -> None:
    """A fresh clone of the evidence, as `git exp init` and `git fetch` make it."""
    bundle = Path(__file__).with_name("own-experiment.bundle")
    for command in (
        ["git", "clone", "--quiet", "--branch", "main", str(bundle), "."],
        ["git-exp", "init"],
        ["git", "fetch", "--quiet"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _two_people(folder: Path) -> None:
    """A shared repository, and the clones of Ann and Bob."""
    shared = folder / "shared.git"
    (folder / "made").mkdir()
    _log_summary(folder / "made")
    subprocess.run(["git", "clone", "--quiet", "--bare", "made", shared], cwd=folder, check=True)
    for name in ("ann", "bob"):
        subprocess.run(["git", "clone", "--quiet", shared, name], cwd=folder, check=True)
        subprocess.run(["git", "config", "user.name", name.title()], cwd=folder / name, check=True)


def _prompts(folder: Path) -> None:
    """A prompt, the tickets it sorts, and the script that asks."""
    for name in ("evaluate.py", "tickets.jsonl", "triage.md"):
        shutil.copy(ROOT / "docs" / "prompts" / name, folder)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Sort"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


LONG_REVIEW = """\
# Review a change

Read the whole change first. Then read it again, file by file, and for every file
think about what it does, what it did before, and whether the difference is meant.
Consider naming, style, structure, tests, performance, security and documentation.
Explain every thought you have on the way, then sum up all of them in a list.
"""
SHORT_REVIEW = """\
# Review a change

Name what is wrong in this change, one line each, the worst first.
"""
REVIEW = """\
#!/bin/sh
# stands for an assistant that is given the command file and the change
tokens=$(($(wc -w <commands/review.md) * 40 + 900 + $$ % 150))
test -z "$GITEXP_METRICS" || echo "tokens=$tokens" >>"$GITEXP_METRICS"
test -z "$GITEXP_TRIAL" || echo "$GITEXP_TRIAL" >>"$GITEXP_USER_DIR/reviews"
echo "reviewed: nothing found"
"""
SURVEY = """\
#!/bin/sh
# stands for the form in which people say next day what they think of the review
echo 0.$((7 + $(printf %s "$1" | cksum | cut -d' ' -f1) % 3))
"""


def _review(folder: Path) -> None:
    """A command file, and a script that follows it."""
    (folder / "commands").mkdir()
    (folder / "commands/review.md").write_text(LONG_REVIEW)
    for name, text in (("review.sh", REVIEW), ("survey.sh", SURVEY)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Begin"]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def _unattended(folder: Path) -> None:
    """A clone of a shared repository with three experiments in it, nothing measured."""
    made, shared = folder.with_name("made"), folder.with_name("shared.git")
    made.mkdir()
    _log_summary(made)
    program = (made / "summarize.py").read_text()
    sorts = program.replace("for line in log:", "for line in sorted(log, key=fields):")
    subprocess.run(["git", "clone", "--quiet", "--bare", made, shared], check=True)
    subprocess.run(["git", "clone", "--quiet", shared, "."], cwd=folder, check=True)
    for name, says, changed in (
        ("split-lines", "splitting lines makes it 20 % faster", demo.WINNER),
        ("sort-first", "counting sorted lines makes it 10 % faster", sorts),
        ("map-file", "mapping the file makes it 10 % faster", "raise SystemExit('no memory')\n"),
    ):
        options = ["--metric", "user", "--warm-up", "0", "--hypothesis", says]
        for command in (
            ["git", "switch", "--quiet", "main"],
            ["git-exp", "create", name, *options, "--run", "python3 summarize.py access.log"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        (folder / "summarize.py").write_text(changed)
        subprocess.run(["git", "commit", "-qam", says], cwd=folder, check=True)
    subprocess.run(["git", "switch", "--quiet", "main"], cwd=folder, check=True)


REPOSITORIES: dict[str, Callable[[Path], None]] = {
    "log-summary": _log_summary,
    "ten-ideas": make_project,
    "own-experiment": _own_experiment,
    "prompts": _prompts,
    "two-people": _two_people,
    "review": _review,
    "unattended": _unattended,
}


def _shape(text: str) -> str:
    """The text without what no two runs share."""
    # what machine it ran on, and how busy that was, is no matter of the page
    text = re.sub(rf"^warning: {_MACHINE}: .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^health(?= +[!✓✗] )", "", text, flags=re.MULTILINE)
    text = re.sub(rf"^ +! {_MACHINE}: .*?(?=^(?! {{13}})|\Z)", "", text, flags=_LINES)
    text = re.sub(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "<record>", text)
    text = re.sub(r"\b[0-9a-f]{7,64}\b", "<id>", text)
    text = re.sub(r"\b[a-z0-9]+(-[a-z0-9]+)*-[2-9a-hjkmnp-z]{6}\b", "<writer>", text)
    text = re.sub(r"[├─●┤·│┼█▏▎▍▌▋▊▉]+", "<bar>", text)
    text = re.sub(r"[+−]?\d+(?:[.,:]\d+)*", "#", text)
    text = re.sub(r"#\s?(ms|s|µs|kB|MB|GB|m|h|d)\b", "<size>", text)
    text = re.sub(r"(<size>)+", "<size>", text)
    # which arm a use got is drawn
    text = re.sub(r"(?<=\(block #, )(?:control|treatment)\b", "<arm>", text)
    # wrapped sentences break where their numbers let them
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_what_the_program_prints(page: Path, tmp_path: Path) -> None:
    folder = tmp_path
    for number, (where, who, exchanges) in enumerate(transcripts(page)):
        assert where, f"{page.name}: a console block does not say where it runs"
        if where != "same":
            folder = tmp_path / f"{number}-{where}"
            folder.mkdir()
            REPOSITORIES[where](folder)
            for name, text in _FILE.findall(page.read_text()):
                (folder / name).write_text(text)
        for exchange in exchanges:
            printed = _run(exchange.command, folder, who)
            assert _shape(printed) == _shape(exchange.output), (
                f"{page.name}: $ {exchange.command}\n--- printed\n{printed}\n"
                f"--- shown\n{exchange.output}"
            )


def _run(command: str, folder: Path, who: str) -> str:
    place = folder / who
    if command.startswith("$EDITOR summarize.py"):
        (place / "summarize.py").write_text(demo.WINNER)
        return ""
    if command.startswith("$EDITOR triage.md"):
        shutil.copy(ROOT / "docs" / "prompts" / "triage-new.md", place / "triage.md")
        return ""
    if command.startswith("$EDITOR commands/review.md"):
        (place / "commands/review.md").write_text(SHORT_REVIEW)
        return ""
    # what one of them trusts, the other does not
    own = {"XDG_STATE_HOME": str(folder / f"{who}-state")} if who else {}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=place,
        env={**os.environ, **own, "COLUMNS": "80", "GIT_PAGER": "cat"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_program_under_test_is_the_installed_one() -> None:
    assert shutil.which("git-exp") == str(BIN / "git-exp")
