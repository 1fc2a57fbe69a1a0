"""What a command imports is what a user waits for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.cli.main import COMMANDS
from tests.support import GitExp, GitIn

ROOT = Path(__file__).parents[1]
SLOW = frozenset({"pygit2", "numpy", "scipy", "tabulate"})
NUMERIC = frozenset({"numpy", "scipy"})

# what each of these runs in a repository that holds the experiment 'trim'
WITHOUT_NUMBERS = {
    "assign": ["assign", "trim"],
    "init": ["init"],
    "status": ["status"],
    "record": ["record", "trim", "--arm", "treatment", "-m", "time=1.5", "--block", "1"],
    "import": [
        *("import", "trim", "--arm", "treatment", "--block", "1"),
        str(ROOT / "tests" / "formats" / "files" / "hyperfine-one.json"),
    ],
    "show": ["show", "trim"],
    "log": ["log", "trim"],
    "export": ["export", "trim", "--format", "csv"],
    "trust": ["trust", "trim", "--yes"],
    "rollback": ["rollback", "trim", "--yes"],
    "restore": ["restore", "trim"],
    "hooks": ["hooks", "install"],
    "doctor": ["doctor"],
}

REPORT = "import json, sys; print(json.dumps(sorted(sys.modules)), file=sys.__stderr__)"


def imported(code: str, cwd: Path | None = None) -> set[str]:
    """The modules a fresh interpreter holds after this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def running(*args: str) -> str:
    return f"from gitexp.cli.main import main\nmain({list(args)!r})"


def succeeding(*args: str) -> str:
    return f"from gitexp.cli.main import main\nassert main({list(args)!r}) == 0"


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("gitexp.cli.")}


def test_the_package_alone_imports_nothing() -> None:
    assert imported("import gitexp") - imported("") == {"gitexp"}


@pytest.mark.parametrize("args", [["-h"], ["--version"], ["--bogus"], ["no-such-command"]])
def test_help_version_and_usage_errors_import_click_alone(args: list[str]) -> None:
    modules = imported(running(*args))

    assert "click" in modules
    assert not modules & SLOW
    assert ours(modules) == {"gitexp.cli.main", "gitexp.cli.failures"}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--bogus"])
def test_help_and_usage_errors_of_a_command_import_none_of_the_others(
    name: str, option: str
) -> None:
    modules = imported(running(name, option))

    assert not modules & SLOW
    others = {entry.target.partition(":")[0] for other, entry in COMMANDS.items() if other != name}
    assert not modules & others


@pytest.mark.parametrize("name", WITHOUT_NUMBERS)
def test_what_decides_nothing_needs_no_numbers(
    name: str, repo: Path, git: GitIn, git_exp: GitExp
) -> None:
    git_exp(
        "create", "--id", "trim", "--hypothesis", "trimming makes work.sh 10% faster",
        "--run", "sh work.sh",
    )  # fmt: skip
    git.commit("Trim", {"src/lib.txt": "one\n"})
    if name == "restore":
        git_exp("rollback", "trim", "--yes")

    modules = imported(succeeding(*WITHOUT_NUMBERS[name]), cwd=repo)

    assert not modules & NUMERIC


def using(*args: str) -> str:
    """Code that runs `exec` with a command that says what was imported when it was started."""
    return (
        "import sys\n"
        f"sys.argv = ['git-exp', 'exec', *{list(args)!r}]\n"
        "from gitexp.live import child\n"
        "run = child.run\n"
        "def watched(*args, **options):\n"
        "    import json\n"
        "    print(json.dumps(sorted(before)), file=sys.__stderr__)\n"
        "    return run(*args, **options)\n"
        "def first(*args, **options):\n"
        "    global before\n"
        "    before = set(sys.modules)\n"
        "    return watched(*args, **options)\n"
        "child.run = first\n"
        "from gitexp.entry import main\n"
        "assert main() == 0\n"
    )


def test_a_use_imports_next_to_nothing_before_its_command_and_no_numbers_after(
    repo: Path, git: GitIn, git_exp: GitExp
) -> None:
    git_exp("create", "--id", "trim", "--hypothesis", "trimming makes work.sh 10% faster")
    git.commit("Trim", {"src/lib.txt": "one\n"})
    for _ in range(2):  # one that has to prepare a lane, and one that finds it
        done = subprocess.run(
            [sys.executable, "-c", f"{using('trim', '--', './work.sh')}\n{REPORT}"],
            cwd=repo,
            capture_output=True,
            text=True,
            check=True,
        )
        before, after = map(set, map(json.loads, done.stderr.splitlines()))
        assert not before & {*SLOW, "click", "subprocess", "dataclasses", "pathlib", "typing"}
        assert {name for name in before if name.startswith("gitexp")} == {
            "gitexp", "gitexp.entry", "gitexp.cli", "gitexp.cli.use", "gitexp.live",
            "gitexp.live.child", "gitexp.live.draws", "gitexp.live.files", "gitexp.live.lane",
            "gitexp.live.places", "gitexp.live.processes", "gitexp.live.quick_git",
            "gitexp.live.sha256", "gitexp.live.slots", "gitexp.runner", "gitexp.runner.variables",
        }  # fmt: skip
        assert not after & {*NUMERIC, "click"}


def test_pygit2_and_processes_live_where_the_map_says() -> None:
    allowed = {
        "pygit2": {"gitexp/store/repository.py"},
        "subprocess": {"gitexp/store/git.py", "gitexp/runner/process.py"},
    }
    found: dict[str, set[str]] = {name: set() for name in allowed}
    for path in sorted((ROOT / "gitexp").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in {name.partition(".")[0] for name in names} & allowed.keys():
                found[name].add(str(path.relative_to(ROOT)))

    assert found == allowed
