"""Records and plans as lines: decoding inverts encoding, and outside bytes never crash."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.codec import MAX_RECORD_BYTES, canonical, decode, encode, parse_plan, plan_hash, ulid
from gitexp.model import (
    Abandoned,
    Arm,
    Body,
    Created,
    Decided,
    Direction,
    Environment,
    Expired,
    Extract,
    Goal,
    Grant,
    Guardrail,
    Handover,
    Intake,
    Metric,
    Observation,
    Oid,
    Outcome,
    Overridden,
    Plan,
    PlanBody,
    PlanHash,
    Promoted,
    Recognised,
    RecordId,
    Restored,
    Retraction,
    Revision,
    RolledBack,
    Scale,
    Seen,
    Spending,
    Stopping,
    TestName,
    Trial,
    Unknown,
    Verdict,
    Watch,
    Window,
    WriterId,
    experiment_id,
)
from tests.store.samples import a_line

EXP = experiment_id("fast-parse")
WRITER = WriterId("ann-1")

hexadecimal = st.text("0123456789abcdef", min_size=40, max_size=40)
oids = hexadecimal.map(Oid)
numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=40)
ids = st.builds(ulid, st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
metrics = st.dictionaries(texts, st.floats(-1e60, 1e60), max_size=5)
revisions = st.builds(Revision, oids, oids)
writers = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True).map(WriterId)
seen = st.builds(Seen, seq=st.integers(0, 2**40), records=st.integers(0, 2**40))
moments = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))

windows = st.integers(1, 2**53).flatmap(
    lambda count: st.builds(
        Window,
        count=st.just(count),
        failures=st.integers(0, count),
        variances=st.dictionaries(texts, st.floats(0, 1e60), max_size=3),
    )
)

bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(
        Trial,
        arm=st.sampled_from(Arm),
        commit=oids,
        revision=revisions,
        block=st.none() | st.integers(0, 10_000_000),
        attempt=st.integers(1, 1000),
        slot=st.none() | st.integers(0, 1),
        host=texts,
        outcome=st.sampled_from(Outcome),
        exit_code=st.none() | st.integers(0, 255),
        metrics=metrics,
        env=st.none() | ids,
        payload=st.none() | oids,
        trial_id=st.none() | texts,
        window=st.none() | windows,
    ),
    st.builds(Observation, trial=ids, metrics=metrics),
    st.builds(Retraction, targets=st.lists(ids, max_size=5).map(tuple), reason=texts),
    st.builds(Environment, facts=st.dictionaries(texts, texts | numbers, max_size=5)),
    st.builds(Created, plan_commit=oids),
    st.builds(Abandoned, revision=revisions, block=st.integers(1, 1000), reason=texts),
    st.builds(
        Decided,
        verdict=st.sampled_from(Verdict),
        revision=revisions,
        control=oids,
        treatment=oids,
        blocks=st.integers(0, 1000),
        effect=st.none() | numbers,
        interval=st.tuples(st.none() | numbers, st.none() | numbers),
        level=numbers,
        tenure=st.none() | ids,
    ),
    st.builds(
        Intake,
        revision=revisions,
        upto=st.dictionaries(writers, seen, max_size=5),
        tenure=st.none() | ids,
    ),
    st.builds(
        Handover,
        predecessor=writers,
        tenure=st.none() | ids,
        seen=st.integers(0, 2**40),
        to=writers,
    ),
    st.builds(Expired, verdict=st.sampled_from(Verdict), after=st.none() | ids),
    st.builds(
        Promoted,
        target=texts,
        tip=oids,
        merge=oids,
        evidence=st.none() | oids,
        override=st.none() | texts,
        recognised=st.none() | st.sampled_from(Recognised),
        since=st.none() | oids,
        after=st.none() | ids,
    ),
    st.builds(Overridden, tip=oids, merge=oids, reason=texts),
    st.builds(RolledBack, tip=oids, reason=texts, revert=st.none() | oids, after=st.none() | ids),
    st.builds(Restored, tip=oids, merge=st.none() | oids, after=st.none() | ids),
)

metric = st.builds(Metric, name=texts, direction=st.sampled_from(Direction), unit=st.none() | texts)
shares = st.floats(0, 0.5, exclude_min=True)
grants = st.builds(
    Grant,
    q=st.floats(0, 1, exclude_min=True, exclude_max=True),
    index=st.integers(1, 2**40),
    asked=shares,
    spent=st.floats(0, 1e60),
    discoveries=st.lists(st.integers(1, 2**40), max_size=3).map(tuple),
)
short = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
extracts = st.builds(
    Extract, metric=short, format=short, file=st.none() | short.filter(bool), select=short
)
any_plans = st.builds(
    Plan,
    id=st.just(EXP),
    name=texts,
    hypothesis=texts,
    description=texts,
    created=moments,
    target=st.just("refs/heads/main"),
    base=oids,
    decider=st.just(WRITER),
    primary=metric,
    guardrails=st.lists(
        st.builds(
            Guardrail,
            metric=metric,
            margin=st.floats(0, 100, exclude_min=True),
            is_relative=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    watches=st.lists(
        st.builds(Watch, metric=metric, floor=st.none() | st.floats(-1e60, 1e60)), max_size=2
    ).map(tuple),
    secondary=st.lists(metric, max_size=2).map(tuple),
    scale=st.sampled_from(Scale),
    test=st.sampled_from(TestName),
    goal=st.sampled_from(Goal),
    alpha=shares,
    guardrail_alpha=st.floats(0, 0.5, exclude_min=True, exclude_max=True),
    min_effect=st.floats(0, 1e9),
    max_regression=st.floats(0, 1e9, exclude_min=True),
    stopping=st.sampled_from(Stopping),
    spending=st.sampled_from(Spending),
    spends_on_expiry=st.booleans(),
    min_blocks=st.integers(1, 1000),
    max_blocks=st.integers(1000, 1_000_000),
    max_days=st.floats(0, 36500, exclude_min=True),
    revisions=st.integers(1, 1000),
    command=st.none() | texts,
    timeout_s=st.floats(0, 1e9, exclude_min=True),
    warm_up=st.integers(0, 1000),
    setup=st.none() | texts,
    links=st.lists(texts, max_size=3).map(tuple),
    harness=st.lists(texts, max_size=3).map(tuple),
    auto_promote=st.booleans(),
    auto_rollback=st.booleans(),
    like=st.none() | st.just(EXP),
    uses_per_month=st.none() | st.floats(0, 1e15, exclude_min=True),
    grant=st.none() | grants,
    extracts=st.lists(extracts, max_size=3).map(tuple),
    command_name=st.none()
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
)


def _made_possible(plan: Plan) -> Plan:
    """The plan without what no analysis could mean."""
    largest = 0.99 if plan.scale is Scale.LOG else 1e60
    is_paired = plan.test.is_paired
    is_any_time = plan.stopping is Stopping.ALWAYS_VALID
    guardrails = tuple(
        replace(
            g, margin=min(g.margin, 0.99), is_relative=g.is_relative and g.metric.unit != "bool"
        )
        for g in plan.guardrails
    )
    is_rate = plan.test.is_of_rates and not is_any_time
    return replace(
        plan,
        primary=replace(plan.primary, unit="bool") if is_rate else plan.primary,
        scale=Scale.DIFFERENCE if is_rate else plan.scale,
        min_effect=min(plan.min_effect, largest),
        max_regression=min(plan.max_regression, largest),
        guardrails=guardrails if is_paired else (),
        goal=plan.goal if is_paired else Goal.BETTER,
        test=TestName.T if is_any_time else plan.test,
        spends_on_expiry=plan.spends_on_expiry and not is_any_time,
        min_blocks=plan.max_blocks if plan.stopping is Stopping.FIXED else plan.min_blocks,
    )


plans = any_plans.map(_made_possible)


def line_of(body: Body, **header: Any) -> bytes:
    values: dict[str, Any] = {
        "id": ulid(0, bytes(10)),
        "exp": EXP,
        "plan": PlanHash("5f" * 32),
        "writer": WRITER,
        "seq": 1,
        "at": datetime(2026, 1, 5, tzinfo=UTC),
    }
    return encode(body, **values | header)


@given(body=bodies, id=ids, seq=st.integers(1, 2**53), at=moments)
def test_decoding_inverts_encoding(body: Body, id: RecordId, seq: int, at: datetime) -> None:
    line = line_of(body, id=id, seq=seq, at=at)

    record = decode(line)

    assert record.body == body
    assert (record.id, record.seq, record.at, record.exp) == (id, seq, at, EXP)
    assert record.line == line
    assert line.isascii()
    assert b"\n" not in line


@given(plans)
def test_plans_come_back_and_their_text_is_canonical(plan: Plan) -> None:
    text = canonical(plan)

    assert parse_plan(text) == plan
    assert canonical(parse_plan(text)) == text
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    record = decode(line_of(PlanBody(plan=plan, canonical=text), plan=plan_hash(text)))
    assert record.body == PlanBody(plan=plan, canonical=text)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (whatever it says)
        decode(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(body=bodies, data=st.data())
def test_any_value_in_any_field_is_a_record_or_a_value_error(
    body: Body, data: st.DataObject
) -> None:
    fields = json.loads(line_of(body))
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(json_values)
    line = json.dumps(fields).encode()

    try:
        record = decode(line)
    except ValueError:
        return
    assert record.line == line


@given(plan=plans, data=st.data())
def test_any_value_in_any_field_of_a_plan_is_a_plan_or_a_value_error(
    plan: Plan, data: st.DataObject
) -> None:
    fields = json.loads(canonical(plan))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(json_values)

    try:
        found = parse_plan(json.dumps(fields))
    except ValueError:
        return
    assert found.expires >= found.created


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 0),
        ("v", True),
        ("v", None),
        ("id", "01arz3ndektsv4rrffq69g5fav"),
        ("id", "81ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("exp", "No"),
        ("plan", "5F" * 32),
        ("writer", "a_b"),
        ("seq", 0),
        ("seq", 1.0),
        ("at", "2026-01-05T12:00:00"),
        ("at", "0001-01-01T00:00:00+23:59"),
        ("at", "yesterday"),
        ("kind", 7),
        ("event", None),
        ("plan_commit", "b2" * 19),
        ("plan_commit", "B2" * 20),
    ],
)
def test_a_field_out_of_its_range_is_refused(field: str, value: object) -> None:
    fields = json.loads(line_of(Created(plan_commit=Oid("b2" * 20))))
    fields[field] = value

    with pytest.raises(ValueError, match=r".+"):
        decode(json.dumps(fields).encode())


def test_unknown_fields_stay_in_the_line() -> None:
    line = line_of(Created(plan_commit=Oid("b2" * 20))).replace(b'"v":1', b'"v":1,"x":[null]')

    assert decode(line).line == line
    assert decode(line).body == Created(plan_commit=Oid("b2" * 20))


@pytest.mark.parametrize(
    ("old", "new", "unknown"),
    [
        (b'"kind":"event"', b'"kind":"dream"', Unknown(kind="dream", version=1)),
        (b'"event":"created"', b'"event":"born"', Unknown(kind="event born", version=1)),
        (b'"v":1', b'"v":2', Unknown(kind="event", version=2)),
    ],
)
def test_what_is_newer_is_kept_as_unknown(old: bytes, new: bytes, unknown: Unknown) -> None:
    line = line_of(Created(plan_commit=Oid("b2" * 20))).replace(old, new)

    assert decode(line).body == unknown
    with pytest.raises(ValueError, match="never written"):
        line_of(unknown)


def test_numbers_json_cannot_hold_are_refused() -> None:
    for number in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match=r".+"):
            line_of(Environment(facts={"load": number}))
    for text in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"true", b'"1"'):
        line = line_of(Observation(trial=ulid(0, bytes(10)), metrics={"time": 1.5}))
        with pytest.raises(ValueError, match=r".+"):
            decode(line.replace(b"1.5", text))


@pytest.mark.parametrize(
    "line",
    [
        a_line(1).replace(b'"seq":1', b'"seq":1,"seq":2'),
        a_line(1).replace(b'"h"', b'"h","host":"other"'),
        a_line(1).replace(b'"seq":1', b'"seq" :1,"seq":1'),
        a_line(1).replace(b'{"time":1.001}', b'{"time":1.001,"time":2.0}'),
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 1_000_000,
        b'{"text":"' + b"x" * 10_000_000 + b'"}',
        a_line(1).replace(b'"h"', b'"' + b"x" * 10_000_000 + b'"'),
        a_line(1).replace(b'"seq":1', b'"seq":' + b"9" * 100_000),
        a_line(1).replace(b"1.001", b"1e999"),
        a_line(1).replace(b"1.001", b"NaN"),
        a_line(1) + a_line(2),
        b"\xef\xbb\xbf" + a_line(1),
    ],
    ids=[
        "twice",
        "host",
        "spaced",
        "within",
        "deep",
        "open",
        "long",
        "long-host",
        "digits",
        "infinite",
        "nan",
        "two",
        "mark",
    ],
)
def test_what_could_be_read_in_two_ways_or_never_end_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(line)


def test_records_have_a_greatest_length_and_plans_have_not(plan: Plan) -> None:
    with pytest.raises(ValueError, match="4096 at most"):
        line_of(Retraction(targets=(), reason="x" * MAX_RECORD_BYTES))
    line = line_of(Retraction(targets=(), reason="x"))
    with pytest.raises(ValueError, match="4096 at most"):
        decode(line.replace(b'"x"', b'"' + b"x" * MAX_RECORD_BYTES + b'"'))
    long = replace(plan, hypothesis="x" * 10_000)
    text = canonical(long)
    record = decode(line_of(PlanBody(plan=long, canonical=text), plan=plan_hash(text)))
    assert isinstance(record.body, PlanBody)


def test_a_plan_must_match_its_hash_and_its_experiment(plan: Plan) -> None:
    text = canonical(plan)
    with pytest.raises(ValueError, match="does not match its hash"):
        decode(line_of(PlanBody(plan=plan, canonical=text)))
    with pytest.raises(ValueError, match="in a record of 'slow'"):
        decode(
            line_of(
                PlanBody(plan=plan, canonical=text), plan=plan_hash(text), exp=experiment_id("slow")
            )
        )


def test_a_plan_of_a_newer_version_is_refused(plan: Plan) -> None:
    with pytest.raises(ValueError, match="newer"):
        parse_plan(canonical(plan).replace('"v":1', '"v":2'))


def test_a_plan_that_outlives_the_calendar_is_refused(plan: Plan) -> None:
    late = replace(plan, created=datetime(9999, 12, 31, tzinfo=UTC))
    with pytest.raises(ValueError, match="calendars"):
        parse_plan(canonical(late))


def test_times_are_kept_to_the_millisecond_in_utc() -> None:
    moment = datetime(2026, 1, 5, 14, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=2)))

    assert b'"at":"2026-01-05T12:00:00.123Z"' in line_of(
        Created(plan_commit=Oid("b2" * 20)), at=moment
    )


def _guarded(direction: Direction, unit: str | None, margin: float) -> dict[str, Any]:
    metric = Metric(name="hits", direction=direction, unit=unit)
    return {"guardrails": (Guardrail(metric=metric, margin=margin, is_relative=True),)}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"min_blocks": 21}, "min_blocks"),
        ({"guardrail_alpha": 0.5}, "guardrail_alpha"),
        ({"min_effect": 1.0}, "min_effect"),
        ({"max_regression": 2.0}, "max_regression"),
        ({"scale": Scale.DIFFERENCE, "min_effect": 1e61}, "min_effect"),
        ({"goal": Goal.NO_REGRESSION, "max_regression": 0.0}, "margin"),
        ({"goal": Goal.NO_REGRESSION, "test": TestName.WELCH}, "block by block"),
        ({"test": TestName.WELCH, **_guarded(Direction.LOWER, None, 0.1)}, "block by block"),
        (_guarded(Direction.HIGHER, None, 1.0), "cannot fall"),
        (_guarded(Direction.LOWER, "bool", 0.1), "a rate"),
        (_guarded(Direction.LOWER, None, 1e61), "margin"),
    ],
)
def test_a_plan_that_no_analysis_could_follow_is_refused(
    plan: Plan, changes: dict[str, Any], why: str
) -> None:
    text = canonical(replace(plan, **changes))

    with pytest.raises(ValueError, match=why):
        parse_plan(text)


def test_a_value_too_large_to_compute_with_is_no_record() -> None:
    body = Observation(trial=ulid(0, bytes(10)), metrics={"a": -1e60, "b": 1e61})

    with pytest.raises(ValueError, match="'b' is beyond"):
        decode(line_of(body))


def test_ulids_sort_by_time() -> None:
    assert ulid(1, b"\xff" * 10) < ulid(2, bytes(10))
    assert ulid(1_469_918_176_385, bytes(10)).startswith("01ARYZ6S41")
    with pytest.raises(ValueError, match="ten bytes"):
        ulid(0, b"")


@pytest.fixture
def plan() -> Plan:
    return parse_plan(
        '{"alpha":0.05,"auto_promote":true,"auto_rollback":true,"base":"' + "b2" * 20 + '",'
        '"command":null,"created":"2026-01-05T12:00:00.000Z","decider":"ann-1","description":"",'
        '"goal":"better","guardrail_alpha":0.05,"guardrails":[],"harness":[],"hypothesis":"h",'
        '"id":"fast-parse","like":null,"links":[],"max_blocks":20,"max_days":14.0,'
        '"max_regression":0.1,"min_blocks":10,"min_effect":0.0,"name":"n",'
        '"primary":{"direction":"lower","name":"time","unit":"s"},"revisions":1,"scale":"log",'
        '"setup":null,"target":"refs/heads/main","test":"t","timeout":600.0,"v":1,"warm_up":1}'
    )
