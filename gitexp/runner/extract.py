"""Metrics taken out of what a command leaves behind, as the plan's `extract` says.

Asked only for what neither `$GITEXP_METRICS` nor a METRIC line gave; last come plain lines
`name: 12.3 [unit]` of standard output, for metrics of the plan that have no rule.

What cannot be found is missing, with a note that says why. Several values are inner samples. A file
must have been written by this trial (checkouts are used again, and a file may be committed), and
must lie in the checkout, its links followed; only `size` may be of a file that is older.

Everything is bounded: documents to 64 MiB, a line to 64 KiB, all patterns of a trial to 5 s. A
pattern meets one line at a time, and CPython's `re` lets signals interrupt it, however long it
backtracks.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import threading
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from gitexp.errors import Refused
from gitexp.model import BUILT_IN_METRICS, Extract, Plan
from gitexp.notation import RESULT_FORMATS, is_below
from gitexp.runner.extract_documents import Missing, from_json, from_table, number_in
from gitexp.runner.metrics import (
    NUMBER,
    SAMPLE_LIMIT,
    Extracted,
    Unreadable,
    lines,
    open_regular,
)

PATTERN_S = 5.0
"""All patterns of one trial together."""
ENTRY_LIMIT = 1_000_000
"""Files in a folder whose size is taken."""

_Stamp = tuple[int, int, int, int]


class _TooLong(Exception):
    """The patterns of a trial have used up their time."""


class Extraction:
    """The rules of a plan in one trial. Made before the command starts.

    Args:
        plain: Names that a plain line `name: number` may give a value.
    """

    def __init__(
        self, extracts: Sequence[Extract], *, checkout: Path, plain: Collection[str] = ()
    ) -> None:
        self._extracts = extracts
        self._checkout = checkout
        ruled = {extract.metric for extract in extracts}
        self._plain = [n for n in plain if n not in ruled and n not in BUILT_IN_METRICS]
        files = {extract.file for extract in extracts if extract.file is not None}
        self._before = {file: _stamp(checkout / file) for file in files}
        self._left_s = PATTERN_S

    def read(self, output: Path, known: Collection[str]) -> Iterator[Extracted]:
        """What the rules give for metrics that are not known yet.

        Args:
            output: What the command wrote to standard output.
        """
        self._left_s = PATTERN_S
        for extract in self._extracts:
            if extract.metric not in known:
                yield self._read(extract, output)
        plain = [name for name in self._plain if name not in known]
        if plain:
            yield from _plain_lines(output, plain)

    def _read(self, extract: Extract, output: Path) -> Extracted:
        name = extract.metric
        try:
            values, unit = self._values(extract, output)
        except Missing as why:
            return Extracted(name=name, note=f"metric '{name}': {why}")
        except _TooLong:
            refused = f"the pattern of metric '{name}' takes more than {PATTERN_S:g} s"
            return Extracted(name=name, refused=refused)
        return Extracted(name=name, values=values, unit=unit)

    def _values(self, extract: Extract, output: Path) -> tuple[array[float], str | None]:
        what = "standard output" if extract.file is None else extract.file
        if extract.format == "size":
            return array("d", [float(_size(self._inside(extract.file or "")))]), "B"
        path = output if extract.file is None else self._written(extract.file)
        if extract.format in RESULT_FORMATS:
            return _from_results(path, extract)
        with _opened(path, what) as file:
            match extract.format:
                case "regex":
                    return self._matches(extract.select, file, what)
                case "json":
                    return from_json(file, extract.select, what), None
                case _:
                    return from_table(file, extract.select, what), None

    # --- files --------------------------------------------------------------------------------

    def _inside(self, name: str) -> Path:
        """Where the file really is.

        Raises:
            Missing: when that is not in the checkout, or nowhere.
        """
        try:
            path = (self._checkout / name).resolve(strict=True)
        except (OSError, RuntimeError):  # the latter for links in a circle
            raise Missing(f"{name} is not there") from None
        if not path.is_relative_to(self._checkout.resolve()):
            raise Missing(f"{name} leads out of the checkout")
        return path

    def _written(self, name: str) -> Path:
        path = self._inside(name)
        if _stamp(self._checkout / name) == self._before[name]:
            raise Missing(f"{name} was not written by this trial")
        return path

    # --- patterns -----------------------------------------------------------------------------

    def _matches(self, pattern: str, file: BinaryIO, what: str) -> tuple[array[float], str | None]:
        found: array[float] = array("d")
        units: set[str | None] = set()
        compiled = re.compile(pattern)
        has_unit = "unit" in compiled.groupindex
        group: str | int = "value" if "value" in compiled.groupindex else 1
        with self._time_limit():
            for line in lines(file):
                for match in compiled.finditer(line.decode(errors="replace")):
                    if (text := match[group]) is not None:
                        found.append(number_in(text, f"what '{pattern}' finds in {what}"))
                        units.add((match["unit"] or None) if has_unit else None)
                if len(found) > SAMPLE_LIMIT:
                    break
        if not found:
            raise Missing(f"no line of {what} matches '{pattern}'")
        if len(units) > 1:
            raise Missing(f"'{pattern}' finds several units in {what}")
        return found, units.pop()

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        """Ends what takes longer than the patterns of this trial may."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("patterns are matched in the main thread: signals arrive there")

        def expire(_number: int, _frame: FrameType | None) -> None:
            raise _TooLong

        before = signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, max(self._left_s, 1e-3))
        try:
            yield
        finally:
            self._left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)


