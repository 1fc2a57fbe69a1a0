"""Files that cannot be what they should be: one refusal each, in words."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitexp.errors import Refused
from gitexp.formats import Format, read_results
from gitexp.formats import source as source_module
from tests.formats import shapes

FILES = Path(__file__).parent / "files"

LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<testsuite><testcase name="&c;"/></testsuite>
"""
OUTSIDE = """<?xml version="1.0"?>
<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&a;"/></testsuite>
"""
HYPERFINE = '{"results": [{"command": "a", "mean": %s}]}'


UNUSABLE: list[tuple[bytes, Format | None, str]] = [
    (b"", None, "is empty"),
    (b" \n", None, "is empty"),
    (b"\xef\xbb\xbf", None, "is empty"),
    (b"\x7fELF\0\1\2", None, "is a binary file"),
    ("arm,time\n".encode("utf-16"), None, "is UTF-16 text"),
    (b"arm,case,time\ncontrol,\xff,1\n", None, "is not UTF-8 text"),
    (b"nothing of the kind\n", None, "has the shape of no format"),
    (b'{"a": 1}', None, "has the shape of no format"),
    (b'{"results": [{"command": "a", "mean": 1', None, "is not whole JSON"),
    (b"[" * 100_000, None, "nested too deeply"),
    (b'{"a":' * 100_000, None, "nested too deeply"),
    ((HYPERFINE % ("9" * 5000)).encode(), None, "thousands of digits"),
    ((HYPERFINE % "1e999").encode(), None, "a finite number is needed"),
    ((HYPERFINE % "NaN").encode(), None, "a finite number is needed"),
    ((HYPERFINE % "1e70").encode(), None, "beyond 1e\\+60"),
    ((HYPERFINE % '"1"').encode(), None, "is no number"),
    ((HYPERFINE % '1, "mean": 2').encode(), None, "names a key twice .*: mean"),
    (b'{"results": []}', Format.HYPERFINE, "has not the shape of hyperfine"),
    (b'{"benchmarks": [{"runs": [{}]}]}', None, "only calibrated"),
    (b"\x1f\x8bnot packed at all", None, "cannot be unpacked"),
    (gzip.compress(b'{"benchmarks": []}', mtime=0)[:-9], None, "cannot be unpacked"),
    (LAUGHS.encode(), None, "has a document type"),
    (OUTSIDE.encode(), None, "has a document type"),
    (b"<testsuite><testcase name='a'>", None, "is not whole XML"),
    (b"<html></html>", None, "is no test report"),
    (b"<testsuite>" * 200, None, "nested too deeply"),
    (b"<testsuite><testcase name='a' time='1,5'/></testsuite>", None, "time that is no number"),
    (b"<testsuite><testcase/></testsuite>", None, "a test case without a name"),
    (b"<testsuite/>", None, "holds no test case"),
    (b"<?xml version='1.0' encoding='klingon'?><testsuite/>", None, "XML"),
    (b"PASS\nok\n", Format.GO, "holds no results"),
    (b"BenchmarkA 1 nan ns/op\n", None, "no finite number"),
    (b"arm,time\n", None, "holds no trials"),
    (b"arm,time,time\ncontrol,1,2\n", None, "two columns 'time'"),
    (b"arm,time\ncontrol\n", None, "1 cells in line 2"),
    (b'arm,time\ncontrol,"1\n', None, "is not whole CSV"),
    (b"arm,time\nControl,1\n", None, "'Control' as arm in line 2"),
    (b"arm,block,time\ncontrol,-1,1\n", None, "'-1' as block in line 2"),
    (b"arm,outcome,time\ncontrol,fine,1\n", None, "'fine' as outcome"),
    (b'{"arm": "control", "time": 1}\n{"arm": "contr', None, "line 2 is not whole JSON"),
    (b'{"arm": "control", "time": 1}\n[]\n', None, "has no object in line 2"),
    (b'{"arm": "control", "trial_id": [1]}\n', None, "trial_id in line 1 that is no text"),
    (b'{"results": {"version": 2, "results": [{"promptIdx": 0}]}}', None, "of version 2"),
    (b'{"status": "started", "eval": {}}', None, "did not end: its status is started"),
    (b'{"status": "success", "eval": {}, "samples": [{"id": true}]}', None, "without an id"),
    (b'{"status": "success", "eval": {}}', None, "neither samples nor scores"),
    (b"<Catch></Catch>", None, "holds no results"),
    (b'<Catch><BenchmarkResults><mean value="x"/></BenchmarkResults></Catch>', None, "no number"),
    (b'{"files": [{"groups": [{"benchmarks": [{"name": "a"}]}]}]}', None, "median that is no num"),
    (b'[{"benchmark": "a", "primaryMetric": []}]', None, "no object 'primaryMetric'"),
    (b'{"a": {"latency": {"value": null}}}', None, "is no number"),
    (b'{"reason": "benchmark-complete", "id": "a"}\n', None, "no object 'typical'"),
]


