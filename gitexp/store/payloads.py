"""Payload blobs: what is too big for a record, such as the tail of a command's output."""

from __future__ import annotations

import hashlib

from gitexp.model import Oid

MAGIC = b"gitexp-payload/1\n"
MAX_PAYLOAD_BYTES = 256 * 1024
"""Of the whole blob, its first line included."""


def payload_blob(content: bytes) -> bytes:
    """The content as the blob that is stored.

    Raises:
        ValueError: if it is too large.
    """
    blob = MAGIC + content
    if len(blob) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(blob)} bytes; {MAX_PAYLOAD_BYTES} at most")
    return blob


def payload_content(blob: bytes) -> bytes:
    """The content of a stored payload blob.

    Raises:
        ValueError: if the blob is none.
    """
    if not blob.startswith(MAGIC):
        raise ValueError("not a payload blob")
    return blob.removeprefix(MAGIC)


def blob_id(content: bytes) -> Oid:
    """The id git gives a blob with this content.

    >>> blob_id(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return Oid(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())
