"""The body of a marked test as trials inside one item."""

from __future__ import annotations

import pytest

from .conftest import Example, Ran


def gate(example: Example, text: str, *options: str, **files: str) -> Ran:
    return example.files({"test_m.py": text, **files}).gate(*options)


EVERY_KIND = """
    import pytest

    pytestmark = pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)

    def test_sync(): pass

    @pytest.mark.asyncio
    async def test_async(): pass

    class TestClass:
        def test_method(self): assert isinstance(self, TestClass)
        @pytest.mark.asyncio
        async def test_async_method(self): assert isinstance(self, TestClass)
        @staticmethod
        def test_static(): pass

    @pytest.mark.parametrize("x", ["a", "b"])
    def test_parametrized(x): assert x == "a"
"""


@pytest.mark.parametrize("options", [["-p", "no:asyncio"], [], ["--asyncio-mode=auto"]], ids=["none", "strict", "auto"])
def test_every_kind_of_function_is_sampled(example: Example, options: list[str]) -> None:
    ran = gate(example, EVERY_KIND, *options)
    passing = ("test_sync", "test_async", "TestClass::test_method", "TestClass::test_async_method",
               "TestClass::test_static", "test_parametrized[a]")  # fmt: skip
    assert ran.verdicts == {**dict.fromkeys(passing, "pass"), "test_parametrized[b]": "fail"}, ran.text
    assert all(test["trials"] > 1 for test in ran.result["tests"])


def test_auto_mode_needs_no_mark_for_an_async_test(example: Example) -> None:
    ran = gate(
        example,
        """
        import asyncio, pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        async def test_a(): await asyncio.sleep(0)
    """,
        "--asyncio-mode=auto",
    )
    assert ran.verdicts == {"test_a": "pass"}


def test_fixtures_are_set_up_once_and_trial_and_case_change(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        set_up, seen = [], []

        @pytest.fixture
        def app():
            set_up.append(1)
            yield "app"
            set_up.append(2)

        @pytest.mark.stochastic(trials=40, min_rate=0.9, bad_rate=0.5, seed=3)
        @pytest.mark.llm_cases("cases.jsonl")
        def test_a(app, trial, case):
            seen.append((case.id, trial.repeat, trial.seed))
            assert trial.index == len(seen) - 1
            assert case.vars["q"] == case.expected

        def teardown_module():
            assert set_up == [1, 2]
            assert len(set(seen)) == len(seen) > 3
            assert {case for case, _, _ in seen} == {"x", "y", "z"}
            assert {case for case, _, _ in seen[:3]} == {"x", "y", "z"}, "each case once before any comes again"
    """,
        **{"cases.jsonl": "".join(f'{{"id": "{name}", "q": 1, "expected": 1}}\n' for name in "xyz")},
    )
    assert ran.code == 0, ran.text
    assert [(row["case"], row["repeat"], row["seed"]) for row in ran.rows()]


def test_seeds_are_the_same_in_every_run_and_depend_on_the_root_seed(example: Example) -> None:
    text = """
        import pytest
        @pytest.mark.stochastic(trials=30, min_rate=0.9, bad_rate=0.5)
        def test_a(trial): trial.record(f"{trial.seed} {trial.rng.random()}")
    """
    first, again, other = gate(example, text), gate(example, text), gate(example, text, "--llm-seed", "5")
    assert [row["seed"] for row in first.rows()] == [row["seed"] for row in again.rows()] != []
    assert first.said() == again.said()
    assert {row["seed"] for row in other.rows()}.isdisjoint(row["seed"] for row in first.rows())
    assert (first.result["run"]["seed"], other.result["run"]["seed"]) == (0, 5)


def test_a_fixture_that_asks_for_a_trial_is_an_error_before_it_runs(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.fixture
        def helper(trial): raise RuntimeError("was set up")
        @pytest.mark.stochastic
        def test_a(helper): pass
    """,
    )
    assert ran.code == 1
    assert "the fixture 'helper' asks for 'trial', which changes with each trial" in ran.text
    assert "was set up" not in ran.text
    assert ran.verdicts == {"test_a": "error"}


