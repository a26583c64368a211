"""`llmgate compare`: two models on the same cases and trials, and one decision with its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.session.comparing.deciding import advice

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

def shaky(request):
    if random.Random(request.seed).random() < 0.3:
        raise ConnectionError("gone for a moment")
    return made(request, 0.05, 1.0)

def uncounted(request): return "yes"
"""
NAMES = ("small", "twin", "worse", "dear", "broken", "shaky", "uncounted")
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
    assert not (shop.path / ".llmgate/latest").exists(), "a comparison is no run that verdict or accept could speak of"


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


@pytest.mark.parametrize(("candidate", "baseline"), [("broken", "small"), ("small", "broken")])
def test_a_model_that_never_answers_is_an_error_after_ten_trials_and_says_why(
    shop: Repo, candidate: str, baseline: str
) -> None:
    done = compare(shop, candidate, baseline=baseline)
    side = "candidate" if candidate == "broken" else "baseline"
    assert done.code == 4, done.raw
    assert "ERROR: 1 measure of 1 could not be judged" in done.text
    assert f"10 of 10 trials of the {side} could not be scored (limit 5 %, max_errors); first: {side}, " in done.text
    assert "ConnectionError: nobody at home" in done.text


def test_a_model_that_often_does_not_answer_is_given_up_at_max_errors(shop: Repo) -> None:
    found = result_of(compare(shop, "shaky", "--json"))
    (row,) = found["measures"]
    assert (found["advice"], row["verdict"], row["stop_reason"]) == ("error", "error", "holes")
    assert "gone for a moment" in row["problem"]
    assert found["trials"] < 512  # of 1,000: more than 50 without a reply are too many, whatever the rest says
    assert row["unscored"]["candidate"] > 50


def test_max_errors_of_the_test_is_the_limit(shop: Repo) -> None:
    suite = (shop.path / "suites/c.suite.yaml").read_text()
    shop.files({"suites/c.suite.yaml": suite.replace("    prompt: p\n", "    prompt: p\n    max_errors: 0.5\n")})
    done = compare(shop, "shaky")
    assert done.code == 3, done.raw
    assert "not scored:" in done.text


def test_tokens_that_nobody_counts_cannot_be_judged(shop: Repo) -> None:
    found = result_of(compare(shop, "uncounted", "--max-increase", "10", "--json"))
    tokens = found["measures"][1]
    assert (found["advice"], tokens["verdict"], tokens["stop_reason"]) == ("error", "error", "holes")
    assert tokens["unscored"] == {"baseline": 0, "candidate": 10, "of": 10, "limit": 0.05}
    assert tokens["problem"] == "candidate: tokens in and out were not counted"


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["pass", "error", "fail"], "roll back"),
        (["pass", "error", "inconclusive"], "error"),
        (["pass", "inconclusive"], "hold"),
        (["pass", "pass"], "promote"),
        ([], "hold"),
    ],
)
def test_the_advice_is_the_worst_of_the_verdicts(verdicts: list[str], said: str) -> None:
    assert advice(verdicts) == said


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


def test_recorded_traffic_that_decides_nothing_needs_more_rows_and_no_more_trials(shop: Repo) -> None:
    rows = [{"id": f"p{i}", "vars": {"q": "x"}, **({"reply": "yes"} if i < 8 else {})} for i in range(12)]
    shop.files({"traffic.jsonl": "\n".join(map(json.dumps, rows))})
    done = compare(shop, "twin", "--cases", "traffic.jsonl", baseline="traffic")
    assert done.code == 3, done.raw
    assert "could not be decided; add rows with a reply to --cases" in done.text
    assert "traffic: 4 of 12 rows have no reply, and nothing to compare with" in done.text
    found = result_of(compare(shop, "twin", "--cases", "traffic.jsonl", "--json", baseline="traffic"))
    assert found["traffic"] == {"rows": 12, "replies": 8, "without_reply": 4}
    asked = next((shop.path / found["directory"] / "candidate").glob("trials.*.jsonl")).read_text().splitlines()
    assert len(asked) == found["trials"] == 8  # nobody is asked what cannot be compared


