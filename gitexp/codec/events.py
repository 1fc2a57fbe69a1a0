"""Events as JSON fields and back."""

from __future__ import annotations

from typing import assert_never

from gitexp.codec.fields import Fields, parse_record_id
from gitexp.model import (
    Abandoned,
    Created,
    Decided,
    Event,
    Expired,
    Handover,
    Intake,
    Overridden,
    Promoted,
    Recognised,
    RecordId,
    Restored,
    Revision,
    RolledBack,
    Seen,
    Unknown,
    Verdict,
    WriterId,
    writer_id,
)


def event_values(event: Event) -> dict[str, object]:
    """The event's own fields, its name among them; None stands for absent."""
    match event:
        case Created():
            return {"event": "created", "plan_commit": event.plan_commit}
        case Abandoned():
            return {
                "event": "abandoned",
                **_trees(event.revision),
                "block": event.block,
                "reason": event.reason,
            }
        case Decided():
            return {
                "event": "decided",
                "verdict": event.verdict,
                **_trees(event.revision),
                "control": event.control,
                "treatment": event.treatment,
                "blocks": event.blocks,
                "effect": event.effect,
                "interval": event.interval,
                "level": event.level,
                "tenure": event.tenure,
            }
        case Intake():
            return {
                "event": "intake",
                **_trees(event.revision),
                "upto": {w: [seen.seq, seen.records] for w, seen in event.upto.items()},
                "tenure": event.tenure,
            }
        case Handover():
            return {
                "event": "handover",
                "predecessor": event.predecessor,
                "tenure": event.tenure,
                "seen": event.seen,
                "to": event.to,
            }
        case Expired():
            return {"event": "expired", "verdict": event.verdict, "after": event.after}
        case Promoted():
            return {
                "event": "promoted",
                "target": event.target,
                "tip": event.tip,
                "merge": event.merge,
                "evidence": event.evidence,
                "override": event.override,
                "recognised": event.recognised,
                "since": event.since,
                "after": event.after,
            }
        case Overridden():
            return {
                "event": "override",
                "tip": event.tip,
                "merge": event.merge,
                "reason": event.reason,
            }
        case RolledBack():
            return {
                "event": "rolled-back",
                "tip": event.tip,
                "reason": event.reason,
                "revert": event.revert,
                "after": event.after,
            }
        case Restored():
            return {
                "event": "restored",
                "tip": event.tip,
                "merge": event.merge,
                "after": event.after,
            }
        case _:
            assert_never(event)


def parse_event(fields: Fields) -> Event | Unknown:
    """The event these fields describe; one this program does not know comes back as `Unknown`.

    Raises:
        ValueError: if a field is missing or out of its range.
    """
    name = fields.text("event", limit=50)
    match name:
        case "created":
            return Created(plan_commit=fields.oid("plan_commit"))
        case "abandoned":
            return Abandoned(
                revision=parse_revision(fields),
                block=fields.integer("block", low=1),
                reason=fields.text("reason"),
            )
        case "decided":
            return Decided(
                verdict=fields.choice("verdict", Verdict),
                revision=parse_revision(fields),
                control=fields.oid("control"),
                treatment=fields.oid("treatment"),
                blocks=fields.integer("blocks"),
                effect=fields.optional_number("effect"),
                interval=_interval(fields),
                level=fields.number("level"),
                tenure=_optional_id(fields, "tenure"),
            )
        case "intake":
            return Intake(
                revision=parse_revision(fields),
                upto=_upto(fields),
                tenure=_optional_id(fields, "tenure"),
            )
        case "handover":
            return Handover(
                predecessor=writer_id(fields.text("predecessor")),
                tenure=_optional_id(fields, "tenure"),
                seen=fields.integer("seen"),
                to=writer_id(fields.text("to")),
            )
        case "expired":
            return Expired(
                verdict=fields.choice("verdict", Verdict), after=_optional_id(fields, "after")
            )
        case "promoted":
            return Promoted(
                target=fields.text("target"),
                tip=fields.oid("tip"),
                merge=fields.oid("merge"),
                evidence=fields.optional_oid("evidence"),
                override=fields.optional_text("override"),
                recognised=_recognised(fields),
                since=fields.optional_oid("since"),
                after=_optional_id(fields, "after"),
            )
        case "override":
            return Overridden(
                tip=fields.oid("tip"), merge=fields.oid("merge"), reason=fields.text("reason")
            )
        case "rolled-back":
            return RolledBack(
                tip=fields.oid("tip"),
                reason=fields.text("reason"),
                revert=fields.optional_oid("revert"),
                after=_optional_id(fields, "after"),
            )
        case "restored":
            return Restored(
                tip=fields.oid("tip"),
                merge=fields.optional_oid("merge"),
                after=_optional_id(fields, "after"),
            )
        case _:
            return Unknown(kind=f"event {name}", version=1)


def parse_revision(fields: Fields) -> Revision:
    """The two trees that trials and events name.

    Raises:
        ValueError: if one of them is no object id.
    """
    return Revision(fields.oid("control_tree"), fields.oid("tree"))


def _trees(revision: Revision) -> dict[str, object]:
    return {"control_tree": revision.control_tree, "tree": revision.treatment_tree}


def _optional_id(fields: Fields, name: str) -> RecordId | None:
    return parse_record_id(fields.text(name, limit=26)) if fields.has(name) else None


def _recognised(fields: Fields) -> Recognised | None:
    return fields.choice("recognised", Recognised) if fields.has("recognised") else None


def _upto(fields: Fields) -> dict[WriterId, Seen]:
    upto: dict[WriterId, Seen] = {}
    for writer in fields.mapping("upto"):
        ends = Fields(fields.mapping("upto")).items(writer)
        if len(ends) != 2:
            raise ValueError(f"field 'upto.{writer}' does not have two numbers")
        seq, records = (Fields({writer: end}).integer(writer) for end in ends)
        upto[writer_id(writer)] = Seen(seq=seq, records=records)
    return upto


def _interval(fields: Fields) -> tuple[float | None, float | None]:
    ends = fields.items("interval")
    if len(ends) != 2:
        raise ValueError("field 'interval' does not have two ends")
    low, high = (None if end is None else Fields({"end": end}).number("end") for end in ends)
    return low, high