def test_a_fixture_of_the_users_own_called_case_is_left_alone(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.fixture
        def case(): return "mine"
        @pytest.fixture
        def helper(case): return case
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(helper, case): assert helper == case == "mine"
    """,
    )
    assert ran.verdicts == {"test_a": "pass"}, ran.text


def test_a_fixture_that_fails_is_an_error_and_no_verdict(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.fixture
        def broken(): raise OSError("no database")
        @pytest.mark.stochastic
        def test_a(broken): pass
    """,
    )
    assert ran.code == 1
    assert "no database" in ran.text
    assert ran.verdicts == {"test_a": "error"}
    assert ran.result["run"]["interrupted"] is False


def test_the_fixtures_of_trials_outside_of_a_gate_are_an_error(example: Example) -> None:
    example.files({"test_m.py": "def test_a(trial): pass\n"})
    ran = example.run()
    assert ran.code == 1
    assert "belongs to tests with gate markers" in ran.text


# ---- how a trial ends


def test_a_failed_assert_is_a_failed_trial_and_its_message_is_shown(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(trial): assert trial.index < 0, "too late"
    """,
    )
    assert ran.code == 1
    assert ran.verdicts == {"test_a": "fail"}
    assert "too late" in ran.text
    gate_row = ran.gate("test_a")
    assert (gate_row["successes"], gate_row["estimate"], gate_row["stop_reason"]) == (0, 0.0, "boundary")


def test_few_exceptions_are_holes_and_many_an_error(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        pytestmark = pytest.mark.stochastic(min_rate=0.95, bad_rate=0.8)
        def test_few(trial):
            if trial.index == 5: raise ConnectionError("lost")
        def test_many(trial):
            if trial.index % 2: raise ConnectionError("lost")
        def test_all(): raise ConnectionError("lost")
    """,
    )
    assert ran.verdicts == {"test_few": "pass", "test_many": "error", "test_all": "error"}, ran.text
    assert ran.gate("test_few")["holes"] == 1
    assert ran.rows("test_few")[5]["verdicts"] == {"stochastic": None}
    assert ran.rows("test_few")[5]["error"] == "raised: ConnectionError: lost"
    assert "error: " in ran.text and "ConnectionError: lost" in ran.text
    assert ran.test("test_all")["trials"] == 10, "trials that never answer are not tried for ever"


def test_max_errors_allows_more_holes(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.3, max_errors=0.3)
        def test_a(trial):
            if trial.index in (3, 7): raise ConnectionError("lost")
    """,
    )
    assert ran.verdicts == {"test_a": "pass"}, ran.text


def test_a_skip_in_the_first_trial_skips_and_later_is_a_hole(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        pytestmark = pytest.mark.stochastic(min_rate=0.95, bad_rate=0.8)
        def test_first(): pytest.skip("not here")
        def test_later(trial):
            if trial.index == 5: pytest.skip("not now")
        async def test_async(): pytest.skip("not here")
    """,
        "-rs",
    )
    assert ran.verdicts == {"test_later": "pass"}, ran.text
    assert ran.summary == "1 passed, 2 skipped"
    assert "not here" in ran.text
    assert ran.gate("test_later")["holes"] == 1
    assert ran.result["run"]["interrupted"] is False


def test_skip_marks_skip_before_fixtures(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.fixture
        def costly(): raise RuntimeError
        @pytest.mark.skipif(True, reason="no")
        @pytest.mark.stochastic
        def test_a(costly): pass
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_b(): pass
    """,
    )
    assert ran.summary == "1 passed, 1 skipped"
    assert ran.verdicts == {"test_b": "pass"}


XFAIL = """
    import pytest
    @pytest.mark.xfail(strict=STRICT)
    @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5, trials=TRIALS)
    def test_a(): BODY
