"""Nothing that is wrong with us makes the user's command fail."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.using import EXEC, Desk, is_unrecorded


@pytest.fixture
def slots(desk: Desk) -> Path:
    """The file of slots, after two uses."""
    for _ in range(2):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""
    (found,) = [f for f in (desk.path / ".git/exp/slots").iterdir() if f.suffix != ".lock"]
    return found


@pytest.fixture
def lanes(slots: Path, home: Path) -> list[Path]:  # noqa: ARG001
    """The lanes kept for this user."""
    return [f for f in (home / "state/gitexp/lanes").rglob("*") if f.is_file()]


def test_a_full_disk(desk: Desk) -> None:
    def nothing_can_be_written() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    for _ in range(2):
        done = subprocess.run(
            [*EXEC, "fast", "--", "sh", "-c", "echo ran; exit 3"],
            cwd=desk.path,
            preexec_fn=nothing_can_be_written,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (3, "ran\n")
        assert is_unrecorded(done, "")
        desk.use("fast", "--", "./tool.sh")  # now everything is prepared


def _without_power_over_permissions() -> list[str]:
    """`exec` by somebody whom permissions hold: root is let in anywhere unless it gives that up."""
    if os.geteuid() != 0:
        return EXEC
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *EXEC]


@pytest.mark.parametrize("is_prepared", [True, False])
def test_a_git_dir_that_cannot_be_written(desk: Desk, is_prepared: bool) -> None:
    if is_prepared:
        desk.use("fast", "--", "./tool.sh")
    program = _without_power_over_permissions()
    folders = [desk.path / ".git", *(f for f in (desk.path / ".git").rglob("*") if f.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        done = desk.use("fast", "--", "sh", "-c", "echo ran; exit 3", program=program)
    finally:
        for folder in folders:
            folder.chmod(0o700)

    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert is_unrecorded(done, "ermission denied")
    assert len(desk.trials) == is_prepared


def test_a_record_that_cannot_be_written(desk: Desk, slots: Path) -> None:
    journal = desk.path / ".git/exp/journal"
    away = desk.path / ".git/exp/away"

    done = desk.use("fast", "--", "sh", "-c", f"mv {journal} {away}; touch {journal}; exit 6")

    assert done.returncode == 6
    assert is_unrecorded(done, "not an ordinary file or folder")
    journal.unlink()
    away.rename(journal)
    before = slots.read_text()
    for _ in range(4):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""
    assert "reserved" not in before
    assert len(desk.slots) == 6


def test_a_lock_that_somebody_keeps(desk: Desk, slots: Path) -> None:
    with slots.with_name(f"{slots.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert is_unrecorded(desk.use("fast", "--", "./tool.sh"), "")


@pytest.mark.parametrize("text", ["", "nonsense\n", "gitexp-slots/1\nplan x\n", "\0\udcff"])
def test_slots_that_cannot_be_read_are_made_anew(desk: Desk, slots: Path, text: str) -> None:
    slots.write_text(text, errors="surrogateescape")

    for _ in range(3):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""
    assert set(desk.slots.values()) == {1}
    assert len(desk.trials) == 5


def test_lost_slots_are_made_anew(desk: Desk, slots: Path) -> None:
    shutil.rmtree(slots.parent)

    for _ in range(3):
        assert desk.use("fast", "--", "./tool.sh").stderr == ""
    assert set(desk.slots.values()) == {1}


def test_no_link_in_the_place_of_the_slots_is_followed(
    desk: Desk, slots: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text(slots.read_text())
    slots.unlink()
    slots.symlink_to(victim)
    before = victim.read_text()

    done = desk.use("fast", "--", "./tool.sh")

    assert is_unrecorded(done, "")
    assert victim.read_text() == before


def test_no_link_in_the_place_of_their_folder_is_followed(
    desk: Desk, slots: Path, tmp_path: Path
) -> None:
    shutil.move(slots.parent, tmp_path / "victim")
    slots.parent.symlink_to(tmp_path / "victim")
    before = sorted(f.read_bytes() for f in (tmp_path / "victim").iterdir())

    assert is_unrecorded(desk.use("fast", "--", "./tool.sh"), "")
    assert sorted(f.read_bytes() for f in (tmp_path / "victim").iterdir()) == before


def test_a_slots_file_of_a_stranger_cannot_name_what_runs(
    desk: Desk, slots: Path, tmp_path: Path
) -> None:
    """All it can say is which slots are taken; a plan that is not the lane's is looked up again."""
    text = slots.read_text().replace(desk.git.id("exp/fast^{tree}"), "0" * 40)
    slots.write_text(text.replace("plan ", f"plan {tmp_path}", 1))

    done = desk.use("fast", "--", "./tool.sh")

    assert done.stderr == ""
    assert done.stdout.split()[1] in ("10", "20")
    assert len(desk.trials) == 3


