"""Submodules in the arms' checkouts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitexp.errors import Refused
from gitexp.model import ExperimentId, Oid
from gitexp.runner.process import Launcher
from gitexp.runner.quiet_git import QuietGit
from gitexp.runner.submodules import Place, populate
from gitexp.runner.worktree import Checkout, Recipe, Worktrees, default_base
from gitexp.store.git import Git
from tests.support import GitIn

EXP = ExperimentId("fast")
BY_FILE = ("-c", "protocol.file.allow=always")


@dataclass(frozen=True)
class Project:
    """A project with the submodule `lib`, which has `deep` inside; both arms use other commits.

    Attributes:
        control: Has `lib` at its first commit.
        treatment: Has it at its second.
    """

    git: GitIn
    lib: GitIn
    control: str
    treatment: str

    def worktrees(self, cwd: Path | None = None) -> Worktrees:
        git = Git.open(cwd or self.git.path)
        return Worktrees(
            git,
            common_dir=git.common_dir,
            user_checkout=git.top,
            base=default_base(os.environ),
        )


@pytest.fixture(scope="module")
def template(_sealed_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`deep` in `lib` in `repo`, to be copied."""
    base = tmp_path_factory.mktemp("submodules")
    deep, lib, repo = (GitIn(base / name) for name in ("deep", "lib", "repo"))
    for git in (deep, lib, repo):
        git.path.mkdir()
        git("init", "--quiet")
    deep.commit("Begin", {"deep.txt": "deep\n"})
    lib(*BY_FILE, "submodule", "--quiet", "add", "../deep", "in/deep")
    lib.commit("Begin", {"lib.txt": "one\n"})
    repo(*BY_FILE, "submodule", "--quiet", "add", "../lib", "vendor/lib")
    repo(*BY_FILE, "submodule", "--quiet", "update", "--init", "--recursive")
    repo.commit("Use lib", {"README": "a program\n"})
    inside = GitIn(repo.path / "vendor" / "lib")
    inside.commit("Faster", {"lib.txt": "two\n"})
    repo.commit("Use a faster lib")
    inside("push", "--quiet", "origin", "HEAD:refs/heads/faster")
    return base


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    shutil.copytree(template, tmp_path / "p", symlinks=True)
    git = GitIn(tmp_path / "p" / "repo")
    for place in (".git/modules/vendor/lib", ".git/modules/vendor/lib/modules/in/deep"):
        url = tmp_path / "p" / ("deep" if place.endswith("deep") else "lib")
        config = str(git.path / place / "config")
        git("config", "--file", config, "remote.origin.url", str(url))
    lib = GitIn(tmp_path / "p" / "lib")
    return Project(git=git, lib=lib, control=git.id("HEAD^"), treatment=git.id("HEAD"))


Open = Callable[..., AbstractContextManager[Checkout]]


@pytest.fixture
def arm(project: Project, launcher: Launcher, env: dict[str, str]) -> Open:
    """Opens the checkout of a commit."""

    def opened(commit: str, **recipe: object) -> AbstractContextManager[Checkout]:
        return project.worktrees().checkout(
            EXP, recipe_of(project.git, commit, **recipe), launcher=launcher, env=env
        )

    return opened


def recipe_of(git: GitIn, commit: str, **more: object) -> Recipe:
    tree = git.id(f"{commit}^{{tree}}")
    return Recipe(**{"commit": Oid(commit), "tree": Oid(tree), "control": Oid(commit)} | more)  # type: ignore[arg-type]


def git_dirs(git: GitIn) -> Iterator[Path]:
    """The repository and those of its submodules."""
    yield git.path / ".git"
    for head in sorted((git.path / ".git" / "modules").rglob("HEAD")):
        if (head.parent / "objects").is_dir():
            yield head.parent


def seen_by_user(git: GitIn) -> list[str]:
    """All that the user's plain git shows."""
    return [
        git("status", "--porcelain=v2", "--branch", "--ignored"),
        git("submodule", "status", "--recursive"),
        git("for-each-ref"),
        *((folder / "config").read_text() for folder in git_dirs(git)),
    ]


