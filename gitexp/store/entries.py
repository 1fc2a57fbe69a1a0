"""A record with its place, and the journal's spelling of it."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass

from gitexp.codec import decode
from gitexp.model import ExperimentId, Oid, Record, WriterId
from gitexp.store.payloads import MAGIC, MAX_PAYLOAD_BYTES, blob_id

_ENTRY = re.compile(rb"([0-9a-f]{40}) (\{.*\})\Z", re.DOTALL)
_NAMED = re.compile(rb'"exp":"([a-z0-9-]+)"')
_PAYLOAD = re.compile(rb"payload ([0-9a-f]{40}) ([A-Za-z0-9+/=]+)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record on its way into the notes.

    Attributes:
        target: The object the note is for: the measured commit, or the plan commit.
        payload: The payload blob the record names.
    """

    target: Oid
    record: Record
    payload: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What journal bytes hold; `rest` is every line that is neither entry nor payload."""

    entries: tuple[Entry, ...]
    rest: bytes


def journal_line(entry: Entry) -> bytes:
    """The entry as the journal spells it, newline included; two lines with a payload."""
    line = b"%s %s\n" % (entry.target.encode(), entry.record.line)
    if entry.payload is None:
        return line
    packed = base64.b64encode(zlib.compress(entry.payload, 1))
    return b"payload %s %s\n%s" % (blob_id(entry.payload).encode(), packed, line)


def lines_by_experiment(content: bytes) -> dict[ExperimentId, list[bytes]]:
    """The records in journal bytes, unchecked, under each experiment they may be of."""
    found: dict[ExperimentId, list[bytes]] = {}
    for line in content.split(b"\n"):
        record = line[41:] if line[40:41] == b" " else b""
        for name in {*_NAMED.findall(record)}:
            found.setdefault(ExperimentId(name.decode()), []).append(record)
    return found


def highest_seq(content: bytes, exp: ExperimentId) -> int:
    """The highest seq of the experiment in journal bytes; 0 without any.

    Reads the bytes only as far as that needs: parsing ten minutes' records takes much longer.
    """
    pattern = re.compile(b'"exp":"' + re.escape(exp.encode()) + rb'"[^\n]*?"seq":(\d{1,15})\b')
    return max((int(match[1]) for match in pattern.finditer(content)), default=0)


def parse_journal(content: bytes, writer: WriterId) -> Parsed:
    """The entries in journal bytes; a last line without a newline counts if it is whole."""
    entries: list[Entry] = []
    rest: list[bytes] = []
    payloads: dict[Oid, bytes] = {}
    for line in content.split(b"\n"):
        if not line.strip():
            continue
        payload = _payload(line)
        if payload is not None:
            payloads[blob_id(payload)] = payload
            continue
        entry = _entry(line, writer, payloads)
        if entry is None:
            rest.append(line + b"\n")
        else:
            entries.append(entry)
    return Parsed(entries=tuple(entries), rest=b"".join(rest))


def _entry(line: bytes, writer: WriterId, payloads: dict[Oid, bytes]) -> Entry | None:
    match = _ENTRY.match(line)
    if match is None:
        return None
    try:
        record = decode(match[2])
    except ValueError:
        return None
    if record.writer != writer:
        return None
    named = getattr(record.body, "payload", None)
    return Entry(
        target=Oid(match[1].decode()), record=record, payload=payloads.get(named) if named else None
    )


def _payload(line: bytes) -> bytes | None:
    match = _PAYLOAD.match(line)
    if match is None:
        return None
    try:
        packed = base64.b64decode(match[2], validate=True)
        content = zlib.decompressobj().decompress(packed, MAX_PAYLOAD_BYTES + 1)
    except (binascii.Error, zlib.error):
        return None
    is_whole = content.startswith(MAGIC) and blob_id(content) == match[1].decode()
    return content if is_whole else None
