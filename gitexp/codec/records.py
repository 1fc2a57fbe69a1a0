"""Records as lines: a header every record has, and a body by kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from gitexp.codec.events import event_values, parse_event, parse_revision
from gitexp.codec.fields import Fields, dump, format_time, load_object, parse_record_id
from gitexp.codec.plans import parse_plan, plan_hash
from gitexp.model import (
    LARGEST_VALUE,
    Arm,
    Body,
    Environment,
    ExperimentId,
    Observation,
    Outcome,
    PlanBody,
    PlanHash,
    Record,
    RecordId,
    Retraction,
    Trial,
    Unknown,
    Window,
    WriterId,
    experiment_id,
    writer_id,
)

VERSION = 1
MAX_RECORD_BYTES = 4096
"""Of one line, plans excepted."""
_MAX_METRICS = 64
_MAX_METRICS_BYTES = 2600
"""Of the metrics of a trial: leaves room for all else, a long host name and trial id included."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HASH = re.compile(r"[0-9a-f]{64}\Z")


def ulid(milliseconds: int, entropy: bytes) -> RecordId:
    """A ULID from a time since 1970 and ten bytes of chance.

    >>> ulid(0, bytes(10))
    '00000000000000000000000000'
    """
    if len(entropy) != 10:
        raise ValueError(f"ten bytes of entropy, not {len(entropy)}")
    number = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(entropy)
    return RecordId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))


def metrics_fit(metrics: Mapping[str, float]) -> bool:
    """Whether one trial's record can hold them."""
    return len(metrics) <= _MAX_METRICS and len(dump(dict(metrics))) <= _MAX_METRICS_BYTES


def encode(
    body: Body,
    *,
    id: RecordId,
    exp: ExperimentId,
    plan: PlanHash,
    writer: WriterId,
    seq: int,
    at: datetime,
) -> bytes:
    """The record as one line of ASCII JSON, without the newline.

    Raises:
        ValueError: if it is longer than a record may be, or holds a number JSON cannot.
    """
    kind, values = _body(body)
    header = {
        "v": VERSION,
        "id": id,
        "kind": kind,
        "exp": exp,
        "plan": plan,
        "writer": writer,
        "seq": seq,
        "at": format_time(at),
    }
    line = dump(header | {k: v for k, v in values.items() if v is not None}).encode("ascii")
    if len(line) > MAX_RECORD_BYTES and not isinstance(body, PlanBody):
        raise ValueError(f"a {kind} record of {len(line)} bytes; {MAX_RECORD_BYTES} at most")
    return line


def decode(line: bytes) -> Record:
    """The record in one line; unknown kinds, events and versions come back as `Unknown`.

    Raises:
        ValueError: if it is no record, judged on its fields alone.
    """
    fields = Fields(load_object(line))
    version = fields.integer("v", low=1)
    kind = fields.text("kind", limit=50)
    if len(line) > MAX_RECORD_BYTES and kind != "plan":
        raise ValueError(f"a record of {len(line)} bytes; {MAX_RECORD_BYTES} at most")
    is_plan = kind == "plan" and version <= VERSION
    hashed = _hash_of_plan(fields) if is_plan else fields.text("plan", limit=64)
    if not _HASH.match(hashed):
        raise ValueError("field 'plan' is not a plan hash")
    return Record(
        id=parse_record_id(fields.text("id", limit=26)),
        exp=experiment_id(fields.text("exp")),
        plan=PlanHash(hashed),
        writer=writer_id(fields.text("writer")),
        seq=fields.integer("seq", low=1),
        at=fields.time("at"),
        body=_parse_body(kind, version, fields),
        line=line,
    )


def _hash_of_plan(fields: Fields) -> str:
    stated = fields.text("plan", limit=64)
    if stated != plan_hash(fields.text("text", limit=2**21)):
        raise ValueError("the plan does not match its hash")
    return stated


