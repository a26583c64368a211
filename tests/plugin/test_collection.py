"""What `--llm-suite` collects, how it is selected, and how mistakes in suite files are told."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from .conftest import Example

GOOD = 'def good(q="x"): return f"good {q}"\n'
ONE = """
suite: one
tests:
  - id: first
    function: "app.py:good"
    cases: [{vars: {q: a}}, {vars: {q: b}}]
    assert: [{type: contains, value: good}]
"""
MARKED = """
import pytest

@pytest.mark.stochastic
def test_marked():
    assert True

def test_plain():
    assert True
"""


@pytest.fixture
def project(example: Example) -> Example:
    return example.files({
        "suites/app.py": GOOD, "suites/one.suite.yaml": ONE,
        "other/app.py": GOOD, "other/two.suite.yaml": ONE.replace("one", "two"),
        "test_app.py": MARKED,
    })  # fmt: skip


def test_without_paths_the_folder_suites_is_collected_and_only_gates_run(project: Example) -> None:
    project.pyproject('testpaths = ["test_app.py"]')
    ran = project.gate()
    assert ran.code == 0, ran.text
    assert ran.summary == "2 passed, 1 deselected"
    assert ran.verdicts == {"test_marked": "pass", "first": "pass"}
    assert {test["id"] for test in ran.result["tests"]} == {"suites/one.suite.yaml::first", "test_app.py::test_marked"}


def test_with_paths_nothing_else_is_collected(project: Example) -> None:
    ran = project.gate("other")
    assert [test["id"] for test in ran.result["tests"]] == ["other/two.suite.yaml::first"]


def test_pyproject_names_other_suite_folders(project: Example) -> None:
    project.pyproject('testpaths = ["test_app.py"]\n[tool.llmgate]\nsuites = ["other"]')
    ran = project.gate()
    assert [test["id"] for test in ran.result["tests"]] == ["test_app.py::test_marked", "other/two.suite.yaml::first"]


def test_without_the_option_nothing_of_the_gate_runs(project: Example) -> None:
    project.files(
        {
            "conftest.py": """
        import pytest
        @pytest.fixture(autouse=True)
        def costly(request):
            assert request.node.name != "test_marked", "a fixture of a gated test was set up"
    """
        }
    )
    ran = project.run("-rs")
    assert ran.code == 0, ran.text
    assert ran.summary == "1 passed, 1 skipped"
    assert "a gate: runs with --llm-suite" in ran.text
    assert not (project.path / ".llmgate").exists()


def test_no_llmgate_leaves_no_trace(project: Example) -> None:
    ran = project.run("-p", "no:llmgate", "--markers")
    assert "stochastic" not in ran.text
    ran = project.run("-p", "no:llmgate")
    assert ran.summary.startswith("2 passed")  # the mark is then an unknown word, and the body an ordinary test


def test_collect_only_lists_and_leaves_no_run(project: Example) -> None:
    ran = project.gate("--collect-only", "-q")
    assert ran.code == 0
    assert "suites/one.suite.yaml::first" in ran.text
    assert "test_app.py::test_marked" in ran.text
    assert "test_plain" not in ran.text
    assert not (project.path / ".llmgate/runs").exists()


def test_strict_markers_know_ours(project: Example) -> None:
    assert project.gate("--strict-markers", "test_app.py").code == 0


def test_a_single_test_by_node_id(project: Example) -> None:
    ran = project.gate("suites/one.suite.yaml::first")
    assert ran.summary == "1 passed"


def test_junit_tells_the_sentence_and_the_verdict(example: Example) -> None:
    example.files({"app.py": 'def bad(q): return "no"', "a.suite.yaml": ONE.replace('good"', 'bad"')})
    ran = example.gate("--junitxml=out.xml", "a.suite.yaml")
    assert ran.code == 1
    case = ET.parse(example.path / "out.xml").getroot().find(".//testcase")
    assert case is not None
    failure = case.find("failure")
    assert failure is not None
    assert ran.gate("first")["reason"] in str(failure.text)
    assert str(failure.get("message")).startswith("fail: ")
    prop = case.find(".//property")
    assert prop is not None
    assert (prop.get("name"), prop.get("value")) == ("llmgate", "fail")


MANY = """
suite: many
tests:
  - id: good
    function: "app.py:good"
    cases: [{vars: {q: a}}]
    assert: [{type: contains, value: good, min_rate: 0.9, bad_rate: 0.5}, {type: max-length, value: 99, severity: warn}]
  - id: bad
    function: "app.py:good"
    cases: [{vars: {q: a}}]
    assert: [{type: contains, value: nothing, min_rate: 0.9, bad_rate: 0.5}]
  - id: also-good
    function: "app.py:good"
    cases: [{vars: {q: a}}]
    assert: [{type: contains, value: good, min_rate: 0.9, bad_rate: 0.5}]
