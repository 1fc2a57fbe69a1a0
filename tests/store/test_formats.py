"""docs/formats.md is enough to read what is stored: a reader written from it alone agrees."""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from gitexp.codec import plan_hash
from gitexp.ledger import level_of
from gitexp.model import (
    Arm,
    Oid,
    Outcome,
    PlanBody,
    PlanHash,
    Revision,
    Trial,
    Unknown,
    WriterId,
)
from gitexp.runner import schedule
from gitexp.store.store import Store
from tests.store.samples import EXP
from tests.support import GitIn

SAMPLE = Path(__file__).with_name("sample.bundle")


@pytest.fixture
def sample(tmp_path: Path) -> GitIn:
    folder = tmp_path / "sample"
    folder.mkdir()
    git = GitIn(folder)
    git("init", "--quiet")
    git("fetch", "--quiet", "--update-head-ok", str(SAMPLE), "+refs/*:refs/*")
    return git


class MiniReader:
    """Reads one experiment with git and JSON; nothing of gitexp."""

    def __init__(self, git: GitIn, exp: str) -> None:
        self.git, self.exp = git, exp
        self.lines: dict[str, set[bytes]] = defaultdict(set)
        self.trouble: Counter[str] = Counter()
        seen = set()
        for line in git("for-each-ref", "--format=%(objectname) %(refname)").splitlines():
            tip, name = line.split(" ", 1)
            match = re.fullmatch(
                rf"refs/notes/(?:remotes/.+/)?exp/{re.escape(exp)}/([a-z0-9][a-z0-9-]{{0,31}})",
                name,
            )
            if match and (tip, match[1]) not in seen:
                seen.add((tip, match[1]))
                self.read_notes(tip, match[1])

    def read_notes(self, tip: str, writer: str) -> None:
        message = self.git("log", "-1", "--format=%B", tip)
        also = re.search(r"^Exp-Writers: (.*)$", message, re.MULTILINE)
        writers = {writer, *(also[1].split() if also else ())}
        for entry in self.git("ls-tree", "-r", tip).splitlines():
            meta, path = entry.split("\t")
            mode, kind, blob = meta.split()
            key = path.replace("/", "")
            if not mode.startswith("100") or not re.fullmatch("[0-9a-f]{40}", key):
                self.trouble["foreign entry"] += 1
                continue
            assert kind == "blob"
            content = self.blob(blob)
            if key == blob and content.startswith(b"gitexp-payload/1\n"):
                continue
            for line in content.split(b"\n"):
                self.read_line(line, writers)

    def blob(self, oid: str) -> bytes:
        command = ["git", "cat-file", "blob", oid]
        return subprocess.run(command, cwd=self.git.path, capture_output=True, check=True).stdout

    def read_line(self, line: bytes, writers: set[str]) -> None:
        if not line.strip():
            return
        try:
            record = json.loads(line.decode("ascii"))
            head = (record["v"], record["id"], record["kind"], record["seq"], record["at"])
        except (ValueError, KeyError, TypeError):
            self.trouble["no record"] += 1
            return
        assert all(part is not None for part in head)
        if record["writer"] not in writers:
            self.trouble["wrong writer"] += 1
        elif record["exp"] != self.exp:
            self.trouble["other experiment"] += 1
        else:
            self.lines[record["id"]].add(line)

    def records(self) -> dict[str, dict[str, Any]]:
        return {
            id: json.loads(versions.copy().pop())
            for id, versions in self.lines.items()
            if len(versions) == 1
        }


def test_both_readers_find_the_same_records(sample: GitIn) -> None:
    theirs = MiniReader(sample, EXP).records()
    ours = Store.open(sample.path).read(EXP)

    assert {r.id: json.loads(r.line) for r in ours.records} == theirs
    for record in ours.records:
        raw = theirs[record.id]
        assert (record.writer, record.seq, record.plan) == (raw["writer"], raw["seq"], raw["plan"])
        if isinstance(record.body, Trial):
            assert record.body.metrics == raw["metrics"]
            assert record.body.arm == raw["arm"]
            assert record.body.block == raw.get("block")
            assert record.body.outcome == raw["outcome"]


def test_every_kind_is_in_the_sample(sample: GitIn) -> None:
    theirs = MiniReader(sample, EXP).records().values()

    assert {record["kind"] for record in theirs} == {
        "plan", "trial", "observation", "retraction", "env", "event", "dream",
    }  # fmt: skip
    assert {r["event"] for r in theirs if r["kind"] == "event"} == {
        "created", "abandoned", "intake", "decided", "handover", "expired", "promoted",
        "rolled-back", "restored", "override",
    }  # fmt: skip
    ours = Store.open(sample.path).read(EXP).records
    assert sum(isinstance(record.body, Unknown) for record in ours) == 2
    assert sum(isinstance(r.body, Trial) and r.body.outcome is Outcome.TIMEOUT for r in ours) == 1


