"""What docs/security.md says others can do, and what they cannot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli import scenes
from tests.hooks.desks import ARCHIVE, NOTES, Desk
from tests.support import GitIn

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.fixture
def shared(begun: Desk) -> Desk:
    """The experiment and its evidence, on the shared repository."""
    begun.push("origin", "exp/fast")
    assert {NOTES, ARCHIVE} <= begun.there().keys()
    return begun


def _bob(desk: Desk, patch: pytest.MonkeyPatch, writer: str = "bob-mill-x1") -> Desk:
    """A teammate's clone with all there is to know."""
    patch.setenv("GITEXP_WRITER", writer)
    bob = desk.clone("bob")
    bob.exp("sync")
    bob.git("branch", "--quiet", "exp/fast", "origin/exp/fast")
    return bob


def _trials(desk: Desk) -> list[tuple[str, int]]:
    records = desk.exp("log", "fast", "--json").json["records"]
    return sorted((r["writer"], r["block"]) for r in records if r["kind"] == "trial")


def test_anybody_can_record_in_anybodys_name(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    forger = _bob(shared, monkeypatch, writer="ann")
    forger.measure(3)
    forger.exp("sync")

    shared.exp("sync")

    assert _trials(shared) == [("ann", n) for n in (1, 1, 2, 2, 3, 3)]


def test_a_handover_needs_no_consent_and_cannot_be_hidden(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = _bob(shared, monkeypatch)
    bob.exp("handover", "fast")
    bob.exp("sync")

    monkeypatch.setenv("GITEXP_WRITER", "ann")
    shared.exp("sync")

    events = [r.get("event") for r in shared.exp("log", "fast", "--json").json["records"]]
    assert "handover" in events
    assert "bob-mill-x1" in shared.exp("log", "fast").stdout


def test_records_of_another_experiment_are_not_used(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _trials(shared)
    bob = _bob(shared, monkeypatch)
    scenes.start(bob.git, "--id", "other")
    bob.exp("record", "other", "--arm", "control", "-m", "score=1", "--block", "1")
    other = bob.git("for-each-ref", "--format=%(objectname)", "refs/notes/exp/other/").split()[0]
    bob.git("push", "--quiet", "--no-verify", "origin", f"{other}:refs/notes/exp/fast/mallory")

    monkeypatch.setenv("GITEXP_WRITER", "ann")
    shared.exp("sync")

    assert [trial for trial in _trials(shared) if trial[0] == "ann"] == before
    assert not [trial for trial in _trials(shared) if trial[0] == "mallory"]


def test_a_fetch_moves_no_ref_of_ours(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.exp("init")
    before = shared.here(NOTES), shared.here(ARCHIVE)
    bob = _bob(shared, monkeypatch)
    bob.git("push", "--quiet", "--no-verify", "--force", "origin", f"main:{NOTES}")

    shared.git("fetch", "--quiet", "--prune")

    assert (shared.here(NOTES), shared.here(ARCHIVE)) == before


def test_no_hook_and_no_reading_command_runs_what_a_plan_names(
    git: GitIn, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwned = tmp_path / "pwned"
    scenes.prepare(git)
    git("init", "--quiet", "--bare", "../origin.git")
    git("remote", "add", "origin", "../origin.git")
    git("push", "--quiet", "origin", "main")
    mallory = Desk(git.path)
    scenes.start(git, "--setup", f"touch {pwned}", run=f"touch {pwned}")
    mallory.measure(1, 2, 3, 4, 5, 6)
    mallory.exp("sync")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "another-users-state"))
    monkeypatch.setenv("GITEXP_WRITER", "victim")
    victim = mallory.clone("victim")

    victim.exp("init")
    for command in ("sync", "status", "analyze fast", "show fast", "log fast"):
        victim.exp(*command.split())
    victim.git("switch", "--quiet", "exp/fast")
    scenes.refused(victim.exp("run", "fast", "--blocks", "1", check=False), 6, "git exp trust fast")
    victim.git("commit", "--quiet", "--allow-empty", "-m", "Say more")
    victim.push("origin", "exp/fast")
    victim.git("switch", "--quiet", "main")
    victim.git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "exp/fast")
    assert victim.push("origin", "main").status == 0  # analysed on the way

    assert not pwned.exists()


def test_what_leaves_the_machine(begun: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_TOKEN", "value-of-a-variable")
    git = begun.git
    git("switch", "--quiet", "main")
    scenes.start(git, "--id", "loud", "--warm-up", "0", run="echo printed-by-it; ./bench.sh")
    measured = git.id("HEAD")
    begun.exp("run", "loud", "--blocks", "1")
    git("commit", "--quiet", "--amend", "--allow-empty", "-m", "Amended")

    begun.push("origin", "exp/loud")

    listed = begun.origin(
        "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"
    )
    blobs = [line.split()[1] for line in listed.splitlines() if line.startswith("blob ")]
    text = "\n".join(begun.origin("cat-file", "blob", oid) for oid in blobs)
    assert "printed-by-it" in text
    assert "value-of-a-variable" not in text
    assert begun.origin("cat-file", "-t", measured) == "commit"


def test_a_team_file_protects_branches_unless_the_user_said_which(begun: Desk) -> None:
    begun.git("switch", "--quiet", "main")
    begun.git("merge", "--quiet", "--no-ff", "-m", "Merge by hand", "exp/fast")
    begun.git.commit("Agree", {".gitexp": "[exp]\n\tprotect = stable\n"})

    assert begun.push("origin", "main:stable").status != 0
    assert begun.push("origin", "main").status == 0
    begun.git("config", "exp.protect", "other")
    assert begun.push("origin", "main:stable").status == 0


def _take_update_hook(desk: Desk, name: str) -> None:
    """The hook the page shows under this name, in the shared repository."""
    pattern = rf"<!-- tested: {name} -->\n```sh\n(.*?)```"
    (text,) = re.findall(pattern, PAGE.read_text(), re.DOTALL)
    hook = desk.origin.path / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(text)
    hook.chmod(0o755)


def test_evidence_that_only_grows_is_in_nobodys_way(
    decided: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_update_hook(decided, "evidence only grows")

    assert decided.push("origin", "exp/fast").status == 0
    bob = _bob(decided, monkeypatch)
    bob.measure(1)
    bob.exp("sync")
    monkeypatch.setenv("GITEXP_WRITER", "ann")
    decided.exp("sync")
    decided.exp("promote", "fast", "--yes")
    assert decided.push("origin", "main").status == 0
    decided.exp("sync")
    decided.push("origin", ":exp/fast")
    before = decided.there()
    assert "refs/heads/exp/fast" not in before
    for refspec in (f":{NOTES}", f"+main:{NOTES}", f":{ARCHIVE}"):
        assert decided.push("--no-verify", "origin", refspec).status != 0

    assert decided.there() == before


def test_evidence_by_account_is_written_by_its_own_clones(
    begun: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_update_hook(begun, "evidence by account")

    done = begun.push("origin", "exp/fast", env={"ACCOUNT": "bob"})
    assert done.status == 0
    assert done.said[0].startswith("warning: the evidence of fast did not go along")
    assert NOTES not in begun.there()

    monkeypatch.setenv("GITEXP_WRITER", "bob-mill-x1")
    begun.measure(3)
    begun.git("commit", "--quiet", "--allow-empty", "-m", "Say more")
    begun.push("origin", "exp/fast", env={"ACCOUNT": "bob"})
    assert [ref for ref in begun.there() if ref.startswith("refs/notes/")] == [
        "refs/notes/exp/fast/bob-mill-x1"
    ]
