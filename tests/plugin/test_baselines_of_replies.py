"""Baselines of replies in gated runs: proposed, accepted, compared with, and never written by anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_llmgate.session import baselines
from pytest_llmgate.session.again import Otherwise, regate
from pytest_llmgate.store.rundir import RunDir

from .conftest import Example, Ran

APP = """
    import random
    from pytest_llmgate import Reply

    BAD, TIMES, RUNAWAYS, PRICE = {bad}, {times}, {runaways}, {price}

    def reply(request):
        drawn = random.Random(request.seed)
        tokens = int((40 + 10 * len(request.vars["q"])) * drawn.lognormvariate(0, 0.15) * TIMES)
        tokens *= 6 if drawn.random() < RUNAWAYS else 1
        text = "no" if drawn.random() < BAD else "yes"
        return Reply(text, input_tokens=10, output_tokens=tokens, cost_usd=str((tokens + 10) * PRICE))
"""
SUITE = """
    suite: b
    models: {m: {provider: python, target: "app.py:reply"}}
    prompts: {p: {text: "Is it so? {{q}}"}}
    tests:
      - id: t
        model: m
        prompt: p
        cases: cases.jsonl
        stop: all
        baseline_trials: 400
        assert:
          - {type: equals, value: "yes", baseline: true, max_increase_points: 10, name: as-good}
          - {type: cost-regression, max_increase: 10%}
