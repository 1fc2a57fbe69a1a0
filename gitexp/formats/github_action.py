"""github-action-benchmark's own JSON: a list of name, unit and value.

Which way is good its tool names alone say (`customSmallerIsBetter`), not the file.
"""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object, as_text
from gitexp.formats.values import Format, Measure, Result, Results, named_apart, number, single


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return False
    return all(key in document[0] for key in ("name", "unit", "value"))


def read(document: object) -> Results:
    """Every entry as a result with the one measure `value`, `time` for a time."""
    entries = as_list(document, "at the top")
    return Results(
        format=Format.GITHUB_ACTION,
        results=named_apart(_result(as_object(entry, "in the list")) for entry in entries),
    )


def _result(entry: dict[str, object]) -> Result:
    unit = entry.get("unit")
    found = single(
        number(entry.get("value"), "value"), unit if isinstance(unit, str) and unit else None
    )
    main = "time" if found.unit == "s" else "value"
    # more than a unit of time or size does not say which way is good
    measure = found if found.unit in ("s", "B") else Measure(value=found.value, unit=found.unit)
    return Result(
        name=as_text(entry.get("name"), "'name' in an entry"), main=main, measures={main: measure}
    )
