"""`analyze` says of tie-free data what R and scipy say, and the JSON holds every digit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.cli.scenes import HYPOTHESIS, record_blocks
from tests.stats.reference import CASES, agrees, arms
from tests.support import GitExp, GitIn

CREATE = ("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower")
FIXED = ("--stopping", "fixed", "--max-blocks", "12")
CONTROL, TREATMENT = arms(CASES["paired_t_DS1"])
"""12 pairs without ties, which R computed."""

Answer = dict[str, Any]


def analysed(git: GitIn, *options: str, is_paired: bool = True) -> tuple[Answer, str]:
    """What the program answers about these values, as JSON and as text."""
    git_exp = GitExp(git.path)
    git_exp(*CREATE, *options)
    git.commit("Try a table", {"speed": "10\n"})
    block = ("--block", "1") if is_paired else ()
    git_exp("record", "fast", "--arm=control", "-m", f"score={CONTROL[0]}", *block)
    git_exp("record", "fast", "--arm=treatment", "-m", f"score={TREATMENT[0]}", *block)
    rest = zip(CONTROL[1:], TREATMENT[1:], strict=True)
    record_blocks(git, rest, first=2, is_paired=is_paired)
    answer: Answer = git_exp("analyze", "--verbose", "--json").json
    return answer, git_exp("analyze", "--verbose", env={"COLUMNS": "160"}).stdout


def row(answer: Answer, method: str) -> Answer:
    [found] = [row for row in answer["others"]["tests"] if row["method"] == method]
    return dict(found)


def size(answer: Answer, name: str) -> Answer:
    [found] = [size for size in answer["others"]["effect_sizes"] if size["name"] == name]
    return dict(found)


def logs() -> tuple[Any, Any]:
    return np.log(CONTROL), np.log(TREATMENT)


def test_signed_rank_is_that_of_r_and_scipy(git: GitIn) -> None:
    case = CASES["signedrank_exact_DS1"]

    answer, page = analysed(git, *FIXED)

    primary, expected = answer["primary"], case["expected"]
    low, high = primary["interval"]
    agrees(case, [primary["p_value"]], [expected["p"]])
    agrees(case, [math.log1p(low), math.log1p(high)], expected["ci"])
    agrees(case, [math.log1p(primary["rel_effect"])], [expected["pseudomedian"]])
    assert primary["statistic"] == expected["V"]
    control, treatment = logs()
    by_scipy = stats.wilcoxon(treatment - control, method="exact").pvalue
    assert primary["p_value"] == pytest.approx(by_scipy, rel=1e-12)
    assert "−4.8%" in page
    assert "p=0.00049" in page


def test_effect_sizes_are_those_of_r(git: GitIn) -> None:
    case = CASES["effsize_DS1"]

    answer, page = analysed(git, *FIXED)

    d, g = size(answer, "cohens_d"), size(answer, "hedges_g")
    agrees(case, [d["value"], *d["interval"]], [case["expected"]["d"], *case["expected"]["d_ci"]])
    agrees(case, [g["value"], *g["interval"]], [case["expected"]["g"], *case["expected"]["g_ci"]])
    assert (answer["primary"]["cohens_d"], answer["primary"]["hedges_g"]) == (
        d["value"],
        g["value"],
    )
    assert "[−1.836, −0.1327]" in page


def test_paired_t_and_its_equivalence_are_those_of_r_scipy_and_statsmodels(git: GitIn) -> None:
    case, tost = CASES["paired_t_DS1"], CASES["tost_paired_DS1"]

    answer, page = analysed(git, *FIXED, "--scale=difference", "--min-effect=3")

    primary, expected = answer["primary"], case["expected"]
    agrees(
        case, [primary["effect"], *primary["interval"]], [expected["mean_diff"], *expected["ci"]]
    )
    agrees(
        case,
        [primary["statistic"], primary["df"], primary["p_value"]],
        [expected["t"], expected["df"], expected["p"]],
    )
    agrees(tost, [row(answer, "equivalence")["p_value"]], [tost["expected"]["p"]])
    by_scipy = stats.ttest_rel(TREATMENT, CONTROL).pvalue
    assert primary["p_value"] == pytest.approx(by_scipy, rel=1e-9)
    assert primary["rel_effect"] is None
    assert "t=−5.805 df=11 p=0.00012" in page


def test_without_blocks_welch_is_that_of_scipy_and_the_rest_that_of_r(git: GitIn) -> None:
    tost, whitney = CASES["tost_ind_DS1"], CASES["mw_exact_DS1"]
    options = ("--test=welch", "--scale=difference", "--min-effect=3")

    answer, _ = analysed(git, *FIXED, *options, is_paired=False)

    primary, by_scipy = answer["primary"], stats.ttest_ind(TREATMENT, CONTROL, equal_var=False)
    ends = by_scipy.confidence_interval(0.95)
    assert primary["p_value"] == pytest.approx(by_scipy.pvalue, rel=1e-9)
    assert primary["statistic"] == pytest.approx(by_scipy.statistic, rel=1e-9)
    assert primary["df"] == pytest.approx(by_scipy.df, rel=1e-9)
    assert primary["interval"] == pytest.approx([ends.low, ends.high], rel=1e-9)
    agrees(tost, [row(answer, "equivalence")["p_value"]], [tost["expected"]["p"]])
    found = row(answer, "mann-whitney")
    agrees(
        whitney,
        [found["p_value"], found["estimate"], *found["interval"]],
        [whitney["expected"]["p"], whitney["expected"]["hl_shift"], *whitney["expected"]["hl_ci"]],
    )


def test_without_blocks_mann_whitney_and_fieller_are_those_of_scipy_and_r(git: GitIn) -> None:
    case = CASES["fieller_DS1"]

    answer, _ = analysed(git, *FIXED, "--test=mann-whitney", is_paired=False)

    by_scipy = stats.mannwhitneyu(TREATMENT, CONTROL, method="exact").pvalue
    assert answer["primary"]["p_value"] == pytest.approx(by_scipy, rel=1e-12)
    found, expected = row(answer, "ratio-of-means"), case["expected"]
    low, high = found["interval"]
    agrees(
        case,
        # R's p is that of Welch's test of no difference; this one belongs to the interval
        [found["estimate"] + 1, low + 1, high + 1],
        [expected["ratio"], *expected["ci_welch"]],
    )


@pytest.mark.parametrize(("test", "p_value"), [("t", "p_t"), ("signed-rank", None)])
def test_a_sequential_plan_decides_at_the_look_and_level_of_rpact(
    git: GitIn, test: str, p_value: str | None
) -> None:
    case = CASES["replay_DS1_nmax20"]
    look = case["expected"]["looks"][0]

    answer, _ = analysed(git, "--test", test)

    assert answer["looks"]["decided_at"] == look["n"] == 10
    agrees(
        case,
        [answer["primary"]["nominal_level"], answer["looks"]["boundary"]],
        [look["p_k"], look["c_k"]],
    )
    expected = look[p_value] if p_value else 2 * 0.5**10
    agrees(case, [answer["primary"]["p_value"]], [expected])
