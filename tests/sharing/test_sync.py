"""`git exp sync` between clones that behave."""

from __future__ import annotations

from tests.sharing.village import Clone, Village


def test_the_first_sync_shares_the_experiment(village: Village, ann: Clone) -> None:
    ann.start()
    ann.record([1])

    answer = ann.sync()

    own = ann.writer
    assert set(answer["pushed"]) == {
        "refs/heads/exp/fast",
        f"refs/notes/exp/fast/{own}",
        f"refs/exp/archive/fast/{own}",
    }
    assert answer["attempts"] == 1
    assert village.refs("refs/notes") == ann.refs("refs/notes/exp/")
    assert "in step with origin: nothing new on either side" in ann.exp("sync").stdout


def test_blocks_of_others_come_count_and_decide(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1, 2, 3])
    ann.sync()
    bob.take_part()
    bob.record([1, 2, 3])

    waiting = bob.exp("sync").stdout
    taken = ann.sync()["experiments"][0]
    ann.sync()
    told = bob.sync()["experiments"][0]

    assert f"fast: 3 blocks wait for {ann.writer} to sync" in waiting
    assert taken["came"] == {bob.writer: {"records": 6, "blocks": 3}}
    assert taken["taken_in"] == {bob.writer: 3}
    assert taken["decided"] == "better"
    assert told["came"][ann.writer]["records"] == 2
    assert told["verdict"] == "better"
    assert told["waiting"] == {}
    assert bob.admitted() == ann.admitted()
    assert len(ann.admitted()) == 6
