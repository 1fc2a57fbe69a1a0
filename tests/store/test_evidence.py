"""Reading: the union of all that is valid, and a report of all that is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from gitexp import refs
from gitexp.codec import decode
from gitexp.model import Evidence, Oid, Record, Trial, WriterId, experiment_id, writer_id
from gitexp.store import evidence, trees
from gitexp.store.payloads import MAGIC
from gitexp.store.repository import Repository
from gitexp.store.store import Store
from tests.store.samples import COMMIT, EXP, OTHER, WRITER, a_line, a_trial

Put = Callable[..., tuple[str, Oid]]


@pytest.fixture
def repository(store: Store) -> Repository:
    return store.repository


@pytest.fixture
def put(repository: Repository) -> Put:
    """Write lines as a writer's notes; the ref's name and tip, without moving any ref."""

    def write(
        *blobs: Sequence[bytes] | bytes,
        writer: WriterId = WRITER,
        remote: str | None = None,
        trailer: str = "",
    ) -> tuple[str, Oid]:
        files = {}
        for number, content in enumerate(blobs):
            joined = content if isinstance(content, bytes) else b"\n".join(content) + b"\n"
            blob = repository.write_blob(joined)
            files[COMMIT if number == 0 else blob] = blob
        tip = repository.write_commit(
            trees.write(repository, None, files), [], f"notes\n\n{trailer}"
        )
        own = refs.notes(EXP, writer)
        return own.replace("notes/exp", f"notes/remotes/{remote}/exp") if remote else own, tip

    return write


def kinds(found: Evidence) -> list[str]:
    return [problem.kind for problem in found.problems]


def seqs(found: Evidence) -> list[int]:
    return sorted(record.seq for record in found.records)


def test_the_union_over_writers_remotes_and_sealed_notes(repository: Repository, put: Put) -> None:
    tips = dict(
        [
            put([a_line(3)], [a_line(1), a_line(2)]),
            put([a_line(1), a_line(2)], remote="origin"),
            put([a_line(1, writer=OTHER)], writer=OTHER, remote="origin"),
        ]
    )

    found = evidence.read(repository, EXP, tips)

    assert [(r.writer, r.seq) for r in sorted(found.records, key=lambda r: (r.writer, r.seq))] == [
        (WRITER, 1), (WRITER, 2), (WRITER, 3), (OTHER, 1),
    ]  # fmt: skip
    assert found.problems == ()
    assert {name: tip for name, tip in found.tips.items() if name != "journal"} == tips


def test_any_order_of_writers_and_lines_gives_the_same(repository: Repository, put: Put) -> None:
    lines = [a_line(n) for n in range(1, 40)]
    lines += [a_line(n, a_trial(n, text="other"), chance=n) for n in range(5, 8)]
    lines += [b"{}", b"hello", a_line(9).replace(b'"v":1', b'"v":2')]
    seen = set()
    for seed in range(5):
        chance = random.Random(seed)
        chance.shuffle(lines)
        cut = chance.randrange(len(lines))
        tips = dict([put(lines[:cut]), put(lines[cut // 2 :], lines[:3], remote="r")])
        found = evidence.read(repository, EXP, tips)
        seen.add(
            (tuple(r.line for r in found.records), tuple(sorted({p.kind for p in found.problems})))
        )

    assert len(seen) == 1


def test_the_same_id_with_other_bytes_is_corruption_and_neither_is_used(
    repository: Repository, put: Put
) -> None:
    name, tip = put([a_line(1), a_line(2), a_line(2, a_trial(7), chance=2)])

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1]
    assert kinds(found) == ["corrupt"]


def test_what_is_not_a_record_is_reported(repository: Repository, put: Put) -> None:
    name, tip = put(
        [
            a_line(1),
            b"",
            b"   ",
            b"a remark by hand",
            b"\xff\xfe not text",
            b'{"v":1,"id":"nonsense"}',
            a_line(2)[:-9],
            a_line(3).replace(b"fast-parse", b"fast-Parse"),
            a_line(4).replace(b'"host":"h"', '"host":"é"'.encode()),
            b'{"v":1' + b"[" * 100_000,
        ]
    )

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1]
    assert kinds(found) == ["corrupt"] * 5 + ["foreign-line"] * 2
    assert {problem.where for problem in found.problems} == {name}


def test_kinds_and_versions_of_the_future_are_kept_and_counted(
    repository: Repository, put: Put
) -> None:
    future = [
        a_line(2).replace(b'"kind":"trial"', b'"kind":"dream"'),
        a_line(3).replace(b'"kind":"trial"', b'"kind":"dream"'),
        a_line(4).replace(b'"v":1', b'"v":9'),
        a_line(5).replace(b'"kind":"trial"', b'"kind":"plan"').replace(b'"v":1', b'"v":9'),
    ]
    name, tip = put([a_line(1), *future])

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1, 2, 3, 4, 5]
    assert sorted(kinds(found)) == ["newer-version", "newer-version", "unknown-kind"]
    assert any("2 of kind 'dream'" in problem.text for problem in found.problems)


def test_the_ref_says_whose_records_they_are(repository: Repository, put: Put) -> None:
    name, tip = put([a_line(1), a_line(1, writer=OTHER)])

    found = evidence.read(repository, EXP, {name: tip})

    assert [record.writer for record in found.records] == [WRITER]
    assert kinds(found) == ["wrong-writer"]


def test_a_compacted_ref_names_the_writers_it_holds(repository: Repository, put: Put) -> None:
    name, tip = put([a_line(1), a_line(1, writer=OTHER)], trailer=f"Exp-Writers: {OTHER}\n")

    found = evidence.read(repository, EXP, {name: tip})

    assert {record.writer for record in found.records} == {WRITER, OTHER}
    assert found.problems == ()


def test_records_of_another_experiment_are_left_out(repository: Repository, put: Put) -> None:
    name, tip = put([a_line(1), a_line(2, exp=experiment_id("slow-parse"))])

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1]
    assert kinds(found) == ["other-experiment"]


def test_one_number_for_two_records_is_reported_and_both_count(
    repository: Repository, put: Put
) -> None:
    name, tip = put([a_line(1, chance=1), a_line(1, chance=2)])

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1, 1]
    assert kinds(found) == ["duplicate-seq"]


def test_payloads_are_not_taken_for_records(repository: Repository, put: Put) -> None:
    payload = MAGIC + a_line(9) + b"\n"
    name, tip = put([a_line(1)], payload)

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1]
    assert found.problems == ()


def test_a_note_on_a_commit_that_claims_to_be_a_payload_is_reported(
    repository: Repository, put: Put
) -> None:
    name, tip = put(MAGIC + a_line(1) + b"\n")

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1]
    assert kinds(found) == ["foreign-line"]


def test_a_huge_blob_is_reported_and_not_read(
    repository: Repository, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MAX_NOTE_BYTES", 10_000)
    name, tip = put([a_line(1)], b"x" * 10_001)

    found = evidence.read(repository, EXP, {name: tip})

    assert seqs(found) == [1]
    assert kinds(found) == ["huge-blob"]


def test_many_problems_of_a_kind_are_counted(repository: Repository, put: Put) -> None:
    name, tip = put([b"remark %d" % n for n in range(50)])

    found = evidence.read(repository, EXP, {name: tip})

    assert kinds(found) == ["foreign-line"] * 6
    assert found.problems[-1].text == "and 45 more"


def test_refs_of_others_are_passed_over(repository: Repository, put: Put) -> None:
    _, tip = put([a_line(1)])

    found = evidence.read(
        repository, EXP, {"refs/notes/commits": tip, "refs/notes/exp/slow/ann-1": tip}
    )

    assert found.records == ()
    assert list(found.tips) == ["journal"]


def test_a_tip_that_is_gone_is_reported(repository: Repository, put: Put) -> None:
    name, tip = put([a_line(1)])

    found = evidence.read(repository, EXP, {name: tip, refs.notes(EXP, OTHER): Oid("d4" * 20)})

    assert seqs(found) == [1]
    assert kinds(found) == ["missing-object"]


def test_a_tip_that_is_no_commit_is_reported(repository: Repository) -> None:
    blob = repository.write_blob(b"hello")

    found = evidence.read(repository, EXP, {refs.notes(EXP, WRITER): blob})

    assert kinds(found) == ["missing-object"]


def test_nothing_stored_is_nothing(repository: Repository) -> None:
    found = evidence.read(repository, EXP, {})

    assert (found.records, found.problems) == ((), ())


def test_payload_names_cannot_hide_sealed_notes_of_others(repository: Repository, put: Put) -> None:
    sealed = b"\n".join(a_line(n) for n in range(1, 30)) + b"\n"
    hidden = repository.write_blob(sealed)
    thief = a_trial(1)
    line = a_line(1, Trial(**{f: getattr(thief, f) for f in thief.__slots__} | {"payload": hidden}),
                  writer=OTHER)  # fmt: skip
    tips = dict([put([line], writer=OTHER), put([a_line(30)], sealed)])

    found = evidence.read(repository, EXP, tips)

    assert len(found.records) == 31
    assert isinstance(decode(line), Record)
    assert writer_id("ann-1") == WRITER
