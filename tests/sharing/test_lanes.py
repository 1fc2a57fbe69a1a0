"""Jobs that begin in a fresh clone each time: refs stay few with a lane, and become few without."""

from __future__ import annotations

import shutil

from tests.sharing.named import Named
from tests.sharing.village import FAST, Clone, Village

JOBS = 5


def begin(village: Village) -> Clone:
    ann = village.clone("ann")
    ann.start()
    ann.sync()
    return ann


def job(clone: Clone, number: int) -> None:
    """What one job does: measure a block, send the evidence."""
    clone.git("branch", "--quiet", "exp/fast", "origin/exp/fast")
    clone.record([number])


def notes(village: Village) -> set[str]:
    return {name.rpartition("/")[2] for name in village.refs(f"refs/notes/exp/{FAST}")}


def test_a_lane_has_one_ref_however_many_jobs_it_had(village: Village) -> None:
    ann = begin(village)
    for number in range(1, JOBS + 1):
        clone = Named(village.clone("job").path, "ci-1")
        clone.synced()
        job(clone, number)
        clone.synced()
        shutil.rmtree(clone.path)

    told = ann.sync()["experiments"][0]

    assert notes(village) == {ann.writer, "ci-1"}
    assert told["taken_in"] == {"ci-1": JOBS}
    assert told["problems"] == []
    lane = [record.seq for record in ann.records().values() if record.writer == "ci-1"]
    assert sorted(lane) == [*range(1, 2 * JOBS + 1)]


def test_without_lanes_compact_makes_one_ref_of_many(village: Village) -> None:
    ann = begin(village)
    for number in range(JOBS):
        clone = village.clone(f"job-{number}")
        clone.sync()
        job(clone, 1)
        clone.sync()
        shutil.rmtree(clone.path)
    ann.sync()
    before = ann.records().keys()
    assert len(notes(village)) == 1 + JOBS
    ann.exp("rollback", "fast", "--yes")

    ann.exp("compact", "fast", "--yes")

    newcomer = village.clone("newcomer")
    newcomer.sync()
    assert notes(village) == {ann.writer}
    assert before < newcomer.records().keys()
    assert newcomer.records() == ann.records()