"""
CASES = "\n".join(json.dumps({"id": f"c{i}", "vars": {"q": "x" * (1 + i % 5)}}) for i in range(40))
FILE = "suites/b.baseline.json"


def app(*, bad: float = 0.05, times: float = 1, runaways: float = 0, price: str = "1e-6") -> dict[str, str]:
    return {"suites/app.py": APP.format(bad=bad, times=times, runaways=runaways, price=price)}


@pytest.fixture
def project(example: Example) -> Example:
    return example.files({"suites/b.suite.yaml": SUITE, "suites/cases.jsonl": CASES, **app()})


def accept(project: Example, **options: Any) -> None:
    given = {"reason": "as it was", "changed": True, "environ": {}, **options}
    baselines.accept(project.path, None, (), **given)


@pytest.fixture
def approved(project: Example) -> Example:
    """With an accepted baseline of 400 trials."""
    ran = project.gate("--llm-baseline=propose")
    assert ran.code == 0, ran.text
    accept(project)
    return project


def test_without_a_baseline_nothing_is_compared_and_nothing_blocks(project: Example) -> None:
    ran = project.gate()
    assert ran.code == 0, ran.text
    gates = {gate["name"]: gate for gate in ran.test("t")["gates"]}
    assert list(gates) == ["as-good", "cost-regression", "cost-regression-runaways"]
    assert {(gate["verdict"], gate["stop_reason"], gate["blocking"]) for gate in gates.values()} == {
        ("inconclusive", "new", False)
    }
    assert "--llm-baseline=propose" in ran.text


def test_a_suite_may_require_baselines(project: Example) -> None:
    project.files({"suites/b.suite.yaml": SUITE.replace("suite: b", "suite: b\n    require_baseline: true")})
    ran = project.gate()
    assert ran.code == 1
    assert ran.test("t")["verdict"] == "inconclusive"


def test_proposing_changes_no_verdict_and_draws_what_a_baseline_rests_on(project: Example) -> None:
    checked, proposed = project.gate(), project.gate("--llm-baseline=propose")
    assert proposed.judged == checked.judged
    assert len(checked.rows()) < len(proposed.rows()) == 400
    assert "2 baselines proposed" in proposed.text
    assert not (project.path / FILE).exists()
    page = (proposed.folder / "baseline.proposed.md").read_text()
    assert page.startswith("## proposed baselines\n\n```text\n")
    assert "on 40 cases" in page


def proposals(ran: Ran) -> bytes:
    return (ran.folder / "baseline.proposed.json").read_bytes()


def test_the_proposals_are_the_same_whatever_the_number_of_workers(project: Example) -> None:
    alone = proposals(project.gate("--llm-baseline=propose"))
    assert proposals(project.gate("--llm-baseline=propose", "-n2")) == alone
    assert proposals(project.gate("--llm-baseline=propose", "--llm-concurrency=1")) == alone


def test_the_same_build_passes_against_its_baseline(approved: Example) -> None:
    ran = approved.gate("--llm-seed=3")
    assert ran.code == 0, ran.text
    good, cost, runaways = ran.test("t")["gates"]
    assert (good["threshold"], good["bad"], cost["bad"], runaways["bad"]) == (0.0, 0.1, 1.1, 0.015)
    assert good["interval"][1] <= good["bad"]
    assert cost["interval"][1] < cost["bad"]
    assert good["figures"]["pairs"] <= 400
    assert good["compared"]["baseline"]["reason"] == "as it was"
    assert "or more is ruled out (5 % risk)" in cost["reason"]


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"bad": 0.35}, "as-good"),
        ({"times": 1.3}, "cost-regression"),
        ({"runaways": 0.08}, "cost-regression-runaways"),
    ],
)
def test_a_regression_fails_the_gate_that_asks_for_it(approved: Example, change: dict[str, Any], gate: str) -> None:
    ran = approved.files(app(**change)).gate("--llm-seed=3")
    assert ran.code == 1, ran.text
    found = ran.gate("t", gate)
    assert found["verdict"] == "fail"
    assert found["interval"][0] >= found["threshold"]
    assert "code changed since the baseline" in found["reason"], "a changed program is compared all the same, and named"


def test_a_changed_price_is_told_from_changed_tokens(project: Example) -> None:
    suite = SUITE.replace("max_increase: 10%", "max_increase: 10%, of: cost")
    project.files({"suites/b.suite.yaml": suite}).gate("--llm-baseline=propose")
    accept(project)
    ran = project.files(app(price="1.5e-6")).gate("--llm-seed=3")
    reason = ran.gate("t", "cost-regression")["reason"]
    assert ran.gate("t", "cost-regression")["verdict"] == "fail"
    assert 0.4 < ran.gate("t", "cost-regression")["estimate"] - 1 < 0.6, reason
    assert "(tokens " in reason
    assert 0.9 < ran.gate("t", "cost-regression")["figures"]["token_ratio"] < 1.1


def test_small_steps_are_held_against_the_anchor(approved: Example) -> None:
    """Three accepted steps of + 6 % do not let + 19 % pass, until a release moves the anchor."""
    for times in (1.06, 1.12):
        approved.files(app(times=times)).gate("--llm-baseline=propose")
        accept(approved)
    file = json.loads((approved.path / FILE).read_text())
    assert set(file["tests"]["suites/b.suite.yaml::t"]["cost-regression"]) == {"", "anchor"}
    approved.files(app(times=1.19))
    assert approved.gate("--llm-seed=3").gate("t", "cost-regression")["verdict"] == "fail"
    approved.gate("--llm-baseline=propose")
    accept(approved, anchor=True)
    assert approved.gate("--llm-seed=3").gate("t", "cost-regression")["verdict"] == "pass"


def test_accepting_the_same_again_leaves_the_file_as_it_is(approved: Example) -> None:
    before = (approved.path / FILE).read_bytes()
    assert approved.gate("--llm-baseline=propose", "--llm-seed=9").code == 0
    accept(approved, reason="again")
    assert (approved.path / FILE).read_bytes() == before


def test_a_run_is_decided_again_from_what_it_was_compared_with(approved: Example) -> None:
    ran = approved.gate("--llm-seed=3")
    (approved.path / FILE).unlink()
    again = regate(approved.path, RunDir.find(approved.path, None), Otherwise())
    assert again["tests"] == ran.judged["tests"]


def test_cases_that_are_gone_or_new_are_named_and_none_in_common_is_stale(approved: Example) -> None:
    lines = CASES.splitlines()
    fewer = [*lines[:38], json.dumps({"id": "fresh", "vars": {"q": "x"}})]
    approved.files({"suites/cases.jsonl": "\n".join(fewer)})
    ran = approved.gate("--llm-seed=3")
    assert "2 of the baseline's 40 cases are gone" in ran.gate("t", "as-good")["reason"]
    assert "1 of today's 39 cases has no baseline" in ran.gate("t", "as-good")["reason"]
    approved.files({"suites/cases.jsonl": fewer[-1]})
    gate = approved.gate().gate("t", "as-good")
    assert (gate["verdict"], gate["stop_reason"], gate["blocking"]) == ("inconclusive", "stale", True)


def test_a_renamed_test_is_told_which_baseline_may_be_its_own(approved: Example) -> None:
    approved.files({"suites/b.suite.yaml": SUITE.replace("id: t", "id: renamed")})
    reason = approved.gate().gate("renamed", "as-good")["reason"]
    assert "'t' asked the same of the same cases" in reason
    assert FILE in reason


def test_a_broken_baseline_file_is_an_error_with_its_place(approved: Example) -> None:
    path = approved.path / FILE
    path.write_text(path.read_text().replace(' "tests"', '<<<<<<< ours\n "tests"', 1))
    ran = approved.gate()
    assert ran.code == 2
    assert f"{FILE}:3: an unsolved merge conflict" in ran.text


def test_two_suites_of_one_name_are_told_apart_by_their_files(approved: Example) -> None:
    first = (approved.path / FILE).read_bytes()
    approved.files({"suites/other.suite.yaml": SUITE})
    ran = approved.gate("--llm-baseline=propose")
    warned = "warning: 2 suite files named 'b': suites/b.suite.yaml, suites/other.suite.yaml: reports and metrics show"
    assert warned in " ".join(ran.text.split())
    accept(approved)
    assert (approved.path / FILE).read_bytes() == first, "the baselines of one suite were written into another's"
    assert "suites/other.suite.yaml::t" in (approved.path / "suites/other.baseline.json").read_text()


def test_replies_that_are_all_the_same_are_counted_not_sampled(approved: Example) -> None:
    deterministic = SUITE.replace('"app.py:reply"}', '"app.py:reply", deterministic: true}')
    ran = approved.files({"suites/b.suite.yaml": deterministic}).gate()
    found = ran.test("t")
    assert found["trials"] == 40
    assert {gate["stop_reason"] for gate in found["gates"]} == {"census"}


def test_a_cohort_is_a_gate_of_its_own_and_every_slice_is_counted(example: Example) -> None:
    rows = [{"id": f"c{i}", "vars": {"q": "x"}, "slice": {"region": "eu" if i % 2 else "us"}} for i in range(10)]
    suite = SUITE.replace("baseline: true, max_increase_points: 10, name: as-good", "min_rate: 0.9, slice: region")
    example.files({"suites/b.suite.yaml": suite, "suites/cases.jsonl": "\n".join(map(json.dumps, rows)), **app(bad=0)})
    ran = example.gate()
    assert ran.code == 0, ran.text
    eu, us, *_ = ran.test("t")["gates"]
    assert (eu["name"], us["name"], eu["family"]) == ("equals[region=eu]", "equals[region=us]", 4)
    assert ran.test("t")["slices"]["region"].keys() == {"eu", "us"}
    assert ran.test("t")["slices"]["region"]["eu"]["equals[region=eu]"]["n"] >= eu["n"]


SLICED = """
    suite: s
    tests:
      - id: t
        function: "app.py:answer"
        cases: cases.jsonl
        stop: all
        assert:
          - {type: contains, value: good, bad_rate: 0.5, slice: lang}
          - {type: latency, p95_ms: 100, bad_rate: 0.5, slice: lang}
          - {type: contradiction, repeats: 2, slice: lang, severity: info, bad_rate: 0.2}
