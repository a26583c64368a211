"""Marked tests compile to the same plan as a suite file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.markers import MARKERS, is_gate_marker
from pytest_llmgate.core.plan import SuitePlan
from pytest_llmgate.suites.load import load_prompts
from pytest_llmgate.suites.marked_bodies import MarkedTest
from pytest_llmgate.suites.markers import compile_module


def mark(marker: str, /, *args: Any, **kwargs: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return marker, args, kwargs


STOCHASTIC = mark("stochastic", trials=200, min_rate=0.9, bad_rate=0.8)


@pytest.fixture
def module(project, types):
    project.write("tests/test_m.py", "def test_a(): ...\n")

    def compiled(*tests: list[Any]) -> SuitePlan:
        marked = [
            MarkedTest(
                node_id=f"tests/test_m.py::test_a[{n}]", file="tests/test_m.py", line=7, name="t", marks=tuple(m)
            )
            for n, m in enumerate(tests)
        ]
        return compile_module(marked, project.settings, types, env=project.env)

    return compiled


def refusal(module, *marks: Any) -> str:
    with pytest.raises(LlmgateError) as caught:
        module(list(marks))
    assert len(caught.value.problems) == 1, str(caught.value)
    return str(caught.value)


def test_stochastic_is_a_gate_on_the_body(module) -> None:
    plan = module(
        [mark("stochastic", trials=200, min_rate=0.98, bad_rate=0.95, seed=7, workers=4, alpha=0.01, stop="all")]
    )
    test = plan.tests[0]
    assert (test.id, test.kind, test.file) == ("tests/test_m.py::test_a[0]", "body", "tests/test_m.py")
    assert (test.trials, test.seed, test.workers, test.stop) == (200, 7, 4, "all")
    assert (test.base, test.cassette) == ("tests", "tests/test_m.cassette.jsonl")
    gate = test.gates[0]
    assert (gate.name, gate.type, gate.good, gate.bad, gate.alpha) == ("stochastic", "stochastic", 0.98, 0.95, 0.01)
    assert set(test.content) == {"tests/test_m.py"}
    assert [case.vars for case in test.cases] == [{}]


def test_the_same_gate_from_yaml_and_from_a_marker_is_the_same(module, project) -> None:
    rates = {"min_rate": 0.9, "bad_rate": 0.8, "alpha": 0.02, "severity": "warn"}
    ours = module([mark("schema_agreement", {"type": "object"}, name="g", **rates)]).tests[0].gates[0]
    keys = "min_rate: 0.9, bad_rate: 0.8, alpha: 0.02, severity: warn"
    theirs = project.test("", f"{{type: is-json, name: g, value: {{type: object}}, {keys}}}").gates[0]
    fields = [field for field in ours.__dataclass_fields__ if field != "where"]
    assert [getattr(ours, field) for field in fields] == [getattr(theirs, field) for field in fields]


@pytest.mark.parametrize("written", [mark("safety", "suites/p.yaml"), mark("safety", policy="suites/p.yaml")])
def test_a_policy_is_the_same_gate_from_a_marker_and_from_yaml(module, project, written: Any) -> None:
    project.write("suites/p.yaml", "deny: [x]\n")
    name, args, kwargs = written
    ours = module([(name, args, {**kwargs, "zero_tolerance": True})]).tests[0]
    theirs = project.test("", "{type: safety, policy: p.yaml, zero_tolerance: true}").gates[0]
    assert ours.gates[0].params == {"policy": "../suites/p.yaml"}
    assert set(ours.content) == {"suites/p.yaml", "tests/test_m.py"}
    fields = [field for field in theirs.__dataclass_fields__ if field not in ("where", "params")]
    assert [getattr(ours.gates[0], field) for field in fields] == [getattr(theirs, field) for field in fields]


def test_a_highest_rate_of_violations_leaves_what_is_good_as_it_is(project) -> None:
    project.write("suites/p.yaml", "deny: [x]\n")
    gate = project.test("", "{type: safety, policy: p.yaml, max_rate: 0.02, bad_rate: 0.05}").gates[0]
    assert (gate.good, gate.bad, gate.unwanted, gate.inverted) == (0.98, 0.95, True, False)
    turned = project.test("", "{type: not-safety, policy: p.yaml, max_rate: 0.02}").gates[0]
    assert turned.inverted


def test_where_no_violation_is_tolerated_by_itself_a_bad_rate_is_one_of_violations(project) -> None:
    """Read as a rate of good trials, 0.05 would let a build pass after a single trial."""
    project.write("suites/p.yaml", "deny: [x]\n")
    gate = project.test("", "{type: safety, policy: p.yaml, bad_rate: 0.05}").gates[0]
    said = project.test("", "{type: safety, policy: p.yaml, zero_tolerance: true, bad_rate: 0.05}").gates[0]
    assert (gate.good, gate.bad, gate.unwanted) == (said.good, said.bad, said.unwanted) == (1.0, 0.95, True)
    tolerant = project.test("", "{type: safety, policy: p.yaml, min_rate: 0.99, bad_rate: 0.95}").gates[0]
    assert (tolerant.good, tolerant.bad, tolerant.unwanted) == (0.99, 0.95, False)


@pytest.fixture
def sourced(monkeypatch, types) -> None:
    """`hallucination` as an assertion type that takes any sources."""
    factory = type(types.known["contains"])(frozenset({"sources"}))
    monkeypatch.setattr(type(types), "assertion", lambda self, name, where=None: factory)


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("context", "context"),
        ("docs", "docs"),  # a case's variable, though there is a folder of this name at the root
        ("docs/faq.txt", "../docs/faq.txt"),
        ("docs/", "../docs"),
        ("near.txt", "near.txt"),
        ("{{vars.page}}", "{{vars.page}}"),
        ("docs/gone.txt", "docs/gone.txt"),
        (["context", "docs/faq.txt"], ["context", "../docs/faq.txt"]),
    ],
)
def test_sources_of_a_marker_are_fields_or_paths_beside_it_or_from_the_root(
    module, project, sourced, given: Any, seen: Any
) -> None:
    project.write("docs/faq.txt", "Berlin.")
    project.write("tests/near.txt", "Berlin.")
    gate = module([mark("hallucination", sources=given)]).tests[0].gates[0]
    assert (gate.type, gate.name, gate.params) == ("hallucination", "hallucination", {"sources": seen})


def test_a_marker_whose_assertion_does_not_exist_yet_is_refused_by_name(module) -> None:
    assert "not available yet: assertion hallucination" in refusal(module, mark("hallucination", sources="context"))


def test_gates_stand_in_file_order_and_percentiles_become_gates_of_their_own(module) -> None:
    marks = [mark("latency", p50_ms=5, p95_ms=50), mark("schema_agreement", "suites/schemas/answer.json"), STOCHASTIC]
    gates = module(marks).tests[0].gates
    assert [(gate.name, gate.type) for gate in gates] == [
        ("stochastic", "stochastic"),
        ("schema_agreement", "is-json"),
        ("latency", "latency"),
        ("latency-2", "latency"),
    ]
    assert gates[1].params == {"value": "../suites/schemas/answer.json"}
    assert [gate.params for gate in gates[2:]] == [{"p50_ms": 5}, {"p95_ms": 50}]


def test_the_family_is_counted_over_the_module(module) -> None:
    plan = module([STOCHASTIC], [STOCHASTIC, mark("latency", p95_ms=5)], [mark("stochastic", min_rate=1)])
    assert {gate.family for test in plan.tests for gate in test.gates} == {3}


def test_the_closest_mark_of_a_name_counts(module) -> None:
    plan = module([mark("stochastic", trials=10, min_rate=0.5), mark("stochastic", trials=99)])
    assert (plan.tests[0].trials, len(plan.tests[0].gates)) == (10, 1)


def test_marks_of_others_are_left_alone(module) -> None:
    others = [
        mark("safety", "high"),
        mark("latency"),
        mark("hallucination"),
        mark("slow"),
        mark("parametrize", "x", [1]),
    ]
    assert len(module([STOCHASTIC, *others]).tests[0].gates) == 1


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "ours"),
    [
        ("stochastic", (), {}, True),
        ("schema_agreement", ("s.json",), {}, True),
        ("circuit_distribution", (), {"baseline": True}, True),
        ("latency", (), {"p95_ms": 5}, True),
        ("latency", (), {"p95_ms": 5, "min_rat": 1}, True),
        ("latency", (), {}, False),
        ("latency", (5,), {}, False),
        ("latency", (), {"max": 5}, False),
        ("safety", ("policies/safety.yaml",), {}, True),
        ("safety", (), {"policy": "p"}, True),
        ("safety", ("high",), {}, False),
        ("safety", (), {}, False),
        ("hallucination", (), {"sources": "context"}, True),
        ("hallucination", (), {"threshold": 1}, False),
        ("cost_regression", (), {"max_increase": "10%"}, True),
        ("cost_regression", (), {}, False),
        ("llm_cases", ("c.jsonl",), {}, False),
        ("slow", (), {}, False),
    ],
)
def test_which_marks_are_gates(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], ours: bool) -> None:
    assert is_gate_marker(name, args, kwargs) is ours


def test_every_marker_has_a_help_line() -> None:
    assert all(line.startswith(f"{name}(") and ": " in line for name, line in MARKERS.items())


@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        (mark("safety", "none.yaml"), "file-missing", "none.yaml"),
        (
            mark("safety", "suites/p.yaml", policy="suites/p.yaml"),
            "marker-arguments",
            "safety takes a path; write safety(policy)",
        ),
        (mark("safety", "suites/schemas/answer.json", polcy=1), "unknown-key", "'policy'"),
        (mark("circuit_distribution", "brisbane"), "marker-arguments", "no positional arguments"),
        (mark("circuit_distribution"), "circuit-assertion", "nothing to compare with"),
        (mark("circuit_distribution", baseline=True, shots="many"), "bad-value", "'shots' takes"),
        (mark("circuit_distribution", baseline=True, shot=5), "unknown-key", "no 'shot'"),
        (mark("stochastic", 200), "marker-arguments", "trials=200"),
        (mark("stochastic", trails=200), "unknown-key", "'trials'"),
        (mark("stochastic", type="contains"), "unknown-key", "'type'"),
        (mark("stochastic", trials=0), "bad-value", "'trials'"),
        (mark("stochastic", workers=1000), "bad-value", "'workers'"),
        (mark("stochastic", min_rate=0.9, bad_rate=0.95), "rates-wrong-side", "0.95"),
        (mark("schema_agreement"), "marker-arguments", "schema_agreement takes a path, a dict or a class; write"),
        (mark("schema_agreement", "none.json"), "file-missing", "none.json"),
        (mark("schema_agreement", object()), "marker-arguments", "schema"),
        (mark("schema_agreement", dict), "marker-schema", "dict"),
        (mark("latency", p95_ms=5, p50_ms=1, min_rate=0.9), "marker-arguments", "one percentile"),
        (mark("latency", p95_ms=5, min_rat=0.9), "unknown-key", "'min_rate'"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused_with_its_line(module, given: Any, code: str, named: str) -> None:
    message = refusal(module, given)
    assert message.startswith("tests/test_m.py:7: ")
    assert f"[{code}]" in message
    assert named in message


def test_cases_come_from_a_path_beside_the_module_or_under_the_root_or_from_a_list(module, project) -> None:
    project.write("tests/own.jsonl", '{"q": 1}\n')
    assert len(module([STOCHASTIC, mark("llm_cases", "own.jsonl")]).tests[0].cases) == 1
    test = module([STOCHASTIC, mark("llm_cases", "suites/cases/two.jsonl")]).tests[0]
    assert len(test.cases) == 2
    assert "suites/cases/two.jsonl" in test.content
    assert len(module([STOCHASTIC, mark("llm_cases", [{"q": 1}, {"q": 2}, {"q": 3}])]).tests[0].cases) == 3
    assert "[value-not-plain]" in refusal(module, STOCHASTIC, mark("llm_cases", [{"q": object()}]))
    assert "[cases-empty]" in refusal(module, STOCHASTIC, mark("llm_cases", []))
    assert "llm_cases takes a path or a list; write" in refusal(module, STOCHASTIC, mark("llm_cases", 3))


def test_a_suite_lends_models_prompts_and_defaults(module, project) -> None:
    project.write(
        "suites/s.suite.yaml",
        """\
        suite: shared
        seed: 5
        error_control: none
        defaults: {model: m, trials: 77}
        models:
          m: {provider: python, target: "app.py:answer"}
          other: {provider: openai, model: x, base_url: "${UNSET_URL}"}
        prompts: {qna: prompts/qna.j2}
        """,
    )
    lent = mark("llm_suite", "suites/s.suite.yaml")
    plan = module([mark("stochastic"), lent], [mark("stochastic", seed=9), lent])
    first, second = plan.tests
    assert (first.model.alias, first.model.model, first.trials, first.seed) == ("m", "../suites/app.py:answer", 77, 5)
    assert (second.seed, first.gates[0].family) == (9, 1)
    assert set(first.models) == {"m", "other"}
    assert first.prompts["qna"].messages[0]["content"] == "Answer: {{ q }}\n"
    assert plan.aliases == {"m", "other"}
    prompts = load_prompts(project.settings, "suites/s.suite.yaml", project.root / "tests")
    assert set(prompts) == {"qna"}


def test_a_broken_suite_is_told_once_for_all_tests_of_the_module(module, project) -> None:
    project.write("suites/s.suite.yaml", "models: {m: {provider: opnai, model: x}}\nprompts: {p: none.j2}\n")
    lent = mark("llm_suite", "suites/s.suite.yaml")
    with pytest.raises(LlmgateError) as caught:
        module([STOCHASTIC, lent], [STOCHASTIC, lent], [STOCHASTIC, lent])
    assert [found.code for found in caught.value.problems] == ["provider-unknown", "file-missing"]


def test_a_class_as_schema_is_written_down_as_its_place(module, project) -> None:
    project.write("tests/answers.py", "class Answer:\n    x: int\n")
    import importlib.util
    import sys

    spec = importlib.util.spec_from_file_location("answers_of_this_test", project.root / "tests/answers.py")
    sys.modules["answers_of_this_test"] = loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    try:
        gate = module([mark("schema_agreement", loaded.Answer)]).tests[0].gates[0]
    finally:
        del sys.modules["answers_of_this_test"]
    assert gate.params == {"value": "answers.py:Answer"}


@dataclass
class Outside:
    """A class whose file is not under the project's root."""

    x: int


def test_a_class_from_outside_the_root_is_refused(module) -> None:
    assert "[path-outside-root]" in refusal(module, mark("schema_agreement", Outside))