"""


@pytest.mark.parametrize(
    ("body", "trials", "verdict", "summary"),
    [
        ("assert False", 40, "fail", "1 xfailed"),
        ("pass", 40, "pass", "1 failed"),
        ("pass", 2, "inconclusive", "1 failed"),
        ("raise OSError", 40, "error", "1 failed"),
    ],
)
def test_strict_xfail_speaks_of_fail_only(example: Example, body: str, trials: int, verdict: str, summary: str) -> None:
    ran = gate(example, XFAIL.replace("BODY", body).replace("TRIALS", str(trials)).replace("STRICT", "True"))
    assert ran.verdicts == {"test_a": verdict}
    assert ran.summary == summary, ran.text


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one process", "workers"])
def test_a_failure_that_was_expected_is_called_so(example: Example, workers: list[str]) -> None:
    """pytest is green, and the verdict stays what it is."""
    expected = XFAIL.replace("BODY", "assert False").replace("TRIALS", "40").replace("STRICT", "False")
    ran = gate(example, f"{expected}\n    @pytest.mark.stochastic\n    def test_b(): assert False\n", *workers)
    assert ran.summary == "1 failed, 1 xfailed"
    assert ran.verdicts == {"test_a": "fail", "test_b": "fail"}
    assert (ran.test("test_a")["expected"], "expected" in ran.test("test_b")) == (True, False)
    assert "2 of 2 tests fail, 1 of them expected (xfail)" in ran.text
    assert "2 of 2 tests fail, 1 of them expected (xfail)" in (ran.folder / "report.html").read_text()
    assert "pytest reports it as xfailed" in (ran.folder / "report.html").read_text()


def test_a_success_that_was_not_expected_is_no_expected_failure(example: Example) -> None:
    ran = gate(example, XFAIL.replace("BODY", "pass").replace("TRIALS", "40").replace("STRICT", "False"))
    assert (ran.summary, "expected" in ran.test("test_a")) == ("1 xpassed", False)


def test_pytest_exit_ends_the_run_and_leaves_the_test_undecided(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        pytestmark = pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(trial):
            if trial.index == 2: pytest.exit("enough")
        def test_b(): pass
    """,
    )
    assert ran.code == 2
    assert ran.verdicts == {"test_a": "inconclusive", "test_b": "inconclusive"}, ran.text
    assert (ran.test("test_a")["trials"], ran.gate("test_a")["stop_reason"]) == (2, "interrupted")
    assert ran.result["run"]["interrupted"] is True


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_keyboard_interrupt_ends_the_run(example: Example, kind: str) -> None:
    ran = gate(
        example,
        f"""
        import pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        {kind} test_a(trial):
            if trial.index == 2: raise KeyboardInterrupt
    """,
    )
    assert ran.code == 2
    assert ran.verdicts == {"test_a": "inconclusive"}, ran.text
    assert ran.gate("test_a")["stop_reason"] == "interrupted"


@pytest.mark.parametrize("body", [
    "    def test_a(): return work()",
    "    async def test_a(llm): llm('ask', q=1)",
    "    async def test_a(): return work()",
])  # fmt: skip
def test_a_coroutine_that_nobody_awaits_is_an_error(example: Example, body: str) -> None:
    example.pyproject(PYTHON_MODEL)
    ran = gate(
        example,
        f"""
    import pytest
    async def work(): return "x"
    @pytest.mark.stochastic
{body}
    """,
        **{"models.py": "def reply(request): return 'x'"},
    )
    assert ran.verdicts == {"test_a": "error"}, ran.text
    assert "await" in ran.gate("test_a")["reason"]