"""
IN_LANGUAGES = """
    from pytest_llmgate import Reply

    def answer(q, lang):
        return Reply("bad" if lang == "de" else "good", latency_ms=500 if lang == "de" else 10)
"""


def test_a_gate_on_a_cohort_shows_nothing_of_other_cohorts(example: Example) -> None:
    rows = [{"id": f"{lang}{n}", "vars": {"q": "x", "lang": lang}, "slice": {"lang": lang}}
            for n, lang in enumerate(["en", "de", "en"])]  # fmt: skip
    example.files({"s.suite.yaml": SLICED, "app.py": IN_LANGUAGES, "cases.jsonl": "\n".join(map(json.dumps, rows))})
    ran = example.gate("s.suite.yaml")
    gates = {gate["name"]: gate for gate in ran.test("t")["gates"]}
    assert {name: gate["verdict"] for name, gate in gates.items() if "contradiction" not in name} == {
        "contains[lang=de]": "fail", "contains[lang=en]": "pass",
        "latency[lang=de]": "fail", "latency[lang=en]": "pass",
    }  # fmt: skip
    assert {row["case"] for row in ran.test("t")["failing"]} == {"de1"}
    assert gates["latency[lang=de]"]["figures"]["quantile_ms"] == 500
    assert gates["latency[lang=en]"]["figures"]["quantile_ms"] == 10
    assert {name.rpartition("[")[2] for row in ran.rows() if row["case"] == "de1" for name in row["verdicts"]} == {
        "lang=de]"
    }
    slices = ran.test("t")["slices"]["lang"]
    assert {name for name in slices["en"] if "lang=de" in name} == set()
    assert slices["de"]["contains[lang=de]"]["n"] == gates["contains[lang=de]"]["n_all"]
    page = (ran.folder / "report.html").read_text()
    assert page.count('class="walk"') == 4, "every sequential gate on one reply a trial has its path"
    assert not ran.test("t")["problems"]


def test_a_marked_body_is_compared_as_a_suite_is(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import random
        import pytest

        @pytest.mark.stochastic(baseline=True, max_increase_points=10, baseline_trials=300)
        @pytest.mark.cost_regression(max_increase="10%")
        @pytest.mark.llm_cases([{"id": str(i), "vars": {"q": i}} for i in range(30)])
        def test_a(trial, case):
            drawn = random.Random(trial.seed)
            trial.record("yes", input_tokens=5, output_tokens=100 + int(10 * drawn.random()))
            assert drawn.random() > 0.05
    """
        }
    )
    assert example.gate("--llm-baseline=propose").code == 0
    accept(example)
    ran = example.gate("--llm-seed=4")
    assert ran.code == 0, ran.text
    assert {gate["name"]: gate["verdict"] for gate in ran.test("test_a")["gates"]} == {
        "cost_regression": "pass", "cost_regression-runaways": "pass", "stochastic": "pass",
    }  # fmt: skip
