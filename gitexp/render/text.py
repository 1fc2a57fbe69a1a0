"""Text made safe to print, and measured in terminal cells."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # format characters that scripts and emoji need, and that move nothing
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str) -> str:
    r"""The text on one line: control characters, bidi marks and lone surrogates made visible.

    >>> clean("done\r\x1b[2Jfast\u202e\n")
    'done\\r\\x1b[2Jfast\\u202e'
    >>> clean("two\nlines")
    'two lines'
    """
    if text.isascii() and text.isprintable():
        return text
    joined = " ".join(text.split("\n")).strip() if "\n" in text else text
    return "".join(
        character if _is_safe(character) else _visible(character)
        for character in joined.replace("\t", " ")
    )


def clean_lines(text: str) -> list[str]:
    """The lines of a longer text, each clean."""
    return [clean(line) for line in text.expandtabs().splitlines()]


def cells(text: str) -> int:
    """How many cells of a terminal the clean text takes.

    >>> cells("naïve"), cells("日本")
    (5, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or character in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _is_safe(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _UNSAFE


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python decodes file names
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