def _body(body: Body) -> tuple[str, dict[str, object]]:
    match body:
        case PlanBody():
            return "plan", {"text": body.canonical}
        case Trial():
            return "trial", _trial(body)
        case Observation():
            return "observation", {"trial": body.trial, "metrics": dict(body.metrics)}
        case Retraction():
            return "retraction", {"targets": body.targets, "reason": body.reason}
        case Environment():
            return "env", {"facts": dict(body.facts)}
        case Unknown():
            raise ValueError(f"records of unknown kind {body.kind!r} are kept, never written")
        case _:
            return "event", event_values(body)


def _trial(trial: Trial) -> dict[str, object]:
    return {
        "arm": trial.arm,
        "commit": trial.commit,
        "control_tree": trial.revision.control_tree,
        "tree": trial.revision.treatment_tree,
        "block": trial.block,
        "attempt": trial.attempt,
        "slot": trial.slot,
        "host": trial.host,
        "outcome": trial.outcome,
        "exit": trial.exit_code,
        "metrics": dict(trial.metrics),
        "env": trial.env,
        "payload": trial.payload,
        "trial_id": trial.trial_id,
        "case": trial.case,
        "window": None if trial.window is None else _window(trial.window),
    }


def _window(window: Window) -> dict[str, object]:
    return {
        "count": window.count,
        "failures": window.failures,
        "variances": dict(window.variances),
    }


def _parse_body(kind: str, version: int, fields: Fields) -> Body:
    if version > VERSION:
        return Unknown(kind=kind, version=version)
    match kind:
        case "plan":
            return _parse_plan_body(fields)
        case "trial":
            return _parse_trial(fields)
        case "observation":
            return Observation(
                trial=parse_record_id(fields.text("trial")), metrics=_metrics(fields)
            )
        case "retraction":
            return Retraction(
                targets=tuple(parse_record_id(t) for t in fields.texts("targets")),
                reason=fields.text("reason"),
            )
        case "env":
            return Environment(facts=_facts(fields))
        case "event":
            return parse_event(fields)
        case _:
            return Unknown(kind=kind, version=version)


def _parse_plan_body(fields: Fields) -> PlanBody:
    text = fields.text("text", limit=2**21)
    plan = parse_plan(text)
    if plan.id != fields.text("exp"):
        raise ValueError(f"the plan of {plan.id!r} in a record of {fields.text('exp')!r}")
    return PlanBody(plan=plan, canonical=text)


def _parse_trial(fields: Fields) -> Trial:
    env = fields.optional_text("env", limit=26)
    return Trial(
        arm=fields.choice("arm", Arm),
        commit=fields.oid("commit"),
        revision=parse_revision(fields),
        block=fields.optional_integer("block", high=10_000_000),
        attempt=fields.integer("attempt", low=1, high=1_000_000),
        slot=fields.optional_integer("slot", high=1),
        host=fields.text("host", limit=200),
        outcome=fields.choice("outcome", Outcome),
        exit_code=fields.optional_integer("exit", high=255),
        metrics=_metrics(fields),
        env=None if env is None else parse_record_id(env),
        payload=fields.optional_oid("payload"),
        trial_id=fields.optional_text("trial_id", limit=200),
        case=fields.optional_text("case", limit=200),
        window=_parse_window(fields.mapping("window")) if fields.has("window") else None,
    )


def _parse_window(values: dict[str, object]) -> Window:
    fields = Fields(values)
    count = fields.integer("count", low=1)
    variances = _metrics(fields, "variances")
    if any(variance < 0 for variance in variances.values()):
        raise ValueError("field 'variances' holds one below 0")
    failures = fields.integer("failures", high=count) if fields.has("failures") else 0
    return Window(count=count, failures=failures, variances=variances)


def _metrics(fields: Fields, name: str = "metrics") -> dict[str, float]:
    values = fields.numbers(name)
    if len(values) > _MAX_METRICS:
        raise ValueError(f"{len(values)} metrics in one record; {_MAX_METRICS} at most")
    for name, value in values.items():
        if abs(value) > LARGEST_VALUE:
            raise ValueError(f"metric {name!r} is beyond {LARGEST_VALUE:g}")
    return values


def _facts(fields: Fields) -> dict[str, str | float]:
    facts: dict[str, str | float] = {}
    for key, value in fields.mapping("facts").items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"fact {key!r} is neither a text nor a number")
        facts[key] = value
    return facts
