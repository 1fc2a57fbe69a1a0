"""Files that tools write, read as one kind of value: names, measures, inner samples, cases.

Nothing here knows of experiments. `read_results` is the door.
"""

from gitexp.formats.reading import read_results
from gitexp.formats.values import (
    MAX_TRIALS,
    Case,
    Format,
    Measure,
    Result,
    Results,
    Row,
    Unusable,
    number,
)

__all__ = [
    "MAX_TRIALS",
    "Case",
    "Format",
    "Measure",
    "Result",
    "Results",
    "Row",
    "Unusable",
    "number",
    "read_results",
]
