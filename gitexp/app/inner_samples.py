"""Inner samples of a trial, as much of them as a payload holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from gitexp.store.payloads import MAGIC, MAX_PAYLOAD_BYTES

MAX_INNER_SAMPLES = 2000


def payload_of(kept: Mapping[str, object], samples: Mapping[str, Sequence[float]]) -> bytes | None:
    """Both as the content of a payload, the samples cut short until it fits.

    Args:
        kept: What is kept beside the samples; short.

    Returns:
        None when there is nothing to keep.
    """
    most = MAX_INNER_SAMPLES
    while True:
        shown = {name: list(values[:most]) for name, values in samples.items()}
        content = json.dumps({**kept, **({"samples": shown} if most and shown else {})})
        if most == 0 or len(content) <= MAX_PAYLOAD_BYTES - len(MAGIC):
            return content.encode("ascii") if content != "{}" else None
        most //= 2
