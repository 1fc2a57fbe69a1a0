"""Metrics taken out of output and files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.errors import Refused
from gitexp.formats import Format
from gitexp.model import Extract
from gitexp.notation import RESULT_FORMATS, extract_text, parse_extract
from gitexp.runner.extract import Extraction, refuse_unknown
from gitexp.runner.extract_documents import DOCUMENT_LIMIT
from gitexp.runner.metrics import Reported, read_metrics

Read = Callable[..., Reported]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What a trial reports that prints a text and writes files into its checkout."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()

    def reading(
        *rules: str, out: str = "", files: dict[str, str] | None = None, plain: tuple[str, ...] = ()
    ) -> Reported:
        extraction = Extraction([parse_extract(r) for r in rules], checkout=checkout, plain=plain)
        for name, text in (files or {}).items():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_text(text)
        output = tmp_path / "output"
        output.write_text(out)
        return read_metrics(
            output,
            tmp_path / "metrics",
            extract=lambda known: extraction.read(output, known),
        )

    return reading


# --- regex ------------------------------------------------------------------------------------


def test_a_pattern_gives_its_first_group(read: Read) -> None:
    assert read("score=regex:score is ([0-9.]+)", out="x\nscore is 0.93!\n").values == {
        "score": 0.93
    }


def test_a_group_named_value_comes_before_the_first(read: Read) -> None:
    rule = r"t=regex:(\w+) took (?P<value>\d+)"
    assert read(rule, out="parse took 12\n").values == {"t": 12.0}


def test_several_matches_are_inner_samples(read: Read) -> None:
    found = read(r"t=regex:t (\d+)", out="t 1 t 9\nt 2\n")

    assert (found.values, found.samples) == ({"t": 2.0}, {"t": (1.0, 9.0, 2.0)})


def test_a_group_named_unit_gives_the_unit(read: Read) -> None:
    found = read(r"t=regex:(?P<value>[\d.]+) ?(?P<unit>ms|s)\b", out="12.5 ms\n")

    assert (found.values, found.units) == ({"t": 0.0125}, {"t": "s"})


def test_what_a_pattern_does_not_find_is_missing_and_says_why(read: Read) -> None:
    found = read("score=regex:score ([0-9]+)", out="nothing\n")

    assert (found.values, found.complaints) == ({}, ())
    assert found.notes == ("metric 'score': no line of standard output matches 'score ([0-9]+)'",)


def test_what_a_pattern_finds_must_be_a_number(read: Read) -> None:
    found = read("score=regex:score (.*)", out="score good\n")

    assert found.values == {}
    assert "is no number: 'good'" in found.notes[0]


@pytest.mark.parametrize("value", ["nan", "inf", "-infinity"])
def test_numbers_that_are_not_finite_are_complained_about(read: Read, value: str) -> None:
    found = read("score=regex:score (.*)", out=f"score {value}\n")

    assert found.values == {}
    assert "a finite number is needed" in found.complaints[0]


@pytest.mark.parametrize(
    "pattern", [r"(a+)+$", r"(a|aa)+$", r"(.*)*x", r"^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_a_catastrophic_pattern_ends_in_time(
    read: Read, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr("gitexp.runner.extract.PATTERN_S", 0.2)
    began = time.monotonic()

    found = read(f"score=regex:{pattern}", out="a" * 60_000 + "!\n" + "1\n" * 1000)

    assert time.monotonic() - began < 60
    assert found.values == {}
    assert found.complaints or found.notes


def test_the_time_limit_leaves_no_alarm_behind(read: Read) -> None:
    import signal

    before = signal.getsignal(signal.SIGALRM)
    read("score=regex:score ([0-9]+)", out="score 1\n")

    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_lines_longer_than_a_pattern_may_meet_are_passed_over(read: Read) -> None:
    out = "x" * 100_000 + " score 1\nscore 2\n"

    assert read("score=regex:score ([0-9]+)", out=out).values == {"score": 2.0}


# --- json -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1.5),
        ("list.1.t", 4.0),
        ("numbers", 2.0),
        ("text", 7.25),
        ("yes", 1.0),
        ("with.dots", 3.0),
        ("with.dots.in", 5.0),
    ],
)
def test_a_path_leads_through_a_document(read: Read, path: str, value: float) -> None:
    document = (
        '{"a": {"b": 1.5}, "list": [{}, {"t": 4}], "numbers": [1, 2, 9], "text": "7.25",'
        ' "yes": true, "with": {"dots": 0}, "with.dots": 3, "with.dots.in": 5}'
    )

    assert read(f"m=json:{path}", out=document).values == {"m": value}
    assert read(f"m=json:out/r.json#{path}", files={"out/r.json": document}).values == {"m": value}


@pytest.mark.parametrize("path", ["b", "a.c", "a", "list.2", "list.x", "none", "empty", "words"])
def test_a_path_to_nothing_or_to_no_number_is_missing(read: Read, path: str) -> None:
    document = '{"a": {"b": 1.5}, "list": [{}], "none": null, "empty": [], "words": "fast"}'

    found = read(f"m=json:{path}", out=document)

    assert (found.values, found.complaints, len(found.notes)) == ({}, (), 1)


def test_output_may_have_lines_before_the_document(read: Read) -> None:
    assert read("m=json:t", out='warming up\n{"t": 3}\n\n').values == {"m": 3.0}


@pytest.mark.parametrize("document", ['{"t": 1', "", "[" * 100_000, "\x00\xff"])
def test_what_is_no_json_is_missing(read: Read, document: str) -> None:
    found = read("m=json:t", out=document)

    assert found.values == {}
    assert "is not JSON" in found.notes[0]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_json_numbers_that_are_not_finite_are_complained_about(read: Read, value: str) -> None:
    found = read("m=json:t", out=f'{{"t": {value}}}')

    assert found.values == {}
    assert "a finite number is needed" in found.complaints[0]


# --- csv --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["n,t\na,1\nb,9\nc,2\n", "n\tt\na\t1\nb\t9\nc\t2\n", "t\r\n1\r\n9\r\n2"]
)
def test_the_rows_of_a_column_are_inner_samples(read: Read, text: str) -> None:
    found = read("m=csv:r.csv#t", files={"r.csv": text})

    assert (found.values, found.samples) == ({"m": 2.0}, {"m": (1.0, 9.0, 2.0)})


def test_empty_cells_and_short_rows_are_left_out(read: Read) -> None:
    assert read("m=csv:t", out='n,t\na,\nb\n"c, d",4\n').values == {"m": 4.0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b\n1,2\n", "is not in the first line"),
        ("t,t\n1,2\n", "more than once"),
        ("", "is not in the first line"),
        ("t\n", "has no value"),
        ("t\nfast\n", "'t' in line 2 of standard output is no number"),
        ("t\n" + '"' + "x" * 200_000, "is no table"),
    ],
)
def test_a_table_without_the_column_is_missing(read: Read, text: str, why: str) -> None:
    found = read("m=csv:t", out=text)

    assert found.values == {}
    assert why in found.notes[0]


# --- results of tools -------------------------------------------------------------------------

HYPERFINE = (
    '{"results": [{"command": "parse", "mean": 2.5, "stddev": 1.0, "median": 2.0, "user": 0.1,'
    ' "system": 0.1, "min": 1.0, "max": 9.0, "times": [1.0, 9.0, 2.0]}]}'
)
GO = "BenchmarkA/x-8 10 2000 ns/op 64 B/op\nBenchmarkB-8 10 4000 ns/op 128 B/op\n"


def test_every_format_that_names_its_results_can_be_named() -> None:
    assert {*Format} - {Format.CSV, Format.JSONL} == RESULT_FORMATS


def test_the_only_result_of_a_tool_is_the_metric(read: Read) -> None:
    found = read("m=hyperfine:h.json", files={"h.json": HYPERFINE})

    assert (found.values, found.samples, found.units) == (
        {"m": 2.0},
        {"m": (1.0, 9.0, 2.0)},
        {"m": "s"},
    )


@pytest.mark.parametrize(
    ("rule", "value"), [("go:#B", 4e-6), ("go:#B:B/op", 128.0), ("go:b.txt#A/x:B/op", 64.0)]
)
def test_one_of_several_results_is_selected(read: Read, rule: str, value: float) -> None:
    found = read(f"m={rule}", out=GO, files={"b.txt": GO})

    assert found.values == {"m": pytest.approx(value)}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("go:", "'m' is not among what it holds: BenchmarkA/x-8"),
        ("go:#C", "'C' is not among"),
        ("hyperfine:", "JSON"),
        ("hyperfine:none.json", "none.json is not there"),
    ],
)
def test_what_a_tool_did_not_write_is_missing(read: Read, rule: str, why: str) -> None:
    found = read(f"m={rule}", out=GO)

    assert (found.values, found.complaints) == ({}, ())
    assert why in found.notes[0]


# --- files ------------------------------------------------------------------------------------


def test_the_size_of_a_file_and_of_a_folder(read: Read) -> None:
    files = {"d/a": "12345", "d/e/b": "67", "c": "8"}

    found = read("one=size:c", "all=size:d", files=files)

    assert (found.values, found.units) == ({"one": 1.0, "all": 7.0}, {"one": "B", "all": "B"})


def test_of_a_whole_checkout_what_is_git_s_counts_nothing(read: Read) -> None:
    # the text of a checkout's .git is a path, and that is longer in one of the arms
    files = {".git": "gitdir: /somewhere/worktrees/1", "a": "12", "sub/.git": "x", "sub/b": "345"}

    assert read("all=size:.", files=files).values == {"all": 5.0}


def test_links_count_nothing_and_may_not_lead_out(read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"t": 1}')
    checkout = tmp_path / "checkout"
    (checkout / "d").mkdir()
    (checkout / "d" / "out").symlink_to(tmp_path / "secret.json")
    (checkout / "out.json").symlink_to(tmp_path / "secret.json")
    (checkout / "circle").symlink_to("circle")

    found = read("a=size:d", "b=size:out.json", "c=json:out.json#t", "e=size:circle")

    assert found.values == {"a": 0.0}
    assert [note.partition(": ")[2] for note in found.notes] == [
        "out.json leads out of the checkout",
        "out.json leads out of the checkout",
        "circle is not there",
    ]


def test_a_link_within_the_checkout_is_followed(read: Read, tmp_path: Path) -> None:
    (tmp_path / "checkout" / "latest").symlink_to("r.json")

    assert read("m=json:latest#t", files={"r.json": '{"t": 2}'}).values == {"m": 2.0}


def test_a_file_an_earlier_trial_left_is_missing(read: Read) -> None:
    assert read("m=json:r.json#t", files={"r.json": '{"t": 2}'}).values == {"m": 2.0}

    found = read("m=json:r.json#t", "n=size:r.json")

    assert found.values == {"n": 8.0}
    assert found.notes == ("metric 'm': r.json was not written by this trial",)


def test_a_pipe_is_not_waited_for(read: Read, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkout" / "pipe")

    found = read("m=size:pipe", "n=json:pipe#t")

    assert found.values == {}
    assert len(found.notes) == 2


def test_a_document_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    extraction = Extraction([parse_extract("m=json:big.json#t")], checkout=path.parent)
    with path.open("wb") as file:
        file.truncate(DOCUMENT_LIMIT + 1)

    [found] = extraction.read(tmp_path / "output", ())

    assert found.note == "metric 'm': big.json is larger than 64 MiB"


# --- order ------------------------------------------------------------------------------------


def test_what_the_command_reports_comes_before_every_rule(read: Read) -> None:
    found = read("m=regex:m is (.*)", out="METRIC m=1\nm is 2\nm: 3\n", plain=("m",))

    assert found.values == {"m": 1.0}


def test_plain_lines_are_read_for_metrics_without_a_rule(read: Read) -> None:
    out = "val_bpb:          0.9979\n  val: 3\nval_bpb is: 4\nother: 9\nsize: 2 KiB\nval_bpb: x\n"

    found = read(out=out, plain=("val_bpb", "val", "size"))

    assert (found.values, found.units) == ({"val_bpb": 0.9979, "size": 2048.0}, {"size": "B"})


def test_a_rule_that_finds_nothing_does_not_fall_back_to_plain_lines(read: Read) -> None:
    assert read("m=regex:x(.)", out="m: 3\n", plain=("m",)).values == {}


def test_built_in_metrics_are_never_read_from_plain_lines(read: Read) -> None:
    assert read(out="time: 3\nmaxrss: 4\n", plain=("time", "maxrss")).values == {}


# --- as it is typed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "m=regex:a=(b:c#d)",
        "m=json:a.b",
        "m=json:f.json#a.b",
        "m=csv:c",
        "m=csv:f#c",
        "m=size:a/b",
        "m=go:f",
    ],
)
def test_rules_come_back_as_they_were_typed(text: str) -> None:
    assert extract_text(parse_extract(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("m", "is not NAME=FORMAT:RULE"),
        ("=regex:(a)", "is not NAME=FORMAT:RULE"),
        ("m=regex", "is not NAME=FORMAT:RULE"),
        ("m=xml:a", "'xml' in 'm=xml:a' is not"),
        ("m=regex:(a", "no regular expression"),
        ("m=regex:a", "has no group"),
        ("m=json:", "names no path"),
        ("m=csv:f#", "names no column"),
        ("m=size:", "is no path"),
        ("m=size:/etc/passwd", "is no path"),
        ("m=json:../x#t", "is no path"),
        ("m=json:a/../../x#t", "is no path"),
        ("m=regex:(" + "a" * 2000 + ")", "longer than"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        parse_extract(text)


@pytest.mark.parametrize(
    "extract",
    [
        Extract(metric="m", format="telepathy", file=None, select="x"),
        Extract(metric="m", format="regex", file=None, select="(x"),
        Extract(metric="m", format="size", file=None, select=""),
        Extract(metric="m", format="json", file="../x", select="t"),
        Extract(metric="m", format="json", file="/etc/x", select="t"),
    ],
)
def test_a_plan_made_by_hand_is_looked_at_before_it_runs(extract: Extract) -> None:
    with pytest.raises(Refused):
        refuse_unknown([extract])
