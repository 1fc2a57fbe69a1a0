"""A reason for a hand merge that is on record already."""

from __future__ import annotations

import pytest

from tests.cli.scenes import plain_notes, refused
from tests.hooks.desks import NOTES, Desk
from tests.hooks.test_pre_push_refusals import _merge, _passed, _refused
from tests.support import Result

REASON = "we cannot wait"
OVERRIDE = ("promote", "fast", "--override", REASON)


@pytest.fixture
def recorded(begun: Desk) -> Desk:
    """A clone that merged by hand what nobody decided, and then synced."""
    _merge(begun.git)
    begun.exp("sync")
    assert _state(begun)["state"] == "promoted"
    return begun


def _state(desk: Desk) -> dict[str, str]:
    row: dict[str, str]
    (row,) = desk.exp("status", "fast", "--json").json["experiments"]
    return row


def _overrides(desk: Desk) -> list[dict[str, str]]:
    return [r for r in plain_notes(desk.git, NOTES) if r.get("event") == "override"]


def test_the_command_that_pre_push_names_lets_the_push_go_on(recorded: Desk) -> None:
    done = recorded.push("origin", "main")
    _refused(done, "not better", "git exp promote fast --override REASON")

    said = recorded.exp(*OVERRIDE)

    assert REASON in said.stdout
    (record,) = _overrides(recorded)
    assert record["reason"] == REASON
    assert record["merge"] == recorded.git.id("main")
    assert record["tip"] == recorded.git.id("main^2")
    assert f"override: {REASON}" in _state(recorded)["reason"]
    assert f"override for {record['merge'][:7]}: {REASON}" in recorded.exp("log", "fast").stdout
    _passed(recorded.push("origin", "main"))
    assert recorded.there()[NOTES] == recorded.here(NOTES)


def test_so_it_does_before_any_sync(begun: Desk) -> None:
    _merge(begun.git)
    _refused(begun.push("origin", "main"), "git exp promote fast --override REASON")

    begun.exp(*OVERRIDE, "--yes")

    assert f"override: {REASON}" in _state(begun)["reason"]
    _passed(begun.push("origin", "main"))


def test_and_on_another_branch_than_the_plans(begun: Desk) -> None:
    begun.git("config", "exp.protect", "stable")
    begun.git("switch", "--quiet", "-c", "stable", "main")
    begun.git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "exp/fast")
    _refused(begun.push("origin", "stable"), "git exp promote fast --into stable --override REASON")

    begun.exp(*OVERRIDE, "--into", "stable", "--yes")

    _passed(begun.push("origin", "stable"))


def test_one_reason_is_recorded_once(recorded: Desk) -> None:
    recorded.exp(*OVERRIDE)
    again: Result = recorded.exp("promote", "fast", "--override", "another one")

    assert "was promoted already" in again.stdout
    assert REASON in again.stdout
    assert [record["reason"] for record in _overrides(recorded)] == [REASON]


def test_a_rehearsal_records_nothing(recorded: Desk) -> None:
    said = recorded.exp(*OVERRIDE, "--dry-run")

    assert f"is right: {REASON}" in said.stdout
    assert f"git exp promote fast --override '{REASON}'" in said.stdout
    assert _overrides(recorded) == []


def test_a_reason_that_is_too_long_is_refused(recorded: Desk) -> None:
    done = recorded.exp("promote", "fast", "--override", "x" * 501, check=False)

    refused(done, 6, "the reason has 501 characters")
    assert _overrides(recorded) == []


def test_what_is_better_needs_none(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")
    decided.exp(*OVERRIDE)

    assert _overrides(decided) == []


def test_it_covers_the_code_it_was_given_for_and_no_other(recorded: Desk) -> None:
    recorded.exp(*OVERRIDE)
    git = recorded.git
    git("switch", "--quiet", "exp/fast")
    git.commit("One more thing", {"turbo": "1\n"})
    _merge(git)

    _refused(recorded.push("origin", "main"), "not measured as it is there", "create --like fast")


def test_other_clones_know_of_it(recorded: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded.push("origin", "main:wip")
    recorded.exp(*OVERRIDE)
    recorded.exp("sync")
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    bob = recorded.clone("bob")
    bob.exp("init")
    bob.git("merge", "--quiet", "--ff-only", "origin/wip")

    assert f"override: {REASON}" in _state(bob)["reason"]
    _passed(bob.push("origin", "main"))