def test_each_arm_has_the_commit_it_records_and_the_users_own_stays(
    project: Project, arm: Open
) -> None:
    before = seen_by_user(project.git)

    with arm(project.control) as control, arm(project.treatment) as treatment:
        assert (control.path / "vendor/lib/lib.txt").read_text() == "one\n"
        assert (treatment.path / "vendor/lib/lib.txt").read_text() == "two\n"
        for checkout in (control, treatment):
            assert (checkout.path / "vendor/lib/in/deep/deep.txt").read_text() == "deep\n"
            inside = GitIn(checkout.path)
            assert inside("status", "--porcelain") == ""
            assert inside("submodule", "status", "--recursive").startswith(" ")

    assert seen_by_user(project.git) == before


def test_a_ready_checkout_is_reused_with_its_submodules(project: Project, arm: Open) -> None:
    with arm(project.control) as first:
        (first.path / "vendor/lib/built.o").write_text("object code")

    with arm(project.control) as second:
        assert (second.path / "vendor/lib/built.o").exists()


def edit(inside: GitIn) -> None:
    inside.write(f"{inside.path.name}.txt", "changed by a trial\n")


def move(inside: GitIn) -> None:
    inside.commit("a trial commits")


def unlink(inside: GitIn) -> None:
    (inside.path / ".git").unlink()


def prune(inside: GitIn) -> None:
    moved = inside.path.with_name("elsewhere")
    inside.path.rename(moved)
    GitIn(moved)("--git-dir", inside_git_dir(moved), "worktree", "prune")
    moved.rename(inside.path)


def inside_git_dir(folder: Path) -> str:
    admin = Path((folder / ".git").read_text().removeprefix("gitdir: ").strip())
    return str(admin.parents[1])


@pytest.mark.parametrize("damage", [edit, move, unlink, prune])
@pytest.mark.parametrize("path", ["vendor/lib", "vendor/lib/in/deep"])
def test_a_checkout_whose_submodule_changed_is_made_anew(
    project: Project, arm: Open, damage: Callable[[GitIn], None], path: str
) -> None:
    with arm(project.control) as first:
        file = first.path / path / f"{Path(path).name}.txt"
        expected = file.read_text()
    damage(GitIn(first.path / path))

    with arm(project.control) as second:
        inside = GitIn(second.path)
        assert second == first
        assert file.read_text() == expected
        assert inside("status", "--porcelain") == ""
        assert GitIn(second.path / path)("rev-parse", "--show-toplevel") == str(second.path / path)


def deinit(git: GitIn) -> None:
    git("submodule", "--quiet", "deinit", "vendor/lib")


def deactivate(git: GitIn) -> None:
    git("config", "submodule.vendor/lib.active", "false")


def leave_out(git: GitIn) -> None:
    git("config", "--unset", "submodule.vendor/lib.active")
    git("config", "submodule.active", ":(exclude)vendor")
    git("config", "--add", "submodule.active", "README")


@pytest.mark.parametrize("leave", [deinit, deactivate, leave_out])
def test_one_the_user_does_not_have_stays_empty(
    project: Project, arm: Open, leave: Callable[[GitIn], None]
) -> None:
    leave(project.git)

    with arm(project.control) as made:
        assert list((made.path / "vendor/lib").iterdir()) == []


def test_one_that_pathspecs_make_active_is_populated(project: Project, arm: Open) -> None:
    project.git("config", "--remove-section", "submodule.vendor/lib")
    project.git("config", "submodule.active", "vendor/*")

    with arm(project.control) as made:
        assert (made.path / "vendor/lib/lib.txt").exists()


