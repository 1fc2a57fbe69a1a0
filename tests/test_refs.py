"""Ref names and what they say."""

from __future__ import annotations

import pytest

from gitexp import refs
from gitexp.model import experiment_id, writer_id
from gitexp.refs import WriterRef

EXP, ANN = experiment_id("fast"), writer_id("ann-1")


def test_names_come_back_as_what_they_were_made_of() -> None:
    assert refs.parse_notes(refs.notes(EXP, ANN)) == WriterRef(EXP, ANN)
    assert refs.parse_archive(refs.archive(EXP, ANN)) == WriterRef(EXP, ANN)
    assert refs.parse_branch(refs.branch(EXP)) == EXP
    assert refs.short(refs.branch(EXP)) == "exp/fast"


@pytest.mark.parametrize("remote", ["origin", "up/stream", "exp", "a/exp/b", "archive/x"])
def test_remotes_may_be_called_anything(remote: str) -> None:
    assert refs.parse_notes(f"refs/notes/remotes/{remote}/exp/fast/ann-1") == WriterRef(
        EXP, ANN, remote
    )
    assert refs.parse_archive(f"refs/exp/remotes/{remote}/archive/fast/ann-1") == WriterRef(
        EXP, ANN, remote
    )


@pytest.mark.parametrize(
    "name",
    [
        "refs/notes/exp",
        "refs/notes/exp/fast",
        "refs/notes/exp/fast/",
        "refs/notes/exp/Fast/ann-1",
        "refs/notes/exp/fast/ann-1/more",
        "refs/notes/exp/fast/Ann",
        "refs/notes/exp-summary",
        "refs/notes/commits",
        "refs/notes/remotes/origin/fast/ann-1",
        "refs/heads/exp/fast",
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    assert refs.parse_notes(name) is None
    assert refs.parse_archive(name) is None


def test_branches_of_others_are_not_ours() -> None:
    for name in ("refs/heads/exp/No", "refs/heads/exp", "refs/heads/main", "refs/heads/exp/a/b"):
        assert refs.parse_branch(name) is None


@pytest.mark.parametrize("remote", ["origin", "up/stream", "exp"])
def test_experiments_may_be_called_as_the_part_before_them(remote: str) -> None:
    for name in map(experiment_id, ("exp", "archive")):
        for own in (refs.notes(name, ANN), refs.archive(name, ANN)):
            tracked = refs.tracking(own, remote)
            ref = refs.parse_notes(tracked) or refs.parse_archive(tracked)
            assert ref == WriterRef(name, ANN, remote)


@pytest.mark.parametrize(
    ("name", "remotes", "read"),
    [
        ("refs/remotes/origin/exp/fast", {"origin"}, ("origin", "refs/heads/exp/fast")),
        ("refs/remotes/up/stream/main", {"up/stream"}, ("up/stream", "refs/heads/main")),
        ("refs/remotes/up/stream/main", {"up", "up/stream"}, ("up/stream", "refs/heads/main")),
        ("refs/remotes/up/stream/main", {"up"}, ("up", "refs/heads/stream/main")),
        ("refs/remotes/upstream/main", {"up"}, ("upstream", "refs/heads/main")),
        ("refs/remotes/gone/ann/main", set(), ("gone", "refs/heads/ann/main")),
    ],
)
def test_the_remotes_tell_where_their_names_end(
    name: str, remotes: set[str], read: tuple[str, str]
) -> None:
    assert refs.parse_remote_branch(name, remotes) == refs.RemoteBranch(*read)


def test_what_is_no_branch_of_a_remote_has_none() -> None:
    for name in ("refs/heads/main", "refs/remotes/trunk", "refs/notes/remotes/origin/exp/a/b"):
        assert refs.parse_remote_branch(name, {"origin", "trunk"}) is None
