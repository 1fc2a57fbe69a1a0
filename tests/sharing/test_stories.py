"""Random stories of three clones that record, sync, retract and hand over, told by real git.

tests/policy/test_admission.py plays many more of them in memory; here the records travel through
the shared repository and the installed program.
"""

from __future__ import annotations

import random

import pytest

from gitexp.model import Trial
from tests.sharing.village import Clone, Village
from tests.support import GitExp

STEPS = ("record", "record", "record", "sync", "sync", "retract", "handover")


@pytest.fixture
def clones(village: Village) -> list[Clone]:
    ann, bob, cat = (village.clone(name) for name in ("ann", "bob", "cat"))
    ann.start("--max-blocks", "30")
    ann.git("push", "--quiet", "origin", "exp/fast")
    ann.sync()
    for clone in (bob, cat):
        clone.exp("init")
        clone.git("fetch", "--quiet", "origin")
        clone.take_part()
    return [ann, bob, cat]


def _tell(clone: Clone, step: str, chance: random.Random, written: dict[Clone, int]) -> None:
    match step:
        case "record":
            number = written[clone] = written.get(clone, 0) + 1
            clone.record([number], treatment=10 + chance.random())
        case "sync":
            clone.sync()
        case "retract":
            trials = [r for r in clone.records().values() if isinstance(r.body, Trial)]
            if trials:
                trial = chance.choice(sorted(trial.id for trial in trials))
                GitExp(clone.path)("retract", trial, "--reason", "noise", check=False)
        case "handover":
            clone.exp("handover", "fast")
        case _:
            raise AssertionError(step)


@pytest.mark.parametrize("seed", [3, 8])
def test_all_clones_come_to_the_same(clones: list[Clone], seed: int) -> None:
    chance = random.Random(seed)
    written: dict[Clone, int] = {}
    for _ in range(18):
        _tell(chance.choice(clones), chance.choice(STEPS), chance, written)

    for _ in range(3):  # up, taken in by whoever decides, and down again
        for clone in chance.sample(clones, 3):
            clone.sync()

    ends = [clone.exp("analyze", "fast", "--json").json for clone in clones]
    first = clones[0]
    assert first.admitted()
    for clone, end in zip(clones, ends, strict=True):
        assert set(clone.records()) == set(first.records())
        assert clone.admitted() == first.admitted()
        assert end == ends[0]
        assert clone.is_sound()
    assert sum(written.values()) * 2 == sum(
        isinstance(record.body, Trial) for record in first.records().values()
    )