def test_a_lane_that_cannot_be_read_is_made_anew(desk: Desk, lanes: list[Path]) -> None:
    (lane,) = lanes
    for text in ("", "nonsense", lane.read_text()[:80]):
        lane.write_text(text)
        assert desk.use("fast", "--", "./tool.sh").stderr == ""


def test_a_checkout_that_is_gone_is_made_anew(desk: Desk, lanes: list[Path]) -> None:
    (lane,) = lanes
    for line in lane.read_text().splitlines():
        if line.startswith("checkout."):
            shutil.rmtree(line.split(" ", 1)[1])

    assert desk.use("fast", "--", "./tool.sh").stderr == ""


def test_a_copy_in_the_place_of_the_original_is_another_writer(desk: Desk, slots: Path) -> None:
    original = desk.path.with_name("original")
    desk.path.rename(original)
    shutil.copytree(original, desk.path, symlinks=True)

    assert desk.use("fast", "--", "./tool.sh").stderr == ""

    assert len({t["writer"] for t in desk.trials}) == 2
    assert slots.exists()


def test_a_state_folder_that_is_none(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = desk.use("fast", "--", "./tool.sh", env={"XDG_STATE_HOME": str(tmp_path / "file")})

    assert is_unrecorded(done, "")


@pytest.mark.parametrize("name", ["No Writer", "../../x", "\udcff"])
def test_a_writer_that_is_none(desk: Desk, name: str) -> None:
    done = desk.use("fast", "--", "./tool.sh", env={"GITEXP_WRITER": name})

    assert is_unrecorded(done, "GITEXP_WRITER")


def test_no_git_to_be_found(desk: Desk, tmp_path: Path) -> None:
    done = desk.use("fast", "--", "/bin/echo", "ran", env={"PATH": str(tmp_path)})

    assert done.stdout == "ran\n"
    assert is_unrecorded(done, "")


def test_a_set_up_that_fails(desk: Desk) -> None:
    desk.exp(
        "create", "odd", "--like", "fast", "--hypothesis", "a table lowers the score by 20 %",
        "--setup", "echo broken; false", "--command", "odd",
    )  # fmt: skip

    done = desk.use("odd", "--", "sh", "-c", "echo ran; exit 9")

    assert (done.returncode, done.stdout) == (9, "ran\n")
    assert is_unrecorded(done, "broken")


def test_a_command_that_removes_the_folder_it_was_called_in(desk: Desk) -> None:
    (desk.path / "gone").mkdir()

    done = desk.use("fast", "--", "sh", "-c", 'rmdir "$GITEXP_USER_DIR"', cwd=desk.path / "gone")

    assert (done.returncode, done.stderr) == (0, "")
    assert len(desk.trials) == 1


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("name", ["fast", "nothing"])
def test_streams_that_are_closed_stay_closed(desk: Desk, closed: str, name: str) -> None:
    seen = 'for fd in 0 1 2; do test -e /proc/$$/fd/$fd && echo $fd; done >"$OUT"'
    told = []
    for words in ("", f"{' '.join(EXEC)} {name} -- "):
        out = desk.path / "out.txt"
        code = f"exec {words}sh -c '{seen}' {closed}"
        subprocess.run(["sh", "-c", code], cwd=desk.path, env={**os.environ, "OUT": str(out)})
        told.append(out.read_text())

    assert told[0] == told[1]
    assert len(desk.trials) == (name == "fast")
    assert all("warning" not in f.read_text() for f in desk.path.rglob("exp/slots/*"))


def test_a_folder_that_is_gone(desk: Desk) -> None:
    code = f"mkdir gone; cd gone; rmdir ../gone; exec {' '.join(EXEC)} fast -- /bin/echo ran"
    done = subprocess.run(
        ["sh", "-c", code], cwd=desk.path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert is_unrecorded(done, "the folder we are in is gone")
