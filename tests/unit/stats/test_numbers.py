"""Special functions, binomial tails, intervals and tests at their edges (the rest: tests/golden)."""

from __future__ import annotations

import ast
import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pytest_llmgate.stats as room
from pytest_llmgate.stats import binomial, comparisons, distributions, intervals, special


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.001, 0.999))
def test_tails_are_exact_sums(n: int, k: int, p: float) -> None:
    exact = [Fraction(math.comb(n, j)) * Fraction(p) ** j * (1 - Fraction(p)) ** (n - j) for j in range(n + 1)]
    assert binomial.cdf(k, n, p) == pytest.approx(float(sum(exact[: k + 1])), rel=1e-11)
    assert binomial.survival(k, n, p) == pytest.approx(float(sum(exact[k + 1 :])), rel=1e-11)
    if k <= n:
        assert binomial.pmf(k, n, p) == pytest.approx(float(exact[k]), rel=1e-11)


@given(st.floats(0.3, 5000), st.floats(0.3, 5000), st.floats(1e-6, 1 - 1e-6))
def test_the_inverse_incomplete_beta_inverts(a: float, b: float, q: float) -> None:
    x = special.betainc_inv(a, b, q)
    if 1e-12 < x < 1 - 1e-12:
        assert special.betainc(a, b, x) == pytest.approx(q, rel=1e-6)


@given(st.floats(0.001, 0.999), st.integers(1, 400))
def test_student_t_quantile_inverts_its_distribution(q: float, df: int) -> None:
    assert special.student_t_cdf(special.student_t_quantile(q, df), df) == pytest.approx(q, rel=1e-9)


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([0.05, 0.01, 0.2]))
def test_robbins_holds_the_observed_rate_and_meets_its_equation(s: int, f: int, alpha: float) -> None:
    lower, upper = intervals.robbins(s, f, alpha)
    assert 0.0 <= lower <= upper <= 1.0
    if s + f:
        assert lower <= s / (s + f) <= upper
    if s:
        assert intervals.mixture_evalue(s, s + f, lower)[0] == pytest.approx(1 / alpha, rel=1e-4)


def test_robbins_at_58_of_58_still_contains_the_bad_rate() -> None:
    assert intervals.robbins_lower(58, 0, 0.05) == pytest.approx(0.885, abs=1e-3)


def test_edges_of_the_comparisons() -> None:
    assert comparisons.ratio_fieller_upper([1.0, 2.0], [100.0, 0.01]) == math.inf
    assert comparisons.ratio_ni([1.0, 1.0], [1.0, 1.0], 0.1) == (1.0, -math.inf, 0.0)
    assert comparisons.ratio_ni([1.0, 1.0], [1.0, 1.0], 0.0)[1:] == (0.0, 0.5)
    assert math.isnan(comparisons.cluster_se([0.0, 1.0], ["a", "a"])[3])
    assert comparisons.fisher_exact([[3, 1], [1, 3]], "greater") == pytest.approx(17 / 70)
    assert comparisons.fisher_exact([[3, 1], [1, 3]], "less") == pytest.approx(69 / 70)
    assert comparisons.p_adjust([], "bh") == []


def test_an_impossible_outcome_that_occurred_is_certain_evidence() -> None:
    assert distributions.chi2_gof([5, 1], [1.0, 0.0]) == (math.inf, 0.0)
    assert distributions.g_test([5, 1], [1.0, 0.0]) == (math.inf, 0.0)
    assert distributions.multinomial_exact([5, 1], [1.0, 0.0]) == 0.0
    assert distributions.chi2_gof([5, 0], [1.0, 0.0]) == (0.0, 1.0)


def test_bad_numbers_are_refused() -> None:
    for refuse in (
        lambda: intervals.wilson(3, 2),
        lambda: intervals.clopper_pearson(0, 0),
        lambda: intervals.zero_fail_n(0.0),
        lambda: intervals.zero_fail_upper(0),
        lambda: binomial.binom_test(1, 2, 1.5),
        lambda: special.betainc(0, 1, 0.5),
        lambda: special.student_t_quantile(1.0, 3),
        lambda: special.gamma_survival(0, 1),
        lambda: comparisons.mcnemar_exact(-1, 0),
        lambda: comparisons.p_adjust([0.5], "none"),  # type: ignore[arg-type]
        lambda: comparisons.cluster_se([1.0], [1]),
        lambda: comparisons.ratio_ni([1.0], [1.0], 0.1),
        lambda: comparisons.ratio_ni([1.0, 2.0], [-1.0, 0.5], 0.1),
        lambda: comparisons.fisher_exact([[-1, 1], [1, 1]]),
        lambda: distributions.chi2_gof([1, 2], [0.5, 0.6]),
        lambda: distributions.chi2_gof([], []),
        lambda: distributions.multinomial_exact([9000, 9000, 9000], [0.2, 0.3, 0.5]),
    ):
        with pytest.raises(ValueError):
            refuse()


def test_this_room_imports_the_standard_library_and_the_core_only() -> None:
    for module in Path(str(room.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in {"numpy", "scipy", "pytest"}, module
                if name.startswith("pytest_llmgate"):
                    assert name.startswith(("pytest_llmgate.core", "pytest_llmgate.stats")), module
