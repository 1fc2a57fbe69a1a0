"""Where an option's value comes from: flag, GITEXP_*, git config exp.*, the team's .gitexp."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from gitexp.errors import GitexpError
from gitexp.store.git import Git

TEAM_FILE = ".gitexp"
TEAM_LIMIT = 64 << 10
"""Bytes of the team's file. It comes with a clone, and commands that only read read it, too."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All configured values of `exp.*`, by lower-case key without the section.

    Attributes:
        own: From git's configuration, -c included.
        team: From the tracked .gitexp: proposals when they are commands.
        team_lines: Where each of those stands last, from 1.
    """

    own: Mapping[str, tuple[str, ...]]
    team: Mapping[str, tuple[str, ...]]
    environ: Mapping[str, str]
    team_lines: Mapping[str, int]

    @staticmethod
    def of(git: Git) -> Settings:
        """What is configured here.

        Raises:
            GitexpError: if the team's file is no configuration.
        """
        own = {
            name.removeprefix("exp."): values
            for name, values in git.config.items()
            if name.startswith("exp.")
        }
        team = _team(git)
        lines = _lines(git, team) if team else {}
        return Settings(own=own, team=team, environ=os.environ, team_lines=lines)

    def value(self, name: str, flag: str | None, *, is_local: bool = False) -> str | None:
        """One option, spelled as on the command line ('max-blocks'), or None when unset.

        Args:
            is_local: Not for a file that came with a clone to say: commands, places to write to.
        """
        found = self.values(name, () if flag is None else (flag,), is_local=is_local)
        return found[-1] if found else None

    def values(
        self, name: str, flags: tuple[str, ...], *, is_local: bool = False
    ) -> tuple[str, ...]:
        """An option that may be given several times; the first source that has any counts."""
        variable = self.environ.get("GITEXP_" + name.replace("-", "_").upper())
        if flags or variable:
            return flags or (variable or "",)
        key = name.replace("-", "")
        proposed = () if is_local else self.team.get(key, ())
        return self.own.get(key) or proposed

    def origin(self, name: str, *, is_local: bool = False) -> str | None:
        """Where an option that was not typed gets its value from; None: from nowhere."""
        variable, key = "GITEXP_" + name.replace("-", "_").upper(), name.replace("-", "")
        if self.environ.get(variable):
            return variable
        if self.own.get(key):
            return f"{spelled(name)} in git's configuration"
        if self.team.get(key) and not is_local:
            line = self.team_lines.get(key)
            return f"{spelled(name)} in {TEAM_FILE}" + (f", line {line}" if line else "")
        return None

    def place(self, name: str, *, is_local: bool = False) -> str:
        """The same of an option that has a value, for a refusal."""
        return self.origin(name, is_local=is_local) or spelled(name)

    def proposals(self, **chosen: str | None) -> list[str]:
        """What the team's file would have us run, as options, where nothing else was chosen."""
        wanted = [name for name, command in chosen.items() if not command and name in self.team]
        return [f"--{name} {self.team[name][-1]!r}" for name in wanted]


def _team(git: Git) -> dict[str, tuple[str, ...]]:
    if git.top is None or not (git.top / TEAM_FILE).is_file():
        return {}
    size = (git.top / TEAM_FILE).stat().st_size
    if size > TEAM_LIMIT:
        raise GitexpError(
            f"the team's defaults cannot be read: {TEAM_FILE} has {size} bytes, and "
            f"{TEAM_LIMIT >> 10} KiB are the most",
            hint=f"keep in {TEAM_FILE} what git exp reads, and nothing else",
            code="bad-config",
        )
    answer = git.attempt("config", "--null", "--file", str(git.top / TEAM_FILE), "--list")
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise GitexpError(
            f"the team's defaults cannot be read: {said}",
            hint=f"mend it; this should work: git config --file {TEAM_FILE} --list",
            code="bad-config",
        )
    values: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, answer.stdout.decode(errors="replace").split("\0")):
        name, _, value = entry.partition("\n")
        if re.match(r"exp\.[a-z-]+\Z", name):
            key = name.removeprefix("exp.")
            values[key] = (*values.get(key, ()), value)
    return values


def spelled(name: str) -> str:
    """An option as git's configuration spells it.

    >>> spelled("max-blocks")
    'exp.maxBlocks'
    """
    first, *rest = name.split("-")
    return "exp." + first + "".join(part.capitalize() for part in rest)


def _lines(git: Git, keys: Container[str]) -> dict[str, int]:
    """The last line of the section that begins with each key."""
    assert git.top is not None, "there is a file"
    text = (git.top / TEAM_FILE).read_text(encoding="utf-8-sig", errors="replace")
    found, section = {}, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if head := re.match(r"\s*\[([^]]*)\]", line):
            section = head[1].strip().lower()
        begin = re.match(r"\s*(?:\[[^]]*\]\s*)?([A-Za-z-]+)\s*(?:=|$)", line)
        if section == "exp" and begin and begin[1].lower() in keys:
            found[begin[1].lower()] = number
    return found