def test_a_clone_without_submodules_has_arms_without_and_gets_them_later(
    project: Project, tmp_path: Path, launcher: Launcher
) -> None:
    clone = GitIn(tmp_path / "clone")
    project.git("clone", "--quiet", ".", str(clone.path))
    clone("remote", "set-url", "origin", str(project.git.path))
    recipe = recipe_of(clone, project.treatment)

    def listing() -> list[str]:
        opened = project.worktrees(clone.path).checkout(
            EXP, recipe, launcher=launcher, env=os.environ
        )
        with opened as made:
            return sorted(p.name for p in (made.path / "vendor/lib").iterdir())

    assert listing() == []
    clone("config", "submodule.vendor/lib.url", str(project.lib.path))
    clone(*BY_FILE, "submodule", "--quiet", "update", "--init")
    assert listing() == [".git", ".gitmodules", "in", "lib.txt"]


def test_a_users_worktree_without_submodules_has_arms_without(
    project: Project, tmp_path: Path, launcher: Launcher
) -> None:
    project.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "second"))
    opened = project.worktrees(tmp_path / "second").checkout(
        EXP, recipe_of(project.git, project.control), launcher=launcher, env=os.environ
    )

    with opened as made:
        assert list((made.path / "vendor/lib").iterdir()) == []


def test_an_old_one_with_its_git_dir_inside_is_populated(project: Project, arm: Open) -> None:
    folder = project.git.path / "vendor/lib"
    (folder / ".git").unlink()
    (project.git.path / ".git/modules/vendor/lib").rename(folder / ".git")
    project.git("config", "--file", str(folder / ".git/config"), "--unset", "core.worktree")
    nested = folder / ".git/modules/in/deep"
    (folder / "in/deep/.git").write_text(f"gitdir: {nested}\n")
    project.git("config", "--file", str(nested / "config"), "core.worktree", f"{folder}/in/deep")
    before = seen_by_user(project.git)

    with arm(project.control) as made:
        assert (made.path / "vendor/lib/lib.txt").read_text() == "one\n"
        assert (made.path / "vendor/lib/in/deep/deep.txt").exists()

    assert seen_by_user(project.git) == before
    project.worktrees().remove_all(EXP)
    assert not (folder / ".git/worktrees").exists()


def test_a_repository_inside_that_gitmodules_does_not_know_is_populated(
    git: GitIn, launcher: Launcher
) -> None:
    inner = GitIn(git.path / "inner")
    inner.path.mkdir()
    inner("init", "--quiet")
    inner.commit("Begin", {"inner.txt": "1\n"})
    commit = git.commit("Embed")
    project = Project(git=git, lib=inner, control=commit, treatment=commit)

    opened = project.worktrees().checkout(
        EXP, recipe_of(git, commit), launcher=launcher, env=os.environ
    )
    with opened as made:
        assert (made.path / "inner/inner.txt").read_text() == "1\n"


def test_it_needs_no_checkout_of_the_users(project: Project, arm: Open) -> None:
    """The user stands where the submodule does not exist, and has cleared it away."""
    project.git("switch", "--quiet", "--orphan", "empty")
    shutil.rmtree(project.git.path / "vendor", ignore_errors=True)
    project.git("commit", "--quiet", "--allow-empty", "-m", "Nothing")

    with arm(project.control) as made:
        assert (made.path / "vendor/lib/lib.txt").read_text() == "one\n"
        assert (made.path / "vendor/lib/in/deep/deep.txt").exists()
    project.worktrees().remove_all(EXP)
    assert all(not (folder / "worktrees").exists() for folder in git_dirs(project.git))


# --- arms that differ -----------------------------------------------------------------------


def test_one_that_only_one_arm_has(project: Project, arm: Open) -> None:
    project.git("rm", "--quiet", "-f", "vendor/lib")
    without = project.git.commit("Write it ourselves", {"vendor/lib/lib.txt": "own\n"})

    with arm(project.treatment) as control, arm(without) as treatment:
        assert (control.path / "vendor/lib/.git").is_file()
        assert not (treatment.path / "vendor/lib/.git").exists()
        assert (treatment.path / "vendor/lib/lib.txt").read_text() == "own\n"


