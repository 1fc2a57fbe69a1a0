"""Many clones that record and sync at the same time end up with the same experiment."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gitexp.app.analyze import analyze
from gitexp.model import Verdict
from tests.sharing.village import FAST, Clone, Village

AT_ONCE = 6
"""More than there are processors, so that they do get in each other's way."""

TAKE_PART = """
import sys
from gitexp.cli.main import main
for block, arm, score in eval(sys.argv[1]):
    words = ["record", "fast", "--arm", arm, "-m", f"score={score}", "--block", str(block)]
    assert main([*words, "--json"]) == 0
assert main(["sync", "--json"]) == 0
"""


def documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents one after the other."""
    while text.strip():
        found, end = json.JSONDecoder().raw_decode(text := text.lstrip())
        yield found
        text = text[end:]


def record_and_sync(clone: Clone, trials: Sequence[tuple[int, str, float]]) -> dict[str, Any]:
    """One teammate's turn, in a process of its own: what the sync answered."""
    done = subprocess.run(
        [sys.executable, "-c", TAKE_PART, repr(trials)],
        cwd=clone.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(documents(done.stdout))[-1]


def block(number: int, who: int) -> list[tuple[int, str, float]]:
    return [(number, "control", 20 + who / 100), (number, "treatment", 18 + number / 10)]


@pytest.mark.parametrize(("count", "verdict"), [(2, Verdict.COLLECTING), (20, Verdict.BETTER)])
def test_clones_that_record_at_the_same_time_converge(
    village: Village, count: int, verdict: Verdict
) -> None:
    ann = village.clone("ann")
    ann.start("--max-blocks", "40", "--min-blocks", "40")
    ann.sync()
    first = village.clone("first")
    first.take_part()
    others = [Clone(village.folder / f"clone-{number}") for number in range(count - 1)]
    for other in others:
        shutil.copytree(first.path, other.path, symlinks=True)
    clones = [ann, *others]
    chance = random.Random(count)

    answers: list[dict[str, Any]] = []
    for turn in (1, 2):
        order = [*enumerate(clones)]
        chance.shuffle(order)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers += pool.map(
                lambda turn_of: record_and_sync(turn_of[1], block(turn, turn_of[0])),  # noqa: B023
                order,
            )
    answers.append(ann.sync())
    for other in others:
        other.git("fetch", "--quiet")

    # nobody's push was refused, or repeated, because of another
    assert {answer["attempts"] for answer in answers} == {1}
    assert [answer["refused"] for answer in answers] == [[]] * len(answers)
    trials = [r for r in ann.records().values() if type(r.body).__name__ == "Trial"]
    assert len(trials) == 4 * count
    assert len(ann.admitted()) == 2 * count
    assert len({clone.writer for clone in clones}) == count
    # the same records, the same order, the same numbers everywhere
    ids, admitted = ann.records().keys(), ann.admitted()
    primary = analyze(ann.store, FAST).analysis.primary
    for clone in others:
        assert clone.records().keys() == ids
        assert clone.admitted() == admitted
        view = analyze(clone.store, FAST)
        assert view.analysis.primary == primary
        assert view.analysis.verdict is verdict
        assert len(view.experiment.decisions) == (verdict is Verdict.BETTER)
        assert view.experiment.problems == ()
