"""Costs that only replies name: booked when they come, and the run ends at its cap."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from .conftest import Example, Ran

MODELS = """
    from pytest_llmgate import Reply
    def said(cost="0.01"): return Reply("good", input_tokens=5, output_tokens=10, cost_usd=cost)
    def model(request): return said()
    async def waits(request): return said()
    def function(q): return said()
    async def coroutine(q): return said()
    def tokens_only(request): return said(None)
"""
RATE = "{type: contains, value: good, min_rate: 0.95, bad_rate: 0.9}"


def asked(target: str) -> dict[str, str]:
    """A suite with one test of 100 replies or so. target: a model in Python, or a function subject."""
    subject = f"function: models.py:{target}"
    if target not in ("function", "coroutine"):
        models = f"models: {{m: {{provider: python, target: models.py:{target}}}}}"
        subject = "model: m\n    prompt: {text: 'Say {{q}}'}\n" + models
    test = f"tests:\n  - id: t\n    cases: [{{q: 1}}, {{q: 2}}, {{q: 3}}]\n    assert: [{RATE}]\n    {subject}\n"
    return {"s.suite.yaml": test, "models.py": MODELS}


BODY = {
    "test_t.py": """
    import pytest
    from pytest_llmgate import Reply
    @pytest.mark.stochastic(min_rate=0.95, bad_rate=0.9)
    def test_t(): return Reply("good", cost_usd="0.01")
"""
}
SUBJECTS = {name: asked(name) for name in ("model", "waits", "function", "coroutine")} | {"body": BODY}
of_every_kind = pytest.mark.parametrize("files", SUBJECTS.values(), ids=SUBJECTS.keys())


def ledger(ran: Ran) -> Decimal:
    return Decimal(json.loads((ran.folder / "ledger.json").read_text())["spent"])


@of_every_kind
def test_a_run_ends_when_what_its_replies_cost_reaches_the_cap(example: Example, files: dict[str, str]) -> None:
    ran = example.files(files).gate("--llm-record=live", "--llm-budget=0.10", "--llm-concurrency=1")
    (test,) = ran.result["tests"]
    assert (test["verdict"], test["gates"][0]["stop_reason"], test["holes"]) == ("inconclusive", "budget", 0), ran.text
    assert (test["trials"], ran.result["execution"]["billed"]["cost_usd"]) == (10, "0.10")
    assert ledger(ran) == Decimal("0.10")
    assert ran.result["execution"]["unpriced_models"] == []
    assert ran.result["run"]["interrupted"] is True


@of_every_kind
def test_what_is_in_flight_at_the_cap_may_overshoot_it_and_no_more(example: Example, files: dict[str, str]) -> None:
    ran = example.files(files).gate("--llm-record=live", "--llm-budget=0.10", "--llm-concurrency=8")
    assert ran.verdicts.popitem()[1] == "inconclusive", ran.text
    assert Decimal("0.10") <= ledger(ran) <= Decimal("0.18")


def test_a_resumed_run_pays_nothing_more_under_the_same_cap_and_goes_on_under_a_higher_one(example: Example) -> None:
    options = ("--llm-record=live", "--llm-concurrency=1")
    example.files(asked("function")).gate(*options, "--llm-budget=0.10")
    still = example.gate(*options, "--llm-budget=0.10", "--llm-resume")
    assert (still.verdicts, ledger(still)) == ({"t": "inconclusive"}, Decimal("0.10"))
    higher = example.gate(*options, "--llm-budget=5", "--llm-resume")
    trials = higher.result["tests"][0]["trials"]
    assert (higher.verdicts, ledger(higher)) == ({"t": "pass"}, trials * Decimal("0.01"))


def test_replayed_replies_are_not_booked(example: Example) -> None:
    files = asked("model")
    files["s.suite.yaml"] = files["s.suite.yaml"].replace("target:", "record: true, target:")
    paid = example.files(files).gate("--llm-budget=5")
    again = example.gate("--llm-budget=0.10", "--llm-record=replay")
    assert (paid.verdicts, again.verdicts) == ({"t": "pass"}, {"t": "pass"}), again.text
    assert (ledger(paid) > Decimal("0.10"), ledger(again)) == (True, 0)


def test_the_usual_cap_is_for_calls_with_a_price(example: Example) -> None:
    files = asked("function")
    files["models.py"] = MODELS.replace('cost="0.01"', 'cost="0.5"')
    ran = example.files(files).gate("--llm-record=live")
    assert ran.verdicts == {"t": "pass"}, ran.text
    assert Decimal(ran.result["execution"]["billed"]["cost_usd"]) > 20
    assert ledger(ran) == 0
    assert ran.result["execution"]["unpriced_models"] == []


def test_tokens_without_a_cost_are_not_covered_and_the_summary_says_so(example: Example) -> None:
    ran = example.files(asked("tokens_only")).gate("--llm-record=live", "--llm-budget=0.01")
    assert ran.verdicts == {"t": "pass"}
    assert ran.result["execution"]["unpriced_models"] == ["models.py:tokens_only"]
    assert "not covered by the budget, as their price is unknown: models.py:tokens_only" in " ".join(ran.text.split())
