"""The same result whatever the concurrency, the number of workers, and the order in which trials complete."""

from __future__ import annotations

import json

import pytest

from .conftest import Example

PROJECT = {
    "suites/app.py": """
        import asyncio, random
        async def slow_failures(q, trial):
            good = trial.rng.random() < 0.93
            await asyncio.sleep(random.uniform(0, 0.004) * (1 if good else 3))
            return f"good {trial.seed % 5}" if good else "bad"
        def plain(q): return f"good {q}"
    """,
    "suites/a.suite.yaml": """
        suite: a
        seed: 3
        tests:
          - id: slow-failures
            function: "app.py:slow_failures"
            cases: [{vars: {q: 1}}, {vars: {q: 2}}, {vars: {q: 3}}]
            trials: 400
            assert:
              - {type: contains, value: good, min_rate: 0.9, bad_rate: 0.8}
              - {type: contains, value: good, min_rate: 0.97, bad_rate: 0.9, severity: warn, name: strict}
          - id: plain
            function: "app.py:plain"
            cases: cases.csv
            assert: [{type: contains, value: good}]
    """,
    "suites/cases.csv": "q\none\ntwo\n",
    "test_m.py": """
        import pytest
        pytestmark = pytest.mark.stochastic(min_rate=0.9, bad_rate=0.7)
        @pytest.mark.parametrize("limit", [0.95, 0.5])
        def test_sync(trial, limit): assert trial.rng.random() < limit
        @pytest.mark.asyncio
        async def test_async(trial): assert trial.rng.random() < 0.97
        @pytest.mark.xfail(strict=True)
        def test_fails(): assert False
        @pytest.mark.skip
        def test_skipped(): pass
    """,
}


@pytest.mark.parametrize("options", [["--llm-concurrency=1"], ["--llm-concurrency=64"], ["--llm-concurrency=3"]])
def test_concurrency_changes_nothing(example: Example, options: list[str]) -> None:
    example.files(PROJECT)
    usual, other = example.gate(), example.gate(*options)
    assert usual.verdicts["test_sync[0.5]"] == "fail"
    assert usual.judged == other.judged
    assert counted(usual.rows()) == counted(other.rows())


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 64])
def test_two_workers_change_nothing(example: Example, concurrency: int) -> None:
    example.files(PROJECT)
    alone, shared = example.gate(), example.gate("-n2", f"--llm-concurrency={concurrency}")
    assert shared.result["execution"]["workers"] == 2
    assert json.dumps(alone.judged) == json.dumps(shared.judged), "the same bytes but for run and execution"
    assert counted(alone.rows()) == counted(shared.rows())
    assert (alone.code, shared.code) == (1, 1)


def counted(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """What was decided upon, without what clocks say."""
    return [{**row, "latency_ms": 0, "queued_ms": 0, "ended_at": 0} for row in rows if not row["overrun"]]


@pytest.mark.slow
def test_workers_collect_the_folder_suites_too(example: Example) -> None:
    example.files(PROJECT).pyproject('testpaths = ["test_m.py"]')
    ran = example.gate("-n2", "-k", "plain or test_fails")
    assert ran.verdicts == {"test_fails": "fail", "plain": "pass"}
    assert ran.code == 0, ran.text


@pytest.mark.slow
def test_mistakes_are_collection_errors_in_workers_too(example: Example) -> None:
    example.files({
        "a.suite.yaml": "suite: a\ntests: [{id: x, fonction: 'app.py:f'}]\n",
        "test_m.py": "import pytest\n@pytest.mark.stochastic(trails=3)\ndef test_a(): pass\n",
    })  # fmt: skip
    ran = example.gate("-n2")
    assert ran.code in (1, 2), ran.text
    assert not (ran.folder / "result.json").exists()
    assert "did you mean 'function'" in ran.text
    assert "did you mean 'trials'" in ran.text


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--llm-model=nobody=local:smollm2-135m", "--llm-results=taken/out"])
def test_what_keeps_a_run_from_starting_is_told_in_workers_too(example: Example, option: str) -> None:
    example.files({**PROJECT, "taken": "a file"})
    ran = example.gate("-n2", option)
    assert ran.code not in (0, 5)
    assert "passed" not in ran.text
    assert "unknown-alias" in ran.text or "cannot-write" in ran.text
    assert "INTERNALERROR" not in ran.text