def extraction_of(plan: Plan, checkout: Path) -> Extraction:
    """The rules of this plan for one trial in this checkout."""
    plain = [metric.name for metric in plan.declared]
    return Extraction(plan.extracts, checkout=checkout, plain=plain)


KNOWN_FORMATS = frozenset({"regex", "json", "csv", "size"}) | RESULT_FORMATS


def refuse_unknown(extracts: Sequence[Extract]) -> None:
    """Nothing, when this program can read everything that the plan names.

    Raises:
        Refused: else: the plan was made by a newer program, or by hand.
    """
    for extract in extracts:
        if extract.format not in KNOWN_FORMATS or not _is_usable(extract):
            raise Refused(
                f"the plan takes {extract.metric} from {extract.format}:"
                f"{extract.file or extract.select}, which cannot be read here",
                hint="let the command print METRIC lines instead, or use a newer gitexp",
                code="unknown-extract",
            )


def _is_usable(extract: Extract) -> bool:
    if extract.file is not None and not is_below(extract.file):
        return False
    if extract.format == "size":
        return extract.file is not None
    if extract.format == "regex":
        try:
            return extract.file is None and re.compile(extract.select).groups > 0
        except (re.error, OverflowError, RecursionError):
            return False
    return True


def _stamp(path: Path) -> _Stamp | None:
    """What changes whenever the file is written; None while it is not there."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@contextlib.contextmanager
def _opened(path: Path, what: str) -> Iterator[BinaryIO]:
    try:
        file = open_regular(path)
    except OSError as error:
        raise Missing(f"{what} cannot be read: {error.strerror}") from error
    except Unreadable as error:
        raise Missing(f"{what} {error}") from error
    with file:
        yield file


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links and what is git's count nothing."""
    if not path.is_dir():
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Missing(f"{path.name} is neither a file nor a folder")
        return found.st_size
    total = count = 0
    for folder, folders, names in os.walk(path):
        # its text, a path, differs from checkout to checkout
        folders[:] = [name for name in folders if name != ".git"]
        for name in (name for name in names if name != ".git"):
            found = os.lstat(os.path.join(folder, name))  # noqa: PTH118, thousands of them
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
            count += 1
        if count > ENTRY_LIMIT:
            raise Missing(f"{path.name} has more than {ENTRY_LIMIT} files")
    return total


# --- values -----------------------------------------------------------------------------------


def _from_results(path: Path, extract: Extract) -> tuple[array[float], str | None]:
    # fifteen readers: not for every use of `exec`
    from gitexp.runner.extract_results import NotThere, inner_samples, measure_in

    try:
        measure = measure_in(
            path, format=extract.format, select=extract.select, metric=extract.metric
        )
    except NotThere as error:
        raise Missing(str(error)) from error
    return array("d", inner_samples(measure)), measure.unit


def _plain_lines(output: Path, names: Sequence[str]) -> Iterator[Extracted]:
    """Values of lines that are `name: number [unit]` and nothing else."""
    any_name = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    line_of = re.compile(
        rf"({any_name})[ \t]*:[ \t]*({NUMBER.pattern})(?:[ \t]+(\S+))?[ \t\r]*".encode(),
        re.IGNORECASE,
    )
    starts: Callable[[bytes], bool] = tuple(name.encode() for name in names).__contains__
    found: dict[str, array[float]] = {name: array("d") for name in names}
    units: dict[str, set[str | None]] = {name: set() for name in names}
    try:
        with _opened(output, "standard output") as file:
            for line in lines(file):
                head, colon, _ = line.partition(b":")
                if not colon or not starts(head.rstrip()):
                    continue
                match = line_of.fullmatch(line)
                if match is not None:
                    name = match[1].decode()
                    found[name].append(float(match[2]))
                    units[name].add(match[3].decode(errors="replace") if match[3] else None)
    except Missing:
        return
    for name, values in found.items():
        if len(units[name]) > 1:
            yield Extracted(name=name, refused=f"metric '{name}' comes in two units in one trial")
        elif values:
            yield Extracted(name=name, values=values, unit=units[name].pop())
