"""What is drawn for a block, and how the blocks of real uses interleave: pure, few imports.

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

`run` goes through one block after the other. The slots of real uses (`exec`, `assign`) come in
super-blocks, so that the next arm cannot be told from those before it. A super-block begins at a
block never begun, and is drawn from a second digest, over the same lines with `gitexp-interleave/1`
in place of the first, its first block's number, and attempt 1:

* Size: the lowest bit of the first byte. 0: this block alone, 2 slots; 1: this and the next, 4.
* Interleaving of two blocks: bytes 8 to 15 as a big-endian number, modulo 3, choose which of the
  slots 2, 3 and 4 belongs to the same block as slot 1; the other two are the second block's. The
  first block is the one with slot 1.

Within a block the order is that of the block itself, as above. So the blocks are fixed pairs whose
orders are independent fair coins, whatever the interleaving: what a paired test needs.
"""

from __future__ import annotations

from gitexp.live.sha256 import sha256

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Sequence

CONTROL = "control"
TREATMENT = "treatment"

_SCHEDULE = "gitexp-schedule/1"
_INTERLEAVE = "gitexp-interleave/1"


class Draws:
    """All that is drawn for one writer's blocks of one revision.

    Raises:
        ValueError: if a field is empty or not one line of ASCII.
    """

    __slots__ = ("_fields",)

    def __init__(self, *, plan: str, control_tree: str, treatment_tree: str, writer: str) -> None:
        self._fields = (plan, control_tree, treatment_tree, writer)
        for field in self._fields:
            if not field or not field.isascii() or "\n" in field:
                raise ValueError(
                    f"{field!r} cannot be part of a schedule: one line of ASCII needed"
                )

    def order(self, block: int, attempt: int) -> tuple[str, str]:
        """The two arms of a block in the order they run.

        Raises:
            ValueError: if block < 0 or attempt < 1.
        """
        if self._digest(_SCHEDULE, block, attempt)[0] & 1:
            return TREATMENT, CONTROL
        return CONTROL, TREATMENT

    def seed(self, block: int, attempt: int) -> int:
        """The seed of both trials of a block, in [0, 2**63).

        Raises:
            ValueError: as `order`.
        """
        return int.from_bytes(self._digest(_SCHEDULE, block, attempt)[8:16], "big") >> 1

    def interleaved(self, first: int, *, most: int) -> Sequence[tuple[int, int]]:
        """The slots of the super-block that begins with block `first`: block, and slot in it.

        Args:
            most: How many blocks may begin, from 1; 1 leaves nothing to interleave.
        """
        digest = self._digest(_INTERLEAVE, first, 1)
        if most < 2 or not digest[0] & 1:
            return [(first, 0), (first, 1)]
        partner = 1 + int.from_bytes(digest[8:16], "big") % 3
        seen = {first: 0, first + 1: 0}
        slots = []
        for place in range(4):
            block = first if place in (0, partner) else first + 1
            slots.append((block, seen[block]))
            seen[block] += 1
        return slots

    def _digest(self, tag: str, block: int, attempt: int) -> bytes:
        if block < 0:
            raise ValueError(f"block {block} is below 0")
        if attempt < 1:
            raise ValueError(f"attempt {attempt} is below 1")
        lines = (tag, *self._fields, str(block), str(attempt))
        return sha256("".join(f"{line}\n" for line in lines).encode("ascii")).digest()
