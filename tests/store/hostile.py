"""What somebody may point a ref of ours at, made with git alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support import GitIn

Make = Callable[[GitIn], str]
_KEY = "ab" * 20


def _raw(git: GitIn, kind: str, content: bytes) -> str:
    """An object git itself would not write."""
    path = Path(git.path, ".git", "raw")
    path.write_bytes(content)
    return git("hash-object", "-t", kind, "-w", "--literally", str(path))


def _blob(git: GitIn, text: str = "x\n") -> str:
    return git("hash-object", "-w", "--stdin", stdin=text)


def _entry(mode: str, name: str, oid: str) -> bytes:
    return f"{mode} {name}\0".encode() + bytes.fromhex(oid)


def _tree(git: GitIn, *entries: tuple[str, str, str]) -> str:
    """A tree of (mode, name, id), unsorted and unchecked."""
    return _raw(git, "tree", b"".join(_entry(*entry) for entry in entries))


def _commit(git: GitIn, tree: str, message: str = "x") -> str:
    return git("commit-tree", tree, "-m", message)


def blob(git: GitIn) -> str:
    return _blob(git)


def tree(git: GitIn) -> str:
    return git("mktree")


def tag(git: GitIn) -> str:
    git("tag", "-f", "-a", "-m", "a tag", "thing", "main")
    return git.id("refs/tags/thing")


def ordinary_commit(git: GitIn) -> str:
    return git.id("main")


def submodules(git: GitIn) -> str:
    commit = git.id("main")
    return _commit(git, _tree(git, ("160000", _KEY, commit), ("160000", "ab", commit)))


def symbolic_links(git: GitIn) -> str:
    link = _blob(git, "/etc/passwd")
    return _commit(git, _tree(git, ("120000", _KEY, link), ("120000", "ab", link)))


def deep_folders(git: GitIn) -> str:
    inner = _tree(git, ("100644", "a", _blob(git)))
    for _ in range(300):
        inner = _tree(git, ("40000", "a", inner))
    return _commit(git, inner)


def doubling_folders(git: GitIn) -> str:
    """Forty trees that spell more files than anybody could read."""
    inner = _tree(git, ("100644", "0", _blob(git)))
    for _ in range(38):
        inner = _tree(git, *(("40000", digit, inner) for digit in "0123456789abcdef"))
    return _commit(git, inner)


def many_spellings(git: GitIn) -> str:
    """Every way to divide each key of the same digits into folders."""
    note = _blob(git)
    trees: list[str] = []
    for left in range(1, 41):
        entries = [("100644", "a" * left, note)]
        entries += [("40000", "a" * n, trees[left - n - 1]) for n in range(1, left)]
        trees.append(_tree(git, *sorted(entries, key=lambda e: e[1])))
    return _commit(git, trees[-1])


def many_files(git: GitIn) -> str:
    note = _blob(git)
    files = (_entry("100644", f"file{number:06}", note) for number in range(100_000))
    return _commit(git, _raw(git, "tree", b"".join(files)))


def many_notes(git: GitIn) -> str:
    note = _blob(git, "remark\n" * 3)
    files = (_entry("100644", f"{number:040x}", note) for number in range(100_000))
    return _commit(git, _raw(git, "tree", b"".join(files)))


def garbage_tree(git: GitIn) -> str:
    return _commit_of(git, _raw(git, "tree", b"no tree at all"))


def cut_tree(git: GitIn) -> str:
    whole = _entry("100644", _KEY, _blob(git))
    return _commit_of(git, _raw(git, "tree", whole + whole[:-7]))


def odd_names(git: GitIn) -> str:
    note = _blob(git)
    names = ["..", ".git", "\x1b[2J", "a/b", "AB" * 20, "g" * 40, "ab" * 21, " "]
    return _commit_of(git, _tree(git, *(("100644", name, note) for name in names)))


def garbage_commit(git: GitIn) -> str:
    return _raw(git, "commit", b"no commit at all\n")


def missing_tree(git: GitIn) -> str:
    return _commit_of(git, "12" * 20)


def blob_for_a_tree(git: GitIn) -> str:
    return _commit_of(git, _blob(git))


def missing_notes(git: GitIn) -> str:
    return _commit_of(git, _tree(git, ("100644", _KEY, "34" * 20), ("40000", "cd", "56" * 20)))


def folder_for_a_note(git: GitIn) -> str:
    folder = _tree(git, ("100644", "f", _blob(git)))
    return _commit_of(git, _tree(git, ("100644", git.id("main"), folder)))


def huge_note(git: GitIn) -> str:
    return _commit(git, _tree(git, ("100644", _KEY, _blob(git, "x" * (17 * 2**20)))))


def lying_message(git: GitIn) -> str:
    message = f"Exp-Seq: 99999999999999999999\nExp-Writers: -- .. \nExp-Writers: {'a ' * 9999}\n"
    return _commit(git, git("mktree"), message)


def odd_text(git: GitIn) -> str:
    note = git.path / "note"
    note.write_bytes(b"\xff\xfe\x00{}\n\x1b[2J\n" + b'{"v":1,"kind":"trial"}\n' + b"[" * 9999)
    blob = git("hash-object", "-w", str(note))
    note.unlink()
    return _commit(git, _tree(git, ("100644", _KEY, blob)))


def _commit_of(git: GitIn, tree: str) -> str:
    """A commit of a tree that git would not take."""
    who = "A <a@b> 1767603600 +0000"
    text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n"
    return _raw(git, "commit", text.encode())


THINGS: dict[str, Make] = {
    make.__name__: make
    for make in (
        *(blob, tree, tag, ordinary_commit, submodules, symbolic_links, deep_folders),
        *(doubling_folders, many_spellings, many_files, many_notes, garbage_tree, cut_tree),
        *(odd_names, garbage_commit, missing_tree, blob_for_a_tree, missing_notes),
        *(folder_for_a_note, huge_note, lying_message, odd_text),
    )
}
