"""Functions as subjects: arguments, answers of every accepted kind, and every way to misbehave."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import pytest_llmgate
from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import BlockingSubject
from pytest_llmgate.core.reply import NO_USAGE, Usage
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.subjects.build import build_subject
from pytest_llmgate.subjects.function import BlockingFunctionSubject, FunctionSubject

HEAD = "from dataclasses import dataclass\nfrom pytest_llmgate.core.reply import Reply\n"


class Nobody:
    async def ask(self, *args: Any) -> Any:
        raise AssertionError("a function subject asks no model of ours")


def masked(text: str) -> str:
    return text.replace("secret", "******")


class Till:
    """Takes down what is booked; closed: why nothing more may be paid."""

    def __init__(self) -> None:
        self.booked: list[Usage] = []
        self.closed = ""

    def refusal(self) -> str:
        return self.closed

    def book(self, usage: Usage) -> None:
        self.booked.append(usage)


def subject_of(
    tmp_path: Path, code: str, *cases: Case, till: Till | None = None
) -> BlockingFunctionSubject | FunctionSubject:
    (tmp_path / "app.py").write_text(HEAD + dedent(code), encoding="utf-8")
    plan = TestPlan(
        id="t",
        suite="s",
        file="s.suite.yaml",
        kind="function",
        base=str(tmp_path),
        function="app.py:answer",
        cases=cases or (Case(id="one", vars={"q": "hi"}),),
    )
    files = SuiteFiles(tmp_path, tmp_path)
    subject = build_subject(plan, files, Nobody(), lambda r: replace(r, text=masked(r.text)), masked, till or Till())
    assert not hasattr(subject, "_caller")
    assert isinstance(subject, (BlockingFunctionSubject, FunctionSubject))
    return subject


def sample(subject: BlockingFunctionSubject | FunctionSubject, trial: Trial = Trial(0, 0, 0, 7)) -> Observation:  # noqa: B008
    if isinstance(subject, FunctionSubject):
        return asyncio.run(subject.sample(trial))
    return subject.sample_now(trial)


@pytest.mark.parametrize(
    ("body", "text", "data"),
    [
        ("return 'hello ' + q", "hello hi", None),
        ("return {'a': [1, q]}", '{"a": [1, "hi"]}', {"a": [1, "hi"]}),
        ("return [q]", '["hi"]', ["hi"]),
        ("return Reply(q, finish_reason='stop')", "hi", None),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_every_kind_of_answer_becomes_a_reply(tmp_path: Path, kind: str, body: str, text: str, data: object) -> None:
    seen = sample(subject_of(tmp_path, f"{kind} answer(q): {body}"))
    assert seen.error is None
    assert seen.reply is not None
    assert (seen.reply.text, seen.reply.data) == (text, data)
    assert seen.usage == Usage(calls=1)
    assert seen.latency_ms is not None
    assert seen.latency_ms >= 0


def test_dataclasses_and_pydantic_models_are_answers(tmp_path: Path) -> None:
    code = """
    @dataclass
    class Answer:
        city: str
    def answer(q): return Answer(q)
    """
    seen = sample(subject_of(tmp_path, code))
    assert seen.reply is not None
    assert seen.reply.data == {"city": "hi"}


def test_usage_and_cost_of_a_reply_are_kept_and_latency_is_the_replys_own(tmp_path: Path) -> None:
    code = "def answer(q): return Reply(q, input_tokens=3, output_tokens=4, cost_usd=0.1, latency_ms=250.0)"
    seen = sample(subject_of(tmp_path, code))
    assert seen.usage == Usage(1, 3, 4, Decimal("0.1"))
    assert seen.latency_ms == 250.0


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_a_reply_cost_is_booked_and_nothing_is_called_beyond_the_budget(tmp_path: Path, kind: str) -> None:
    till = Till()
    code = f"{kind} answer(q, called=[]): called.append(q); return Reply(str(len(called)), cost_usd='0.01')"
    subject = subject_of(tmp_path, code, till=till)
    sample(subject)
    assert [usage.cost_usd for usage in till.booked] == [Decimal("0.01")]
    till.closed = "the budget is used up"
    refused = sample(subject)
    assert (refused.reply, refused.error) == (None, TrialError("budget", "the budget is used up"))
    assert refused.usage == NO_USAGE
    till.closed = ""
    again = sample(subject)
    assert again.reply is not None
    assert again.reply.text == "2"


def test_sync_functions_run_in_a_thread_and_async_ones_in_the_loop(tmp_path: Path) -> None:
    assert isinstance(subject_of(tmp_path, "def answer(q): return q"), BlockingSubject)
    (tmp_path / "b").mkdir()
    coroutine = subject_of(tmp_path / "b", "async def answer(q): return q")
    assert isinstance(coroutine, FunctionSubject)
    assert not isinstance(coroutine, BlockingSubject)


def test_trial_and_case_are_given_only_where_asked_for(tmp_path: Path) -> None:
    code = """
    def answer(q, *, trial, case):
        assert trial.rng is trial.rng
        return {"seed": trial.seed, "index": trial.index, "repeat": trial.repeat,
                "draw": int(trial.rng.integers(1 << 30)), "case": case.id}
    """
    subject = subject_of(tmp_path, code)
    subject.check()
    first = sample(subject, Trial(12, 0, 3, 7))
    again = sample(subject, Trial(12, 0, 3, 7))
    other = sample(subject, Trial(13, 0, 4, 8))
    assert first.reply is not None
    assert again.reply is not None
    assert other.reply is not None
    assert {**first.reply.data, "draw": 0} == {"seed": 7, "index": 12, "repeat": 3, "draw": 0, "case": "one"}
    assert first.reply.data == again.reply.data
    assert first.reply.data["draw"] != other.reply.data["draw"]


def test_a_var_named_trial_wins(tmp_path: Path) -> None:
    subject = subject_of(tmp_path, "def answer(trial): return trial", Case(id="one", vars={"trial": "mine"}))
    subject.check()
    seen = sample(subject)
    assert seen.reply is not None
    assert seen.reply.text == "mine"


def test_a_function_that_changes_its_arguments_changes_no_other_trial(tmp_path: Path) -> None:
    code = """
    def answer(q):
        q["seen"].append(1)
        return str(len(q["seen"]))
    """
    case = Case(id="one", vars={"q": {"seen": []}})
    subject = subject_of(tmp_path, code, case)
    texts = [seen.reply.text for seen in (sample(subject) for _ in range(3)) if seen.reply]
    assert texts == ["1", "1", "1"]
    assert case.vars == {"q": {"seen": []}}


def test_what_a_function_raises_is_named_with_its_line_and_redacted(tmp_path: Path) -> None:
    code = """
    def answer(q):
        return deeper(q)
    def deeper(q):
        raise ValueError("no secret for " + q + chr(10) + "more")
    """
    seen = sample(subject_of(tmp_path, code))
    assert seen.reply is None
    assert seen.error is not None
    assert seen.error == ("raised", "ValueError: no ****** for hi (app.py:7)", False)


def test_a_long_message_and_a_broken_str_are_bounded(tmp_path: Path) -> None:
    code = """
    class Odd(Exception):
        def __str__(self): raise RuntimeError
    def answer(q):
        if q == "odd": raise Odd
        raise ValueError("x" * 10_000)
    """
    subject = subject_of(tmp_path, code, Case(id="a", vars={"q": "long"}), Case(id="b", vars={"q": "odd"}))
    long = sample(subject)
    odd = sample(subject, Trial(1, 1, 0, 7))
    assert long.error is not None
    assert len(long.error.message) < 340
    assert odd.error is not None
    assert odd.error.message.startswith("Odd: (no message)")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_interrupt_is_not_data(tmp_path: Path, kind: str) -> None:
    subject = subject_of(tmp_path, f"{kind} answer(q): raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        sample(subject)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return None", "None is not a reply"),
        ("return 42", "int is not a reply"),
        ("return {'x': {1, 2}}", "no JSON"),
        ("return {'x': float('nan')}", "no JSON"),
        ("return 'x' * 10_000_000", "larger than 8 MiB"),
        ("return Reply(text=None)", "must be a str"),
        ("return Reply('x', cost_usd='cheap')", "cost_usd"),
        ("return Reply('x', cost_usd=-1)", "cost_usd"),
        ("return Reply('x', input_tokens=1.5)", "input_tokens"),
        ("return later()", "async def"),
    ],
)
def test_junk_is_an_error_of_its_own_kind_never_a_reply(tmp_path: Path, body: str, words: str) -> None:
    seen = sample(subject_of(tmp_path, f"async def later(): return 'x'\ndef answer(q): {body}"))
    assert seen.reply is None
    assert seen.error is not None
    assert seen.error.kind == "junk"
    assert words in seen.error.message


def test_replies_are_redacted_before_they_leave(tmp_path: Path) -> None:
    seen = sample(subject_of(tmp_path, "def answer(q): return 'my secret'"))
    assert seen.reply is not None
    assert seen.reply.text == "my ******"


def test_check_names_each_case_that_does_not_fit_the_signature(tmp_path: Path) -> None:
    cases = (Case(id="ok", vars={"q": "x"}), Case(id="less"), Case(id="more", vars={"q": "x", "w": "y"}))
    with pytest.raises(LlmgateError) as caught:
        subject_of(tmp_path, "def answer(q): return q", *cases).check()
    messages = [problem.message for problem in caught.value.problems]
    assert [problem.code for problem in caught.value.problems] == ["function-signature"] * 2
    assert "'less'" in messages[0]
    assert "'q'" in messages[0]
    assert "'more'" in messages[1]
    assert "'w'" in messages[1]
    assert caught.value.problems[0].hint == "its parameters are (q)"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("answer = 'text'", "is a str"),
        ("def answer(q): yield q", "is a generator"),
        ("async def answer(q): yield q", "is a generator"),
    ],
)
def test_a_target_that_cannot_be_sampled_is_refused_when_it_is_loaded(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(LlmgateError, match=words) as caught:
        subject_of(tmp_path, code)
    assert caught.value.problems[0].code == "function-target"


def test_a_callable_object_is_a_function_too(tmp_path: Path) -> None:
    code = """
    class App:
        async def __call__(self, q): return "app " + q
    answer = App()
    """
    subject = subject_of(tmp_path, code)
    subject.check()
    assert isinstance(subject, FunctionSubject)
    seen = sample(subject)
    assert seen.reply is not None
    assert seen.reply.text == "app hi"


def test_a_function_needs_neither_jinja2_nor_numpy() -> None:
    code = (
        "import sys; import pytest_llmgate.subjects.build, pytest_llmgate.subjects.function; "
        "print(sorted({'jinja2', 'numpy'} & set(sys.modules)))"
    )
    package = str(Path(pytest_llmgate.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=package, check=True)
    assert done.stdout.strip() == "[]"