def test_given_multiplies_trials_and_is_refused(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        from hypothesis import given, strategies as st
        @pytest.mark.stochastic
        @given(st.integers())
        def test_a(x): raise RuntimeError("was run")
    """,
    )
    assert ran.verdicts == {"test_a": "error"}
    assert "@given" in ran.gate("test_a")["reason"]
    assert "was run" not in ran.text


# ---- what the markers measure


def test_what_is_measured_is_what_was_recorded_else_returned_else_the_only_reply(example: Example) -> None:
    example.pyproject(PYTHON_MODEL)
    ran = gate(
        example,
        """
        import pytest
        pytestmark = pytest.mark.schema_agreement({"type": "object", "required": ["a"]}, min_rate=0.9, bad_rate=0.5)

        def test_recorded(trial):
            trial.record('{"a": 1}')
            return "not this"
        def test_returned(): return '{"a": 1}'
        def test_dict(): return {"a": 1}
        def test_only_reply(llm): llm("ask", q=1)
        def test_two_replies(llm): llm("ask", q=1); llm("ask", q=1)
        def test_nothing(): pass
        def test_wrong(): return "{}"
        def test_failing_body():
            assert False, "the body fails"
    """,
        **{"models.py": "def reply(request): return '{\"a\": 1}'"},
    )
    assert ran.verdicts == {
        "test_recorded": "pass", "test_returned": "pass", "test_dict": "pass", "test_only_reply": "pass",
        "test_two_replies": "error", "test_nothing": "error", "test_wrong": "fail", "test_failing_body": "fail",
    }, ran.text  # fmt: skip
    next_step = "and returned nothing: return the reply to judge, or trial.record(reply)"
    for test, made in (("test_two_replies", "2 llm() calls"), ("test_nothing", "no llm() calls")):
        assert f"schema_agreement: the body made {made} {next_step}" in ran.gate(test)["reason"]


def test_several_markers_are_gates_of_one_stream(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5, stop="all")
        @pytest.mark.schema_agreement({"type": "object"}, min_rate=0.9, bad_rate=0.5)
        @pytest.mark.latency(p50_ms=60000)
        def test_a(trial):
            trial.record("[]")
    """,
    )
    assert {gate["name"]: gate["verdict"] for gate in ran.test("test_a")["gates"]} == {
        "latency": "pass", "schema_agreement": "fail", "stochastic": "pass",
    }, ran.text  # fmt: skip


def test_context_and_usage_that_a_trial_records(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        from pytest_llmgate import Reply
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(trial): trial.record("hi", context=["source"], input_tokens=3, output_tokens=2, cost_usd="0.01")
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_b(): return Reply("hi", input_tokens=3)
    """,
    )
    row = ran.rows("test_a")[0]
    assert row["usage"] == {"calls": 1, "input_tokens": 3, "output_tokens": 2, "cost_usd": "0.01"}
    assert ran.said()[row["reply"]] == "hi"
    assert ran.test("test_b")["usage"]["cost_usd"] is None, "what nobody measured is null, never 0"


def test_workers_run_a_synchronous_body_in_threads(example: Example) -> None:
    ran = gate(
        example,
        """
        import threading, time, pytest
        threads = set()
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5, trials=64, rule="fixed", workers=4)
        def test_a():
            threads.add(threading.current_thread().name)
            time.sleep(0.03)
        def teardown_module():
            assert threading.main_thread().name not in threads
    """,
    )
    assert ran.verdicts == {"test_a": "pass"}, ran.text
    assert ran.code == 0


def test_workers_with_a_fixture_that_threads_cannot_share_are_refused(example: Example) -> None:
    ran = gate(
        example,
        """
        import pytest
        @pytest.mark.stochastic(workers=4)
        def test_a(monkeypatch): pass
    """,
    )
    assert ran.verdicts == {"test_a": "error"}
    assert "monkeypatch" in ran.gate("test_a")["reason"]


# ---- models and prompts of a suite

PYTHON_MODEL = """
[tool.llmgate.models.m]
provider = "python"
target = "models.py:reply"
[tool.llmgate.prompts]
ask = {text = "question {{ q }}"}
"""
SUITE = """
suite: mine
seed: 11
defaults: {trials: 50}
models:
  m: {provider: python, target: "models.py:reply"}
prompts:
  ask: {text: "Q: {{ q }}"}
tests:
  - id: unused
    model: m
    prompt: ask
    cases: [{vars: {q: 1}}]
    assert: [{type: contains, value: "Q"}]
