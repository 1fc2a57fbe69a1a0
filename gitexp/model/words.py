"""Ids, and the words that have a fixed list of values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

Oid = NewType("Oid", str)
"""A full hexadecimal object id."""
ExperimentId = NewType("ExperimentId", str)
WriterId = NewType("WriterId", str)
"""One clone on one machine; only it moves the refs that carry its name."""
RecordId = NewType("RecordId", str)
"""A ULID: 26 characters, sortable by time of creation."""
PlanHash = NewType("PlanHash", str)
"""SHA-256 of the plan's canonical JSON, hexadecimal."""

_EXPERIMENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_WRITER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))]
)

LARGEST_VALUE = 1e60
"""Of a metric, in base units: fourth powers of such numbers, and their sums, stay finite."""


def experiment_id(text: str) -> ExperimentId:
    """The text as an experiment id.

    Raises:
        ValueError: if git or a file system could not hold a branch of that name.

    >>> experiment_id("fast-parse")
    'fast-parse'
    """
    if not _EXPERIMENT_ID.match(text):
        raise ValueError(
            f"{text!r} is not an experiment id: up to 64 of a-z, 0-9, '.', '_', '-', "
            "the first a letter or digit"
        )
    if ".." in text or text.endswith((".", ".lock")):
        raise ValueError(f"{text!r} is not an experiment id: git refuses such a branch name")
    if text.split(".")[0] in _WINDOWS_DEVICES:
        raise ValueError(f"{text!r} is not an experiment id: it is a device name on Windows")
    return ExperimentId(text)


def writer_id(text: str) -> WriterId:
    """The text as a writer id.

    Raises:
        ValueError: if it is not up to 32 of a-z, 0-9, '-', the first a letter or digit.
    """
    if not _WRITER_ID.match(text):
        raise ValueError(
            f"{text!r} is not a writer name: up to 32 of a-z, 0-9, '-', the first a letter or digit"
        )
    return WriterId(text)


def command_name(text: str) -> str:
    """The text as the name of a command of real use.

    Raises:
        ValueError: if it is not 1 to 64 printable ASCII characters without white space.
    """
    if not 1 <= len(text) <= 64 or any(not "!" <= character <= "~" for character in text):
        raise ValueError(f"{text!r} is no name of a command: 1 to 64 characters, no spaces")
    return text


def slug(name: str) -> str:
    """The name as an id: lower case, words joined by '-', at most 48 characters; may be empty.

    >>> slug("Table-driven tokenizer (v2)")
    'table-driven-tokenizer-v2'
    """
    words = re.sub(r"[^a-z0-9._]+", "-", name.lower())
    words = re.sub(r"\.{2,}", ".", words)[:48].strip("-._")
    return words.removesuffix(".lock")


class Arm(StrEnum):
    CONTROL = "control"
    TREATMENT = "treatment"


class Direction(StrEnum):
    """Which way is good."""

    LOWER = "lower"
    HIGHER = "higher"


class Scale(StrEnum):
    """How one block becomes one number: ln T - ln C, or T - C."""

    LOG = "log"
    DIFFERENCE = "difference"


class TestName(StrEnum):
    """The registered test."""

    __test__ = False  # pytest: not a test class

    SIGNED_RANK = "signed-rank"
    T = "t"
    WELCH = "welch"
    MANN_WHITNEY = "mann-whitney"
    MCNEMAR = "mcnemar"
    BOSCHLOO = "boschloo"

    @property
    def is_paired(self) -> bool:
        """Whether it compares block by block; else single trials of either arm."""
        return self in (TestName.SIGNED_RANK, TestName.T, TestName.MCNEMAR)

    @property
    def is_of_differences(self) -> bool:
        """Whether it takes one number per block, of any metric."""
        return self in (TestName.SIGNED_RANK, TestName.T)

    @property
    def is_of_means(self) -> bool:
        """Whether it takes means of many values for what they are, and needs no ranks."""
        return self in (TestName.T, TestName.WELCH)

    @property
    def is_of_rates(self) -> bool:
        """Whether it compares how often the arms say yes."""
        return self in (TestName.MCNEMAR, TestName.BOSCHLOO)


class Stopping(StrEnum):
    """When the data may decide, and what looking at them costs."""

    GROUP_SEQUENTIAL = "group-sequential"
    ALWAYS_VALID = "always-valid"
    FIXED = "fixed"


class Spending(StrEnum):
    """How a group-sequential plan spends its error rate: late, or evenly."""

    OBF = "obf"
    POCOCK = "pocock"


class Goal(StrEnum):
    BETTER = "better"
    NO_REGRESSION = "no-regression"


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    COLLECTING = "collecting"
    BLOCKED = "blocked"
    INVALID = "invalid"

    @property
    def is_final(self) -> bool:
        """Whether more blocks cannot change it."""
        return self not in (Verdict.COLLECTING, Verdict.INVALID)


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    VOID = "void"


class State(StrEnum):
    RUNNING = "running"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"


class GuardState(StrEnum):
    """What is known of a guardrail at one look."""

    OK = "ok"
    HARMED = "harmed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number each trial yields, with the direction that is good.

    Attributes:
        unit: 's', 'B', 'count', 'pp', 'score', 'bool' or free text; None when unknown.
    """

    name: str
    direction: Direction
    unit: str | None = None


BUILT_IN_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "time": Metric(name="time", direction=Direction.LOWER, unit="s"),
        "user": Metric(name="user", direction=Direction.LOWER, unit="s"),
        "sys": Metric(name="sys", direction=Direction.LOWER, unit="s"),
        "maxrss": Metric(name="maxrss", direction=Direction.LOWER, unit="B"),
        "failures": Metric(name="failures", direction=Direction.LOWER, unit="bool"),
    }
)
"""Recorded for every trial. `failures` is 1 for a failed or timed-out trial, else 0."""

DIFFERENCE_UNITS = frozenset({"pp", "%", "score", "bool"})
"""Units whose blocks are compared by T - C rather than by ratio."""