def test_both_report_the_same_trouble(sample: GitIn) -> None:
    reader = MiniReader(sample, EXP)
    trouble = Counter(p.kind for p in Store.open(sample.path).read(EXP).problems)

    assert trouble == {
        "foreign-entry": reader.trouble["foreign entry"],
        "foreign-line": reader.trouble["no record"],
        "wrong-writer": reader.trouble["wrong writer"],
        "other-experiment": reader.trouble["other experiment"],
        "corrupt": sum(len(versions) > 1 for versions in reader.lines.values()),
        "duplicate-seq": 1,
        "unknown-kind": 1,
        "newer-version": 1,
    }


def test_the_plan_is_in_the_commit_the_record_and_the_archive(sample: GitIn) -> None:
    records = MiniReader(sample, EXP).records().values()
    (text,) = (record["text"] for record in records if record["kind"] == "plan")
    hashed = hashlib.sha256(text.encode("ascii")).hexdigest()
    root = sample("rev-list", "--max-parents=1", "refs/exp/archive/fast-parse/ann-1", "^main")

    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    assert {r["plan"] for r in records if r["writer"] == "ann-1"} == {hashed}
    for commit in ("main..exp/fast-parse", "refs/exp/archive/fast-parse/ann-1"):
        assert f"Exp-Plan: {text}" in sample("log", "--format=%B", commit)
    assert sample("log", "-1", "--format=%P", root.split()[-1]) == sample.id("main")
    ours = Store.open(sample.path).read(EXP).records
    (plan,) = (r.body for r in ours if isinstance(r.body, PlanBody))
    assert plan_hash(plan.canonical) == hashed


def test_the_level_is_what_the_plan_says_it_was_granted_from(sample: GitIn) -> None:
    records = MiniReader(sample, EXP).records().values()
    (plan,) = (json.loads(record["text"]) for record in records if record["kind"] == "plan")
    fdr = plan["fdr"]

    def gamma(j: int) -> float:
        return 0.07720838 * math.log(max(j, 2)) / (j * math.exp(math.sqrt(math.log(j))))

    first, *others = sorted(fdr["discoveries"])
    due = fdr["q"] / 2 * (gamma(fdr["index"]) + gamma(fdr["index"] - first))
    due += sum(fdr["q"] * gamma(fdr["index"] - r) for r in others)
    left = fdr["q"] * len(fdr["discoveries"]) - fdr["spent"]
    assert plan["alpha"] == pytest.approx(min(fdr["asked"], due, left), rel=1e-12)
    ours = Store.open(sample.path).read(EXP).records
    (body,) = (r.body for r in ours if isinstance(r.body, PlanBody))
    assert body.plan.grant is not None
    assert body.plan.level == level_of(body.plan.grant)


def test_archives_keep_what_was_measured(sample: GitIn) -> None:
    archive = "refs/exp/archive/fast-parse/ann-1"
    measured = {r["commit"] for r in MiniReader(sample, EXP).records().values() if "commit" in r}

    kept = sample("rev-list", archive).split()
    assert {c for c in measured if not c.startswith("b2b2")} <= {*kept}
    assert sample("rev-parse", f"{archive}^{{tree}}") == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_payloads_begin_with_their_line(sample: GitIn) -> None:
    reader = MiniReader(sample, EXP)
    (oid,) = (r["payload"] for r in reader.records().values() if r.get("payload"))

    magic, rest = reader.blob(oid).split(b"\n", 1)
    assert magic == b"gitexp-payload/1"
    assert Store.open(sample.path).payload(oid) == rest


def test_order_and_seed_follow_from_the_digest_described() -> None:
    plan, writer, attempt = PlanHash("5f" * 32), WriterId("ann-1"), 1
    revision = Revision(Oid("a1" * 20), Oid("b2" * 20))
    for block in range(20):
        fields = ["gitexp-schedule/1", plan, "a1" * 20, "b2" * 20, writer, str(block), "1"]
        digest = hashlib.sha256("".join(f"{f}\n" for f in fields).encode("ascii")).digest()
        first = Arm.TREATMENT if digest[0] % 2 else Arm.CONTROL

        order = schedule.order(
            plan=plan, revision=revision, writer=writer, block=block, attempt=attempt
        )
        seed = schedule.seed(
            plan=plan, revision=revision, writer=writer, block=block, attempt=attempt
        )

        assert order[0] is first
        assert seed == int.from_bytes(digest[8:16], "big") // 2


def test_the_sample_satisfies_git(sample: GitIn) -> None:
    sample("fsck", "--strict")
    assert '"seq":33' in sample(
        "notes", f"--ref=refs/notes/exp/{EXP}/ann-1", "show", "exp/fast-parse"
    )
