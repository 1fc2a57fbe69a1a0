"""`git exp init`: a clone set up, and what it then shows."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.scenes import refused
from tests.sharing.village import Clone, Village


def test_a_fresh_clone_shows_everything_at_once(village: Village, ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1, 2])
    ann.sync()

    answer = bob.exp("init", "--json").json
    shown = bob.exp("status", "fast", "--json").json["experiments"][0]
    text = village.clone("carl").exp("init").stdout

    assert answer["came"] == {"origin": {"records": 6, "experiments": 1}}
    assert answer["next"] == ["git exp status --all"]
    assert shown["blocks"]["complete"] == 2
    assert shown["source"] == "origin"
    assert "6 records of 1 experiment from origin" in text


def test_a_clone_that_was_only_fetched_is_told_to_set_itself_up(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.sync()
    bob.git("fetch", "--quiet")

    shown = bob.exp("status", "fast", "--json").json["experiments"][0]
    unknown = bob.exp("show", "fats", check=False)
    bob.exp(*shown["next"][0].split()[2:])

    assert shown["next"] == ["git exp init"]
    refused(unknown, 128, "did you mean fast")
    assert bob.records()


def test_repeating_it_changes_nothing_and_undo_takes_out_exactly_its_lines(ann: Clone) -> None:
    ann.git("config", "notes.displayRef", "refs/notes/review")
    ann.git("config", "--add", "remote.origin.fetch", "+refs/pull/*:refs/remotes/origin/pull/*")
    config = ann.path / ".git" / "config"
    before = ann.git("config", "--local", "--list")

    ann.exp("init")
    once = config.read_text()
    again = ann.exp("init", "--json").json
    twice = config.read_text()
    undone = ann.exp("init", "--undo", "--json").json

    assert once == twice
    assert again["done"] == []
    assert len(undone["done"]) >= 3
    assert ann.git("config", "--local", "--list") == before


def test_afterwards_plain_fetch_brings_evidence_and_pruning_keeps_own(
    ann: Clone, bob: Clone
) -> None:
    ann.exp("init")
    ann.start()
    ids = ann.record([1])
    bob.exp("init")
    ann.sync()

    bob.git("fetch", "--quiet", "--prune")
    ann.git("fetch", "--quiet", "--prune", "--prune-tags")
    ann.git("remote", "prune", "origin")

    assert set(ids) <= bob.records().keys()
    assert set(ids) <= ann.records().keys()
    assert ann.git.id(ann.own_notes())
    assert bob.is_sound()


@pytest.mark.parametrize("options", [("--single-branch",), ("--depth", "1"), ("--bare",)])
def test_a_clone_of_one_branch_gets_experiment_branches_too(
    village: Village, ann: Clone, options: tuple[str, ...]
) -> None:
    ann.start()
    ann.sync()
    other = village.clone("other", "--branch", "main", *options)
    before = other.git("config", "--local", "--list")

    done = other.exp("init", "--json").json["done"]
    ann.git.commit("More", {"speed": "9\n"})
    ann.sync()
    other.git("fetch", "--quiet")

    assert "git fetch origin brings experiment branches" in done
    assert other.git.id("refs/remotes/origin/exp/fast") == ann.git.id("exp/fast")
    other.exp("init", "--undo")
    assert other.git("config", "--local", "--list") == before


def test_where_branches_come_anyway_no_line_is_added_for_them(ann: Clone) -> None:
    done = ann.exp("init", "--json").json["done"]

    assert not [line for line in done if "branches" in line]
    assert "refs/heads/exp/" not in ann.git("config", "--local", "--list")


def test_without_a_connection_it_sets_up_all_the_same(village: Village, ann: Clone) -> None:
    village.shared.path.rename(village.folder / "away")

    done = ann.exp("init", "--json")

    assert "git fetch origin brings evidence" in done.json["done"]
    assert "warning: origin cannot be reached" in done.stderr
    assert "later: git exp sync origin" in done.stderr


def test_every_remote_is_asked(village: Village, ann: Clone) -> None:
    shutil.copytree(village.shared.path, village.folder / "second.git")
    other = village.clone("other")
    other.start()
    other.git("remote", "add", "second", str(village.folder / "second.git"))
    other.sync("second")
    ann.git("remote", "add", "second", str(village.folder / "second.git"))

    answer = ann.exp("init", "--json").json

    assert answer["remotes"] == ["origin", "second"]
    assert answer["came"]["second"]["experiments"] == 1
    assert ann.records()


def test_without_a_remote_there_is_nothing_to_fetch(ann: Clone) -> None:
    ann.git("remote", "remove", "origin")

    answer = ann.exp("init", "--json").json

    assert "git log shows results of experiments" in answer["done"]
    assert not [line for line in answer["done"] if line.startswith("git fetch")]
    assert answer["came"] == {}
