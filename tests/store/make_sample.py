"""Writes sample.bundle, a repository that holds every kind of record and of trouble.

    python -m tests.store.make_sample

The bundle is committed: every later version must go on reading it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gitexp import refs
from gitexp.codec import canonical, decode, plan_hash
from gitexp.ledger import level_of
from gitexp.model import (
    Abandoned,
    Body,
    Created,
    Decided,
    Environment,
    Expired,
    Grant,
    Handover,
    Intake,
    Observation,
    Oid,
    Outcome,
    Overridden,
    PlanBody,
    PlanHash,
    Promoted,
    Recognised,
    Record,
    Restored,
    Retraction,
    RolledBack,
    Seen,
    Verdict,
    WriterId,
    experiment_id,
)
from gitexp.refs import RefUpdate
from gitexp.store import notes
from gitexp.store.entries import Entry
from gitexp.store.git import Git
from gitexp.store.payloads import blob_id, payload_blob
from gitexp.store.repository import Repository
from gitexp.store.tree_objects import BLOB_MODE, TreeEntry
from tests.store.samples import EXP, OTHER, TREE, WRITER, a_line, a_plan, a_trial
from tests.support import GitIn, sealed, write_config

BUNDLE = Path(__file__).with_name("sample.bundle")
PAYLOAD = payload_blob(b"last words\n")
GRANT = Grant(q=0.1, index=5, asked=0.05, spent=0.0055, discoveries=(2, 4))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        repo = Path(folder) / "repo"
        repo.mkdir()
        write_config(Path(folder) / "home")
        os.environ |= sealed(Path(folder) / "home") | {
            "GIT_AUTHOR_DATE": "2026-01-05T12:00:00Z",
            "GIT_COMMITTER_DATE": "2026-01-05T12:00:00Z",
        }
        fill(GitIn(repo))


def fill(git: GitIn) -> None:
    git("init", "--quiet")
    base = Oid(git.commit("Begin"))
    plan = replace(a_plan(), alpha=level_of(GRANT), grant=GRANT)
    text = canonical(replace(plan, base=base, description="Über a table \N{ROCKET}"))
    git("switch", "--quiet", "-c", "exp/fast-parse")
    planned = Oid(git.commit(f"Register fast-parse\n\nExp-Plan: {text}"))
    tip = Oid(git.commit("Use a table"))
    opened = Git.open(git.path)
    repository = Repository(opened)
    ann = [*life(text, planned), *trials(plan_hash(text), tip), *ending(plan_hash(text), tip)]
    for part in (ann[:2], ann[2:12], ann[12:20], ann[20:]):
        opened.update_refs(notes.flush_changes(repository, WRITER, part), reason="sample")
    bob = RefUpdate(
        f"refs/notes/remotes/origin/exp/{EXP}/{OTHER}",
        strange_notes(repository, plan_hash(text), tip),
        None,
    )
    ours = Oid(git.id(refs.notes(EXP, WRITER)))
    again = RefUpdate(f"refs/notes/remotes/origin/exp/{EXP}/{WRITER}", ours, None)
    opened.update_refs([bob, again], reason="sample")
    git("bundle", "create", "--quiet", str(BUNDLE), "--all")


def life(text: str, planned: Oid) -> list[Entry]:
    body = PlanBody(plan=replace(a_plan(), base=planned), canonical=text)
    bodies: list[Body] = [body, Created(plan_commit=planned)]
    return entries(bodies, plan_hash(text), planned, first=1)


def trials(plan: PlanHash, tip: Oid) -> list[Entry]:
    bodies = [a_trial(number, commit=tip) for number in range(22)]
    bodies[3] = replace(bodies[3], payload=blob_id(PAYLOAD), trial_id="night-7")
    bodies[4] = replace(bodies[4], outcome=Outcome.TIMEOUT, exit_code=None, metrics={})
    bodies[5] = replace(bodies[5], block=None, slot=None)
    found = entries(bodies, plan, tip, first=3)
    found[3] = replace(found[3], payload=PAYLOAD)
    return found


def ending(plan: PlanHash, tip: Oid) -> list[Entry]:
    first, second = (entry.record for entry in trials(plan, tip)[:2])
    revision = a_trial().revision
    bodies: list[Body] = [
        Observation(trial=first.id, metrics={"satisfaction": 0.8}),
        Retraction(targets=(second.id,), reason="the machine was swapping"),
        Environment(facts={"cpu": "Fast 3000", "load": 0.25}),
        Abandoned(revision=revision, block=12, reason="interrupted"),
        Intake(revision=revision, upto={OTHER: Seen(seq=10, records=6)}),
        Decided(
            verdict=Verdict.BETTER,
            revision=revision,
            control=tip,
            treatment=tip,
            blocks=10,
            effect=-0.05,
            interval=(None, -0.01),
            level=0.95,
        ),
        Handover(predecessor=WRITER, tenure=None, seen=30, to=OTHER),
        Expired(verdict=Verdict.BETTER),
        Promoted(
            target="refs/heads/main",
            tip=tip,
            merge=tip,
            evidence=None,
            override="why not",
            recognised=Recognised.CHERRY_PICKED,
            since=tip,
            after=first.id,
        ),
        RolledBack(tip=tip, reason="slow on Mondays", revert=tip),
        Restored(tip=tip, merge=tip),
        Overridden(tip=tip, merge=tip, reason="we cannot wait"),
    ]
    return entries(bodies, plan, tip, first=25)


def entries(bodies: Sequence[Body], plan: PlanHash, target: Oid, *, first: int) -> list[Entry]:
    return [
        Entry(target=target, record=a_record(first + n, body, plan, WRITER))
        for n, body in enumerate(bodies)
    ]


def a_record(seq: int, body: Body, plan: PlanHash, writer: WriterId) -> Record:
    return decode(a_line(seq, body, plan=plan, writer=writer))


def strange_notes(repository: Repository, plan: PlanHash, tip: Oid) -> Oid:
    """What other programs and hands could have left: not our layout, remarks, mistakes."""
    line = a_line(1, a_trial(1, commit=tip), plan=plan, writer=OTHER)
    content = [
        line,
        b"",
        b"this one looks odd to me",
        b"\xff\xfe",
        line,
        a_line(2, plan=plan, writer=OTHER).replace(b'"kind":"trial"', b'"kind":"dream"'),
        a_line(3, plan=plan, writer=OTHER).replace(b'"v":1', b'"v":9,"new":[1]'),
        a_line(4, plan=plan, writer=OTHER).replace(b'"v":1', b'"extra":{"a":1},"v":1'),
        a_line(5, plan=plan, writer=OTHER, chance=51),
        a_line(5, plan=plan, writer=OTHER, chance=52),
        a_line(6, plan=plan, writer=OTHER),
        a_line(6, a_trial(7), plan=plan, writer=OTHER),
        a_line(7, plan=plan, writer=WRITER, chance=77),
        a_line(8, plan=plan, writer=OTHER, exp=experiment_id("slow-parse")),
        a_line(9, writer=OTHER),
    ]
    note = repository.write_blob(b"\r\n".join(content[:1]) + b"\n" + b"\n".join(content[1:]))
    sealed = repository.write_blob(a_line(10, plan=plan, writer=OTHER))
    remark = repository.write_blob(b"hello\n")
    rest = repository.write_tree([TreeEntry(TREE[4:].encode(), BLOB_MODE, sealed)])
    deep = repository.write_tree([TreeEntry(TREE[2:4].encode(), 0o40000, rest)])
    tree = repository.write_tree(
        [
            TreeEntry(tip.encode(), BLOB_MODE, note),
            TreeEntry(sealed.encode(), 0o100755, sealed),
            TreeEntry(TREE[:2].encode(), 0o40000, deep),
            TreeEntry(b"README", BLOB_MODE, remark),
            TreeEntry(b"link", 0o120000, remark),
        ]
    )
    return repository.write_commit(tree, [], "Notes of another program\n")


if __name__ == "__main__":
    main()
