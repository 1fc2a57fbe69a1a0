"""Which arm runs first, and with which seed: a pure function of the plan and the block.

Everything random about a trial comes from one SHA-256 digest over these seven lines, ASCII, each
ended by a newline::

    gitexp-schedule/1
    <plan hash>
    <control tree>
    <treatment tree>
    <writer>
    <block>
    <attempt>

(block and attempt are decimal without leading zeros). No field can hold a
newline, so no two inputs share an encoding.

* Order: the lowest bit of the digest's first byte. 0: control first; 1: treatment first.
* Seed: bytes 8 to 15 of the digest as a big-endian number, shifted right by one: 63 bits. Both
  arms of a block get the same seed, so that a command which draws its inputs from it measures
  the same inputs twice.
"""

from __future__ import annotations

import hashlib

from gitexp.model import Arm, PlanHash, Revision, WriterId


def order(
    *, plan: PlanHash, revision: Revision, writer: WriterId, block: int, attempt: int
) -> tuple[Arm, Arm]:
    """The two arms of a block in the order they run.

    Raises:
        ValueError: if block < 0 or attempt < 1, or a field is empty or not one line of ASCII.
    """
    digest = _digest(plan, revision, writer, block, attempt)
    if digest[0] & 1:
        return Arm.TREATMENT, Arm.CONTROL
    return Arm.CONTROL, Arm.TREATMENT


def seed(*, plan: PlanHash, revision: Revision, writer: WriterId, block: int, attempt: int) -> int:
    """The seed of both trials of a block, in [0, 2**63).

    Raises:
        ValueError: as `order`.
    """
    digest = _digest(plan, revision, writer, block, attempt)
    return int.from_bytes(digest[8:16], "big") >> 1


def _digest(
    plan: PlanHash, revision: Revision, writer: WriterId, block: int, attempt: int
) -> bytes:
    if block < 0:
        raise ValueError(f"block {block} is below 0")
    if attempt < 1:
        raise ValueError(f"attempt {attempt} is below 1")
    fields = (plan, revision.control_tree, revision.treatment_tree, writer)
    for field in fields:
        if not field or not field.isascii() or "\n" in field:
            raise ValueError(f"{field!r} cannot be part of a schedule: one line of ASCII needed")
    lines = ("gitexp-schedule/1", *fields, str(block), str(attempt))
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("ascii")).digest()
