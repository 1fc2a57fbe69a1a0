"""Any notes tree and any journal: nothing brings a reader down, and nothing known is lost."""

from __future__ import annotations

import base64
import hashlib
import resource
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitexp import refs
from gitexp.codec import decode
from gitexp.errors import CorruptEvidence
from gitexp.model import Oid
from gitexp.store import evidence, notes, trees
from gitexp.store.entries import Entry, parse_journal
from gitexp.store.files import Folder
from gitexp.store.journal import Journal
from gitexp.store.payloads import MAGIC, MAX_PAYLOAD_BYTES
from gitexp.store.repository import Repository
from gitexp.store.store import Store
from gitexp.store.tree_objects import BLOB_MODE, TREE_MODE, TreeEntry, parse_tree, tree_content
from tests.store.samples import COMMIT, EXP, PLAN, WRITER, a_line, a_trial

SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
RECORDS = [a_line(number) for number in range(1, 7)]
TEXTS = st.one_of(
    st.lists(st.sampled_from(RECORDS), min_size=1, max_size=3).map(b"\n".join),
    st.binary(max_size=60),
    st.sampled_from(RECORDS).flatmap(
        lambda line: st.integers(0, len(line)).map(lambda at: line[:at])
    ),
    st.just(MAGIC + b"a payload"),
    st.just(b"{" * 3000),
)
MODES = st.sampled_from([BLOB_MODE, BLOB_MODE, BLOB_MODE, 0o120000, 0o160000, 0o100755])
PIECES = st.one_of(
    st.sampled_from([COMMIT.encode(), COMMIT[:2].encode(), COMMIT[2:].encode(), b"00", b"fff"]),
    st.text("0123456789abcdef", min_size=1, max_size=40).map(str.encode),
    st.binary(min_size=1, max_size=12),
).map(lambda name: name.replace(b"/", b"-").replace(b"\0", b"0"))
Leaf = tuple[int, bytes]
Node = dict[bytes, "Leaf | Node"]
TREES: st.SearchStrategy[Node] = st.recursive(
    st.dictionaries(PIECES, st.tuples(MODES, TEXTS), max_size=3),
    lambda inner: st.dictionaries(PIECES, st.tuples(MODES, TEXTS) | inner, max_size=3),
    max_leaves=10,
)


def write(repository: Repository, node: Node) -> Oid:
    """The tree of the node."""
    entries = []
    for name, each in node.items():
        if isinstance(each, dict):
            entries.append(TreeEntry(name, TREE_MODE, write(repository, each)))
        else:
            mode, content = each
            entries.append(TreeEntry(name, mode, repository.write_blob(content)))
    return repository.write_tree(entries)


def content_of(repository: Repository, tree: Oid) -> dict[bytes, set[tuple[int, Oid]]]:
    """Every file of a tree by its path without slashes."""
    found: dict[bytes, set[tuple[int, Oid]]] = {}
    for entry in repository.tree(tree):
        if entry.is_tree:
            for path, blobs in content_of(repository, entry.oid).items():
                found.setdefault(entry.name + path, set()).update(blobs)
        else:
            found.setdefault(entry.name, set()).add((entry.mode, entry.oid))
    return found


@SLOW
@given(node=TREES)
def test_any_notes_tree_is_read_and_written_to_with_nothing_lost(store: Store, node: Node) -> None:
    repository = store.repository
    tree = write(repository, node)
    tip = repository.write_commit(tree, [], "notes\n")
    name = refs.notes(EXP, WRITER)
    known = {
        line
        for found in trees.walk(repository, tree)
        if isinstance(found, trees.Note)
        for line in repository.blob(found.blob).split(b"\n")
        if line in RECORDS
    }

    before = evidence.read(repository, EXP, {name: tip})
    assert known <= {record.line for record in before.records}

    new = Entry(target=COMMIT, record=decode(a_line(99)))
    files = {COMMIT: repository.write_blob(new.record.line + b"\n")}
    united = notes.unite(
        repository, EXP, tip, repository.write_commit(trees.write(repository, None, files), [], "x")
    )
    after = evidence.read(repository, EXP, {name: united})
    assert {record.line for record in after.records} >= known | {new.record.line}
    # what is no note stays, unless a note or its folder has to be in its place
    kept = content_of(repository, repository.commit(united).tree)
    for path, entries in content_of(repository, tree).items():
        if path == COMMIT[:2].encode() or path.startswith(COMMIT.encode()):
            continue
        foreign = {each for each in entries if each[0] != BLOB_MODE and each[0] != 0o100755}
        assert foreign <= kept.get(path, set())


@settings(max_examples=300)
@given(content=st.binary(max_size=200) | st.lists(st.binary(max_size=30)).map(b" ".join))
def test_any_bytes_are_a_tree_or_a_value_error(content: bytes) -> None:
    try:
        entries = [*parse_tree(content)]
    except ValueError:
        return
    assert len(tree_content(entries)) == len(content) or len({e.name for e in entries}) < 2


@st.composite
def journals(draw: st.DrawFn) -> bytes:
    """Journal lines, cut, joined and littered."""
    lines = [b"%s %s" % (COMMIT.encode(), line) for line in RECORDS]
    parts = draw(
        st.lists(st.sampled_from(lines) | st.binary(max_size=40) | st.just(b""), max_size=8)
    )
    content = bytearray(b"\n".join(parts))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(content) + draw(st.sampled_from([b"", b"\n"]))


@SLOW
@given(content=journals())
def test_any_journal_is_mended_and_every_whole_line_kept(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    (folder / f"{WRITER}.jsonl").write_bytes(content)
    parsed = parse_journal(content, WRITER)
    journal = Journal(Folder(folder), WRITER, stored_seq=lambda _: 0)

    with journal.locked() as session:
        record = session.append(EXP, PLAN, a_trial(50), target=COMMIT)
        pending = session.pending()

    assert pending[:-1] == parsed.entries
    assert pending[-1].record == record
    torn = folder / f"{WRITER}.torn"
    assert (torn.read_bytes() if torn.exists() else b"") == parsed.rest
    lines = (content + b"\n").split(b"\n")
    whole = [line for line in RECORDS if b"%s %s" % (COMMIT.encode(), line) in lines]
    assert {*whole} <= {entry.record.line for entry in parsed.entries}


def test_a_payload_that_unpacks_to_a_thousand_times_its_size_is_not_unpacked() -> None:
    size = 1 << 30
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    digest = hashlib.sha1(b"x").hexdigest().encode()
    line = b"payload %s %s\n" % (digest, base64.b64encode(packed))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    parsed = parse_journal(line, WRITER)

    assert parsed.entries == ()
    assert parsed.rest == line
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < size // 16


def test_a_payload_larger_than_ours_can_be_is_not_read(store: Store) -> None:
    blob = store.repository.write_blob(MAGIC + bytes(MAX_PAYLOAD_BYTES))

    with pytest.raises(CorruptEvidence, match="no payload of ours"):
        store.payload(blob)
