"""Records and plans to lines of JSON and back; docs/formats.md is the description."""

from gitexp.codec.plans import canonical, parse_plan, plan_hash
from gitexp.codec.records import MAX_RECORD_BYTES, VERSION, decode, encode, ulid

__all__ = [
    "MAX_RECORD_BYTES",
    "VERSION",
    "canonical",
    "decode",
    "encode",
    "parse_plan",
    "plan_hash",
    "ulid",
]
