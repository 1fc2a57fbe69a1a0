"""Paths within trees: whether one is there, and trees with some paths taken from another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from gitexp.model import Oid
from gitexp.store.repository import Repository
from gitexp.store.tree_objects import TREE_MODE, TreeEntry


def path_exists(repository: Repository, tree: str, path: str) -> bool:
    """Whether the tree has a file or folder of that name."""
    return _find(repository, tree, _parts(path)) is not None


def tree_with_harness(
    repository: Repository, treatment_tree: str, control_tree: str, paths: Iterable[str]
) -> Oid:
    """The treatment's tree with these paths as they are in control: replaced, added, removed.

    Raises:
        ValueError: if a path leads out of the repository.
    """
    tree = Oid(treatment_tree)
    for path in paths:
        parts = _parts(path)
        if not parts:
            return Oid(control_tree)
        from_control = _find(repository, control_tree, parts)
        tree = _graft(repository, tree, parts, from_control) or repository.write_tree([])
    return tree


def _find(repository: Repository, tree: str, parts: Sequence[bytes]) -> TreeEntry | None:
    found = TreeEntry(b"", TREE_MODE, Oid(tree))
    for part in parts:
        if not found.is_tree:
            return None
        inner = repository.folder(found.oid).get(part)
        if inner is None:
            return None
        found = inner
    return found


def _graft(
    repository: Repository, tree: Oid | None, parts: Sequence[bytes], new: TreeEntry | None
) -> Oid | None:
    """The tree with what stands at the path replaced; None when nothing is left of it."""
    entries = {} if tree is None else dict(repository.folder(tree))
    name, *rest = parts
    here = entries.get(name)
    if rest:
        inner = _graft(repository, here.oid if here and here.is_tree else None, rest, new)
        if inner is None and (here is None or not here.is_tree):
            return tree
        new = None if inner is None else TreeEntry(name, TREE_MODE, inner)
    if new == here:
        return tree
    entries.pop(name, None)
    if new is not None:
        entries[name] = new
    if not entries:
        return None
    return repository.write_tree(entries.values())


def _parts(path: str) -> tuple[bytes, ...]:
    parts = PurePosixPath(path).parts
    if ".." in parts or path.startswith("/"):
        raise ValueError(f"{path!r} leads out of the repository")
    return tuple(os.fsencode(part) for part in parts)
