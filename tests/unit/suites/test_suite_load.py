"""A suite file becomes a plan, or one error that tells everything that is wrong with it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.groups import groups_in, trials_for
from pytest_llmgate.core.plan import plan_digest

SUITE = """\
    suite: support-bot
    seed: 7
    budget: "1.50"
    defaults: {trials: 2000, stop: all}
    models:
      answerer: {provider: openai, model: gpt-x, params: {temperature: 0.7}}
      staging: {provider: openai, model: qwen3, base_url: "${VLLM_URL}", api_key_env: VLLM_KEY}
      small: {provider: local, model: smollm2-135m, params: {response_format: schemas/answer.json}}
      scripted: {provider: python, target: "app.py:answer", record: true}
    prompts:
      qna: prompts/qna.j2
      chat: {messages: [{role: system, content: Be kind.}, {role: user, content: "{{q}}"}]}
    tests:
      - id: refunds
        model: answerer
        prompt: qna
        cases: cases/two.jsonl
        assert:
          - {type: is-json, value: schemas/answer.json, min_rate: 0.95, bad_rate: 0.90}
          - {type: contains, value: x, name: mine, max_rate: 0.1}
          - {type: latency, p95_ms: 500}
      - id: app
        function: "app.py:answer"
        trials: 300
        assert: [{type: not-contains, value: x, zero_tolerance: true}, {type: not-contains, value: y, severity: warn}]
    """


def test_a_suite_becomes_a_plan(project) -> None:
    plan = project.load(SUITE)
    first, second = plan.tests
    assert (plan.name, plan.budget, plan.file) == ("support-bot", "1.50", "suites/s.suite.yaml")
    assert plan.aliases == {"answerer", "staging", "small", "scripted"}
    assert (first.id, first.kind, first.base, first.cassette) == (
        "suites/s.suite.yaml::refunds",
        "prompt",
        "suites",
        "suites/s.cassette.jsonl",
    )
    assert (first.seed, first.trials, first.stop, len(first.cases)) == (7, 2000, "all", 2)
    assert first.prompt.messages == ({"role": "user", "content": "Answer: {{ q }}\n"},)
    assert set(first.content) == {"suites/cases/two.jsonl", "suites/prompts/qna.j2", "suites/schemas/answer.json"}
    assert (second.kind, second.function, second.trials, second.model) == ("function", "app.py:answer", 300, None)
    assert [gate.name for gate in second.gates] == ["not-contains", "not-contains-2"]


def test_the_family_counts_the_gates_that_can_fail_a_good_build(project) -> None:
    plan = project.load(SUITE)
    assert {gate.family for test in plan.tests for gate in test.gates} == {3}
    plan = project.load("error_control: none\n" + "\n".join(line[4:] for line in SUITE.splitlines()))
    assert {gate.family for test in plan.tests for gate in test.gates} == {1}


def test_what_a_test_depends_on_changes_its_digest_and_nothing_else_does(project) -> None:
    before = plan_digest(project.load(SUITE).tests)
    assert plan_digest(project.load("# a comment\n" + "\n".join(s[4:] for s in SUITE.splitlines())).tests) == before
    project.write("suites/app.py", "def answer(q=''):\n    return q.upper()\n")
    assert plan_digest(project.load(SUITE).tests) != before


@pytest.mark.parametrize(
    ("keys", "good", "bad", "assumed", "unwanted"),
    [
        ("", 0.95, 0.90, True, False),
        ("min_rate: 0.9", 0.9, 0.8, True, False),
        ("min_rate: 0.98, bad_rate: 0.95", 0.98, 0.95, False, False),
        ("max_rate: 0.1", 0.9, 0.8, True, True),
        ("max_rate: 0.05, bad_rate: 0.2", 0.95, 0.8, False, True),
        ("min_rate: 1", 1.0, 0.99, True, False),
        ("min_rate: 1, bad_rate: 0.9", 1.0, 0.9, False, False),
        ("max_rate: 0", 1.0, 0.99, True, True),
        ("zero_tolerance: true", 1.0, 0.99, True, True),
        ("zero_tolerance: true, bad_rate: 0.02", 1.0, 0.98, False, True),
        ("zero_tolerance: false", 0.95, 0.90, True, False),
    ],
)
def test_rates_become_success_rates(project, keys: str, good: float, bad: float, assumed: bool, unwanted: bool) -> None:
    gate = project.test("", f"{{type: contains, value: x, {keys}}}" if keys else "{type: contains, value: x}").gates[0]
    assert (gate.good, pytest.approx(gate.bad), gate.bad_assumed, gate.unwanted) == (good, bad, assumed, unwanted)


def test_the_parameters_may_imply_the_rates_and_own_rates_win(project) -> None:
    assert (gate := project.test("", "{type: latency, p95_ms: 5}").gates[0]).bad == 0.90
    assert not gate.bad_assumed
    assert project.test("", "{type: latency, p95_ms: 5, min_rate: 0.8}").gates[0].bad == 0.6


@pytest.mark.parametrize(
    ("keys", "code", "named"),
    [
        ("min_rate: 0.9, bad_rate: 0.95", "rates-wrong-side", ("0.95", "0.9", "below")),
        ("min_rate: 0.9, bad_rate: 0.9", "rates-wrong-side", ("below",)),
        ("max_rate: 0.1, bad_rate: 0.05", "rates-wrong-side", ("0.05", "0.1", "above")),
        ("bad_rate: 0.97", "rates-wrong-side", ("0.97", "0.95")),
        ("min_rate: 0.9, max_rate: 0.1", "rates-both", ()),
        ("min_rate: 0.9, zero_tolerance: true", "rates-both", ()),
        ("min_rate: 0", "rates-impossible", ()),
        ("max_rate: 1", "rates-impossible", ()),
        ("bad_rate: 0", "rates-impossible", ()),
        ("max_rate: 0.1, bad_rate: 1", "rates-impossible", ()),
        ("min_rate: 95", "bad-value", ("95",)),
        ("min_rate: true", "bad-value", ()),
        ('min_rate: "0.9"', "bad-value", ()),
        ("alpha: 0", "bad-value", ()),
        ("beta: 0.7", "bad-value", ()),
        ("rule: fixd", "bad-value", ("sequential or fixed",)),
        ("severity: blocking", "bad-value", ("block or warn or info",)),
        ("quarantine: {until: 2027-13-01, reason: x}", "bad-value", ("2027-13-01",)),
        ("quarantine: {until: 2001-01-01, reason: x}", "quarantine-expired", ("2001-01-01",)),
        ("quarantine: {reason: x}", "quarantine-incomplete", ()),
        ("baseline: true, min_rate: 0.9", "unknown-key", ("it asks for no rate",)),
        ("max_increase_points: 5", "baseline-unasked", ("baseline: true",)),
        ("baseline: true, max_increase_points: 0", "bad-value", ("percentage points",)),
        ("slice: region", "slice-unknown", ("no case has a slice",)),
        ("valu: 3", "unknown-key", ("'value'",)),
    ],
)
def test_an_assertion_that_makes_no_sense_is_refused(project, keys: str, code: str, named: tuple[str, ...]) -> None:
    message = project.refusal("", f"{{type: contains, {keys}}}")
    assert message.startswith("suites/s.suite.yaml:2: ")
    assert f"[{code}]" in message
    assert all(word in message for word in named)


def test_a_quarantine_runs_until_its_last_day_and_does_not_block(project) -> None:
    today = date.today().isoformat()
    gate = project.test("", f"{{type: contains, quarantine: {{until: {today}, reason: flaky}}}}").gates[0]
    assert (gate.quarantine.until, gate.blocks) == (today, False)
    yesterday = (date.today() - timedelta(days=1)).isoformat()
    assert "[quarantine-expired]" in project.refusal(
        "", f"{{type: contains, quarantine: {{until: {yesterday}, reason: flaky}}}}"
    )


def test_what_comes_later_is_refused_by_name(project) -> None:
    found = project.complaints('tests: [{id: t, http: {url: "http://x"}, assert: [{type: contains}]}]')
    assert len(found) == 1
    assert "not available yet: http subjects" in found[0]


def test_later_model_and_assertion_keys_are_refused_by_name(project) -> None:
    found = project.complaints("""\
        models: {a: {provider: ollama, model: x}, b: {provider: openai, model: x, fallback: a}}
        tests:
          - id: t
            function: "app.py:answer"
            assert: [{type: not-hallucination}]
        """)
    assert [line.split(" [")[0].split(": ", 1)[1] for line in found] == [
        "not available yet: provider ollama",
        "not available yet: model fallback (fallback)",
        "not available yet: assertion hallucination",
    ]


def test_all_problems_come_at_once_in_line_order(project) -> None:
    found = project.complaints("""\
        suit: x
        models:
          m: {provider: opnai, model: x}
        prompts:
          p: prompts/none.j2
        tests:
          - id: a b
            prompt: p
            model: mm
            assert: [{type: contians}]
          - id: t
            assert: [{type: contains, vlaue: 1}]
          - {id: t, function: "app.py:answer", trails: 3, assert: []}
          - 7
        """)
    lines = [int(line.split(":")[1]) for line in found]
    assert lines == sorted(lines)
    codes = [line.rsplit("[", 1)[1].rstrip("]") for line in found]
    assert codes == [
        "unknown-key", "provider-unknown", "file-missing", "bad-value", "model-unknown", "unknown-assertion",
        "subject-one", "unknown-key", "unknown-key", "id-duplicate", "assert-empty", "bad-value",
    ]  # fmt: skip
    assert "did you mean 'suite'?" in found[0]


def test_two_hundred_problems_come_at_once(project) -> None:
    rows = "".join(
        f'  - {{id: t{n}, function: "app.py:answer", x: 1, assert: [{{type: contains}}]}}\n' for n in range(200)
    )
    assert len(project.complaints("tests:\n" + rows)) == 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "yaml-empty"),
        (b"- a\n- b\n", "suite-shape"),
        (b"just text", "suite-shape"),
        (b"suite: \xff\xfe", "file-not-utf8"),
        (b"suite: x\n", "tests-missing"),
        (b"tests: []\n", "tests-missing"),
        (b"tests: {}\n", "bad-value"),
        (b"tests:\n\t- x\n", "yaml-syntax"),
    ],
)
def test_a_file_that_is_no_suite_is_an_error(project, text: bytes, code: str) -> None:
    found = project.complaints(text)
    assert len(found) == 1
    assert f"[{code}]" in found[0]


def test_a_file_of_models_for_test_modules_is_told_to_have_another_name(project) -> None:
    """Beside the suites it would be run as one, and refused, in every run."""
    (message,) = project.complaints(b"models: {m: {provider: python, target: app.py:answer}}\n")
    assert "add a test" in message
    assert "or, if only test modules use it, give it a name that does not end in .suite.yaml" in message


def test_a_suite_that_links_out_of_the_root_is_refused(project, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "o.yaml"
    outside.write_text("tests: []")
    (project.root / "suites/s.suite.yaml").symlink_to(outside)
    assert "[path-outside-root]" in project.complaints()[0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('function: "app.py:answer", prompt: qna', "subject-one"),
        ("function: app.py", "bad-value"),
        ('function: "none.py:answer"', "file-missing"),
        ('function: "../../out.py:answer"', "path-outside-root"),
        ('function: "app.py:answer", model: m', "model-unused"),
        ("prompt: {text: x}", "model-missing"),
        ("prompt: qna, model: m", "prompt-unknown"),
        ("prompt: {text: x, messages: []}, model: m", "prompt-shape"),
        ("prompt: {messages: [{role: bot, content: x}]}, model: m", "bad-value"),
        ("prompt: {messages: [{role: user}]}, model: m", "prompt-shape"),
        ("prompt: app.py, model: m", "prompt-unknown"),
    ],
)
def test_a_subject_that_cannot_be_had_is_refused(project, body: str, code: str) -> None:
    models = "models: {m: {provider: openai, model: x}, n: {provider: openai, model: y}}\n"
    found = project.complaints(f"{models}tests: [{{id: t, {body}, assert: [{{type: contains}}]}}]")
    assert [line.rsplit("[", 1)[1] for line in found] == [code + "]"]


@pytest.mark.parametrize(
    ("name", "text"), [("p.yaml", "- {role: user, content: hi}"), ("p.json", '[{"role":"user","content":"hi"}]')]
)
def test_a_prompt_may_be_a_list_of_messages_in_a_file(project, name: str, text: str) -> None:
    project.write(f"suites/{name}", text)
    plan = project.load(
        "models: {m: {provider: local, model: x}}\n"
        f"tests: [{{id: t, prompt: {name}, assert: [{{type: contains}}]}}]"
    )
    assert plan.tests[0].prompt.messages == ({"role": "user", "content": "hi"},)
    assert plan.tests[0].model.alias == "m"  # the only one needs no naming


# models


def test_a_schema_file_becomes_the_response_format_that_servers_take(project) -> None:
    project.set(models={"answerer": "small"})
    model = project.load(SUITE).tests[0].model
    assert (model.alias, model.provider) == ("answerer", "local")
    assert model.params["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }


def test_the_target_of_a_python_model_may_come_from_the_environment(project) -> None:
    written = SUITE.replace("model: answerer", "model: scripted")
    written = written.replace('target: "app.py:answer"', 'target: "${APP:-app.py}:answer"')
    assert project.load(written).tests[0].model.model == "app.py:answer"
    project.env["APP"] = "app"
    assert "'app:answer' is not of the form 'file.py:name' [target-syntax]" in project.complaints(written)[0]
    unset = written.replace(":-app.py", "")
    del project.env["APP"]
    assert "variable APP is not set" in project.complaints(unset)[0]
    assert project.load(unset.replace("model: scripted", "model: answerer")).tests[0].model.alias == "answerer"


def test_an_unset_variable_matters_only_where_its_model_is_used(project) -> None:
    assert project.load(SUITE).tests[0].model.alias == "answerer"
    used = SUITE.replace("model: answerer", "model: staging")
    assert "variable VLLM_URL is not set" in project.complaints(used)[0]
    project.env["VLLM_URL"] = ""
    assert "[variable-unset]" in project.complaints(used)[0]
    project.env["VLLM_URL"] = "https://host/v1"
    assert project.load(used).tests[0].model.base_url == "https://host/v1"
    assert project.load(used.replace("VLLM_URL", "NOT:-http://d")).tests[0].model.base_url == "http://d"
    assert "[variable-syntax]" in project.complaints(SUITE.replace("${VLLM_URL}", "${VLLM URL}"))[0]


def test_a_replay_needs_no_server_s_address(project) -> None:
    """A fork replays the recorded replies; nobody has given it the variables of the live run."""
    used = SUITE.replace("model: answerer", "model: staging")
    project.set(record="replay")
    assert project.load(used).tests[0].model.base_url == "${VLLM_URL}"


@pytest.mark.parametrize(
    ("target", "provider", "model"),
    [
        ("scripted", "python", "app.py:answer"),
        ("local:smollm2-135m", "local", "smollm2-135m"),
        ("openai:org/m:free", "openai", "org/m:free"),
        ("python:app.py:answer", "python", "app.py:answer"),
        ("python:broken.py:reply", "python", "../broken.py:reply"),
    ],
)
def test_the_command_line_sends_an_alias_elsewhere(project, target: str, provider: str, model: str) -> None:
    project.write("broken.py", "def reply(request): ...")
    project.set(models={"answerer": target, "nobody-knows": "nothing"})
    found = project.load(SUITE).tests[0].model
    assert (found.alias, found.provider, found.model, found.base_url) == ("answerer", provider, model, None)
    if target != "scripted":
        assert found.params == {"temperature": 0.7}


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("nothing", "model-override"),
        ("openai:", "model-override"),
        ("opnai:x", "provider-unknown"),
        ("ollama:x", "not-available"),
        ("python:app.py", "target-syntax"),
        ("python:none.py:x", "file-missing"),
    ],
)
def test_an_override_that_leads_nowhere_is_an_error(project, target: str, code: str) -> None:
    project.set(models={"answerer": target})
    found = project.complaints(SUITE)
    assert [line.rsplit("[", 1)[1] for line in found] == [code + "]"]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("model: x", "provider-missing"),
        ("provider: openai", "model-key"),
        ("provider: python, model: x", "model-key"),
        ("provider: local, model: x, base_url: http://h", "model-key"),
        ("provider: openai, model: x, base_url: ftp://h", "base-url"),
        ("provider: openai, model: x, api_key_env: sk-live-123", "bad-value"),
        ("provider: openai, model: x, params: {response_format: schemas/none.json}", "file-missing"),
        ("provider: openai, model: x, params: {response_format: app.py}", "response-format"),
        ("provider: openai, model: x, deadline_s: 0", "bad-value"),
        ("provider: openai, model: 4", "bad-value"),
    ],
)
def test_a_broken_model_is_refused_even_where_no_test_uses_it(project, keys: str, code: str) -> None:
    found = project.complaints(
        f'models: {{m: {{{keys}}}}}\ntests: [{{id: t, function: "app.py:answer", assert: [{{type: contains}}]}}]'
    )
    assert f"[{code}]" in found[0]
    assert "sk-live" not in found[0]  # a key that was pasted is never repeated


# layers


def test_the_nearer_layer_wins(project) -> None:
    project.set(defaults={"seed": 1, "budget": "9", "defaults": {"trials": 10, "cover": "sample"}})
    suite = 'tests: [{id: t, function: "app.py:answer", assert: [{type: contains, min_rate: 0.9}]}]\n'
    plan = project.load(suite)
    assert (plan.tests[0].seed, plan.tests[0].trials, plan.tests[0].cover, plan.budget) == (1, 10, "sample", "9")
    plan = project.load("seed: 2\nbudget: 1\ndefaults: {trials: 20}\n" + suite)
    assert (plan.tests[0].seed, plan.tests[0].trials, plan.tests[0].cover, plan.budget) == (2, 20, "sample", "1")
    project.set(seed=3, trials=30, budget=Decimal(5))
    assert [(test.seed, test.trials) for test in project.load("seed: 2\n" + suite).tests] == [(3, 30)]


def test_models_of_pyproject_start_from_the_root(project) -> None:
    project.write("shared/m.py", "def reply(request): ...")
    project.set(defaults={"models": {"m": {"provider": "python", "target": "shared/m.py:reply"}}})
    test = project.load("tests: [{id: t, prompt: {text: hi}, assert: [{type: contains}]}]").tests[0]
    assert test.model.model == "../shared/m.py:reply"
    assert "shared/m.py" in test.content


# ceilings


def test_without_a_ceiling_the_plan_has_its_own_and_every_case_once(project) -> None:
    natural = project.test().trials
    assert natural > 100
    rows = ", ".join(f"{{q: {n}}}" for n in range(natural + 50))
    assert project.test(f"cases: [{rows}]").trials == natural + 50
    assert project.test(f"cases: [{rows}], cover: sample").trials == natural


def test_an_assumed_bad_rate_is_widened_until_the_design_fits(project) -> None:
    assert project.test("trials: 40").gates[0].bad < 0.90


def test_rates_that_no_ceiling_can_tell_apart_are_refused(project) -> None:
    assert "[rates-impossible]" in project.refusal("trials: 1", "{type: contains, min_rate: 0.5}")


def test_a_population_needs_cases_enough_to_decide(project) -> None:
    rows = ", ".join(f"{{q: {n}}}" for n in range(20))
    message = project.refusal(f"cases: [{rows}], target: population", "{type: contains, min_rate: 0.95, bad_rate: 0.9}")
    assert "[cases-too-few]" in message
    assert "not 20" in message
    needed = int(message.split("at least ")[1].split()[0])
    rows = ", ".join(f"{{q: {n}}}" for n in range(needed))
    test = project.test(f"cases: [{rows}], target: population", "{type: contains, min_rate: 0.95, bad_rate: 0.9}")
    assert test.trials == needed
    assert (
        project.test(f"cases: [{rows}], target: population, trials: 10", "{type: contains, bad_rate: 0.9}").trials == 10
    )


@pytest.mark.parametrize("rates", ["", ", min_rate: 0.95", ", max_rate: 0.05", ", rule: fixed"])
def test_a_population_is_not_made_to_do_by_widening_a_bad_rate_that_nobody_wrote(project, rates) -> None:
    """Three good cases of three would rule out 5 %: that says nothing of the population."""

    def population(count: int) -> str:
        return f"cases: [{', '.join(f'{{q: {number}}}' for number in range(count))}], target: population"

    few = project.refusal(population(3), f"{{type: contains{rates}}}")
    assert "[cases-too-few]" in few
    assert "write a bad_rate that they can rule out" in few
    needed = int(few.split("at least ")[1].split()[0])
    assert needed == (29 if "fixed" in rates else 56)
    assert "[cases-too-few]" in project.refusal(population(needed - 1), f"{{type: contains{rates}}}")
    assert project.test(population(needed), f"{{type: contains{rates}}}").trials == needed
    assert project.test(population(3), "{type: contains, bad_rate: 0.05}").trials == 3


def test_a_population_needs_as_many_cases_as_zero_tolerance_needs_clean_trials(project) -> None:
    rows = ", ".join(f"{{q: {number}}}" for number in range(3))
    message = project.refusal(f"cases: [{rows}], target: population", "{type: contains, min_rate: 1}")
    assert "needs at least 299 cases" in message
    assert "bad_rate" not in message


def test_a_name_that_was_given_keeps_the_numbering_out_of_its_way(project) -> None:
    gates = project.test("", "{type: contains}, {type: contains, name: contains-2}, {type: contains}").gates
    assert [gate.name for gate in gates] == ["contains", "contains-2", "contains-3"]
    assert "[gate-name-twice]" in project.refusal("", "{type: contains, name: a}, {type: contains, name: a}")


def test_an_error_prints_every_place(project) -> None:
    with pytest.raises(LlmgateError, match=r"s\.suite\.yaml:1: .*\n.*s\.suite\.yaml:2: "):
        project.load("x: 1\ny: 2\ntests: []")


# ---- groups of repeats


@pytest.fixture
def together(monkeypatch, types) -> None:
    """`together`: an assertion type that judges three trials of a case at once."""

    class Together:
        keys, repeats = frozenset({"sorted"}), 3

        def rates(self, params):
            return None, None

        def build(self, params, files, where):
            return self

        def measure_together(self, case, seen): ...

    monkeypatch.setitem(type(types).known, "together", Together())


GROUPS = "{type: together, min_rate: 0.9, bad_rate: 0.7}"


def test_a_gate_on_groups_counts_groups_and_its_test_draws_the_trials_that_they_take(project, together) -> None:
    alone = project.test("", "{type: contains, value: x, min_rate: 0.9, bad_rate: 0.7}").gates[0]
    plan = project.test("cases: cases/two.jsonl", GROUPS)
    assert (plan.gates[0].repeats, plan.gates[0].trials) == (3, alone.trials)
    assert plan.trials == trials_for(alone.trials, 2, 3)


def test_a_ceiling_of_trials_is_one_of_whole_groups_for_such_a_gate(project, together) -> None:
    plan = project.test("cases: cases/two.jsonl, trials: 100", "{type: together, min_rate: 0.9}")
    assert (plan.trials, plan.gates[0].trials) == (100, groups_in(100, 2, 3))
    assert plan.gates[0].bad_assumed


@pytest.mark.parametrize(
    ("body", "asserts", "code", "named"),
    [
        ("trials: 2", GROUPS, "group-incomplete", ("2 trials on 1 cases", "group of 3", "at least 3 trials")),
        ("target: population, trials: 9", f"{GROUPS}, {{type: contains, value: x}}", "group-population", ("3 times",)),
    ],
)
def test_groups_that_cannot_be_are_refused(project, together, body: str, asserts: str, code: str, named: Any) -> None:
    said = project.refusal(body, asserts)
    assert f"[{code}]" in said
    assert all(word in said for word in named)


def test_replies_that_are_declared_identical_are_not_compared_with_each_other(project, together) -> None:
    found = project.complaints(f"""
        models: {{m: {{provider: python, target: "app.py:answer", deterministic: true}}}}
        prompts: {{p: {{text: hello}}}}
        tests: [{{id: t, model: m, prompt: p, cases: [{{}}], assert: [{GROUPS}]}}]
    """)
    assert len(found) == 1
    assert "[group-identical]" in found[0]


def test_each_case_of_a_population_gives_one_group(project, together) -> None:
    rows = ", ".join(f"{{q: {number}}}" for number in range(60))
    plan = project.test(f"target: population, cases: [{rows}]", GROUPS)
    assert (plan.trials, plan.gates[0].trials <= 60) == (180, True)


# ---- rates of flagged replies


@pytest.fixture
def flagging(monkeypatch, types) -> None:
    """`flags`: an assertion type whose rates are those of flagged replies."""

    class Flags:
        keys = frozenset({"max_flag_rate", "bad_flag_rate"})

        def rates(self, params):
            return 1 - params["max_flag_rate"], 1 - params["bad_flag_rate"]

        def build(self, params, files, where):
            return self

    monkeypatch.setitem(type(types).known, "flags", Flags())


def test_rates_of_flagged_replies_are_reported_as_such(project, flagging) -> None:
    gate = project.test("", "{type: flags, max_flag_rate: 0.25, bad_flag_rate: 0.5}").gates[0]
    assert (gate.good, gate.bad, gate.unwanted, gate.inverted) == (0.75, 0.5, True, False)


@pytest.mark.parametrize("other", ["min_rate: 0.9", "max_rate: 0.1", "bad_rate: 0.5", "zero_tolerance: true"])
def test_rates_of_flagged_replies_exclude_all_others(project, flagging, other: str) -> None:
    assert "[rates-both]" in project.refusal("", f"{{type: flags, max_flag_rate: 0.25, bad_flag_rate: 0.5, {other}}}")


def test_a_changed_document_of_a_folder_of_sources_is_another_plan(project, monkeypatch, types) -> None:
    monkeypatch.setitem(type(types).known, "sourced", type(types.known["contains"])(frozenset({"sources"})))
    project.write("suites/kb/one.md", "Berlin")
    project.write("suites/kb/deep/two.md", "Paris")
    project.write("docs/three.md", "Oslo")
    asked = "{type: sourced, sources: [context, kb, ../docs]}"
    plan = project.test("", asked)
    assert {"suites/kb/one.md", "suites/kb/deep/two.md", "docs/three.md"} <= set(plan.content)
    project.write("suites/kb/deep/two.md", "Rome")
    assert plan_digest((project.test("", asked),)) != plan_digest((plan,))
    assert not any("kb" in name for name in project.test("", "{type: contains, value: kb}").content)
