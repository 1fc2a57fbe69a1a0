"""The bytes of git's tree objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gitexp.model import Oid

TREE_MODE = 0o040000
BLOB_MODE = 0o100644


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of one tree; `name` is kept as bytes, for git promises no encoding."""

    name: bytes
    mode: int
    oid: Oid

    @property
    def is_tree(self) -> bool:
        return self.mode == TREE_MODE

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file: no folder, symbolic link or submodule."""
        return self.mode & 0o170000 == 0o100000


def parse_tree(content: bytes) -> Iterator[TreeEntry]:
    """The entries of a tree object, in its order.

    Raises:
        ValueError: if it is none.
    """
    position = 0
    while position < len(content):
        space = content.index(b" ", position)
        end = content.index(b"\0", space)
        if len(content) < end + 21:
            raise ValueError("a tree that was cut off")
        yield TreeEntry(
            content[space + 1 : end],
            int(content[position:space], 8),
            Oid(content[end + 1 : end + 21].hex()),
        )
        position = end + 21


def tree_content(entries: Iterable[TreeEntry]) -> bytes:
    """The tree object with these entries, given in any order, their names distinct."""
    # git sorts a folder as if its name ended in a slash
    ordered = sorted(entries, key=lambda e: e.name + b"/" if e.is_tree else e.name)
    return b"".join(b"%o %s\0" % (e.mode, e.name) + bytes.fromhex(e.oid) for e in ordered)
