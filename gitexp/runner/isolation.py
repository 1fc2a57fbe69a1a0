"""What would make both arms run the user's checkout instead of their own.

Found by reading files alone, no process is started:

* a variable with search paths (PYTHONPATH, NODE_PATH, …) that holds a folder of the checkout;
* a command that names a committed file of the checkout by its absolute path, or finds it on PATH;
* an editable install in the Python installations the command would use;
* with `--link`: a package in node_modules that is itself a link back into the checkout, and a
  virtual environment with an editable install.

A virtual environment inside the checkout is no finding by itself: what it holds are dependencies.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gitexp.runner.process import find_program

PATH_VARIABLES = (
    "PYTHONPATH", "PYTHONHOME", "NODE_PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES", "PERL5LIB", "RUBYLIB", "BUNDLE_GEMFILE", "CLASSPATH", "GOWORK",
    "LUA_PATH", "LUA_CPATH", "JULIA_LOAD_PATH", "R_LIBS", "R_LIBS_USER", "CPATH",
    "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "PKG_CONFIG_PATH",
    "CMAKE_PREFIX_PATH", "CARGO_TARGET_DIR",
)  # fmt: skip
"""Variables that hold paths, separated by ':' or ';'."""
FLAG_VARIABLES = (
    "NODE_OPTIONS", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "GOFLAGS", "MAKEFILES",
)  # fmt: skip
"""Variables that hold options, some with paths."""

_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?\Z|pypy\d?\Z")
_QUOTED_PATH = re.compile(r"""['"](/[^'"\n]+)['"]""")
_OWN_VENV = (
    "give each arm its own installation: "
    "--setup 'python -m venv .venv && .venv/bin/pip install -e .' and --run '.venv/bin/python …'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One thing that both arms would take from the user's checkout.

    Attributes:
        what: Short, as in 'PYTHONPATH' or "an editable install of 'parser'".
        where: The path that leads into the checkout, or the file that says so.
        advice: One thing to do.
    """

    what: str
    where: str
    advice: str


def shared(
    command: str,
    *,
    user_checkout: Path,
    arm_checkout: Path,
    env: Mapping[str, str],
    links: Sequence[str] = (),
) -> tuple[Shared, ...]:
    """Everything found that would make both arms run the same code, without duplicates.

    Args:
        user_checkout: Top of the user's checkout.
        arm_checkout: The checkout of either arm, where the command would run.
        env: The command's environment.
        links: The plan's `--link` paths.
    """
    top = user_checkout.resolve()
    words = _words(command)
    pythons = [
        *_pythons(words, arm_checkout=arm_checkout, path=env.get("PATH", ""), env=env),
        *(top / link / "bin" / "python" for link in links if _is_venv(top / link)),
    ]
    found = [
        *_variables(env, top),
        *_programs(words, top, arm_checkout=arm_checkout, path=env.get("PATH", "")),
        *_editable_installs(pythons, top, home=env.get("HOME")),
        *_linked_packages(links, top),
    ]
    return tuple(dict.fromkeys(found))


def _is_inside(path: Path | str, top: Path) -> bool:
    """Whether the absolute path is the checkout or below it, links followed."""
    return Path(path).is_absolute() and Path(path).resolve().is_relative_to(top)


def _is_dependency(path: Path, top: Path) -> bool:
    """Whether the path lies in a virtual environment or in node_modules of the checkout."""
    above = [folder for folder in (path, *path.parents) if folder.is_relative_to(top)]
    return any(folder.name == "node_modules" or _is_venv(folder) for folder in above)


def _variables(env: Mapping[str, str], top: Path) -> Iterator[Shared]:
    entries = [(name, entry) for name in PATH_VARIABLES for entry in _paths(env.get(name, ""))]
    entries += [(name, entry) for name in FLAG_VARIABLES for entry in _flags(env.get(name, ""))]
    for name, entry in entries:
        if _is_inside(entry, top) and not _is_dependency(Path(entry).resolve(), top):
            advice = f"run it without: env -u {name} git exp run"
            yield Shared(what=name, where=entry, advice=advice)


def _paths(value: str) -> list[str]:
    return re.split(r"[:;]", value)


def _flags(value: str) -> list[str]:
    """The paths in options such as `-I/x`, `-modfile=/x`, `--require /x`, `-javaagent:/x`."""
    return [re.sub(r"^-\w*(?=/)", "", word) for word in re.split(r"[:;,=\s]", value)]


def _words(command: str) -> tuple[str, ...]:
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        return tuple(lexer)
    except ValueError:  # an open quote; the shell will say so
        return tuple(command.split())


def _programs(
    words: Sequence[str], top: Path, *, arm_checkout: Path, path: str
) -> Iterator[Shared]:
    """Committed files of the checkout that the command reaches from anywhere."""
    ends = (word.rpartition("=")[2] for word in words)
    files = [Path(end) for end in ends if end.startswith("/")]
    if words and "/" not in words[0]:
        files += filter(None, [find_program(words[0], cwd=arm_checkout, path=path)])
    for file in files:
        place = file.parent.resolve() / file.name
        if not place.is_relative_to(top):
            continue
        twin = arm_checkout / place.relative_to(top)
        if twin.exists() and not _is_linked(twin, arm_checkout):
            name = place.relative_to(top)
            advice = f"name it relative to the top, where the command runs: ./{name}"
            yield Shared(what="the command", where=str(file), advice=advice)


