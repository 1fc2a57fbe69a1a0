"""The error rate a repository's next plan may have."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.budget import gamma, grant, lord_alpha

RATES = st.floats(0.001, 0.5)


def literal_alpha(q: float, t: int, r: list[int]) -> float:
    """The sum of the publication, term by term."""

    def g(j: int) -> float:
        return 0.07720838 * math.log(max(j, 2)) / (j * math.exp(math.sqrt(math.log(j))))

    w0 = q / 2
    total = g(t) * w0
    if len(r) >= 1 and r[0] < t:
        total += (q - w0) * g(t - r[0])
    for j in range(2, len(r) + 1):
        if r[j - 1] < t:
            total += q * g(t - r[j - 1])
    return total


def test_the_first_and_the_tenth_plan_without_a_discovery() -> None:
    assert round(lord_alpha(q=0.1, t=1, discoveries=()), 4) == 0.0027
    assert round(lord_alpha(q=0.1, t=10, discoveries=()), 4) == 0.0002


def test_all_shares_together_stay_below_one() -> None:
    terms = 100_000
    # the rest lies below its integral, by u = sqrt(ln x) an incomplete gamma function
    u = math.sqrt(math.log(terms))
    rest = 0.07720838 * 2.0 * math.exp(-u) * (u**3 + 3.0 * u**2 + 6.0 * u + 6.0)

    total = math.fsum(gamma(j) for j in range(1, terms + 1)) + rest

    assert total == pytest.approx(0.9763, abs=1e-4)


@given(q=RATES, t=st.integers(1, 300), r=st.lists(st.integers(1, 300), max_size=20))
def test_alpha_is_the_formula_term_by_term(q: float, t: int, r: list[int]) -> None:
    assert lord_alpha(q=q, t=t, discoveries=r) == pytest.approx(
        literal_alpha(q, t, sorted(r)), rel=1e-12
    )


@given(
    q=RATES,
    plans=st.lists(st.tuples(RATES, st.booleans(), st.integers(0, 3)), min_size=1, max_size=80),
)
def test_what_is_granted_never_exceeds_what_discoveries_allow(
    q: float, plans: list[tuple[float, bool, int]]
) -> None:
    """Each plan asks for some alpha; one that discovers says so some plans later."""
    granted: list[float] = []
    discoveries: list[int] = []
    pending: list[int] = []
    for asked, discovers, later in plans:
        t = len(granted) + 1
        discoveries += [len(granted)] * pending.count(t)
        alpha = grant(asked=asked, q=q, granted=granted, discoveries=discoveries)
        granted.append(alpha)
        if discovers:
            pending.append(t + 1 + later)

        assert 0.0 <= alpha <= asked
        # the sum itself is rounded
        assert math.fsum(granted) <= q * max(len(discoveries), 1) * (1.0 + 1e-15)


@given(q=RATES, r=st.lists(st.integers(1, 50), max_size=10), t=st.integers(1, 50))
def test_a_discovery_never_lowers_a_later_alpha(q: float, r: list[int], t: int) -> None:
    assert lord_alpha(q=q, t=t, discoveries=[*r, max(r, default=1)]) >= lord_alpha(
        q=q, t=t, discoveries=r
    )


def test_a_discovery_counts_only_for_plans_created_after_it() -> None:
    assert lord_alpha(q=0.1, t=5, discoveries=[5]) == lord_alpha(q=0.1, t=5, discoveries=())
    assert lord_alpha(q=0.1, t=6, discoveries=[5]) > lord_alpha(q=0.1, t=6, discoveries=())


def test_an_exhausted_budget_grants_nothing() -> None:
    assert grant(asked=0.05, q=0.1, granted=[0.06, 0.05], discoveries=()) == 0.0
    assert grant(asked=0.05, q=0.1, granted=[0.06, 0.05], discoveries=[1]) == 0.0
    assert grant(asked=0.05, q=0.1, granted=[0.06, 0.05], discoveries=[1, 2]) > 0.0


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="q must lie"):
        lord_alpha(q=1.0, t=1, discoveries=())
    with pytest.raises(ValueError, match="t must be at least 1, not 0"):
        lord_alpha(q=0.1, t=0, discoveries=())
    with pytest.raises(ValueError, match="need at least one plan, not 0"):
        lord_alpha(q=0.1, t=2, discoveries=[0])
    with pytest.raises(ValueError, match="asked must lie"):
        grant(asked=0.0, q=0.1, granted=(), discoveries=())
    with pytest.raises(ValueError, match="must not be negative"):
        grant(asked=0.05, q=0.1, granted=[-0.1], discoveries=())
    with pytest.raises(ValueError, match="j must be at least 1"):
        gamma(0)
