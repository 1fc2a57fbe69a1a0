"""Cases that other programs computed for us: R, rpact, scipy, statsmodels and others."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

CASES: dict[str, dict[str, Any]] = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
}


def agrees(case: dict[str, Any], actual: Iterable[float], expected: Iterable[float]) -> None:
    """Each number within the case's own tolerance: absolute below 1, else relative."""
    tolerance = case["tolerance"]
    for a, e in zip(actual, expected, strict=True):
        assert a == pytest.approx(e, abs=tolerance if abs(e) < 1 else 0.0, rel=tolerance)


def arms(case: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Control's and treatment's values."""
    return case["inputs"]["control"], case["inputs"]["treatment"]


def log_ratios(case: dict[str, Any]) -> list[float]:
    """ln T - ln C of each pair."""
    control, treatment = arms(case)
    return [math.log(t) - math.log(c) for c, t in zip(control, treatment, strict=True)]