"""


@pytest.mark.parametrize("kind", ["sync", "async", "async model"])
def test_a_body_asks_the_models_of_its_suite(example: Example, kind: str) -> None:
    asks = "async def test_a(llm, case): reply = await llm" if "async" in kind else "def test_a(llm, case): reply = llm"
    model = "async def reply" if kind == "async model" else "def reply"
    ran = gate(
        example,
        f"""
        import pytest
        pytestmark = pytest.mark.llm_suite("suites/mine.suite.yaml")
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        @pytest.mark.llm_cases([{{"vars": {{"q": "one"}}}}, {{"vars": {{"q": "two"}}}}])
        {asks}("ask", **case.vars); assert reply.text == "Q: " + case.vars["q"]
        """,
        "test_m.py",
        **{"suites/mine.suite.yaml": SUITE, "suites/models.py": f"{model}(request): return request.prompt"},
    )
    assert ran.verdicts == {"test_a": "pass"}, ran.text
    assert ran.result["run"]["seed"] == 11
    assert ran.test("test_a")["usage"]["calls"] == ran.test("test_a")["trials"]
    assert ran.said().values()


def test_a_prompt_that_does_not_exist_ends_the_test_with_the_nearest_name(example: Example) -> None:
    example.pyproject(PYTHON_MODEL)
    ran = gate(
        example,
        """
        import pytest
        @pytest.mark.stochastic
        def test_a(llm): llm("asks", q=1)
    """,
        **{"models.py": "def reply(request): return 'x'"},
    )
    assert ran.verdicts == {"test_a": "error"}
    assert ran.test("test_a")["trials"] == 1, "no further trial can mend it"
    assert "did you mean 'ask'" in ran.gate("test_a")["reason"]


def test_a_model_that_raises_is_a_trial_error_unless_the_body_copes(example: Example) -> None:
    example.pyproject(PYTHON_MODEL)
    ran = gate(
        example,
        """
        import pytest
        pytestmark = pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_lost(llm): llm("ask", q=1)
        def test_copes(llm):
            try: llm("ask", q=1)
            except Exception: pass
    """,
        **{"models.py": "def reply(request): raise OSError('model is down')"},
    )
    assert ran.verdicts == {"test_lost": "error", "test_copes": "pass"}, ran.text
    assert "model is down" in ran.gate("test_lost")["reason"]


# ---- reruns


def test_reruns_keep_the_recorded_verdict_and_draw_nothing(example: Example) -> None:
    ran = gate(example, """
        import pathlib, pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(trial):
            with open("drawn", "a") as file: file.write("x")
            assert False
    """, "--reruns", "2", **{
        "a.suite.yaml": """
            suite: a
            tests:
              - {id: y, function: "app.py:no", cases: [{vars: {}}], assert: [{type: contains, value: x}]}
        """,
        "app.py": 'def no(): open("calls", "a").write("x"); return "no"',
    })  # fmt: skip
    assert ran.code == 1
    assert "4 rerun" in ran.summary
    assert "kept: this is the recorded verdict; gated tests are never drawn again" in ran.text
    assert len((example.path / "drawn").read_text()) == ran.test("test_a")["trials"]
    assert len((example.path / "calls").read_text()) == len(ran.rows("y"))


COUNTED = """
    import pytest
    @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
    def test_a():
        with open("drawn", "a") as file: file.write("x")
        assert RESULT
    @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
    @pytest.mark.parametrize("x", ["p", "q-1"])
    def test_b(x): pass
"""


@pytest.mark.parametrize("options", [[], pytest.param(["-n2"], marks=pytest.mark.slow)], ids=["alone", "workers"])
def test_counted_repetitions_keep_the_recorded_verdict_and_draw_nothing(example: Example, options: list[str]) -> None:
    pytest.importorskip("pytest_repeat")
    ran = gate(example, COUNTED.replace("RESULT", "False"), "--count=3", *options)
    assert ran.summary == "3 failed, 6 passed", ran.text
    assert ran.verdicts == {"test_a": "fail", "test_b[p]": "pass", "test_b[q-1]": "pass"}
    assert len((example.path / "drawn").read_text()) == ran.test("test_a")["trials"]
    assert ran.gate("test_a")["family"] == 3
    assert "kept: this is the recorded verdict" in ran.text
