"""The demonstration: a small real program, one change that wins and one that loses."""

from __future__ import annotations

import bz2
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitexp.errors import Refused

LINES = 30_000

PROGRAM = '''\
"""Counts requests and bytes per status code in a web server's log."""

import re
import sys
from collections import Counter

LINE = re.compile(
    r'(?P<host>\\S+) (?P<ident>\\S+) (?P<user>\\S+) \\[(?P<time>[^]]+)\\] '
    r'"(?P<method>\\S+) (?P<path>\\S+) (?P<protocol>[^"]+)" (?P<status>\\d{3}) (?P<size>\\d+)$'
)


def fields(line):
    entry = LINE.match(line).groupdict()
    return entry["status"], int(entry["size"])


requests, size = Counter(), Counter()
with open(sys.argv[1], encoding="ascii") as log:
    for line in log:
        status, count = fields(line)
        requests[status] += 1
        size[status] += count
for status in sorted(requests):
    print(status, requests[status], size[status])
'''

_REGEX = PROGRAM[PROGRAM.index("def fields") : PROGRAM.index("requests, size")]
_SPLIT = """\
def fields(line):
    _, status, count = line.rsplit(None, 2)
    return status, int(count)


"""
WINNER = PROGRAM.replace(_REGEX, _SPLIT)


def loser(program: str) -> str:
    """The program reading a compressed log: less to read, more to compute."""
    return program.replace("import re\n", "import bz2\nimport re\n").replace(
        'open(sys.argv[1], encoding="ascii")', 'bz2.open("access.log.bz2", "rt", encoding="ascii")'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A sentence between commands."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A file is written, and what that means."""

    text: str
    path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Arguments of git, shown and run."""

    args: tuple[str, ...]


Step = Say | Edit | Command


def check_empty(folder: Path) -> None:
    """Nothing, when the demonstration may be built there.

    Raises:
        Refused: if something is there already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            f"{folder} is there already and is not empty",
            hint="name another folder: git exp demo FOLDER",
            code="exists",
        )


def set_up() -> Iterator[Step]:
    """The project before any experiment, to be made without showing it."""
    for args in (
        ("init", "--quiet", "--initial-branch=main"),
        # a demonstration must not wait for a signature or a hook of the user's
        ("config", "commit.gpgSign", "false"),
        ("config", "core.hooksPath", ".git/hooks"),
        ("config", "user.name", "Demo"),
        ("config", "user.email", "demo@example.org"),
    ):
        yield Command(args=args)
    yield Edit(text="", path="summarize.py", content=PROGRAM.encode())
    yield Edit(text="", path="access.log", content=access_log().encode())
    yield Command(args=("add", "."))
    yield Command(args=("commit", "--quiet", "-m", "Summarize a web server's log"))


def steps() -> Iterator[Step]:
    """Two experiments through their whole life, then what plain git shows of them."""
    python = "python3" if shutil.which("python3") else sys.executable
    command = f"{python} summarize.py access.log"
    yield Say(text=f"A small project: summarize.py counts {LINES:,} lines of a web server's log.")
    yield Command(args=("exp", "init"))
    yield Say(text="First idea: split each line instead of matching a regular expression.")
    yield Command(
        args=(
            *("exp", "create", "split-lines", "--run", command, "--min-effect", "5%"),
            *("--guardrail", "maxrss:+10%"),
            *("--hypothesis", "splitting lines makes the summary 20 % faster"),
        )
    )
    yield Edit(text="the change, on exp/split-lines", path="summarize.py", content=WINNER.encode())
    yield Command(args=("commit", "--quiet", "-am", "Split lines instead of matching them"))
    yield Command(args=("exp", "run", "--progress"))
    yield Command(args=("exp", "promote"))
    yield Say(text="Second idea, as plausible: read a compressed log, so that less is read.")
    yield Command(
        args=(
            *("exp", "create", "packed-log", "--run", command),
            *("--hypothesis", "reading a compressed log saves 10 % of the time"),
        )
    )
    yield Edit(
        text="the change, on exp/packed-log", path="summarize.py", content=loser(WINNER).encode()
    )
    packed = bz2.compress(access_log().encode())
    yield Edit(text="and the compressed log", path="access.log.bz2", content=packed)
    yield Command(args=("add", "."))
    yield Command(args=("commit", "--quiet", "-m", "Read a compressed log"))
    yield Command(args=("exp", "run", "--progress"))
    yield Command(args=("exp", "rollback"))
    yield Say(text="What is left, seen with plain git: history, branches, notes, and all is sound.")
    yield Command(args=("exp", "status", "--all"))
    yield Command(args=("log", "--graph", "--oneline", "--no-notes"))
    yield Command(args=("log", "-1", "--format=%B%n%N"))
    yield Command(args=("branch", "--list"))
    yield Command(args=("for-each-ref", "--format=%(refname)", "refs/notes", "refs/exp"))
    yield Command(args=("fsck", "--no-progress"))


def access_log() -> str:
    """The log: the same lines every time."""
    chance = random.Random(20260105)
    statuses = ["200"] * 90 + ["304"] * 5 + ["404"] * 4 + ["500"]
    paths = [f"/articles/{n}.html" for n in range(200)] + ["/", "/search?q=git", "/style.css"]
    lines = []
    for second in range(LINES):
        address = f"192.0.2.{chance.randrange(256)}"
        when = f"05/Jan/2026:{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} +0000"
        request = f'"GET {chance.choice(paths)} HTTP/1.1"'
        size = chance.randrange(200, 50_000)
        lines.append(f"{address} - - [{when}] {request} {chance.choice(statuses)} {size}\n")
    return "".join(lines)
