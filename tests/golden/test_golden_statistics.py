"""Every statistical function against reference answers from R, mpmath and exact fractions.

`golden_statistics.json` holds the cases: arguments, expected value, tolerance, source. A function without a
case, or a case without a function, fails here.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.stats import binomial, comparisons, distributions, intervals, planning
from pytest_llmgate.stats.goal import RateGoal, steps
from pytest_llmgate.stats.looks import fixed_n
from pytest_llmgate.stats.path import Bounds, bounds, oc

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("golden_statistics.json").read_text(encoding="utf-8")
)["cases"]


def _goal(args: dict[str, Any]) -> RateGoal:
    return RateGoal(good=args["p0"], bad=args["p1"], alpha=args["alpha"], beta=args["beta"])


def _thresholds(args: dict[str, Any]) -> tuple[float, float]:
    """A and B: Wald's approximate ones, or the ones that Ville's inequality guarantees."""
    alpha, beta = args["alpha"], args["beta"]
    if args["kind"] == "wald":
        return math.log((1 - beta) / alpha), math.log((1 - alpha) / beta)
    return math.log(1 / alpha), math.log(1 / beta)


def _bounds(args: dict[str, Any], ceiling: int) -> Bounds:
    return bounds(*steps(_goal(args)), *_thresholds(args), ceiling, None)


def sprt_llr(**args: Any) -> list[float]:
    upper, lower = _thresholds(args)
    fail, success = steps(_goal(args))
    return [upper, -lower, fail, -success]


def sprt_counts(**args: Any) -> list[list[int]]:
    limits = _bounds(args, max(args["n"]))
    rows = []
    for n in args["n"]:
        passing = [f for f, first in enumerate(limits.pass_from) if first <= n]
        failing = [f for f, last in enumerate(limits.fail_until) if f <= n <= last]
        rows.append([max(passing, default=-1), min(failing, default=-1)])
    return rows


def sprt_oc(**args: Any) -> list[float]:
    chart = oc(_bounds(args, args["nmax"]), args["p"])
    return [chart.p_pass, chart.p_fail, chart.p_inconclusive, chart.mean_n]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "wilson": intervals.wilson,
    "clopper_pearson": intervals.clopper_pearson,
    "jeffreys": intervals.jeffreys,
    "binom_test": binomial.binom_test,
    "sprt_llr": sprt_llr,
    "sprt_counts": sprt_counts,
    "sprt_oc": sprt_oc,
    "fixed_n": lambda **args: fixed_n(_goal(args)),
    "wald_bound": lambda **args: planning.wald_bound(_goal(args)),
    "zero_fail_upper": intervals.zero_fail_upper,
    "zero_fail_n": intervals.zero_fail_n,
    "mcnemar_exact": comparisons.mcnemar_exact,
    "e_bh": comparisons.e_bh,
    "quantile_ci": intervals.quantile_ci,
    "mixture_evalue": intervals.mixture_evalue,
    "chi2_gof": distributions.chi2_gof,
    "g_test": distributions.g_test,
    "multinomial_exact": distributions.multinomial_exact,
    "distances": distributions.distances,
    "ratio_fieller_upper": comparisons.ratio_fieller_upper,
    "ratio_ni": comparisons.ratio_ni,
    "p_adjust": comparisons.p_adjust,
    "cluster_se": comparisons.cluster_se,
    "fisher_exact": comparisons.fisher_exact,
    "betting_cs": intervals.betting_cs,
}


def _close(got: Any, expected: Any, rtol: float, atol: float) -> bool:
    if isinstance(expected, list):
        return len(got) == len(expected) and all(_close(g, e, rtol, atol) for g, e in zip(got, expected, strict=True))
    if isinstance(got, list):  # R writes a vector of one value as the value
        (got,) = got
    if isinstance(expected, int) and rtol == 0 and atol == 0:
        return bool(got == expected)
    return bool(abs(got - expected) <= atol + rtol * abs(expected))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_reference_answer(case: dict[str, Any]) -> None:
    args = {name: value for name, value in case["args"].items() if name != "note"}
    got = FUNCTIONS[case["fn"]](**args)
    assert _close(got, case["expect"], case["rtol"], case["atol"]), (
        f"{case['fn']}({args}) = {got!r}, expected {case['expect']!r} "
        f"within {case['rtol']} relative, {case['atol']} absolute ({case['source']})"
    )


def test_every_function_has_a_case_and_the_set_is_whole() -> None:
    counted = Counter(case["fn"] for case in CASES)
    assert set(counted) == set(FUNCTIONS)
    assert len(counted) == 25
    assert sum(counted.values()) == 235
