"""`llmgate compare`: two models on the same cases and trials, and one decision with its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Repo, Typed

MODELS = """
import random
from pytest_llmgate import Reply

def made(request, bad, times):
    drawn = random.Random(request.seed)
    tokens = int(100 * drawn.lognormvariate(0, 0.2) * times)
    return Reply("no" if drawn.random() < bad else "yes", input_tokens=10, output_tokens=tokens, cost_usd="0.001")

def small(request): return made(request, 0.05, 1.0)
def twin(request): return made(request, 0.05, 1.0)
def worse(request): return made(request, 0.3, 1.0)
def dear(request): return made(request, 0.05, 1.4)
def broken(request): raise ConnectionError("nobody at home")
"""
NAMES = ("small", "twin", "worse", "dear", "broken")
SUITE = """
suite: c
models: {MODELS}
prompts: {p: {text: "Is it so? {{q}}"}}
tests:
  - id: t
    model: small
    prompt: p
    cases: cases.jsonl
    assert:
      - {type: equals, value: "yes", name: says-yes}
      - {type: cost-regression, max_increase: 10%}
  - id: program
    function: "models.py:small"
    cases: cases.jsonl
    assert: [{type: min-length, value: 1}]
"""
CASES = "\n".join(json.dumps({"id": f"c{i}", "vars": {"q": "x" * (i % 5)}}) for i in range(40))


@pytest.fixture
def shop(repo: Repo) -> Repo:
    models = ", ".join(f'{name}: {{provider: python, target: "models.py:{name}"}}' for name in NAMES)
    return repo.files(
        {
            "pyproject.toml": "",
            "suites/models.py": MODELS,
            "suites/c.suite.yaml": SUITE.replace("{MODELS}", f"{{{models}}}"),
            "suites/cases.jsonl": CASES,
        }
    )


def compare(shop: Repo, candidate: str, *options: str, baseline: str = "small") -> Typed:
    return shop.llmgate(
        "compare", "suites/c.suite.yaml", "--baseline", baseline, "--candidate", candidate, *options
    )  # fmt: skip


def result_of(done: Typed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.raw)
    return found


def test_a_twin_is_promoted(shop: Repo) -> None:
    done = compare(shop, "twin", "--max-increase", "10")
    assert done.code == 0, done.raw
    assert done.text.startswith("PROMOTE: all 2 measures keep what the baseline has")
    assert "twin in place of small on suites/c.suite.yaml" in done.text
    assert "not compared: suites/c.suite.yaml::program" in done.text


@pytest.mark.parametrize(("candidate", "measure"), [("worse", "says-yes"), ("dear", "cost-regression")])
def test_a_worse_candidate_is_rolled_back_and_the_reason_named(shop: Repo, candidate: str, measure: str) -> None:
    done = compare(shop, candidate, "--max-increase", "10")
    assert done.code == 1, done.raw
    assert f"ROLL BACK: the candidate is worse at t {measure}" in done.text


def test_what_costs_more_is_shown_and_decides_only_where_that_is_asked(shop: Repo) -> None:
    found = result_of(compare(shop, "dear", "--json"))
    assert (found["advice"], [row["measure"] for row in found["measures"]]) == ("promote", ["says-yes"])
    taken = found["taken"][0]["total_tokens"]
    assert 1.2 < taken["interval"][0] < taken["ratio"] < taken["interval"][1] < 1.6


def test_too_few_trials_are_a_hold(shop: Repo) -> None:
    done = compare(shop, "twin", "--trials", "10")
    assert done.code == 3, done.raw
    assert "HOLD: 1 measure of 1 could not be decided; allow more --trials" in done.text


def test_a_candidate_that_never_answers_is_never_promoted(shop: Repo) -> None:
    found = compare(shop, "broken", "--trials", "40")
    assert found.code in (1, 3), found.raw
    assert "PROMOTE" not in found.text


def test_both_sides_draw_the_same_trials_and_the_result_is_kept(shop: Repo) -> None:
    found = result_of(compare(shop, "twin", "--json"))
    folder = shop.path / found["directory"]
    assert json.loads((folder / "compare.json").read_text()) == found
    rows = [
        [json.loads(line) for line in next(Path(folder / side).glob("trials.*.jsonl")).read_text().splitlines()]
        for side in ("baseline", "candidate")
    ]
    drawn = [{(row["case"], row["repeat"], row["seed"]) for row in side} for side in rows]
    assert drawn[0] == drawn[1]
    assert found["trials"] == len(drawn[0])


def test_the_same_comparison_again_is_the_same(shop: Repo) -> None:
    first, second = (result_of(compare(shop, "worse", "--json", "--seed", "5")) for _ in range(2))
    assert first["measures"] == second["measures"]


def traffic(shop: Repo, bad: int, **more: Any) -> None:
    """200 recorded replies, of which every `bad`th is wrong."""
    rows = [
        {"id": f"p{i}", "vars": {"q": "x"}, "reply": "yes" if i % bad else "no", "input_tokens": 10,
         "output_tokens": 100, **more}
        for i in range(200)
    ]  # fmt: skip
    shop.files({"traffic.jsonl": "\n".join(map(json.dumps, rows))})


def test_recorded_traffic_is_compared_without_asking_its_model_again(shop: Repo) -> None:
    traffic(shop, bad=20)
    done = compare(shop, "twin", "--cases", "traffic.jsonl", "--json", baseline="traffic")
    assert result_of(done)["advice"] == "promote"
    assert not (shop.path / result_of(done)["directory"] / "baseline").exists()
    assert compare(shop, "worse", "--cases", "traffic.jsonl", baseline="traffic").code == 1


def test_traffic_may_also_be_asked_of_both(shop: Repo) -> None:
    traffic(shop, bad=20)
    assert result_of(compare(shop, "twin", "--cases", "traffic.jsonl", "--json"))["advice"] == "promote"


def test_feedback_on_one_side_is_shown_and_on_both_is_compared(shop: Repo) -> None:
    traffic(shop, bad=20)
    said = [{"case": f"p{i}", "rejected": i % 10 == 0} for i in range(200)]
    shop.files({"said.jsonl": "\n".join(map(json.dumps, said))})
    shown = compare(shop, "twin", "--cases", "traffic.jsonl", "--feedback", "said.jsonl")
    assert (shown.code, "people: rejected: baseline 20 of 200 cases" in shown.text) == (0, True), shown.raw
    rows = ["case,arm,escalated"] + [f"p{i},{arm},{i % 2 if arm == 'candidate' else 0}"
                                     for i in range(200) for arm in ("baseline", "candidate")]  # fmt: skip
    shop.files({"said.csv": "\n".join(rows)})
    done = compare(shop, "twin", "--cases", "traffic.jsonl", "--feedback", "said.csv")
    assert (done.code, "feedback not-escalated" in done.text) == (1, True), done.raw


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--candidate", "small"), "[compare-same]"),
        (("--candidate", "nobody"), "nobody"),
        (("--candidate", "twin", "--baseline", "traffic"), "there are no recorded replies"),
        (("--candidate", "twin", "--cases", "bad.jsonl"), "bad.jsonl:1: this is not JSON"),
        (("--candidate", "twin", "--cases", "shape.jsonl"), "shape.jsonl:1: "),
        (("--candidate", "twin", "--feedback", "lost.jsonl"), "lost.jsonl:1: there is no case"),
        (("--candidate", "twin", "--max-drop", "0"), "--max-drop"),
    ],
)
def test_what_cannot_be_compared_is_told_with_its_place(shop: Repo, words: tuple[str, ...], said: str) -> None:
    shop.files(
        {
            "bad.jsonl": "{",
            "shape.jsonl": '{"vars": {"q": "x"}, "reply": 3}',
            "lost.jsonl": '{"case": "nowhere", "rejected": true}',
        }
    )
    done = shop.llmgate("compare", "suites/c.suite.yaml", "--baseline", "small", *words)
    assert (done.code, said in done.text) == (2, True), done.raw


def test_a_suite_without_prompts_has_nothing_to_compare(shop: Repo) -> None:
    text = (shop.path / "suites/c.suite.yaml").read_text()
    head, _, rest = text.partition("  - id: t\n")
    shop.files({"suites/c.suite.yaml": head + rest[rest.index("  - id: program") :]})
    done = compare(shop, "twin")
    assert (done.code, "[nothing-to-compare]" in done.text) == (2, True), done.raw