@pytest.mark.parametrize(
    ("content", "format", "why"),
    UNUSABLE,
    ids=[f"{at}: {why}" for at, (_, _, why) in enumerate(UNUSABLE)],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, content: bytes, format: Format | None, why: str
) -> None:
    path = tmp_path / "results"
    path.write_bytes(content)

    with pytest.raises(Refused, match=why) as refusal:
        read_results(path, format)

    assert str(path) in refusal.value.message
    assert refusal.value.hint
    assert refusal.value.code == "bad-file"


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for name, why in (("pipe", "no regular file"), (".", "a directory"), ("none", "no such file")):
        with pytest.raises(Refused, match=why):
            read_results(tmp_path / name, None)


def test_a_wrong_format_is_refused_with_the_right_one() -> None:
    with pytest.raises(Refused, match="has not the shape of pyperf") as refusal:
        read_results(FILES / "hyperfine-one.json", Format.PYPERF)

    assert refusal.value.hint == "it looks like hyperfine: --format hyperfine"


def test_documents_have_a_limit_packed_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "MAX_JSON_BYTES", 1024)
    plain, packed = tmp_path / "plain.json", tmp_path / "packed.json.gz"
    plain.write_text(HYPERFINE % (" " * 2000 + "1"))
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    for path in (plain, packed):
        with pytest.raises(Refused, match="is larger than"):
            read_results(path, None)


def test_a_line_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("arm,time\ncontrol," + "1" * (1 << 20) + "\n")

    with pytest.raises(Refused, match="a line of more than"):
        read_results(path, None)


def test_a_table_has_a_limit_and_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("arm,time\n" + "control,1\n" * 100_001 + "no trial\n")

    with pytest.raises(Refused, match="more than 100,000 trials"):
        read_results(path, None)


SEEDS = [path.read_bytes() for path in sorted(FILES.iterdir()) if path.suffix != ".md"]
SEEDS += [text.encode() for text in shapes.ALL.values()]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file with bytes changed, left out, repeated or cut off."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        until = min(len(content), at + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["change", "drop", "repeat", "cut"])):
            case "change":
                content[at:until] = draw(st.binary(max_size=12))
            case "drop":
                del content[at:until]
            case "repeat":
                content[at:at] = content[at:until]
            case _:
                del content[max(1, at) :]
    return bytes(content)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=mutated(), format=st.none() | st.sampled_from(Format))
def test_no_file_brings_a_reader_down(
    tmp_path: Path, content: bytes, format: Format | None
) -> None:
    path = tmp_path / "results"
    path.write_bytes(content)

    try:
        found = read_results(path, format)
    except Refused:
        return

    assert found.results or found.rows
    for result in found.results:
        assert result.main in result.measures
        for measure in result.measures.values():
            assert abs(measure.value) <= 1e60


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def misshapen(draw: st.DrawFn) -> bytes:
    """A JSON file with one value replaced by any other."""
    whole = [seed for seed in SEEDS if seed.lstrip()[:1] in (b"{", b"[") and b"\n{" not in seed]
    document = json.loads(draw(st.sampled_from(whole)))
    at = document
    for _ in range(draw(st.integers(0, 6))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        inner = [key for key in keys if isinstance(at[key], dict | list) and at[key]]
        if not inner:
            break
        at = at[draw(st.sampled_from(inner))]
    key = draw(st.sampled_from(list(at) if isinstance(at, dict) else list(range(len(at)))))
    at[key] = draw(JSON)
    return json.dumps(document).encode()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=misshapen(), format=st.none() | st.sampled_from(Format))
def test_no_value_in_a_wrong_place_brings_a_reader_down(
    tmp_path: Path, content: bytes, format: Format | None
) -> None:
    path = tmp_path / "results"
    path.write_bytes(content)

    try:
        found = read_results(path, format)
    except Refused:
        return

    assert found.results or found.rows