def test_one_that_the_treatment_moved(project: Project, arm: Open) -> None:
    project.git("mv", "vendor/lib", "library")
    moved = project.git.commit("Move it")

    with arm(project.treatment) as control, arm(moved) as treatment:
        assert (control.path / "vendor/lib/lib.txt").read_text() == "two\n"
        assert (treatment.path / "library/lib.txt").read_text() == "two\n"
        assert (treatment.path / "library/in/deep/deep.txt").exists()


@pytest.mark.parametrize("harness", ["vendor/lib", "vendor"])
@pytest.mark.parametrize("change", ["commit", "folder"])
def test_a_harness_that_is_a_submodule_comes_from_control(
    project: Project, arm: Open, harness: str, change: str
) -> None:
    treatment = project.treatment
    if change == "folder":
        project.git("rm", "--quiet", "--cached", "vendor/lib")
        shutil.rmtree(project.git.path / "vendor/lib")
        treatment = project.git.commit("Cheat", {"vendor/lib/lib.txt": "cheat\n"})
    project.git("checkout", "--quiet", treatment)
    listing = project.git("ls-tree", "-r", project.control, "vendor").split()
    project.git("rm", "--quiet", "-r", "--cached", "vendor")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{listing[2]},vendor/lib")
    tree = project.git("write-tree")

    with arm(treatment, tree=Oid(tree), control=Oid(project.control), harness=(harness,)) as made:
        assert (made.path / "vendor/lib/lib.txt").read_text() == "one\n"


# --- refusals -------------------------------------------------------------------------------


