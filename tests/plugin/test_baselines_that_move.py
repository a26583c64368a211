"""Baselines of replies that grow, move or are renamed: what is refused and said, and what a gate can still tell."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.session import baselines
from pytest_llmgate.session.baseline_words import lines

from .conftest import Example

APP = """
    import random
    from pytest_llmgate import Reply

    def reply(request):
        drawn = random.Random(request.seed)
        if drawn.random() < {raises}:
            raise ConnectionError("nobody at home")
        text = "no" if drawn.random() < 0.05 else "yes"
        return Reply(text, input_tokens=10, output_tokens=int({tokens} * drawn.lognormvariate(0, 0.1)),
                     latency_ms={ms} * drawn.lognormvariate(0, 0.1))
"""
HEAD = """
suite: b
models: {m: {provider: python, target: "app.py:reply"}}
prompts: {p: {text: "Is it so? {{q}}"}}
tests:
  - {id: t, model: m, prompt: p, cases: cases.jsonl, stop: all, baseline_trials: 200, assert: %s}
"""
GOOD = '{type: equals, value: "yes", baseline: true, max_increase_points: 10}'
COST = "{type: cost-regression, of: output_tokens, max_increase: 10%}"
SUITE, FILE = "suites/b.suite.yaml", "suites/b.baseline.json"


def suite(*asserts: str) -> dict[str, str]:
    return {SUITE: HEAD % f"[{', '.join(asserts)}]"}


def app(*, raises: float = 0, tokens: int = 100, ms: float = 100) -> dict[str, str]:
    return {"suites/app.py": APP.format(raises=raises, tokens=tokens, ms=ms)}


def cases(count: int, **fields: Any) -> dict[str, str]:
    rows = ({"id": f"c{number}", "vars": {"q": number}, **fields} for number in range(count))
    return {"suites/cases.jsonl": "\n".join(map(json.dumps, rows))}


@pytest.fixture
def project(example: Example) -> Example:
    return example.files({**suite(GOOD, COST), **cases(10), **app()})


def propose(project: Example) -> None:
    project.gate("--llm-baseline=propose")


def accept(project: Example, reason: str = "as it was", **options: Any) -> str:
    """What an accept prints, blanks collapsed."""
    found = baselines.accept(project.path, None, (), reason=reason, environ={}, **{"changed": True, **options})
    return " ".join(" ".join(lines("accepted", found)).split())


def typed(*words: str) -> str:
    """What a command prints, blanks collapsed."""
    return " ".join(CliRunner().invoke(cli, words).output.split())


# ---- what is taken


def test_figures_of_trials_too_many_of_which_were_not_scored_are_refused(project: Example) -> None:
    """A gate without a baseline is decided at once, so that nobody has judged the trials that the proposal is of."""
    project.files({**app(raises=0.3), SUITE: suite(GOOD, COST)[SUITE].replace("stop: all", "cover: sample")})
    propose(project)
    with pytest.raises(LlmgateError) as refused:
        accept(project)
    assert {fault.code for fault in refused.value.problems} == {"accept-refused"}
    assert "of the 200 trials proposed could not be scored (limit 5 %)" in str(refused.value)
    assert not (project.path / FILE).exists()


def test_a_few_that_were_not_scored_are_allowed_and_named(project: Example) -> None:
    more = suite(GOOD, COST)[SUITE].replace("stop: all", "stop: all, max_errors: 0.5, cover: sample")
    project.files({**app(raises=0.1), SUITE: more})
    propose(project)
    said = accept(project)
    entry = json.loads((project.path / FILE).read_text())["tests"][f"{SUITE}::t"]["equals"][""]
    unscored = entry["figures"]["unscored"]
    assert 0 < unscored == 200 - entry["figures"]["n"]
    assert f"; {unscored} of 200 not scored" in said


def test_a_baseline_can_be_made_larger(project: Example) -> None:
    propose(project)
    accept(project)
    project.files({SUITE: suite(GOOD, COST)[SUITE].replace("200", "600")})
    propose(project)
    assert "of 600 trials good" in accept(project, "larger", anchor=True)
    assert project.gate("--llm-seed=5").gate("t", "equals")["compared"]["baseline"]["n"] == 600


# ---- the anchor


def git(project: Example, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=project.path, check=True, capture_output=True)


def test_an_anchor_that_moves_is_said_first_with_its_reason_and_against_a_revision(project: Example) -> None:
    propose(project)
    accept(project, "release 1.0")
    project.files(app(tokens=120))
    propose(project)
    accept(project, "explanations")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "explanations")
    failed = project.gate("--llm-seed=5").gate("t", "cost-regression")
    assert (failed["verdict"], failed["compared"]["anchor"]) == ("fail", True)
    assert 'the anchor ("release 1.0"), not with what was accepted last' in failed["reason"]

    propose(project)
    moved = "loosened: suites/b.suite.yaml::t, cost-regression: anchor moved:"
    assert moved in typed("baseline", "diff", "--anchor")
    said = accept(project, "release 1.1", anchor=True)
    assert said.startswith(f"accepted: 1 loosened, 1 anchor moved {moved} ")
    assert "output tokens (+2" in said
    assert ": release 1.1" in said
    assert "deleted" not in said
    assert json.loads((project.path / FILE).read_text())["tests"][f"{SUITE}::t"]["cost-regression"].keys() == {""}
    assert moved in typed("baseline", "diff", "--against", "HEAD")
    assert project.gate("--llm-seed=5").gate("t", "cost-regression")["verdict"] == "pass"


def test_cases_that_grew_beyond_the_anchor_leave_few_pairs_and_the_plan_promises_no_more(project: Example) -> None:
    project.files({**cases(4), SUITE: suite(GOOD)[SUITE].replace("200", "40")})
    propose(project)
    accept(project)
    project.files(cases(200))
    said = typed("plan", SUITE)
    assert "at most 4 pairs" in said
    assert "inconclusive 100 %" in said
    assert "196 of today's 200 cases have no baseline" in said
    found = project.gate().gate("t", "equals")
    assert (found["verdict"], found["figures"]["pairs"]) == ("inconclusive", 4)
    assert "propose one of all cases and accept it with --anchor" in found["reason"]


# ---- cases


def test_a_case_that_was_edited_under_its_id_is_compared_and_named(project: Example) -> None:
    propose(project)
    accept(project)
    assert "cases changed" not in project.gate("--llm-seed=5").gate("t")["reason"]
    assert "cases changed" not in project.files(cases(11)).gate("--llm-seed=5").gate("t")["reason"]
    edited = cases(10)["suites/cases.jsonl"].replace('{"q": 3}', '{"q": "3, and very expensive"}')
    found = project.files({"suites/cases.jsonl": edited}).gate("--llm-seed=5").gate("t")
    assert found["verdict"] == "pass"
    assert "cases changed since the baseline" in found["reason"]


def test_gates_of_a_slice_speak_of_its_own_cases(project: Example) -> None:
    rows = cases(12)["suites/cases.jsonl"].splitlines()
    sliced = [row[:-1] + f', "slice": {{"region": "{"eu" if at % 3 else "us"}"}}}}' for at, row in enumerate(rows)]
    project.files({**suite(GOOD.replace("}", ", slice: region}")), "suites/cases.jsonl": "\n".join(sliced)})
    propose(project)
    accept(project)
    assert {gate["compared"]["standing"] for gate in project.gate().test("t")["gates"]} == {"same"}
    project.files({"suites/cases.jsonl": "\n".join(sliced[1:])})
    eu, us = project.gate("--llm-seed=5").test("t")["gates"]
    assert eu["compared"]["changes"] == []
    assert "1 of the baseline's 4 cases is gone" in us["compared"]["changes"]


# ---- latency


def test_a_latency_gate_names_the_limit_that_its_baseline_makes(project: Example) -> None:
    project.files(suite("{type: latency, baseline: true, of: p50}"))
    propose(project)
    accept(project)
    slow = project.files(app(ms=150)).gate("--llm-seed=5").gate("t")
    assert slow["verdict"] == "fail"
    was = slow["compared"]["baseline"]["p50_us"] / 1000
    limit = f"the baseline's {was:.4g} ms + 20 % = {was * 1.2:.4g} ms"
    assert f"; p50 {slow['figures']['quantile_ms']:.4g} ms, {limit}" in slow["reason"]
    assert limit in typed("plan", SUITE)
    propose(project)
    accept(project)
    entry = json.loads((project.path / FILE).read_text())["tests"][f"{SUITE}::t"]["latency"][""]
    assert entry["parameters"] == {"of": "p50"}, "the percentile that the gate asks for"


# ---- names


def test_a_renamed_gate_is_told_which_baseline_may_be_its_own(project: Example) -> None:
    propose(project)
    accept(project)
    project.files(suite(GOOD, COST.replace("}", ", name: money}")))
    found = project.gate().gate("t", "money")
    assert found["stop_reason"] == "new"
    assert "the gate 'cost-regression' asked for the same figures of the same cases" in found["reason"]
    assert f"if it was renamed, rename its key in {FILE}" in found["reason"]


def test_a_second_gate_beside_one_that_stands_is_no_renamed_one(project: Example) -> None:
    propose(project)
    accept(project)
    project.files(suite(GOOD, COST, COST.replace("}", ", name: money}")))
    assert "renamed" not in project.gate().gate("t", "money")["reason"]


def test_a_renamed_suite_file_is_told_which_baselines_may_be_its_own(project: Example) -> None:
    propose(project)
    accept(project)
    (project.path / SUITE).rename(project.path / "suites/bot.suite.yaml")
    (project.path / "suites/broken.baseline.json").write_text("{")
    reason = project.gate().gate("t", "equals")["reason"]
    assert f"'{SUITE}' is gone, and its test 't' asked the same cases" in reason
    assert f"rename {FILE} to suites/bot.baseline.json, and {SUITE} to suites/bot.suite.yaml in its keys" in reason

    text = (project.path / FILE).read_text().replace(SUITE, "suites/bot.suite.yaml")
    (project.path / FILE).unlink()
    (project.path / "suites/bot.baseline.json").write_text(text)
    assert project.gate("--llm-seed=5").gate("t", "equals")["stop_reason"] == "boundary"