def test_fewer_trials_than_recorded_replies_are_what_ends_a_comparison(shop: Repo) -> None:
    traffic(shop, bad=20)
    done = compare(shop, "twin", "--cases", "traffic.jsonl", "--trials", "10", baseline="traffic")
    assert "could not be decided; allow more --trials" in done.text


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ('"latency_ms": "NaN"', "latency_ms must be a number of milliseconds from 0 to"),
        ('"latency_ms": NaN', "a number that is not finite"),
        ('"latency_ms": -4', "latency_ms must be"),
        ('"latency_ms": 1e400', "a number that is not finite"),
        ('"latency_ms": 1e300', "latency_ms must be"),
        ('"latency_ms": "x"', "latency_ms must be"),
        ('"latency_ms": true', "latency_ms must be"),
        ('"cost_usd": "1e999999"', "cost_usd must be an amount in USD from 0 to 1,000,000"),
        ('"cost_usd": "-1"', "cost_usd must be"),
        ('"cost_usd": "cheap"', "cost_usd must be"),
        ('"cost_usd": ["1"]', "cost_usd must be"),
        ('"output_tokens": 1e23', "output_tokens must be a whole number from 0 to 1,000,000,000"),
        ('"output_tokens": 100000000000000000000000', "output_tokens must be"),
        ('"input_tokens": -1', "input_tokens must be"),
        ('"model": 3', "model must be a str"),
        ('"reply": 3', "reply is a value of type int; it must be a str"),
        ('"reply": "no"', "'reply' stands there twice"),
    ],
)
@pytest.mark.parametrize("baseline", ["small", "traffic"])
def test_recorded_figures_that_make_no_sense_are_refused_with_their_line(
    shop: Repo, figure: str, said: str, baseline: str
) -> None:
    good = '{"id": "p1", "vars": {"q": "x"}, "reply": "yes"}'
    bad = f'{{"id": "p2", "vars": {{"q": "x"}}, "reply": "yes", {figure}}}'
    if figure.startswith('"reply": 3'):
        bad = bad.replace('"reply": "yes", ', "")
    shop.files({"traffic.jsonl": f"{good}\n\n{bad}\n"})
    done = compare(shop, "twin", "--cases", "traffic.jsonl", baseline=baseline)
    assert (done.code, "traffic.jsonl:3: " in done.text, said in done.text) == (2, True, True), done.raw
    assert "; " in done.text.partition(said)[2]  # what to write instead


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
    ("name", "rows", "said"),
    [
        ("said.jsonl", ['{"case": "p1", "rejected": "yes"}'], "said.jsonl:1: 'rejected' is 'yes'; write true or false"),
        ("said.jsonl", ['{"case": "p1", "rejected": 1}'], "said.jsonl:1: 'rejected' is 1; write true or false"),
        (
            "said.csv",
            ["case,rejected", "p1,maybe"],
            "said.csv:2: 'rejected' is 'maybe'; write true or false, or 1 or 0",
        ),
        ("said.csv", ["case,rejected", 'p1,"true'], "this is not CSV"),
        ("said.jsonl", ['{"case": "p1", "rejected": NaN}'], "said.jsonl:1: a number that is not finite"),
        (
            "said.jsonl",
            ['{"case": "p1", "rejected": true}', "", '{"case": "p1", "rejected": false}'],
            "said.jsonl:3: 'rejected' of case 'p1' (baseline) is true at said.jsonl:1, and false here; keep one of",
        ),
    ],
)
def test_feedback_is_true_or_false_and_said_once(shop: Repo, name: str, rows: list[str], said: str) -> None:
    traffic(shop, bad=20)
    shop.files({name: "\n".join(rows)})
    done = compare(shop, "twin", "--cases", "traffic.jsonl", "--feedback", name)
    assert (done.code, said in done.text) == (2, True), done.raw


def test_feedback_that_is_given_twice_counts_once_and_that_is_said(shop: Repo) -> None:
    traffic(shop, bad=20)
    shop.files({"said.jsonl": '{"case": "p1", "rejected": true}\n' * 3 + '{"case": "p1", "escalated": true}'})
    done = compare(shop, "twin", "--cases", "traffic.jsonl", "--feedback", "said.jsonl")
    assert "people: rejected: baseline 1 of 1 case" in done.text
    assert "people: 2 answers given twice, and counted once" in done.text


@pytest.mark.parametrize("option", ["--max-drop", "--max-increase"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "0", "1e-300", "x", "1e999"])
def test_limits_are_finite_numbers_in_their_range(shop: Repo, option: str, value: str) -> None:
    done = compare(shop, "twin", option, value)
    assert (done.code, option in done.text) == (2, True), done.raw
    assert "Traceback" not in done.text


@pytest.mark.parametrize("words", [("--max-drop", "99.99"), ("--max-drop", "0.01"), ("--max-increase", "1000"),
                                   ("--max-increase", "0.01")])  # fmt: skip
def test_limits_at_the_ends_of_their_range_are_taken(shop: Repo, words: tuple[str, ...]) -> None:
    assert compare(shop, "twin", "--trials", "40", *words).code in (0, 1, 3)


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
