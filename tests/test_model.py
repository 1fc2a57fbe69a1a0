"""Names that must be names everywhere."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.model import experiment_id, slug, writer_id


@pytest.mark.parametrize(
    "text", ["a", "0", "fast-parse", "a.b_c-d", "x" * 64, "20260105-120000-ab"]
)
def test_experiment_ids(text: str) -> None:
    assert experiment_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "A", "-a", ".a", "_a", "a/b", "a b", "a..b", "a.", "a.lock", "x" * 65, "é", "a\n", "a~",
        "a^", "a:", "a?", "a*", "a[", "a\\", "con", "nul.txt", "com1", "lpt9.x", "a\0",
    ],
)  # fmt: skip
def test_what_is_no_experiment_id(text: str) -> None:
    with pytest.raises(ValueError, match="not an experiment id"):
        experiment_id(text)


@pytest.mark.parametrize("text", ["", "A", "-a", "a.b", "a_b", "a/b", "x" * 33, "a\n"])
def test_what_is_no_writer(text: str) -> None:
    with pytest.raises(ValueError, match="not a writer name"):
        writer_id(text)


@given(st.text(max_size=80))
def test_a_slug_is_an_id_or_empty_or_reserved(name: str) -> None:
    found = slug(name)
    assert len(found) <= 48
    assert slug(found) == found
    if found and found.split(".")[0] not in ("con", "prn", "aux", "nul"):
        assert found.startswith(("com", "lpt")) or experiment_id(found) == found


def test_git_accepts_every_branch_of_an_id() -> None:
    for text in ("a", "a.b", "a-", "a_", "x" * 64, "a.b.c", "a-.-b", "0.1"):
        name = f"refs/heads/exp/{experiment_id(text)}"
        subprocess.run(["git", "check-ref-format", name], check=True)
