"""`result.json`: the worst verdict wins, nothing unknown becomes 0, and nothing unjudged becomes a pass."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import test_row as row

from pytest_llmgate.core.reply import Usage
from pytest_llmgate.reports.summary import build_result

RANK = ["pass", "inconclusive", "error", "fail"]


def verdict(*outcomes: str) -> str:
    result = build_result({}, [row(verdict=outcome) for outcome in outcomes], {})
    return str(result["verdict"])


def test_a_runs_verdict_is_its_worst_tests() -> None:
    for pair in product(RANK, RANK):
        assert verdict(*pair) == max(pair, key=RANK.index)


def test_a_run_without_tests_is_never_a_pass() -> None:
    assert verdict() == "inconclusive"


def test_a_verdict_that_is_no_word_of_ours_is_an_error_not_a_pass() -> None:
    with pytest.raises(ValueError, match="maybe"):
        verdict("maybe")


def test_totals_keep_unknown_apart_from_zero_and_money_exact() -> None:
    tests = [
        row(usage=Usage(3, 10, None, Decimal("0.1"))),
        row(usage=Usage(2, 5, None, Decimal("0.2"))),
        row(usage=Usage(0, None, None, None), redactions={"email": 2}),
    ]
    tests[0]["redactions"] = {"email": 1, "card": 1}
    totals = build_result({}, tests, {})["totals"]
    assert totals == {
        "tests": 3,
        "trials": 360,
        "calls": 5,
        "input_tokens": 15,
        "output_tokens": None,
        "cost_usd": "0.3",
        "redactions": {"card": 1, "email": 3},
    }


def test_the_result_has_exactly_the_parts_of_the_interface() -> None:
    result = build_result({"id": "r", "seed": 7}, [row()], {"wall_s": 1.9})
    assert list(result) == ["schema", "verdict", "run", "totals", "tests", "execution"]
    assert result["schema"] == "llmgate.result/1"
    assert result["run"] == {"id": "r", "seed": 7}
    assert result["execution"] == {"wall_s": 1.9}


@given(st.lists(st.sampled_from(RANK), min_size=1, max_size=6))
def test_the_order_of_tests_changes_no_verdict(outcomes: list[str]) -> None:
    assert verdict(*outcomes) == verdict(*sorted(outcomes))
