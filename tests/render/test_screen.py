"""What reaches a terminal is harmless and fits, whoever wrote it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.render.columns import Column, shortened, table
from gitexp.render.screen import Screen, Span, Style, line, wrapped
from gitexp.render.text import cells, clean, clean_lines

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


@given(ANY_TEXT)
def test_nothing_that_moves_a_cursor_or_turns_text_around_gets_through(text: str) -> None:
    shown = Screen(width=80).text([line(text)])

    assert shown.endswith("\n")
    for character in shown[:-1]:
        assert character in "\u200c\u200d" or unicodedata.category(character) not in (
            "Cc", "Cf", "Cs", "Zl", "Zp",
        )  # fmt: skip


@given(ANY_TEXT)
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "no-such-encoding"])
@given(text=ANY_TEXT)
def test_any_text_can_be_encoded_for_its_stream(encoding: str, text: str) -> None:
    shown = Screen(width=80, encoding=encoding).text([line(text, "−5% ✓ ├─●─┤")])

    shown.encode("ascii" if encoding == "no-such-encoding" else encoding)


def test_a_byte_that_is_no_character_is_shown_as_one() -> None:
    assert clean(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf\\xe9"


def test_colours_of_others_are_made_visible_between_ours() -> None:
    screen = Screen(width=80, colour=True)

    assert screen.text([line(Span("\x1b[31mred", Style.GOOD))]) == "\x1b[32m\\x1b[31mred\x1b[m\n"


def test_a_text_of_several_lines_keeps_them_and_loses_the_rest() -> None:
    assert clean_lines("a\tb\r\n\x07c") == ["a       b", "\\x07c"]


@given(st.text("ab cde", max_size=300), st.integers(40, 200))
def test_wrapped_text_keeps_its_words_and_fits(text: str, width: int) -> None:
    screen = Screen(width=width)

    lines = screen.text(wrapped(text, screen, first="label   ")).splitlines()

    assert " ".join(lines).split() == ["label", *text.split()]
    longest = max(map(len, text.split()), default=0)
    assert all(len(shown) <= max(width, longest + 8) for shown in lines)


def test_wide_characters_count_twice() -> None:
    screen = Screen(width=80)
    rows = table(
        [Column(title="名", rows=["日本", "abc"]), Column(title="n", rows=["1", "2"])], screen
    )

    assert screen.text(rows) == "名    n\n日本  1\nabc   2\n"


def test_a_narrow_table_drops_what_is_least_needed_and_shortens_what_may_be() -> None:
    columns = [
        Column(title="ID", rows=["a-rather-long-name"], least=8),
        Column(title="VERDICT", rows=["better"]),
        Column(title="NOTE", rows=["nobody needs this at all"], drop=2),
        Column(title="AGE", rows=["3d"], is_right=True, drop=1),
    ]

    def shown(width: int) -> str:
        return Screen(width=width).text(table(columns, Screen(width=width)))

    assert shown(80).splitlines()[1] == "a-rather-long-name  better   nobody needs this at all   3d"
    assert shown(30) == "ID                VERDICT  AGE\na-rather-long-n…  better    3d\n"
    assert shown(17) == "ID        VERDICT\na-rathe…  better\n"


def test_shortened_parts_keep_their_styles() -> None:
    parts = line(Span("good", Style.GOOD), " and more")

    assert shortened(parts, 8, Screen()) == (Span("good", Style.GOOD), Span(" an…"))


@given(st.text("aé日\u0301", max_size=30), st.integers(1, 20))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    assert sum(cells(span.text) for span in shortened(line(text), width, Screen())) <= width
