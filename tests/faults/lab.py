"""Where faults happen: what each command is given, and what may be there afterwards."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitexp import refs
from gitexp.live.slots import parse
from gitexp.model import ExperimentId, Trial
from gitexp.store.store import Store
from tests.apply.killing import restore_folder
from tests.apply.lab import assert_sound, head
from tests.cli.scenes import prepare, start
from tests.support import GitExp, GitIn, write_config

Args = tuple[str, ...]

DECIDED: Args = ("run", "fast")
PROMOTED = (DECIDED, ("promote", "fast"))
DROPPED: Args = ("rollback", "fast", "--reason", "not worth it")
BOB = "as bob-2:"
"""In front of what another writer of the clone types."""
BY_BOB: Args = (
    BOB,
    "record",
    "fast",
    "--arm",
    "control",
    "--metric",
    "score=20",
    "--trial-id",
    "b",
)
TRIAL = ("--metric", "score=2", "--block", "1", "--trial-id", "t2")
CREATED: Args = ("create", "new", "--hypothesis", "a table halves it", "--run", "./bench.sh")


@dataclass(frozen=True)
class Command:
    """A command that writes, and what has to have happened before.

    Attributes:
        args: What is typed after `git exp`.
        before: What is typed before that.
        whole: Whether all of it happens or nothing; else what is done is done one by one.
        again: Whether typed again it finishes, or does nothing more.
    """

    args: Args
    before: tuple[Args, ...] = ()
    whole: bool = True
    again: bool = True


COMMANDS: Mapping[str, Command] = {
    "init": Command(("init",), whole=False),
    "hooks install": Command(("hooks", "install"), whole=False),
    "create": Command((*CREATED, "--if-not-exists")),
    "record": Command(("record", "live", "--arm", "treatment", *TRIAL)),
    "record --for": Command(("record", "--for", "t1", "-m", "liked=0.5")),
    "import": Command(("import", "live", "trials.csv")),
    "retract": Command(("retract", "t1", "--reason", "asleep")),
    "assign": Command(("assign", "live"), again=False),
    "exec": Command(("exec", "live", "--", "true"), whole=False, again=False),
    "run": Command(("run", "fast", "--blocks", "1", "--json"), whole=False, again=False),
    "promote": Command(("promote", "fast"), (DECIDED,)),
    "rollback": Command(DROPPED, (DECIDED,)),
    "rollback of a promotion": Command(DROPPED, PROMOTED),
    "restore": Command(("restore", "fast"), (DROPPED,)),
    "restore of a promotion": Command(("restore", "fast"), PROMOTED),
    "sync": Command(("sync",), (("init",), DECIDED), whole=False),
    "compact": Command(
        ("compact", "fast", "--yes"), (("init",), BY_BOB, DECIDED, DROPPED, ("sync",)), whole=False
    ),
}


@dataclass(frozen=True)
class Lab:
    """A folder with a clone, its remote and its user's home, at one place and put back at will."""

    here: Path
    saved: Path

    @property
    def git(self) -> GitIn:
        return GitIn(self.here / "repo")

    @property
    def remote(self) -> GitIn:
        return GitIn(self.here / "remote.git")

    def reset(self) -> None:
        restore_folder(self.saved, self.here)

    def type(self, *args: str) -> None:
        """A command that nothing disturbs and that has to succeed."""
        env = {"GITEXP_WRITER": "bob-2"} if args[0] == BOB else {}
        done = GitExp(self.git.path)(*args[len(env) :], env=env, check=False)
        assert done.status == 0, f"git exp {' '.join(args)}\n{done.stdout}{done.stderr}"