def _is_linked(path: Path, arm_checkout: Path) -> bool:
    return not path.resolve().is_relative_to(arm_checkout.resolve())


def _pythons(
    words: Sequence[str], *, arm_checkout: Path, path: str, env: Mapping[str, str]
) -> Iterator[Path]:
    """Interpreters the command may use: named, behind a script, or first on PATH."""
    for word in (*words, "python3", "python"):
        program = find_program(word, cwd=arm_checkout, path=path)
        if program is None:
            continue
        if _PYTHON.match(program.name):
            yield program
        elif interpreter := _interpreter(program, path=path):
            yield interpreter
    if venv := env.get("VIRTUAL_ENV"):
        yield Path(venv) / "bin" / "python"


def _interpreter(script: Path, *, path: str) -> Path | None:
    """The Python in a script's first line."""
    try:
        with script.open("rb") as file:
            first = file.readline(512).decode(errors="replace")
    except OSError:
        return None
    if not first.startswith("#!"):
        return None
    for word in first[2:].split():
        if _PYTHON.match(Path(word).name):
            return find_program(word, cwd=Path("/"), path=path)
    return None


def _is_venv(prefix: Path) -> bool:
    return (prefix / "pyvenv.cfg").is_file()


def _editable_installs(pythons: Sequence[Path], top: Path, *, home: str | None) -> Iterator[Shared]:
    folders = {folder for python in pythons for folder in _site_packages(python, home=home)}
    for folder, prefix in sorted(folders):
        names = sorted(
            {name for name, path in _installed_from(folder) if _leads(path, top, prefix)}
        )
        if names:
            yield Shared(
                what=f"an editable install of {', '.join(repr(name) for name in names)}",
                where=str(folder),
                advice=_OWN_VENV,
            )


def _leads(path: Path, top: Path, prefix: Path) -> bool:
    """Whether a path leads into the checkout, and not just into a venv that lies there."""
    return _is_inside(path, top) and not _is_inside(path, prefix.resolve())


def _site_packages(python: Path, *, home: str | None) -> Iterator[tuple[Path, Path]]:
    """The folders a Python takes packages from, each with its prefix."""
    prefix = python.parent.parent
    prefixes = [prefix]
    if not _is_venv(prefix) or _sees_system(prefix):
        prefixes += [python.resolve().parent.parent, *([Path(home) / ".local"] if home else [])]
    version = re.search(r"python(\d\.\d+)\Z", python.resolve().name)
    pattern = f"python{version[1]}" if version else "python3*"
    for root in prefixes:
        for lib in ("lib", "lib64"):
            for name in ("site-packages", "dist-packages"):
                for folder in (root / lib).glob(f"{pattern}/{name}"):
                    yield folder.resolve(), root
        if (shared_by_all := root / "lib" / "python3" / "dist-packages").is_dir():
            yield shared_by_all.resolve(), root


def _sees_system(venv: Path) -> bool:
    text = _text(venv / "pyvenv.cfg")
    return bool(re.search(r"include-system-site-packages\s*=\s*true", text, re.IGNORECASE))


def _installed_from(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names of packages that are installed from somewhere else, each with a path there."""
    for file in folder.glob("*.dist-info/direct_url.json"):
        if path := _editable_url(_text(file)):
            yield _package(file.parent.name), path
    for file in folder.glob("__editable__*_finder.py"):
        for path_text in _QUOTED_PATH.findall(_text(file)):
            yield _package(file.stem.removesuffix("_finder")), Path(path_text)
    for file in folder.glob("*.pth"):
        for line in _text(file).splitlines():
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                yield _package(file.stem), folder / line.strip()
    for file in folder.glob("*.egg-link"):
        if lines := _text(file).splitlines():
            yield _package(file.stem), Path(lines[0].strip())


def _package(name: str) -> str:
    """The package's name in `name-1.0.dist-info`, `__editable___name_1_0`, `_name`, …"""
    bare = name.removeprefix("__editable__").removeprefix("_editable_impl_").lstrip("._")
    return re.split(r"-\d|_\d|\.dist", bare)[0]


def _editable_url(text: str) -> Path | None:
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    match entry:
        case {"url": str(url), "dir_info": {"editable": True}} if url.startswith("file:"):
            return Path(unquote(urlsplit(url).path))
        case _:
            return None


def _linked_packages(links: Sequence[str], top: Path) -> Iterator[Shared]:
    """Packages in a linked node_modules that are links back into the checkout."""
    for link in links:
        folder = top / link
        if folder.name != "node_modules" or not folder.is_dir():
            continue
        for package in sorted([*folder.glob("[!@.]*"), *folder.glob("@*/*")]):
            if package.is_symlink() and _leads(package, top, folder):
                yield Shared(
                    what=f"the package '{package.relative_to(folder)}' in node_modules",
                    where=str(package.resolve()),
                    advice="install in each arm instead of --link: --setup 'npm ci'",
                )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
