"""What can be told from journal bytes without parsing them."""

from __future__ import annotations

from gitexp.model import Environment, experiment_id
from gitexp.store.entries import highest_seq, journal_line, parse_journal
from tests.store.samples import COMMIT, EXP, WRITER, a_line

OTHER = experiment_id("fast-parse-2")


def _journal(*lines: bytes) -> bytes:
    return b"".join(COMMIT.encode() + b" " + line + b"\n" for line in lines)


def test_the_highest_seq_is_found_without_parsing() -> None:
    content = _journal(a_line(3), a_line(12), a_line(7), a_line(40, exp=OTHER))

    assert highest_seq(content, EXP) == 12
    assert highest_seq(content, OTHER) == 40
    assert highest_seq(content, experiment_id("fast")) == 0
    assert highest_seq(b"", EXP) == 0


def test_it_agrees_with_what_parsing_finds_whatever_the_text_holds() -> None:
    fact = Environment(facts={"note": '"exp":"fast-parse","seq":999'})
    content = _journal(a_line(5), a_line(6, fact))

    parsed = parse_journal(content, WRITER).entries

    assert highest_seq(content, EXP) == max(entry.record.seq for entry in parsed) == 6


def test_a_line_written_is_a_line_read() -> None:
    (entry,) = parse_journal(_journal(a_line(5)), WRITER).entries

    assert entry.target == COMMIT
    assert parse_journal(journal_line(entry), WRITER).entries == (entry,)
