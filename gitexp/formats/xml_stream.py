"""XML read as a stream, nothing in it carried out.

A document type is refused: it could define entities that grow without end, or that read other
files, and no report of a tool has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO
from xml.parsers import expat

from gitexp.formats.values import Unusable

_MAX_DEPTH = 100

Start = Callable[[str, Mapping[str, str]], None]
"""Called with an element's tag and attributes when it begins."""
End = Callable[[str], None]


def read_elements(file: BinaryIO, *, start: Start, end: End) -> None:
    """Call these for every element of the file, in its order.

    Raises:
        Unusable: if it is no whole XML, or has a document type.
    """
    depth = 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise Unusable("is nested too deeply")
        start(tag, attributes)

    def finish(tag: str) -> None:
        nonlocal depth
        depth -= 1
        end(tag)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    try:
        parser.ParseFile(file)
    except expat.ExpatError as error:
        raise Unusable(f"is not whole XML: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding nobody knows
        raise Unusable(f"cannot be read as XML: {error}") from error


def _refuse_doctype(*_: object) -> None:
    raise Unusable("has a document type, which no report needs: it is not read")
