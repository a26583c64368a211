"""What a run took, in words and on the page: what nobody counted is never shown as part of a whole sum."""

from __future__ import annotations

from decimal import Decimal

import pytest
from report_samples import run_result, test_row

from pytest_llmgate.core.record import usage_row
from pytest_llmgate.core.reply import Usage
from pytest_llmgate.reports.page.costs import costs
from pytest_llmgate.reports.page.evidence import NoEvidence
from pytest_llmgate.reports.words import spent_in_all


def usage(calls: int, tokens: int | None = None, cost: str | None = None) -> Usage:
    return Usage(calls, tokens, tokens, None if cost is None else Decimal(cost))


def test_a_sum_of_known_figures_is_a_lower_bound_and_says_of_how_many_calls() -> None:
    result = run_result(test_row(id="a", usage=usage(3, 90, "0.03")), test_row(id="b", usage=usage(7)))
    said = spent_in_all(result)
    assert "10 calls, at least 90 tokens in, 90 out (3 of 10 calls counted)" in said
    assert said.endswith("at least $0.03 (3 of 10 calls priced)")
    found = costs(result, NoEvidence(""))
    assert found is not None
    assert found.total.name == "All tests, as far as known"
    assert found.notes[0] == "Unpriced: 70 % of 10 calls have no known cost."


def test_figures_of_all_calls_are_shown_as_they_are() -> None:
    result = run_result(test_row(usage=usage(3, 90, "0.03")))
    assert spent_in_all(result).endswith("3 calls, 90 tokens in, 90 out, $0.03")
    found = costs(result, NoEvidence(""))
    assert found is not None
    assert found.total.name == "All tests"


@pytest.mark.parametrize(
    ("whole", "judges", "subject", "unpriced"),
    [
        (usage(5, 90, "0.05"), usage(2, 40, "0.02"), ("3", "50", "$0.03"), 0),
        (usage(5, 50, "0.03"), usage(2), ("3", "50", "$0.03"), 2),
        (usage(5, 40, "0.02"), usage(2, 40, "0.02"), ("3", "not counted", "not known"), 3),
        (usage(5, 90, "0"), usage(2, 40, "0"), ("3", "50", "$0.00"), 0),
    ],
)
def test_what_judges_took_stands_apart_and_the_sums_add_up(
    whole: Usage, judges: Usage, subject: tuple[str, str, str], unpriced: int
) -> None:
    result = run_result({**test_row(usage=whole), "judges": {"models": {"judge": ["j"]}, "usage": usage_row(judges)}})
    found = costs(result, NoEvidence(""))
    assert found is not None
    own = next(row for row in found.models if not row.name.startswith("judge"))
    assert (own.calls, own.given, own.cost) == subject
    share = f"{unpriced * 20} %"
    assert found.notes[0] == f"Unpriced: {share} of 5 calls have no known cost."
