"""Cost regressions against baselines that never varied, of one reply a case, and of less than a micro-USD a reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_llmgate.session import baselines

from .conftest import Example

APP = """
    import random
    from pytest_llmgate import Reply

    def reply(request):
        drawn = random.Random(request.seed)
        return Reply("yes", input_tokens=10, output_tokens=int({tokens}), cost_usd={cost!r})
"""
SUITE = """
    suite: c
    models: {{m: {{provider: python, target: "app.py:reply"}}}}
    prompts: {{p: {{text: "Is it so? {{{{q}}}}"}}}}
    tests:
      - id: t
        model: m
        prompt: p
        cases: cases.jsonl
        stop: all
        assert:
          - {{type: cost-regression, of: {of}}}
"""
FILE = "suites/c.baseline.json"
COST, RUNAWAYS = "cost-regression", "cost-regression-runaways"


def app(tokens: str = "100", cost: str = "0.000002") -> dict[str, str]:
    return {"suites/app.py": APP.format(tokens=tokens, cost=cost)}


def approved(example: Example, of: str, cases: int, **build: str) -> Example:
    """A suite whose baseline was proposed and accepted."""
    lines = "\n".join(json.dumps({"id": f"c{i}", "vars": {"q": f"{i}"}}) for i in range(cases))
    example.files({"suites/c.suite.yaml": SUITE.format(of=of), "suites/cases.jsonl": lines, **app(**build)})
    assert example.gate("--llm-baseline=propose").code == 0
    baselines.accept(example.path, None, (), reason="first", changed=True, environ={})
    return example


@pytest.mark.parametrize("of", ["calls", "cost"])
def test_a_baseline_that_never_varied_decides_at_the_first_look(example: Example, of: str) -> None:
    ran = approved(example, of, cases=40).gate("--llm-seed=3")
    found = ran.gate("t", COST)
    assert (ran.code, found["verdict"], found["estimate"]) == (0, "pass", 1.0), ran.text
    assert found["n"] == found["figures"]["looks"][0] == 80


@pytest.mark.parametrize(("cost", "verdict"), [("0.00000208", "pass"), ("0.0000024", "fail")])
def test_any_rise_of_what_never_varied_is_certain(example: Example, cost: str, verdict: str) -> None:
    """4 % are within the 10 % that are allowed, 20 % are not."""
    found = approved(example, "cost", cases=40).files(app(cost=cost)).gate("--llm-seed=3").gate("t", COST)
    assert (found["verdict"], found["n"]) == (verdict, 80)


def test_what_varies_today_only_gets_the_trials_of_an_unknown_spread(example: Example) -> None:
    project = approved(example, "output_tokens", cases=40)
    found = project.files(app(tokens="100 * drawn.lognormvariate(-0.06, 0.35)")).gate("--llm-seed=3").gate("t", COST)
    assert (found["verdict"], found["figures"]["looks"][-1]) == ("pass", 400)
    assert found["n"] > 80


def test_one_reply_a_case_is_compared_in_pairs(example: Example) -> None:
    """Sizes of cases differ, and one reply does not tell a large case from a runaway."""
    tokens = "(1 + int(request.vars['q']) % 20) * 20 * drawn.lognormvariate(0, 0.15)"
    project = approved(example, "output_tokens", cases=400, tokens=tokens)
    kept = json.loads((project.path / FILE).read_text())["tests"]["suites/c.suite.yaml::t"][COST][""]
    assert "runaways" not in kept["figures"], "no case has another reply to hold one against"
    good = project.gate("--llm-seed=3").gate("t", RUNAWAYS)
    assert (good["verdict"], good["n"], good["figures"]["paired"]) == ("pass", 320, True)
    assert good["figures"]["runaways"] == good["figures"]["baseline_runaways"] == 0
    assert "× the baseline's one to their case, 0 the other way round" in good["reason"]
    project.files(app(tokens=f"{tokens} * (6 if drawn.random() < 0.05 else 1)"))
    assert project.gate("--llm-seed=3").gate("t", RUNAWAYS)["verdict"] == "fail"


def test_one_reply_of_few_cases_says_what_to_do(example: Example) -> None:
    project = approved(example, "output_tokens", cases=20, tokens="100 * drawn.lognormvariate(0, 0.15)")
    tree = json.loads((project.path / FILE).read_text())
    entry: dict[str, Any] = tree["tests"]["suites/c.suite.yaml::t"][COST][""]
    entry["cases"] = {case: {"n": 1, "total": 100, "squares": 10_000} for case in entry["cases"]}
    entry["figures"] = {"n": 20, "total": 2000}
    project.files({FILE: json.dumps(tree)})
    found = project.gate("--llm-seed=3").gate("t", RUNAWAYS)
    assert found["verdict"] == "inconclusive"
    assert "propose a baseline with more replies a case (baseline_trials)" in found["reason"]


def test_less_than_a_micro_usd_a_reply_is_kept(example: Example) -> None:
    """2.2 → 2.6 micro-USD are + 18 %, where whole micro-USD would say + 50 %."""
    project = approved(example, "cost", cases=40, cost="0.0000022")
    entry = json.loads((project.path / FILE).read_text())["tests"]["suites/c.suite.yaml::t"][COST][""]
    assert entry["parameters"] == {"of": "cost", "runaway_factor": 3, "unit": "nano-USD"}
    assert entry["figures"]["total"] == 2_200 * entry["figures"]["n"]
    found = project.files(app(cost="0.0000026")).gate("--llm-seed=3").gate("t", COST)
    assert found["estimate"] == pytest.approx(2.6 / 2.2, abs=1e-6)
    assert (found["figures"]["baseline_mean"], found["figures"]["mean"]) == (2.2, 2.6), "in micro-USD"


def test_a_file_of_an_earlier_version_is_in_micro_usd(example: Example) -> None:
    project = approved(example, "cost", cases=40, cost="0.000002")
    tree = json.loads((project.path / FILE).read_text())
    entry = tree["tests"]["suites/c.suite.yaml::t"][COST][""]
    del entry["parameters"]["unit"]
    for figures in (*entry["cases"].values(), entry["figures"]):
        figures["total"] //= 1000
    for figures in entry["cases"].values():
        figures["squares"] //= 1_000_000
    project.files({FILE: json.dumps(tree)})
    found = project.gate("--llm-seed=3").gate("t", COST)
    assert (found["verdict"], found["estimate"], found["figures"]["baseline_mean"]) == ("pass", 1.0, 2.0)
