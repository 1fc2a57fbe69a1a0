"""A small real program, and ten ideas to make it faster: two of them do."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

PROGRAM = '''\
"""Counts visits and bytes by hour and kind of client in a web server's log."""

import ipaddress
import re
import sys
from collections import Counter
from datetime import datetime

LINE = re.compile(
    r'(?P<host>\\S+) (?P<ident>\\S+) (?P<user>\\S+) \\[(?P<time>[^]]+)\\] '
    r'"(?P<method>\\S+) (?P<path>\\S+) (?P<protocol>[^"]+)" (?P<status>\\d{3}) (?P<size>\\d+)$'
)


def fields(line):
    entry = LINE.match(line).groupdict()
    return entry["host"], entry["time"], int(entry["size"])


def hour(time):
    return datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").hour


def kind(host):
    address = ipaddress.ip_address(host)
    return "inside" if address.is_private else "outside"


def count(path):
    visits = Counter()
    size = Counter()

    with open(path, encoding="ascii") as log:
        for line in log:
            host, time, length = fields(line)

            key = hour(time), kind(host)
            visits[key] += 1
            size[key] += length

    return visits, size


def report(visits, size):
    for key in sorted(visits):
        print(*key, visits[key], size[key])


report(*count(sys.argv[1]))
'''

_KIND = """\
def kind(host):
    address = ipaddress.ip_address(host)
    return "inside" if address.is_private else "outside"
"""
_REMEMBERED_KIND = """\
KINDS = {}


def kind(host):
    if host not in KINDS:
        address = ipaddress.ip_address(host)
        KINDS[host] = "inside" if address.is_private else "outside"
    return KINDS[host]
"""

IDEAS = {
    "01-sorted-items": (
        "    for key in sorted(visits):\n        print(*key, visits[key], size[key])",
        "    for key, number in sorted(visits.items()):\n        print(*key, number, size[key])",
    ),
    "02-tuple-first": (
        "            key = hour(time), kind(host)\n",
        "            key = (hour(time), kind(host))\n",
    ),
    "03-cut-hour": (
        'datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").hour',
        "int(time[12:14])",
    ),
    "04-large-buffer": ('encoding="ascii")', 'encoding="ascii", buffering=1 << 18)'),
    "05-format-output": (
        "        print(*key, visits[key], size[key])",
        '        print(f"{key[0]} {key[1]} {visits[key]} {size[key]}")',
    ),
    "06-remember-kinds": (_KIND, _REMEMBERED_KIND),
    "07-latin-1": ('encoding="ascii"', 'encoding="latin-1"'),
    "08-one-import": (
        "from collections import Counter",
        "from collections import Counter as Count",
    ),
    "09-main-guard": (
        "report(*count(sys.argv[1]))\n",
        'if __name__ == "__main__":\n    report(*count(sys.argv[1]))\n',
    ),
    "10-inner-name": (
        "        for line in log:\n            host, time, length = fields(line)",
        "        for entry in log:\n            host, time, length = fields(entry)",
    ),
}
"""By name what is replaced by what; each applies whichever of the others were kept."""


def make_project(folder: Path) -> None:
    """The project with its log, and each idea as a patch in ideas/."""
    _git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "summarize.py").write_text(PROGRAM)
    (folder / "access.log").write_text(_access_log())
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "-m", "Count visits and bytes by hour and kind")
    patches = {}
    for name, (old, new) in IDEAS.items():
        changed = PROGRAM.replace(old, new)
        changed = changed.replace("= Counter()", "= Count()") if "as Count" in new else changed
        assert changed != PROGRAM, name
        (folder / "summarize.py").write_text(changed)
        patches[name] = _git(folder, "diff", "--unified=1")
        _git(folder, "checkout", "--quiet", "summarize.py")
    (folder / "ideas").mkdir()
    for name, patch in patches.items():
        (folder / "ideas" / f"{name}.patch").write_text(patch)
    _git(folder, "add", "ideas")
    _git(folder, "commit", "--quiet", "-m", "Collect ideas to make it faster")


def _access_log() -> str:
    chance = random.Random(20260105)
    networks = ("192.0.2", "198.51.100", "203.0.113", "10.0.0")
    lines = []
    for second in range(8000):
        host = f"{chance.choice(networks)}.{chance.randrange(256)}"
        when = f"05/Jan/2026:{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0000"
        request = f'"GET /articles/{chance.randrange(200)}.html HTTP/1.1"'
        status, size = chance.choice(["200"] * 9 + ["404"]), chance.randrange(200, 50_000)
        lines.append(f"{host} - - [{when}] {request} {status} {size}\n")
    return "".join(lines)


def _git(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
