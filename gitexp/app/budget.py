"""The repository's error budget: whether one is kept, what is in it, what the next plan gets."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.app.settings import Settings
from gitexp.app.status_view import Budget, StatusRow
from gitexp.errors import UsageError
from gitexp.ledger import Ledger, ledger_of, level_of
from gitexp.notation import parse_amount
from gitexp.store.git import Git

SETTING = "fdr"
USUAL_LEVEL = 0.05


def configured_rate(git: Git) -> float | None:
    """The false discovery rate to keep in this repository; None: no budget is kept.

    Raises:
        UsageError: if what is configured is no rate.
    """
    settings = Settings.of(git)
    text = settings.value(SETTING, None)
    if text is None:
        return None
    try:
        amount = parse_amount(text)
    except ValueError as error:
        raise _no_rate(settings.place(SETTING), text) from error
    rate = amount.value / 100 if amount.suffix == "%" else amount.value
    if amount.suffix not in ("", "%") or not 0 < rate < 1:
        raise _no_rate(settings.place(SETTING), text)
    return rate


def _no_rate(place: str, text: str) -> UsageError:
    return UsageError(
        f"{place}: {text!r} is not a rate between 0 and 1", hint="git config exp.fdr 0.1"
    )


def ledger_of_rows(rows: Iterable[StatusRow]) -> Ledger:
    """The ledger of all experiments."""
    return ledger_of(plan for row in rows for plan in row.plans)


def budget_of(rows: Iterable[StatusRow], rate: float | None) -> Budget | None:
    """The budget as these rows, of all experiments, leave it; None when none is kept."""
    if rate is None:
        return None
    ledger = ledger_of_rows(rows)
    offer = ledger.offer(q=rate, asked=USUAL_LEVEL)
    return Budget(q=rate, ledger=ledger, next=level_of(offer))
