"""The error budget: one ledger for everybody, and never more than what discoveries allow."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.ledger import Ledger, Registered, ledger_of, level_of
from gitexp.model import ExperimentId, PlanHash
from tests.making import START

HOUR = timedelta(hours=1)
RATES = st.floats(0.001, 0.5)
ASKED = st.sampled_from([0.01, 0.05, 0.1])


def a_plan(number: int, *, level: float = 0.05, better: float | None = None) -> Registered:
    """A plan of the hour `number` that asked nobody, found better at an hour."""
    return Registered(
        id=ExperimentId(f"exp-{number}"),
        plan_hash=PlanHash(f"{number:064x}"),
        created=START + number * HOUR,
        level=level,
        grant=None,
        better=None if better is None else START + better * HOUR,
    )


def grown(known: Ledger, number: int, *, q: float, asked: float) -> Registered:
    """The plan that somebody creates at the hour `number` who knows this ledger."""
    grant = known.offer(q=q, asked=asked)
    return replace(a_plan(number, level=level_of(grant)), grant=grant)


some_plans = st.lists(
    st.builds(
        a_plan,
        st.integers(0, 30),
        level=st.floats(0, 0.1),
        better=st.none() | st.floats(0, 40),
    ),
    max_size=30,
    unique_by=lambda plan: plan.plan_hash,
)


@given(plans=some_plans, seed=st.integers(0, 1000))
def test_the_order_in_which_records_arrive_does_not_matter(
    plans: list[Registered], seed: int
) -> None:
    shuffled = [*plans, *plans[:3]]  # some of them twice: here and on the remote
    random.Random(seed).shuffle(shuffled)

    assert ledger_of(shuffled) == ledger_of(plans)


@given(
    q=RATES,
    steps=st.lists(st.tuples(ASKED, st.booleans(), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_honest_sequences_stay_within_what_discoveries_allow(
    q: float, steps: list[tuple[float, bool, int]]
) -> None:
    """One plan an hour; some are found better a while after they were created."""
    everything: list[Registered] = []
    for hour, (asked, is_better, later) in enumerate(steps):
        found = START + (hour - 0.5) * HOUR
        known = [
            plan if plan.better and plan.better <= found else replace(plan, better=None)
            for plan in everything
        ]
        plan = grown(ledger_of(known), hour, q=q, asked=asked)
        everything.append(replace(plan, better=plan.created + (later - 0.5) * HOUR))
        if not is_better:
            everything[-1] = plan
        now = ledger_of([*known, plan])

        assert 0.0 <= plan.level <= asked
        assert now.spent <= q * max(len(now.discoveries), 1) * (1 + 1e-15)
        assert now.excess == 0.0

    after = ledger_of(everything)
    assert after.excess == 0.0
    assert [line.index for line in after.lines] == [*range(1, len(steps) + 1)]
    assert all(line.due == line.plan.level for line in after.lines)


@given(plans=some_plans, q=RATES, asked=ASKED)
def test_an_offer_is_what_anybody_computes_from_what_it_names(
    plans: list[Registered], q: float, asked: float
) -> None:
    ledger = ledger_of(plans)

    offer = ledger.offer(q=q, asked=asked)

    assert offer.index == len(ledger.lines) + 1
    assert offer.spent == math.fsum(line.plan.level for line in ledger.lines)
    assert 0.0 <= level_of(offer) <= max(0.0, min(asked, ledger.balance(q)))


def test_a_discovery_counts_from_the_plans_there_were_when_it_was_recorded() -> None:
    ledger = ledger_of([a_plan(1, better=2.5), a_plan(2), a_plan(3)])

    assert ledger.discoveries == (2,)


def test_a_clock_that_is_behind_puts_no_discovery_before_its_own_plan() -> None:
    ledger = ledger_of([a_plan(1), a_plan(2, better=0.5)])

    assert ledger.discoveries == (2,)


def test_plans_that_asked_nobody_count_with_their_level() -> None:
    ledger = ledger_of([a_plan(1), a_plan(2)])

    assert ledger.spent == 0.1
    assert level_of(ledger.offer(q=0.1, asked=0.05)) == 0.0
    assert level_of(ledger.offer(q=0.2, asked=0.05)) > 0.0


def test_plans_created_without_knowing_of_each_other_show_what_one_got_too_much() -> None:
    nothing = ledger_of([])
    ours = grown(nothing, 1, q=0.1, asked=0.05)
    theirs = grown(nothing, 2, q=0.1, asked=0.05)

    ledger = ledger_of([theirs, ours])

    assert [line.plan for line in ledger.lines] == [ours, theirs]
    first, second = ledger.lines
    assert first.excess == 0.0
    assert second.excess == pytest.approx(0.0020939, abs=1e-7)
    assert ledger.balance(0.1) == pytest.approx(0.1 - 2 * 0.0026758, abs=1e-6)


def test_many_plans_created_without_knowing_of_each_other_overdraw_the_budget() -> None:
    nothing = ledger_of([])
    ledger = ledger_of(grown(nothing, hour, q=0.1, asked=0.05) for hour in range(40))

    assert ledger.balance(0.1) == pytest.approx(0.1 - 40 * 0.0026758, abs=1e-5)
    assert ledger.balance(0.1) < 0.0
    assert level_of(ledger.offer(q=0.1, asked=0.05)) == 0.0


def test_what_was_granted_stays_when_a_discovery_becomes_known_later() -> None:
    first = grown(ledger_of([]), 1, q=0.1, asked=0.05)
    second = grown(ledger_of([first]), 3, q=0.1, asked=0.05)

    ledger = ledger_of([replace(first, better=START + 2 * HOUR), second])

    assert ledger.lines[1].plan.level == second.level
    assert ledger.lines[1].due is not None
    assert ledger.lines[1].due > second.level
    assert ledger.excess == 0.0


# --- the claim ---------------------------------------------------------------------------------


def history(chance: random.Random, *, q: float | None, share_true: float) -> tuple[int, int]:
    """False and all discoveries among 40 plans, each judged one to three plans after it began.

    A plan whose change does nothing is found better with its whole level, which is the most a test
    may (one-sided, or half of that); one that does something with probability .5.
    """
    everything: list[Registered] = []
    false = found = 0
    for hour in range(40):
        known = [
            plan
            if plan.better and plan.better < START + hour * HOUR
            else replace(plan, better=None)
            for plan in everything
        ]
        plan = a_plan(hour) if q is None else grown(ledger_of(known), hour, q=q, asked=0.05)
        is_true = chance.random() < share_true
        if chance.random() < (0.5 if is_true else plan.level):
            plan = replace(plan, better=plan.created + (chance.randint(1, 3) - 0.5) * HOUR)
            found += 1
            false += not is_true
        everything.append(plan)
    return false, found


@pytest.mark.parametrize("share_true", [0.0, 0.02, 0.1, 0.5])
def test_the_marginal_false_discovery_rate_stays_below_q(share_true: float) -> None:
    chance, repeats = random.Random(20261), 100
    counts = [history(chance, q=0.2, share_true=share_true) for _ in range(repeats)]

    false = sum(v for v, _ in counts) / repeats
    found = sum(max(r, 1) for _, r in counts) / repeats
    spread = math.sqrt(sum((v - 0.2 * max(r, 1)) ** 2 for v, r in counts) / repeats)

    # E[V] - q E[R v 1], with two standard errors of what so many histories tell
    assert false - 0.2 * found <= 2 * spread / math.sqrt(repeats)


def test_without_a_budget_most_of_what_is_found_may_be_false() -> None:
    chance, repeats = random.Random(20261), 100
    counts = [history(chance, q=None, share_true=0.02) for _ in range(repeats)]

    assert sum(v for v, _ in counts) / sum(max(r, 1) for _, r in counts) > 0.6
