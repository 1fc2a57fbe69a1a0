"""Where text leaves the program: the few places that print, and the few that start processes.

What comes out there is filtered in one place each. A new `print`, or a process started elsewhere,
would pass the filters by; so the places are listed, and each is held to its rule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gitexp

ROOT = Path(gitexp.__file__).parent

PRINTING = {
    "cli/output.py": "what views became: pages of `render`, which cleans every text it is given",
    "cli/progress.py": "a line of `render.progress`",
    "cli/failures.py": "errors, cleaned",
    "cli/hook_runs.py": "lines of hooks, cleaned",
    "cli/demo.py": "the program's own words and commands",
    "cli/main.py": "forgets what cannot be printed, and a bug's traceback",
    "cli/use.py": "warnings of exec, made safe character by character",
}
STARTING = {
    "store/git.py": "git; by name, and arguments that no shell sees",
    "live/quick_git.py": "git, where `subprocess` would take too long to load",
    "runner/process.py": "the launcher",
    "runner/launcher.py": "what is measured, what sets checkouts up, what is handed alerts",
    "live/child.py": "the command of a real use",
}
_STARTERS = {"Popen", "run", "call", "check_call", "check_output", "system", "popen", "execvp"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def named(node: ast.expr) -> str:
    """`a.b.c` of a chain of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = named(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def prints(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = named(node.func)
            if name in ("print", "click.echo", "click.secho", "traceback.print_exception"):
                return True
            is_stream = node.args and getattr(node.args[0], "value", None) in (1, 2)
            if name == "os.write" and is_stream:
                return True
        if isinstance(node, ast.Attribute) and named(node) in ("sys.stdout", "sys.stderr"):
            return True
    return False


def starts(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            owner, _, name = named(node.func).rpartition(".")
            if owner == "subprocess" and name in _STARTERS:
                return True
            if owner == "os" and (
                name in _STARTERS or name.startswith(("exec", "spawn", "posix_spawn"))
            ):
                return True
    return False


def test_text_is_printed_in_these_places_only() -> None:
    assert {name for name, tree in modules() if prints(tree)} == {*PRINTING}


def test_processes_are_started_in_these_places_only() -> None:
    assert {name for name, tree in modules() if starts(tree)} == {*STARTING}


def test_no_process_is_started_through_a_shell_of_pythons() -> None:
    keywords = {
        (name, node.arg)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
    }
    assert not {name for name, arg in keywords if arg == "shell"}


def test_failures_and_hooks_clean_what_they_print() -> None:
    for name in ("cli/failures.py", "cli/hook_runs.py"):
        tree = ast.parse((ROOT / name).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and named(node.func) == "print":
                for value in ast.walk(node):
                    if isinstance(value, ast.FormattedValue):
                        assert isinstance(value.value, ast.Call), ast.unparse(node)
                        assert named(value.value.func) == "clean", ast.unparse(node)
