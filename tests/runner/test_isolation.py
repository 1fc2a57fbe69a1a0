"""What would make both arms run the user's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.runner.isolation import Shared, shared

Find = Callable[..., tuple[Shared, ...]]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The user's checkout, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    (folder / "src").mkdir(parents=True)
    (folder / "bench.py").write_text("print(1)\n")
    return folder


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    folder = tmp_path / "cache" / "0123456789ab"
    (folder / "src").mkdir(parents=True)
    (folder / "bench.py").write_text("print(1)\n")
    return folder


@pytest.fixture
def find(mine: Path, arm: Path) -> Find:
    def find_it(
        command: str = "true", *, links: tuple[str, ...] = (), **env: str
    ) -> tuple[Shared, ...]:
        return shared(
            command,
            user_checkout=mine,
            arm_checkout=arm,
            env={"PATH": "/nowhere", **env},
            links=links,
        )

    return find_it


def venv(prefix: Path) -> Path:
    """A virtual environment made of files; its site-packages."""
    (prefix / "bin").mkdir(parents=True)
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\n")
    python = prefix / "bin" / "python"
    python.write_text("")
    python.chmod(0o755)
    packages = prefix / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "distutils-precedence.pth").write_text("import os; os.getcwd()\n")
    return packages


def direct_url(packages: Path, path: Path, *, editable: bool = True) -> None:
    folder = packages / "parser-1.0.dist-info"
    folder.mkdir()
    entry = {"url": path.as_uri(), "dir_info": {"editable": editable} if editable else {}}
    (folder / "direct_url.json").write_text(json.dumps(entry))


def test_nothing_is_found_where_nothing_is_shared(find: Find) -> None:
    assert find("python bench.py", PYTHONPATH="src:/elsewhere:", HOME="/nowhere") == ()


@pytest.mark.parametrize("name", ["PYTHONPATH", "NODE_PATH", "LD_LIBRARY_PATH", "PERL5LIB"])
def test_a_path_variable_that_leads_into_the_checkout_is_named(
    find: Find, mine: Path, name: str
) -> None:
    (found,) = find(**{name: f"/elsewhere:{mine}/src:"})

    assert (found.what, found.where) == (name, f"{mine}/src")
    assert f"env -u {name}" in found.advice


def test_a_link_that_leads_into_the_checkout_is_followed(
    find: Find, mine: Path, tmp_path: Path
) -> None:
    (tmp_path / "alias").symlink_to(mine)

    assert len(find(PYTHONPATH=f"{tmp_path}/alias/src")) == 1


def test_a_neighbour_with_a_similar_name_is_no_finding(find: Find, mine: Path) -> None:
    assert find(PYTHONPATH=f"{mine}-2/src:{mine.parent}") == ()


def test_flags_may_hold_paths(tmp_path: Path, arm: Path) -> None:
    top = tmp_path / "project"
    (top / "lib").mkdir(parents=True)
    env = {"GOFLAGS": f"-mod=mod -modfile={top}/go.mod", "PERL5OPT": f"-I{top}/lib", "PATH": ""}

    found = shared("true", user_checkout=top, arm_checkout=arm, env=env)

    assert [(one.what, one.where) for one in found] == [
        ("PERL5OPT", f"{top}/lib"),
        ("GOFLAGS", f"{top}/go.mod"),
    ]


def test_dependencies_in_the_checkout_are_no_finding(find: Find, mine: Path) -> None:
    packages = venv(mine / ".venv")

    assert find(PYTHONPATH=str(packages), NODE_PATH=f"{mine}/node_modules") == ()


def test_a_command_that_names_a_committed_file_from_outside_is_found(
    find: Find, mine: Path
) -> None:
    found = find(f"python '{mine}/bench.py' --fast")

    assert [one.where for one in found] == [f"{mine}/bench.py"]
    assert "./bench.py" in found[0].advice


def test_going_to_the_checkout_first_is_found(find: Find, mine: Path) -> None:
    assert len(find(f"cd '{mine}' && make")) == 1


def test_an_ignored_file_named_from_outside_is_no_finding(find: Find, mine: Path) -> None:
    (mine / "data.csv").write_text("1\n")

    assert find(f"python bench.py '{mine}/data.csv'") == ()


def test_a_committed_program_on_path_is_found(find: Find, mine: Path, arm: Path) -> None:
    for top in (mine, arm):
        (top / "src" / "tool").write_text("#!/bin/sh\n")
        (top / "src" / "tool").chmod(0o755)

    found = find("tool --x", PATH=f"{mine}/src")

    assert [one.where for one in found] == [f"{mine}/src/tool"]


def test_a_virtual_environment_in_the_checkout_alone_is_no_finding(find: Find, mine: Path) -> None:
    venv(mine / ".venv")

    assert find("python bench.py", PATH=f"{mine}/.venv/bin", VIRTUAL_ENV=f"{mine}/.venv") == ()


def by_direct_url(packages: Path, mine: Path) -> None:
    direct_url(packages, mine)


def by_path_line(packages: Path, mine: Path) -> None:
    (packages / "__editable__.parser-1.0.pth").write_text(f"{mine}/src\n")


def by_hatch(packages: Path, mine: Path) -> None:
    (packages / "_editable_impl_parser.pth").write_text(f"{mine}")
    direct_url(packages, mine)


def by_finder(packages: Path, mine: Path) -> None:
    (packages / "__editable__.parser-1.0.pth").write_text("import __editable___parser_1_0_finder\n")
    (packages / "__editable___parser_1_0_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'parser': '{mine}/src/parser'}}\n"
    )


def by_egg_link(packages: Path, mine: Path) -> None:
    (packages / "parser.egg-link").write_text(f"{mine}\n.")


@pytest.mark.parametrize("install", [by_direct_url, by_path_line, by_hatch, by_finder, by_egg_link])
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_an_editable_install_is_named(
    find: Find,
    mine: Path,
    tmp_path: Path,
    install: Callable[[Path, Path], None],
    place: str,
) -> None:
    prefix = mine / ".venv" if place == "inside" else tmp_path / "env"
    packages = venv(prefix)
    install(packages, mine)

    (found,) = find("python -m pytest", PATH=f"{prefix}/bin")

    assert found.what == "an editable install of 'parser'"
    assert found.where == str(packages)
    assert "--setup" in found.advice


def test_an_editable_install_is_found_behind_a_script(find: Find, mine: Path) -> None:
    packages = venv(mine / ".venv")
    by_path_line(packages, mine)
    script = mine / ".venv" / "bin" / "bench"
    script.write_text(f"#!/usr/bin/env {mine.parent}/python\n")
    (mine.parent / "python").symlink_to(mine / ".venv" / "bin" / "python")
    script.write_text("#!/usr/bin/env python\n")
    script.chmod(0o755)

    assert len(find("bench", PATH=f"{mine}/.venv/bin")) == 1


def test_other_installs_are_no_finding(find: Find, mine: Path, tmp_path: Path) -> None:
    packages = venv(tmp_path / "env")
    direct_url(packages, mine, editable=False)
    (packages / "other.pth").write_text(f"# {mine}\n\n{tmp_path}/other\n")

    assert find("python bench.py", PATH=f"{tmp_path}/env/bin") == ()


def test_an_editable_install_for_the_user_is_found_unless_a_venv_hides_it(
    find: Find, mine: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    packages = home / ".local" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    by_path_line(packages, mine)
    venv(tmp_path / "env")
    system = tmp_path / "usr" / "bin"
    system.mkdir(parents=True)
    (system / "python3.11").write_text("")
    (system / "python3.11").chmod(0o755)

    assert len(find("python3.11 x.py", PATH=str(system), HOME=str(home))) == 1
    assert find("python x.py", PATH=f"{tmp_path}/env/bin", HOME=str(home)) == ()


def test_a_linked_virtual_environment_is_looked_into(find: Find, mine: Path) -> None:
    by_path_line(venv(mine / ".venv"), mine)

    assert find("make bench") == ()
    assert len(find("make bench", links=(".venv",))) == 1


def test_a_workspace_package_in_linked_node_modules_is_named(find: Find, mine: Path) -> None:
    modules = mine / "node_modules"
    (modules / "@team").mkdir(parents=True)
    (modules / ".bin").mkdir()
    (modules / "left-pad").mkdir()
    (modules / "@team" / "core").symlink_to(mine / "src")
    (modules / "alias").symlink_to(modules / "left-pad")

    assert find("npm test") == ()
    (found,) = find("npm test", links=("node_modules",))
    assert found.what == "the package '@team/core' in node_modules"


def test_an_unreadable_command_line_is_no_error(find: Find) -> None:
    assert find("echo 'open") == ()
