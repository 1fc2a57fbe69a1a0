"""Notes trees: reading any spelling of a key, writing one.

A key is a path without its slashes: git spreads notes over folders as it likes (`ab/cdef…`,
`ab/cd/ef…`, or none). We write two digits and the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gitexp.model import Oid
from gitexp.store.repository import MissingObject, Repository
from gitexp.store.tree_objects import BLOB_MODE, TREE_MODE, TreeEntry

_HEX = re.compile(rb"[0-9a-f]+\Z")
_KEY_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Note:
    """One file of a notes tree."""

    key: Oid
    blob: Oid


@dataclass(frozen=True, slots=True)
class ForeignEntry:
    """Something in a notes tree that is no note: kept where it is."""

    path: bytes


@dataclass(frozen=True, slots=True)
class MissingFolder:
    """A folder of a notes tree whose object is gone."""

    path: bytes


Found = Note | ForeignEntry | MissingFolder


def walk(repository: Repository, tree: Oid) -> Iterator[Found]:
    """Every file of the tree; the same key may come more than once, in different spellings.

    A folder that comes again is not entered again: notes differ in their keys, so no two folders
    of them are the same, but a few small trees can be put together to spell more files than
    anybody could read.
    """
    yield from _walk(repository, tree, b"", {})


def _walk(
    repository: Repository, tree: Oid, prefix: bytes, entered: dict[Oid, bytes]
) -> Iterator[Found]:
    entered[tree] = prefix
    try:
        entries = repository.tree(tree)
    except MissingObject:
        yield MissingFolder(prefix)
        return
    for entry in entries:
        key = prefix + entry.name
        is_hex = _HEX.match(entry.name) is not None
        if entry.is_tree and is_hex and len(key) < _KEY_LENGTH and entry.oid not in entered:
            yield from _walk(repository, entry.oid, key, entered)
        elif entry.is_tree and entered.get(entry.oid) == key:
            continue
        elif entry.is_file and is_hex and len(key) == _KEY_LENGTH:
            yield Note(Oid(key.decode()), entry.oid)
        else:
            yield ForeignEntry(key)


def other_spellings(repository: Repository, tree: Oid) -> int:
    """How many notes are filed in another spelling than ours.

    Raises:
        MissingObject: if a folder of the tree is gone.
    """
    every = sum(isinstance(found, Note) for found in walk(repository, tree))
    folders = (f for f in repository.tree(tree) if f.is_tree and _is_hex(f.name, 2))
    files = (file for folder in folders for file in repository.tree(folder.oid))
    return every - sum(file.is_file and _is_hex(file.name, _KEY_LENGTH - 2) for file in files)


def _is_hex(name: bytes, length: int) -> bool:
    return len(name) == length and _HEX.match(name) is not None


def find(repository: Repository, tree: Oid, key: Oid) -> tuple[Oid, ...]:
    """The blobs filed under the key in any spelling, each once."""
    return tuple(dict.fromkeys(_find(repository, tree, key.encode(), set())))


def _find(
    repository: Repository, tree: Oid, rest: bytes, looked: set[tuple[Oid, bytes]]
) -> Iterator[Oid]:
    if (tree, rest) in looked:
        return
    looked.add((tree, rest))
    entries = repository.folder(tree)
    note = entries.get(rest)
    if note is not None and note.is_file:
        yield note.oid
    for length in range(1, len(rest)):
        inner = entries.get(rest[:length])
        if inner is not None and inner.is_tree:
            yield from _find(repository, inner.oid, rest[length:], looked)


def write(
    repository: Repository,
    tree: Oid | None,
    notes: Mapping[Oid, Oid],
    *,
    remove: Collection[Oid] = (),
) -> Oid:
    """The tree with these notes in our spelling, and every other spelling of them gone.

    Args:
        remove: Keys that are to have no note at all.
    """
    entries = _entries(repository, tree)
    _strip(repository, entries, {key.encode() for key in remove})
    keys = {key.encode(): blob for key, blob in notes.items()}
    ours: dict[bytes, set[bytes]] = {}
    for key in keys:
        ours.setdefault(key[:2], set()).add(key[2:])
    elsewhere = {name: entry for name, entry in entries.items() if name not in ours}
    _strip(repository, elsewhere, keys.keys())
    for folder, rests in ours.items():
        here = entries.get(folder)
        inner = _entries(repository, here.oid if here and here.is_tree else None)
        _strip(repository, inner, rests)
        for rest in rests:
            inner[rest] = TreeEntry(rest, BLOB_MODE, keys[folder + rest])
        elsewhere[folder] = TreeEntry(folder, TREE_MODE, repository.write_tree(inner.values()))
    return repository.write_tree(elsewhere.values())


def _entries(repository: Repository, tree: Oid | None) -> dict[bytes, TreeEntry]:
    return {} if tree is None else dict(repository.folder(tree))


def _strip(
    repository: Repository,
    entries: dict[bytes, TreeEntry],
    keys: Collection[bytes],
    done: dict[tuple[Oid, frozenset[bytes]], Oid | None] | None = None,
) -> None:
    """Remove the keys from the entries, in every spelling; emptied folders go, too.

    Args:
        done: What became of folders that were met before.
    """
    done = {} if done is None else done
    folders: dict[bytes, set[bytes]] = {}
    for key in keys:
        if key in entries and entries[key].is_file:
            del entries[key]
        for length in range(1, len(key)):
            name = key[:length]
            if name in entries and entries[name].is_tree:
                folders.setdefault(name, set()).add(key[length:])
    for name, rests in folders.items():
        what = entries[name].oid, frozenset(rests)
        if what not in done:
            before = _entries(repository, entries[name].oid)
            inner = dict(before)
            _strip(repository, inner, rests, done)
            kept = entries[name].oid if inner == before else repository.write_tree(inner.values())
            done[what] = kept if inner else None
        stripped = done[what]
        if stripped is None:
            del entries[name]
        else:
            entries[name] = TreeEntry(name, TREE_MODE, stripped)
