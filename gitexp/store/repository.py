"""Objects, trees and history: the only place pygit2 is imported."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import pygit2
from pygit2.enums import ObjectType, Option, SortMode

from gitexp.errors import GitexpError, Refused
from gitexp.model import Oid
from gitexp.store.files import sharing
from gitexp.store.git import Git
from gitexp.store.identity import Identity, committer
from gitexp.store.tree_objects import TreeEntry, parse_tree, tree_content

_FOLDERS_KEPT = 512
_WRITE_ATTEMPTS = 20
_NO_REPLACEMENTS = {"GIT_NO_REPLACE_OBJECTS": "1"}

# records are evidence: an object must be on the disk before a ref names it
pygit2.option(Option.ENABLE_FSYNC_GITDIR, True)
# git has judged the owner already, with configuration that libgit2 does not see
pygit2.option(Option.SET_OWNER_VALIDATION, False)


class MissingObject(GitexpError):
    """An object that something names is not in the repository, or is not what it should be."""

    code = "missing-object"

    def __init__(self, oid: str, what: str) -> None:
        super().__init__(
            f"{what} {oid[:12]} is missing or damaged",
            hint="git fsck says what is broken; git fetch may bring it back",
        )
        self.oid = oid


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInfo:
    """A commit, as much of it as we use; times are seconds since 1970."""

    tree: Oid
    parents: tuple[Oid, ...]
    message: str
    author_name: str
    author_email: str
    author_time: int
    committer_time: int


class Repository:
    """The object database of one clone."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._folders: dict[str, dict[bytes, TreeEntry]] = {}
        try:
            self._repo = pygit2.Repository(str(git.common_dir))
        except (pygit2.GitError, KeyError, OSError) as error:
            raise Refused(
                f"libgit2 cannot open this repository: {error}",
                hint="git config --list --local shows its extensions",
                code="unsupported-repository",
            ) from error

    # --- refs and names --------------------------------------------------------------------

    def refs(self, *prefixes: str) -> dict[str, Oid]:
        """Full ref names and what they point at; a prefix may also be a pattern with '*'."""
        listing = self._git.run("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
        pairs = (line.split(" ", 1) for line in listing.splitlines())
        return {name: Oid(oid) for oid, name in pairs}

    def ref(self, name: str) -> Oid | None:
        """What one full ref name points at now, or None; costs microseconds, not a process."""
        try:
            target = self._repo.references[name].raw_target
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return Oid(str(target)) if isinstance(target, pygit2.Oid) else self._git.ref(name)

    def former(self, name: str) -> Iterator[Oid]:
        """What the full ref name pointed at before, newest first, as far as git keeps a log."""
        with contextlib.suppress(KeyError, ValueError, pygit2.GitError, OSError):
            for entry in self._repo.references[name].log():
                yield Oid(str(entry.oid_old))

    def resolve(self, rev: str) -> Oid:
        """The commit a user means by `rev`.

        Raises:
            GitexpError: if it names no commit.
        """
        answer = self._git.attempt(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"
        )
        if answer.returncode != 0:
            raise GitexpError(
                f"no commit is named {rev!r}",
                hint="git log --oneline --all shows commits",
                code="unknown-revision",
            )
        return Oid(answer.stdout.decode().strip())

    # --- objects ---------------------------------------------------------------------------

    def has(self, oid: str) -> bool:
        """Whether the object is here."""
        return bool(self._repo.odb.exists(pygit2.Oid(hex=oid)))

    def is_commit(self, oid: str) -> bool:
        """Whether the object is here and is a commit that can be read."""
        try:
            return isinstance(self._repo[pygit2.Oid(hex=oid)], pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError, OSError):
            return False

    def commit(self, oid: str) -> CommitInfo:
        """The commit.

        Raises:
            MissingObject: if it is not here, or not a commit.
        """
        with _reading(oid, "commit"):
            found = self._repo[pygit2.Oid(hex=oid)]
        if not isinstance(found, pygit2.Commit):
            raise MissingObject(oid, "commit")
        return CommitInfo(
            tree=Oid(str(found.tree_id)),
            parents=tuple(Oid(str(parent)) for parent in found.parent_ids),
            message=found.raw_message.decode(errors="replace"),
            author_name=found.author.raw_name.decode(errors="replace"),
            author_email=found.author.raw_email.decode(errors="replace"),
            author_time=found.author.time,
            committer_time=found.commit_time,
        )

    def blob(self, oid: str) -> bytes:
        """The content of a blob.

        Raises:
            MissingObject: if it is not here, or not a blob.
        """
        return self._read(oid, ObjectType.BLOB, "blob")

    def is_blob(self, oid: str) -> bool:
        """Whether the object is here and is a blob."""
        try:
            return self._repo.odb.read_header(pygit2.Oid(hex=oid))[0] == ObjectType.BLOB
        except (KeyError, pygit2.GitError, OSError):
            return False

    def blob_size(self, oid: str) -> int:
        """Bytes in a blob, without reading it."""
        with _reading(oid, "blob"):
            kind, size = self._repo.odb.read_header(pygit2.Oid(hex=oid))
        if kind != ObjectType.BLOB:
            raise MissingObject(oid, "blob")
        return size

    def tree(self, oid: str) -> tuple[TreeEntry, ...]:
        """The entries of one tree, in git's order."""
        content = self._read(oid, ObjectType.TREE, "tree")
        with _reading(oid, "tree"):
            return tuple(parse_tree(content))

    def folder(self, oid: str) -> Mapping[bytes, TreeEntry]:
        """The entries of one tree by name; trees used lately are not read again.

        Raises:
            MissingObject: if it is not here, or not a tree.
        """
        found = self._folders.get(oid)
        if found is None:
            found = {entry.name: entry for entry in self.tree(oid)}
            self._remember(oid, found)
        return MappingProxyType(found)

    def _remember(self, oid: str, entries: dict[bytes, TreeEntry]) -> None:
        if len(self._folders) >= _FOLDERS_KEPT:
            self._folders.clear()
        self._folders[oid] = entries

    def _read(self, oid: str, kind: ObjectType, what: str) -> bytes:
        with _reading(oid, what):
            found, content = self._repo.read(pygit2.Oid(hex=oid))
        if found != kind:
            raise MissingObject(oid, what)
        return content

    def write_blob(self, content: bytes) -> Oid:
        """Store a blob; on the disk when this returns."""
        return self._stored(lambda: self._repo.create_blob(content))

    def write_tree(self, entries: Iterable[TreeEntry]) -> Oid:
        """Store a tree of these entries, in any order; the last of one name counts."""
        by_name = {entry.name: entry for entry in entries}
        content = tree_content(by_name.values())
        oid = self._stored(lambda: self._repo.write(ObjectType.TREE, content))
        self._remember(oid, by_name)
        return oid

    def write_commit(self, tree: str, parents: Sequence[str], message: str) -> Oid:
        """Store a commit of ours with the user's identity; moves no ref."""
        who = self._signature()
        return self._stored(
            lambda: self._repo.create_commit(None, who, who, message, tree, [*parents])
        )

    def _stored(self, write: Callable[[], pygit2.Oid]) -> Oid:
        with sharing(self._git.common_dir / "objects"):
            return _stored(write)

    def _signature(self) -> pygit2.Signature:
        who = self._identity
        # one date for all that a command writes, if the user's environment names one
        moment = who.moment if "GIT_COMMITTER_DATE" in os.environ else int(time.time())
        return pygit2.Signature(who.name, who.email, moment, who.offset_minutes)

    @cached_property
    def _identity(self) -> Identity:
        return committer(self._git)

    # --- history ---------------------------------------------------------------------------

    def merge_base(self, a: str, b: str) -> Oid | None:
        """The best common ancestor, the same in every clone; None when there is none.

        Raises:
            Refused: if a shallow clone lacks the history that tells.
        """
        answer = self._history("merge-base", "--all", a, b)
        bases = [Oid(line) for line in answer.split()]
        self._refuse_if_cut_off([a, b], known=bases)
        if len(bases) < 2:
            return bases[0] if bases else None
        # git lists equally good ones by date; a tie must not depend on the clone
        return min(bases, key=lambda oid: (-self.commit(oid).committer_time, oid))

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`, itself included.

        Raises:
            Refused: if a shallow clone lacks the history that tells.
        """
        answer = self._git.attempt(
            "merge-base", "--is-ancestor", "--end-of-options", old, new, env=_NO_REPLACEMENTS
        )
        if answer.returncode == 0:
            return True
        if answer.returncode != 1:
            raise MissingObject(old if not self.has(old) else new, "commit")
        self._refuse_if_cut_off([new], known=[old])
        return False

    def contains(self, new: str, old: str) -> bool:
        """Whether `new` is `old` or built upon it, as far as the history here tells."""
        if new == old:
            return True
        try:
            return self._repo.descendant_of(new, old)
        except (KeyError, ValueError, pygit2.GitError):
            return False

    def newest(self, tips: Iterable[Oid]) -> list[Oid]:
        """Those of the commits that none of the others contains, each once, in their order."""
        distinct = [*dict.fromkeys(tips)]
        if len(distinct) < 2:
            return distinct
        kept = {*self._history("merge-base", "--independent", *distinct).split()}
        return [tip for tip in distinct if tip in kept]

    def commits(self, base: str | None, tip: str) -> Iterator[Oid]:
        """The commits of tip that base lacks, newest first."""
        with _reading(tip, "commit"):
            walk = self._repo.walk(pygit2.Oid(hex=tip), SortMode.TOPOLOGICAL | SortMode.TIME)
            if base is not None:
                walk.hide(pygit2.Oid(hex=base))
            for found in walk:
                yield Oid(str(found.id))

    def latest_saying(self, tip: str, pattern: str) -> Oid | None:
        """The newest commit of the tip's history whose message matches, or None."""
        answer = self._history("log", "-1", "--format=%H", f"--grep={pattern}", tip)
        return Oid(answer.strip()) if answer.strip() else None

    def _history(self, *args: str) -> str:
        answer = self._git.attempt(*args, env=_NO_REPLACEMENTS)
        if answer.returncode not in (0, 1):
            missing = next((oid for oid in args if len(oid) == 40 and not self.has(oid)), args[-1])
            raise MissingObject(missing, "commit")
        return answer.stdout.decode()

    def _refuse_if_cut_off(self, tips: Sequence[str], *, known: Sequence[str]) -> None:
        """Refuse when the clone's missing history begins between the tips and what is known."""
        shallow = self._git.common_dir / "shallow"
        if not shallow.exists():
            return
        cut = set(shallow.read_text("ascii").split())
        between = self._history("rev-list", *tips, "--not", *known).split()
        if cut.intersection(between):
            raise Refused(
                "this shallow clone lacks the history that shows where the experiment began",
                hint="git fetch --unshallow",
                code="shallow",
            )

    # --- trees -----------------------------------------------------------------------------

    def changed_paths(self, tree_a: str, tree_b: str) -> tuple[str, ...]:
        """Names of files that differ, sorted; those of renames on both sides."""
        with _reading(tree_a, "tree"):
            old, new = (
                self._repo[pygit2.Oid(hex=oid)].peel(pygit2.Tree) for oid in (tree_a, tree_b)
            )
            deltas = old.diff_to_tree(new).deltas
            paths = {
                file.raw_path.decode(errors="surrogateescape")
                for delta in deltas
                for file in (delta.old_file, delta.new_file)
            }
        return tuple(sorted(paths))


@contextlib.contextmanager
def _reading(oid: str, what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, pygit2.GitError, OSError) as error:
        raise MissingObject(oid, what) from error


def _stored(write: Callable[[], pygit2.Oid]) -> Oid:
    """The id of what was written, which is on the disk.

    `git gc` deletes folders of loose objects that it emptied, also between libgit2's making one
    and its putting a file there: then the whole is written again.
    """
    for _ in range(_WRITE_ATTEMPTS - 1):
        with contextlib.suppress(KeyError, ValueError, pygit2.GitError, OSError):
            return Oid(str(write()))
    try:
        return Oid(str(write()))
    except (KeyError, ValueError, pygit2.GitError, OSError) as error:
        raise GitexpError(
            f"git objects cannot be written: {error}",
            hint="free some space, or make the repository writable, and run it again",
            code="cannot-write",
        ) from error