"""


@pytest.fixture
def many(example: Example) -> Example:
    return example.files({"app.py": GOOD, "many.suite.yaml": MANY})


@pytest.mark.parametrize("selection", [["-k", "also"], ["many.suite.yaml::also-good"]])
def test_gates_that_are_not_selected_count_in_the_family(many: Example, selection: list[str]) -> None:
    ran = many.gate(*selection)
    assert ran.verdicts == {"also-good": "pass"}
    assert ran.gate("also-good")["family"] == 3  # of four gates one only warns
    assert ran.gate("also-good")["alpha_used"] == pytest.approx(0.05 / 3)


def test_functions_that_are_not_selected_count_in_the_family(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import pytest
        pytestmark = pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(): pass
        @pytest.mark.parametrize("x", [1, 2])
        def test_b(x): pass
        class TestC:
            def test_d(self): pass
    """
        }
    )
    for selection in (["test_m.py::test_a"], ["-m", "stochastic", "-k", "test_a"]):
        assert example.gate(*selection).gate("test_a")["family"] == 4


def test_last_failed_runs_only_what_failed(many: Example) -> None:
    assert many.gate().verdicts == {"good": "pass", "bad": "fail", "also-good": "pass"}
    again = many.gate("--lf")
    assert again.verdicts == {"bad": "fail"}
    assert again.gate("bad")["family"] == 3


def test_exitfirst_leaves_later_tests_undecided(many: Example) -> None:
    ran = many.gate("-x")
    assert ran.code == 2 or ran.code == 1
    assert ran.verdicts == {"good": "pass", "bad": "fail", "also-good": "inconclusive"}
    assert ran.gate("also-good")["stop_reason"] == "interrupted"
    assert ran.test("also-good")["trials"] == 0
    assert ran.result["run"]["interrupted"] is True


def test_all_mistakes_of_a_file_come_at_once_with_their_lines(example: Example) -> None:
    example.files(
        {
            "app.py": GOOD,
            "bad.suite.yaml": """
        suite: bad
        tests:
          - id: a
            function: "app.py:good"
            cases: missing.jsonl
            assert: [{type: contians, value: x}]
          - id: a
            fonction: "app.py:good"
            assert: []
    """,
        }
    )
    ran = example.gate()
    assert ran.code == 2
    for said in ("bad.suite.yaml:5:", "bad.suite.yaml:6:", "did you mean 'contains'", "bad.suite.yaml:8:"):
        assert said in ran.text, said
    assert "did you mean 'function'" in ran.text
    assert "Traceback" not in ran.text


def test_a_broken_file_beside_a_good_one_runs_nothing(many: Example) -> None:
    many.files({"broken.suite.yaml": "suite: [\n"})
    ran = many.gate()
    assert ran.code == 2
    assert "broken.suite.yaml:" in ran.text
    assert not (many.path / ".llmgate/runs").exists()


def test_a_mistaken_marker_is_a_collection_error_with_its_line(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import pytest
        @pytest.mark.stochastic(trails=20)
        def test_a(): pass
    """
        }
    )
    ran = example.gate()
    assert ran.code == 2, ran.text
    assert "test_m.py:2: " in ran.text
    assert "did you mean 'trials'" in ran.text


def test_markers_of_others_with_the_same_names_are_left_alone(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import pytest
        @pytest.mark.latency
        @pytest.mark.safety("high")
        @pytest.mark.hallucination(level=3)
        @pytest.mark.cost_regression()
        def test_a(): assert True
    """
        }
    )
    assert example.run().summary.startswith("1 passed")
    ran = example.gate()
    assert ran.code == 5
    assert "1 deselected" in ran.text


def test_the_same_question_as_yaml_and_as_markers_has_the_same_figures(example: Example) -> None:
    example.files({
        "app.py": 'def answer(q): return \'{"a": 1}\'',
        "a.suite.yaml": """
            suite: a
            tests:
              - id: t
                function: "app.py:answer"
                cases: [{vars: {q: a}}, {vars: {q: b}}]
                trials: 300
                assert: [{type: is-json, min_rate: 0.95, bad_rate: 0.9, name: shape, value: schema.json}]
        """,
        "schema.json": '{"type": "object", "required": ["a"]}',
        "test_m.py": """
            import pytest
            from app import answer
            @pytest.mark.schema_agreement("schema.json", min_rate=0.95, bad_rate=0.9, name="shape")
            @pytest.mark.llm_cases([{"vars": {"q": "a"}}, {"vars": {"q": "b"}}])
            def test_m(case): return answer(**case.vars)
        """,
        "conftest.py": "",
    })  # fmt: skip
    example.pyproject("[tool.llmgate.defaults]\ntrials = 300")
    ran = example.gate("a.suite.yaml", "test_m.py")
    assert ran.code == 0, ran.text
    same = ("type", "n", "successes", "estimate", "interval", "threshold", "bad", "alpha_used", "beta", "reason")
    yaml, mark = ran.gate("t"), ran.gate("test_m")
    assert {key: yaml[key] for key in same} == {key: mark[key] for key in same}
    assert {row["case"] for row in ran.rows("t")} == {row["case"] for row in ran.rows("test_m")}