def test_a_commit_that_is_not_here_is_refused_with_the_way_to_get_it(
    project: Project, arm: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.lib("switch", "--quiet", "faster")
    newest = project.lib.commit("Faster still", {"lib.txt": "three\n"})
    project.git("update-index", "--cacheinfo", f"160000,{newest},vendor/lib")
    project.git("commit", "--quiet", "-m", "Use the newest")
    commit = project.git.id("HEAD")
    (project.git.path / "docs").mkdir()
    monkeypatch.chdir(project.git.path / "docs")

    with pytest.raises(Refused, match=f"'vendor/lib' is to be at {newest[:12]}") as caught:
        arm(commit).__enter__()

    hint = caught.value.hint
    assert hint == "git -C ../vendor/lib fetch"
    GitIn(project.git.path / "docs")(*hint.split()[1:])
    with arm(commit) as made:
        assert (made.path / "vendor/lib/lib.txt").read_text() == "three\n"


@pytest.mark.parametrize("name", ["../../../escape", "a/../../b"])
def test_a_name_that_leads_outside_is_refused(project: Project, arm: Open, name: str) -> None:
    outside = project.git.path / ".git" / "modules" / name
    shutil.copytree(project.git.path / ".git/modules/vendor/lib", outside, dirs_exist_ok=True)
    modules = project.git.path / ".gitmodules"
    modules.write_text(modules.read_text().replace('"vendor/lib"', f'"{name}"'))
    commit = project.git.commit("Escape")

    with pytest.raises(Refused, match="leads outside") as caught:
        arm(commit).__enter__()

    assert not (outside / "worktrees").exists()
    command = caught.value.hint.partition(": git ")[2]
    project.git(*command.replace("'", "").split())
    with arm(project.git.commit("Mend")) as made:
        assert (made.path / "vendor/lib/lib.txt").exists()


def test_an_absolute_name_stays_inside(project: Project, arm: Open, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    shutil.copytree(project.git.path / ".git/modules/vendor/lib", secret)
    modules = project.git.path / ".gitmodules"
    modules.write_text(modules.read_text().replace('"vendor/lib"', f'"{secret}"'))
    commit = project.git.commit("Escape")
    project.git("config", f"submodule.{secret}.url", "x")

    with arm(commit) as made:
        assert made.path.exists()

    assert not (secret / "worktrees").exists()


def test_a_link_of_the_users_leads_nowhere(git: GitIn, launcher: Launcher, tmp_path: Path) -> None:
    """`lib/inner` is a submodule of the arm; in the user's checkout `lib` leads elsewhere."""
    private = GitIn(tmp_path / "elsewhere" / "inner")
    private.path.mkdir(parents=True)
    private("init", "--quiet")
    secret = private.commit("Private", {"secret.txt": "x\n"})
    git("update-index", "--add", "--cacheinfo", f"160000,{secret},lib/inner")
    git("commit", "--quiet", "-m", "Name it")
    commit = git.id("HEAD")
    git("reset", "--quiet", "--hard", "HEAD^")
    (git.path / "lib").symlink_to(tmp_path / "elsewhere")
    project = Project(git=git, lib=private, control=commit, treatment=commit)

    opened = project.worktrees().checkout(
        EXP, recipe_of(git, commit), launcher=launcher, env=os.environ
    )
    with opened as made:
        assert list((made.path / "lib/inner").iterdir()) == []


def test_a_link_on_the_way_is_refused(project: Project, tmp_path: Path) -> None:
    """Where names differ by case alone, a commit can put a link in a submodule's way."""
    arm, outside = tmp_path / "arm", tmp_path / "outside"
    project.git("worktree", "add", "--quiet", "--detach", str(arm), project.control)
    shutil.rmtree(arm / "vendor")
    (outside / "lib").mkdir(parents=True)
    (arm / "vendor").symlink_to(outside)
    user = Place(top=project.git.path, git_dir=project.git.path / ".git")

    with pytest.raises(Refused, match="'vendor/lib' leads through a link"):
        populate(QuietGit(Git.open(project.git.path), arm), user)

    assert list((outside / "lib").iterdir()) == []


def test_unreadable_gitmodules_are_refused(project: Project, arm: Open) -> None:
    commit = project.git("hash-object", "-w", "--stdin", stdin="[submodule\n")
    project.git("update-index", "--cacheinfo", f"100644,{commit},.gitmodules")
    project.git("commit", "--quiet", "-m", "Break it")

    with pytest.raises(Refused, match=r"cannot read \.gitmodules: bad config line 1"):
        arm(project.git.id("HEAD")).__enter__()


# --- removal --------------------------------------------------------------------------------


def nothing(_project: Project, _path: Path) -> None:
    pass


def folder_by_hand(_project: Project, path: Path) -> None:
    shutil.rmtree(path)


def cache_by_hand(project: Project, _path: Path) -> None:
    shutil.rmtree(project.worktrees().root)


def locked(_project: Project, path: Path) -> None:
    GitIn(path / "vendor/lib")("worktree", "lock", ".")


def half_built(_project: Project, path: Path) -> None:
    path.with_name(f"{path.name}.json").unlink()


@pytest.mark.parametrize("before", [nothing, folder_by_hand, cache_by_hand, locked, half_built])
def test_removing_an_experiment_leaves_nothing_of_ours_and_all_of_the_users(
    project: Project, arm: Open, tmp_path: Path, before: Callable[[Project, Path], None]
) -> None:
    users = tmp_path / "users"
    lib = GitIn(project.git.path / "vendor/lib")
    lib("worktree", "add", "--quiet", "--detach", str(users))
    shutil.rmtree(users)  # as if its drive were not mounted
    seen = seen_by_user(project.git)
    with ExitStack() as stack:
        path = stack.enter_context(arm(project.control)).path
        stack.enter_context(arm(project.treatment))
    assert lib("worktree", "list", "--porcelain").count("worktree ") == 4
    before(project, path)

    project.worktrees().remove_all(EXP)

    assert [Path(p).name for p in lib("worktree", "list").split() if p.startswith("/")] == [
        "lib",
        "users",
    ]
    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 1
    deep = GitIn(project.git.path / "vendor/lib/in/deep")
    assert deep("worktree", "list", "--porcelain").count("worktree ") == 1
    assert seen_by_user(project.git) == seen


def test_the_submodules_repository_may_be_gone(project: Project, arm: Open) -> None:
    with arm(project.control):
        pass
    project.git("submodule", "--quiet", "deinit", "--force", "vendor/lib")
    shutil.rmtree(project.git.path / ".git/modules")

    project.worktrees().remove_all(EXP)

    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 1