def make(here: Path, saved: Path, before: Sequence[Args] = ()) -> Lab:
    """Two experiments: `fast` measures by itself, `live` is told its trials and has one."""
    lab = Lab(here, saved)
    git = lab.git
    write_config(here / "home")
    git.path.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--bare", str(here / "remote.git")], check=True)
    git("init", "--quiet")
    prepare(git)
    git("remote", "add", "origin", str(here / "remote.git"))
    git("push", "--quiet", "-u", "origin", "main")
    start(git)
    git("switch", "--quiet", "main")
    metric = ("--metric", "score:lower", "--watch", "liked:higher:score")
    lab.type("create", "live", "--hypothesis", "it is liked", *metric)
    git.commit("Say it kindly", {"words": "please\n"})
    git("switch", "--quiet", "main")
    lab.type("record", "live", "--arm", "control", *TRIAL[:-1], "t1")
    git.write("trials.csv", "arm,block,score,trial_id\ncontrol,2,3,t3\ntreatment,2,2,t4\n")
    for args in before:
        lab.type(*args)
    lab.type("status")
    subprocess.run(["cp", "-a", str(here), str(saved)], check=True)
    return lab


@dataclass(frozen=True)
class Found:
    """What users see in the clone and at its remote; ids and times, which differ, left out."""

    branches: tuple[str, ...]
    head: str
    status: str
    files: tuple[str, ...]
    config: str
    hooks: tuple[str, ...]
    reserved: int
    records: Counter[tuple[str, ...]]
    shared: tuple[str, ...]

    @property
    def trials(self) -> int:
        """How many trials are recorded."""
        return sum(count for (_, kind, *_), count in self.records.items() if kind == "Trial")


def found(lab: Lab) -> Found:
    """Look at it with git and with our reader, which must have nothing to complain of."""
    git = lab.git
    names = git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    files = git("ls-files", "--stage", "--others").splitlines()
    hooks = git.path / ".git" / "hooks"
    return Found(
        branches=tuple(f"{name} {git('log', '--format=%T', name)}" for name in names),
        head=head(git),
        status=git("status", "--porcelain"),
        files=tuple(files),
        config=git("config", "--local", "--list"),
        hooks=tuple(sorted(p.name for p in hooks.iterdir() if p.suffix != ".sample")),
        reserved=_reserved(git),
        records=_records(git),
        shared=tuple(lab.remote("for-each-ref", "--format=%(refname)").splitlines()),
    )


def _reserved(git: GitIn) -> int:
    """Slots that were given out and whose trials have not ended."""
    files = [*(git.path / ".git/exp/slots").glob("*@*@????????????")]
    return sum(len(parse(file.read_text()).reserved) for file in files)


def _records(git: GitIn) -> Counter[tuple[str, ...]]:
    store = Store.open(git.path)
    told: Counter[tuple[str, ...]] = Counter()
    for exp in store.experiment_ids():
        evidence = store.read(exp)
        assert evidence.problems == ()
        for record in evidence.records:
            body = record.body
            trial = (body.arm, str(body.slot), body.outcome) if isinstance(body, Trial) else ()
            told[(exp, body.kind if hasattr(body, "kind") else type(body).__name__, *trial)] += 1
    return told


def trial_ids(lab: Lab) -> list[str | None]:
    """The user's names of all trials of `live`."""
    records = Store.open(lab.git.path).read(ExperimentId("live")).records
    return [record.body.trial_id for record in records if isinstance(record.body, Trial)]


def assert_whole(lab: Lab) -> None:
    """Nothing is left lying about, nothing is missing, and every line is stored once."""
    assert_sound(lab.git)
    lab.remote("fsck", "--strict", "--no-dangling", "--no-progress")
    for name in lab.git("for-each-ref", "--format=%(refname)", refs.NOTES).splitlines():
        if name != refs.SUMMARY:
            lines = _lines(lab.git, name)
            assert [line for line, count in Counter(lines).items() if count > 1] == [], name


def _lines(git: GitIn, name: str) -> list[str]:
    blobs = [line.split()[2] for line in git("ls-tree", "-r", name).splitlines()]
    texts = [git("cat-file", "blob", blob) for blob in blobs]
    return [line for text in texts for line in text.splitlines() if line.startswith("{")]
