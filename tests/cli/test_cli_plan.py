"""`llmgate plan`: everything that a person should know before money is spent, and nothing sent."""

from __future__ import annotations

import re

import pytest

from pytest_llmgate.stats.figures import plan_figures, shared_cost, suite_blocked
from pytest_llmgate.stats.planning import RulePlan, choose_rule

from .conftest import Repo, suite


def whole(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 10 else f"{mean:.1f}"


def percent(text: str) -> float:
    found = re.search(r"([\d.]+) %", text)
    assert found, text
    return float(found[1]) / 100


@pytest.fixture
def plan_of(repo: Repo):
    def plan(*asserts: str, options: tuple[str, ...] = (), **fields: str) -> str:
        repo.files({"suites/s.suite.yaml": suite(*asserts, **fields)})
        done = repo.llmgate("plan", "suites/s.suite.yaml", *options)
        assert done.code == 0, done.raw
        return done.text

    return plan


@pytest.fixture(params=[(0.95, 0.90), (0.9, 0.8), (0.99, 0.95)], ids=str)
def rates(request: pytest.FixtureRequest) -> RulePlan:
    good, bad = request.param
    return choose_rule(good=good, bad=bad)


def test_every_promised_figure_of_a_gate_is_printed(plan_of, rates: RulePlan) -> None:
    text = plan_of(f"type: contains, value: good, min_rate: {rates.good}, bad_rate: {rates.bad}")
    exact = plan_figures(rates)
    means = dict(exact.mean_n)
    middle = (rates.good + rates.bad) / 2
    for label, rate in (
        ("perfect", 1.0), ("half-way to perfect", (1 + rates.good) / 2), ("at the limit", rates.good),
        ("half-way to bad", middle), ("bad", rates.bad),
    ):  # fmt: skip
        assert f"{whole(means[rate])} if {label} (" in text
    assert f"are decided by trial {exact.n95_good:,}, the last by {exact.ceiling:,}" in text
    assert f"one fixed sample would take {exact.fixed_n:,}" in text
    assert f"settled {whole(exact.curtailed_good)} at the good rate and {whole(exact.curtailed_bad)} at the bad" in text
    assert percent(text.split("a build at the good rate: fail ")[1]) == pytest.approx(exact.p_fail_good, abs=1e-4)
    assert percent(text.split("at the bad rate: pass ")[1]) == pytest.approx(exact.p_pass_bad, abs=1e-4)
    blocked = percent(text.split("a suite that is good at every limit is blocked with probability ")[1])
    assert blocked == pytest.approx(exact.p_fail_good, abs=1e-4)


def test_gates_of_one_test_cost_what_the_slowest_costs(plan_of) -> None:
    text = plan_of(
        "type: contains, value: good, min_rate: 0.95, bad_rate: 0.90, name: slow",
        "type: min-length, value: 1, min_rate: 0.9, bad_rate: 0.5, name: quick",
    )
    rules = [choose_rule(good=0.95, bad=0.90, family=2), choose_rule(good=0.9, bad=0.5, family=2)]
    cost = shared_cost([(rule.rule, rule.good) for rule in rules])
    assert f"{whole(cost.expected)} trials to expect, {rules[0].rule.ceiling:,} trials at most on 2 cases" in text
    assert "slow sets the cost" in text
    assert "at 2.5 % risk, 1 of 2 that share it" in text
    blocked = percent(text.split("is blocked with probability ")[1])
    assert blocked == pytest.approx(suite_blocked(rules), abs=1e-4)


def test_zero_tolerance_needs_299_clean_trials(plan_of) -> None:
    text = plan_of("type: not-contains, value: secret, zero_tolerance: true")
    assert "good at or below 0 %, bad at or above 1 % (assumed: state bad_rate to choose it)" in text
    assert "fails at the first violation, so never a good build" in text
    assert "299 if perfect (0 %)" in text
    assert "299 trials to expect, 299 trials at most" in text


def test_a_fixed_rule_looks_once_at_all_trials(plan_of) -> None:
    text = plan_of("type: contains, value: good, rule: fixed, min_rate: 0.95, bad_rate: 0.90")
    assert "fixed: blocks a good build at 5 % risk" in text
    assert "298 trials to expect, 298 trials at most" in text
    exact = plan_figures(choose_rule(good=0.95, bad=0.90, kind="fixed"))
    assert f"settled {whole(exact.curtailed_good)} at the good rate" in text
    assert exact.curtailed_bad < 298


def test_max_rate_is_told_as_the_rate_of_what_is_unwanted(plan_of) -> None:
    text = plan_of("type: contains, value: sorry, max_rate: 0.05, bad_rate: 0.1")
    assert "good at or below 5 %, bad at or above 10 %" in text
    assert "58 if perfect (0 %)" in text


def test_a_population_takes_each_case_once(plan_of) -> None:
    cases = ", ".join(f"{{q: c{number}}}" for number in range(60))
    text = plan_of("type: contains, value: good", test=f"prompt: ask\n    cases: [{cases}]\n    target: population")
    assert "60 trials to expect, 60 trials at most on 60 cases; cover: each case once sets the cost" in text


def test_a_tight_ceiling_says_how_probable_no_answer_is(plan_of) -> None:
    text = plan_of("type: contains, value: good, min_rate: 0.95, bad_rate: 0.90", options=("--trials", "70"))
    assert "sequential, cut at the ceiling" in text
    good, bad = (percent(part) for part in text.split("inconclusive ")[1:3])
    exact = plan_figures(choose_rule(good=0.95, bad=0.90, ceiling=70))
    assert good == pytest.approx(exact.p_inconclusive_good, abs=1e-4)
    assert bad == pytest.approx(exact.p_inconclusive_bad, abs=1e-4)
    assert good > 0.5
    assert "note: the ceiling of 70 trials is below the design's own: it may be inconclusive" in text


def test_a_plan_neither_asks_nor_runs_anything(repo: Repo) -> None:
    left = "raise SystemExit('imported')\n"
    repo.files({"suites/models.py": left, "suites/s.suite.yaml": suite("type: contains, value: good")})
    assert repo.llmgate("plan", "suites/s.suite.yaml").code == 0
    assert not (repo.path / ".llmgate" / "runs").exists()


def test_a_plan_with_another_model_is_priced_for_that_model(repo: Repo) -> None:
    repo.files({"suites/s.suite.yaml": suite("type: contains, value: good")})
    assert "at most $0.00 to expect" in repo.llmgate("plan", "suites/s.suite.yaml").text
    elsewhere = repo.llmgate("plan", "suites/s.suite.yaml", "--model", "good=openai:nobody-knows-it")
    assert "cost unknown: the model is not in the price table" in elsewhere.text
    assert "1 test without a price" in elsewhere.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("suite: [", "[yaml-syntax]"),
        (suite("type: contians, value: x"), "did you mean 'contains'?"),
        (suite("type: cost-regression, of: words"), "'words' is not counted"),
        (suite("type: contains, value: x, bad_rate: 0.99"), "[rates-wrong-side]"),
    ],
)
def test_a_broken_suite_has_no_plan(repo: Repo, content: str, said: str) -> None:
    done = repo.files({"suites/s.suite.yaml": content}).llmgate("plan", "suites/s.suite.yaml")
    assert (done.code, said in done.text) == (2, True), done.raw
    assert done.text.startswith("suites/s.suite.yaml:")
