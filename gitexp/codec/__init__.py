"""Records and plans to lines of JSON and back; docs/formats.md is the description."""

from gitexp.codec.plans import canonical, parse_plan, plan_hash
from gitexp.codec.records import MAX_RECORD_BYTES, VERSION, decode, encode, metrics_fit, ulid

__all__ = [
    "MAX_RECORD_BYTES",
    "VERSION",
    "canonical",
    "decode",
    "encode",
    "metrics_fit",
    "parse_plan",
    "plan_hash",
    "ulid",
]
