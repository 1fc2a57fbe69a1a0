"""Which format a file has, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gitexp.errors import Refused
from gitexp.formats import (
    bmf,
    catch2,
    criterion,
    github_action,
    go,
    google_benchmark,
    hyperfine,
    inspect_log,
    jmh,
    junit,
    libtest,
    promptfoo,
    pyperf,
    pytest_benchmark,
    tables,
    vitest,
)
from gitexp.formats.source import Source, open_source, parse_json
from gitexp.formats.values import Format, Results, Unusable, clip

Document = object


@dataclass(frozen=True, slots=True)
class _Json:
    """A format that is one JSON document."""

    is_shape: Callable[[Document], bool]
    read: Callable[[Document], Results]


# in this order: the loosest shape comes last
_DOCUMENTS: Mapping[Format, _Json] = {
    Format.PROMPTFOO: _Json(promptfoo.is_shape, promptfoo.read),
    Format.HYPERFINE: _Json(hyperfine.is_shape, hyperfine.read),
    Format.PYTEST_BENCHMARK: _Json(pytest_benchmark.is_shape, pytest_benchmark.read),
    Format.PYPERF: _Json(pyperf.is_shape, pyperf.read),
    Format.GOOGLE_BENCHMARK: _Json(google_benchmark.is_shape, google_benchmark.read),
    Format.VITEST: _Json(vitest.is_shape, vitest.read),
    Format.JMH: _Json(jmh.is_shape, jmh.read),
    Format.INSPECT: _Json(inspect_log.is_shape, inspect_log.read),
    Format.GITHUB_ACTION: _Json(github_action.is_shape, github_action.read),
    Format.BMF: _Json(bmf.is_shape, bmf.read),
}


def read_results(path: Path, format: Format | None) -> Results:
    """What the file says.

    Args:
        format: None: whichever it has the shape of.

    Raises:
        Refused: if it cannot be read, or not as that.
    """
    try:
        with open_source(path) as file:
            source = Source(file)
            results = _read_any(source) if format is None else _read_as(source, format)
            return replace(results, digest=source.digest())
    except Unusable as error:
        hint = error.hint or "git exp import -h names the formats that are read"
        raise Refused(f"{clip(path, 200)} {error.why}", hint=hint, code="bad-file") from error
    except OSError as error:
        raise Refused(
            f"{clip(path, 200)} cannot be read: {error.strerror}",
            hint="check the disk it is on",
            code="bad-file",
        ) from error


def _read_any(source: Source) -> Results:
    if source.is_packed:
        return _DOCUMENTS[Format.PYPERF].read(source.document())
    head = source.head.lstrip()
    if head.startswith(b"<"):
        if any(root in head for root in catch2.ROOTS):
            return catch2.read(source.binary())
        return junit.read(source.binary())
    if head.startswith((b"{", b"[")):
        return _read_any_json(source)
    format = _text_format(source)
    if format is None:
        raise Unusable(
            "has the shape of no format that is known", hint="say which it is: --format NAME"
        )
    return _read_as(source, format)


def _read_any_json(source: Source) -> Results:
    first = _whole_first_line(source)
    if criterion.is_message(first):
        return criterion.read_messages(source.lines())
    if tables.is_row(first):
        return tables.read_jsonl(source.lines())
    if first is not None and _has_second_object(source):
        return tables.read_jsonl(source.lines())
    document = source.document()
    format = _document_format(document)
    if format is None:
        raise Unusable(
            "is JSON, but has the shape of no format that is known",
            hint="say which it is: --format NAME",
        )
    return _DOCUMENTS[format].read(document)


def _document_format(document: Document) -> Format | None:
    return next((f for f, kind in _DOCUMENTS.items() if kind.is_shape(document)), None)


def _read_as(source: Source, format: Format) -> Results:
    match format:
        case Format.GO:
            return go.read(source.lines(is_strict=False))
        case Format.LIBTEST:
            return libtest.read(source.lines(is_strict=False))
        case Format.CATCH2:
            return catch2.read(source.binary())
        case Format.JUNIT:
            return junit.read(source.binary())
        case Format.CSV:
            return tables.read_csv(source.lines())
        case Format.JSONL:
            return tables.read_jsonl(source.lines())
        case Format.CRITERION:
            if source.head.lstrip().startswith(b"{"):
                return criterion.read_messages(source.lines())
            return criterion.read_raw(source.lines())
        case _:
            return _read_document(source, format)


def _read_document(source: Source, format: Format) -> Results:
    document = source.document()
    kind = _DOCUMENTS[format]
    if not kind.is_shape(document):
        looks = _document_format(document)
        raise Unusable(
            f"has not the shape of {format}",
            hint=None if looks is None else f"it looks like {looks}: --format {looks}",
        )
    return kind.read(document)


def _text_format(source: Source) -> Format | None:
    text = source.head.decode("utf-8", errors="replace")
    first = text.split("\n", 1)[0].rstrip("\r")
    if first == criterion.RAW_HEADER:
        return Format.CRITERION
    for line in re.split(r"[\r\n]+", text):
        if go.LINE.match(line):
            return Format.GO
        if libtest.LINE.match(line):
            return Format.LIBTEST
    return Format.CSV if tables.is_header(first) else None


def _whole_first_line(source: Source) -> object | None:
    """The first line as JSON, when it is a document of its own."""
    line, newline, _ = source.head.lstrip().partition(b"\n")
    if not newline and len(source.head) >= 64 * 1024:
        return None
    try:
        return parse_json(line)
    except Unusable:
        return None


def _has_second_object(source: Source) -> bool:
    _, _, rest = source.head.lstrip().partition(b"\n")
    return rest.lstrip().startswith(b"{")
