"""How the slots of real uses are drawn: documented bytes, fair coins, fixed pairs."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import pytest

from gitexp.live.draws import CONTROL, TREATMENT, Draws
from gitexp.live.slots import RUN, USE, Slots, format_slots, parse
from gitexp.model import Arm, Oid, PlanHash, Revision, WriterId
from gitexp.runner.schedule import order

PLAN, TREES = "a" * 64, ("b" * 40, "c" * 40)


def draws(writer: str = "ann") -> Draws:
    return Draws(plan=PLAN, control_tree=TREES[0], treatment_tree=TREES[1], writer=writer)


def slots(writer: str = "ann", *, limit: int) -> Slots:
    found = Slots(plan=PLAN, control_tree=TREES[0], treatment_tree=TREES[1], writer=writer)
    found.limit = limit
    return found


def taken(writer: str, limit: int) -> list[tuple[int, int, str]]:
    found = slots(writer, limit=limit)
    result = []
    while (slot := found.take()) is not None:
        result.append((slot.block, slot.place, slot.arm))
    return result


def test_the_draw_is_the_documented_one() -> None:
    lines = ("gitexp-interleave/1", PLAN, *TREES, "ann", "7", "1")
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).digest()
    partner = 1 + int.from_bytes(digest[8:16], "big") % 3

    found = draws().interleaved(7, most=9)

    if digest[0] & 1:
        assert [place for place, (block, _) in enumerate(found) if block == 7] == [0, partner]
    else:
        assert found == [(7, 0), (7, 1)]


def test_within_a_block_the_order_is_the_blocks_own() -> None:
    revision = Revision(Oid(TREES[0]), Oid(TREES[1]))
    for block in range(1, 40):
        own = order(
            plan=PlanHash(PLAN), revision=revision, writer=WriterId("ann"), block=block, attempt=1
        )
        assert draws().order(block, 1) == tuple(map(str, own))
    by_block: dict[int, list[str]] = {}
    for block, place, arm in taken("ann", 40):
        assert len(by_block.setdefault(block, [])) == place
        by_block[block].append(arm)
    for block, arms in by_block.items():
        assert tuple(arms) == draws().order(block, 1)


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 41])
def test_every_block_comes_whole_and_none_beyond_the_last(limit: int) -> None:
    found = taken("ann", limit)

    assert Counter(block for block, _, _ in found) == dict.fromkeys(range(1, limit + 1), 2)
    assert {(block, arm) for block, _, arm in found} == {
        (block, arm) for block in range(1, limit + 1) for arm in Arm
    }


def test_no_block_is_more_than_one_ahead() -> None:
    open_blocks: set[int] = set()
    for block, place, _ in taken("ann", 200):
        open_blocks ^= {block}
        assert len(open_blocks) <= 2
        assert place in (0, 1)


def test_sizes_pairings_and_orders_are_fair() -> None:
    """Over many writers, who are independent; limits are 5 standard deviations."""
    n = 3000
    shapes: Counter[tuple[int, ...]] = Counter()
    firsts: Counter[str] = Counter()
    for number in range(n):
        own = draws(f"w{number}")
        shapes[tuple(block for block, _ in own.interleaved(1, most=2))] += 1
        firsts[own.order(1, 1)[0] + own.order(2, 1)[0]] += 1
    four = n - shapes[1, 1]

    assert set(shapes) == {(1, 1), (1, 1, 2, 2), (1, 2, 1, 2), (1, 2, 2, 1)}
    assert abs(four - n / 2) < 5 * (n / 4) ** 0.5
    for shape in set(shapes) - {(1, 1)}:
        assert abs(shapes[shape] - four / 3) < 5 * (four * 2 / 9) ** 0.5
    assert len(firsts) == 4
    for count in firsts.values():
        assert abs(count - n / 4) < 5 * (n * 3 / 16) ** 0.5


def test_the_next_arm_is_not_told_by_the_one_before() -> None:
    """Guessing 'the other one' is right for every second slot of strict pairs; here far less."""
    switches = total = 0
    for number in range(300):
        arms = [arm for _, _, arm in taken(f"w{number}", 20)]
        switches += sum(a != b for a, b in pairwise(arms))
        total += len(arms) - 1
    assert 0.5 < switches / total < 0.72
    assert {CONTROL, TREATMENT} == {arm for _, _, arm in taken("ann", 3)}


def test_an_attempt_after_a_void_takes_the_place_of_the_one_before() -> None:
    found = slots(limit=10)
    first = found.take()
    assert first is not None
    found.again(first.block, 2)

    rest = [(s.block, s.attempt) for s in found.queue]
    assert (first.block, 1) not in rest
    assert rest.count((first.block, 2)) == 2
    found.again(first.block, 2)
    assert [(s.block, s.attempt) for s in found.queue] == rest


def test_the_file_says_what_was_put_into_it() -> None:
    found = slots(limit=10)
    for kind in (USE, RUN):
        slot = found.take()
        assert slot is not None
        found.reserve(slot, kind=kind, commit="d" * 40, limit_s=5.0)
    found.take()
    found.closed, found.turn = True, 3

    text = format_slots(found)

    assert format_slots(parse(text)) == text


def test_who_is_gone_is_told_from_who_runs() -> None:
    found = slots(limit=10)
    slot = found.take()
    assert slot is not None
    held = found.reserve(slot, kind=USE, commit="d" * 40, limit_s=60.0)
    assert not held.is_abandoned

    held.start = "1"  # another process has the number now
    assert held.is_abandoned
    held.boot = "another boot/" + held.boot.rpartition("/")[2]
    assert held.is_abandoned
    held.machine = "elsewhere"
    assert not held.is_abandoned
    held.since -= 61
    assert held.is_abandoned
