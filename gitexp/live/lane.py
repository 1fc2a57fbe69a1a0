"""What is prepared for the real uses of one experiment: found again without reading any record.

A lane says which commits the arms run and where they are checked out, and with which refs that was
worked out. It is kept in the user's own state folder, outside of every repository: it says what
code will run, and a repository may come from anybody. Nothing is lost with it.
"""

from __future__ import annotations

import os
import time

from gitexp.live import files, places
from gitexp.live.draws import CONTROL, TREATMENT

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "gitexp-lane/2"


class Lane:
    """One experiment, prepared.

    Attributes:
        closed: Why there is nothing to assign as long as the refs stay as they are; '' when open.
        inode: Of the common git dir, for another repository may come to stand in its place.
        expires: Seconds since 1970.
        slots: Name of the file that says which slots are taken.
        commits: By arm.
        checkouts: By arm; absolute.
        scratch: A folder for what the commands report.
        limit_s: How long a reservation lasts that nobody can be asked about.
        units: The units the plan declares, by metric.
        patterns: The refs that were consulted.
        refs: What git said of them.
    """

    __slots__ = ("checkouts", "closed", "commits", "exp", "expires", "inode", "limit_s", "patterns",
                 "plan", "refs", "scratch", "slots", "units", "writer")  # fmt: skip

    def __init__(
        self,
        *,
        exp: str,
        plan: str,
        writer: str,
        closed: str,
        inode: int,
        expires: float,
        limit_s: float,
        slots: str,
        commits: Mapping[str, str],
        checkouts: Mapping[str, str],
        scratch: str,
        units: Mapping[str, str],
        patterns: tuple[str, ...],
        refs: str,
    ) -> None:
        self.exp = exp
        self.plan = plan
        self.writer = writer
        self.closed = closed
        self.inode = inode
        self.expires = expires
        self.limit_s = limit_s
        self.slots = slots
        self.commits = commits
        self.checkouts = checkouts
        self.scratch = scratch
        self.units = units
        self.patterns = patterns
        self.refs = refs

    def is_of(self, common_dir: str) -> bool:
        """Whether it is still of this repository and in time, and the checkouts are there."""
        if os.stat(common_dir).st_ino != self.inode or time.time() > self.expires:
            return False
        return bool(self.closed) or all(
            os.path.isfile(f"{path}.json") and os.path.isfile(f"{path}/.git")
            for path in self.checkouts.values()
        )


def lane_name(*, exp: str | None, command: str | None, writer: str | None) -> str:
    """The name of the lane for an id, or for the name of a command.

    Args:
        writer: The one the environment names, if it does.
    """
    asked = f"id-{exp}" if command is None else f"for-{command.encode('utf-8').hex()}"
    return asked if not writer else f"{asked}@{writer.encode('utf-8', 'surrogateescape').hex()}"


def find(common_dir: str, name: str, environ: Mapping[str, str]) -> Lane | None:
    """The lane of this name if there is one that can be read."""
    try:
        folder = files.folder(
            places.state_folder(environ), *places.lanes_folder(common_dir), create=False
        )
    except OSError:
        return None
    try:
        text = files.read(folder, name)
        return None if text is None else parse(text)
    except (OSError, files.Unusable, ValueError, KeyError):
        return None
    finally:
        os.close(folder)


def keep(common_dir: str, name: str, lane: Lane, environ: Mapping[str, str]) -> None:
    """Keep the lane for later uses.

    Raises:
        OSError: if it cannot be written.
    """
    state = places.state_folder(environ)
    os.makedirs(state, mode=0o700, exist_ok=True)
    folder = files.folder(state, *places.lanes_folder(common_dir), create=True)
    try:
        files.write(folder, name, format_lane(lane))
    finally:
        os.close(folder)


def forget(common_dir: str, name: str, environ: Mapping[str, str]) -> None:
    """Have the next use prepare it anew."""
    try:
        folder = files.folder(
            places.state_folder(environ), *places.lanes_folder(common_dir), create=False
        )
    except OSError:
        return
    files.remove(folder, name)
    os.close(folder)


def format_lane(lane: Lane) -> str:
    """The lane as text.

    Raises:
        ValueError: if a value holds a line break.
    """
    values = {
        "exp": lane.exp,
        "plan": lane.plan,
        "writer": lane.writer,
        "closed": lane.closed,
        "inode": str(lane.inode),
        "expires": repr(lane.expires),
        "limit": repr(lane.limit_s),
        "slots": lane.slots,
        "scratch": lane.scratch,
        **{f"commit.{arm}": commit for arm, commit in lane.commits.items()},
        **{f"checkout.{arm}": path for arm, path in lane.checkouts.items()},
        **{f"metric.{number}": metric for number, metric in enumerate(lane.units)},
        **{f"unit.{number}": unit for number, unit in enumerate(lane.units.values())},
        **{f"pattern.{number}": pattern for number, pattern in enumerate(lane.patterns)},
    }
    for value in values.values():
        if "\n" in value:
            raise ValueError(f"{value!r} holds a line break")
    head = "".join(f"{name} {value}\n" for name, value in values.items())
    return f"{FORMAT}\n{head}\n{lane.refs}"


def parse(text: str) -> Lane:
    """What `format_lane` wrote.

    Raises:
        ValueError, KeyError: if it is something else.
    """
    head, found, refs = text.partition("\n\n")
    first, *lines = head.split("\n")
    if first != FORMAT or not found:
        raise ValueError("not a lane")
    values = dict(line.split(" ", 1) for line in lines)
    return Lane(
        exp=values["exp"],
        plan=values["plan"],
        writer=values["writer"],
        closed=values["closed"],
        inode=int(values["inode"]),
        expires=float(values["expires"]),
        limit_s=float(values["limit"]),
        slots=values["slots"],
        commits=_by_arm(values, "commit", not values["closed"]),
        checkouts=_by_arm(values, "checkout", not values["closed"]),
        scratch=values["scratch"],
        units=dict(zip(_numbered(values, "metric"), _numbered(values, "unit"), strict=True)),
        patterns=_numbered(values, "pattern"),
        refs=refs,
    )


def _numbered(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(value for key, value in values.items() if key.startswith(f"{name}."))


def _by_arm(values: Mapping[str, str], name: str, is_needed: bool) -> dict[str, str]:
    return {arm: values[f"{name}.{arm}"] for arm in (CONTROL, TREATMENT)} if is_needed else {}
