"""`run.seed` of a run whose suites have several seeds: null, with each of them beside it."""

from __future__ import annotations

import pytest

from pytest_llmgate.store.run_figures import run_figures
from pytest_llmgate.store.rundir import RunDir

from .conftest import Example

SUITE = """
    suite: {name}
    seed: {seed}
    tests:
      - id: {name}
        function: "app.py:{name}"
        cases: [{{vars: {{}}}}]
        assert: [{{type: contains, value: good}}]
"""
MODULE = """
    import pytest
    pytestmark = pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
    def test_a(): pass
    @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5, seed=4)
    def test_b(): pass
"""


@pytest.fixture
def project(example: Example) -> Example:
    """Two suites, of which the first fails."""
    return example.files({
        "app.py": "def a(): return 'bad'\ndef b(): return 'good'",
        "a.suite.yaml": SUITE.format(name="a", seed=2), "b.suite.yaml": SUITE.format(name="b", seed=3),
    })  # fmt: skip


def test_seeds_that_differ_are_named_by_suite_file(project: Example) -> None:
    ran = project.gate()
    assert ran.result["run"]["seed"] is None
    assert ran.result["run"]["seeds"] == {"a.suite.yaml": 2, "b.suite.yaml": 3}
    assert "2 of a.suite.yaml, 3 of b.suite.yaml" in (ran.folder / "report.html").read_text()


def test_in_a_module_whose_tests_have_several_they_are_named_by_test(example: Example) -> None:
    run = example.files({"test_m.py": MODULE}).gate().result["run"]
    assert (run["seed"], run["seeds"]) == (None, {"test_m.py::test_a": 0, "test_m.py::test_b": 4})


def test_one_seed_stands_alone(project: Example) -> None:
    run = project.gate("--llm-seed=0").result["run"]
    assert (run["seed"], run["seeds"]) == (0, None)


def test_a_run_with_several_seeds_goes_on_with_these_and_with_no_others(project: Example) -> None:
    assert project.gate("-x").verdicts == {"a": "fail", "b": "inconclusive"}
    other = project.gate("--llm-resume", "--llm-seed=9")
    assert (other.code, "seed 2 of a.suite.yaml, 3 of b.suite.yaml → 9" in other.text) == (4, True), other.text
    again = project.gate("--llm-resume")
    assert again.verdicts == {"a": "fail", "b": "pass"}, again.text


def test_the_history_knows_the_seed_of_each_test(project: Example) -> None:
    """Runs count as asked anew where their seeds differ."""
    ran = project.gate()
    found = run_figures(ran.result, RunDir.open(ran.folder).read_manifest(), ran.folder, "run")
    assert [test.seed for test in found.tests] == [2, 3]
