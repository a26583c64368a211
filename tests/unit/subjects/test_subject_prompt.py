"""PromptSubject: what it asks the model, what becomes of failures, and that it checks before spending."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.observation import TrialError
from pytest_llmgate.core.plan import ModelPlan, PromptPlan, TestPlan
from pytest_llmgate.core.ports import Answer, CallFailed, CallKey
from pytest_llmgate.core.reply import Reply, Request, Usage
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.subjects.prompt import MAX_PROBLEMS, PromptSubject


class Recorder:
    """A Caller that answers with the last message and keeps what it was asked."""

    def __init__(self, failure: CallFailed | None = None) -> None:
        self.asked: list[tuple[Request, CallKey]] = []
        self.failure = failure

    async def ask(self, model: ModelPlan, request: Request, key: CallKey) -> Answer:
        self.asked.append((request, key))
        if self.failure is not None:
            raise self.failure
        reply = Reply(f"echo: {request.prompt}", latency_ms=12.5)
        return Answer(reply, Usage(1, 3, 4, Decimal("0.01")), queued_ms=7.0, replayed=True)


def plan(text: str = "Q: {{ q }}", cases: tuple[Case, ...] = (), **model: Any) -> TestPlan:
    return TestPlan(
        id="s.suite.yaml::t",
        suite="s",
        file="s.suite.yaml",
        kind="prompt",
        base=".",
        model=ModelPlan(alias="m", provider="openai", model="gpt", **model),
        prompt=PromptPlan(name="p", messages=({"role": "user", "content": text},), source=Where("p.j2")),
        cases=cases or (Case(id="a", vars={"q": "one"}), Case(id="b", vars={"q": "two"}, twin=3)),
    )


def test_a_trial_asks_with_its_case_seed_and_key() -> None:
    caller = Recorder()
    seen = asyncio.run(PromptSubject(plan(params={"temperature": 0.7}), caller).sample(Trial(5, 1, 2, 99)))
    ((request, key),) = caller.asked
    assert request == Request(
        model="gpt",
        messages=({"role": "user", "content": "Q: two"},),
        params={"temperature": 0.7},
        seed=99,
        vars={"q": "two"},
    )
    assert key == CallKey(repeat=2, ordinal=0, twin=3)
    assert seen.reply is not None
    assert seen.reply.text == "echo: Q: two"
    assert (seen.usage.calls, seen.latency_ms, seen.queued_ms, seen.replayed) == (1, 12.5, 7.0, True)


def test_a_failed_call_is_data_for_the_gate() -> None:
    caller = Recorder(CallFailed("missing-recording", "record it with …", fatal=True))
    seen = asyncio.run(PromptSubject(plan(), caller).sample(Trial(0, 0, 0, 1)))
    assert seen.reply is None
    assert seen.error == TrialError("missing-recording", "record it with …", True)


def test_check_names_every_case_that_cannot_be_rendered_and_asks_nothing() -> None:
    caller = Recorder()
    cases = (Case(id="good", vars={"q": "x"}), Case(id="bad-1", vars={"w": "x"}), Case(id="bad-2"))
    with pytest.raises(LlmgateError) as caught:
        PromptSubject(plan(cases=cases), caller).check()
    assert [problem.code for problem in caught.value.problems] == ["template-undefined"] * 2
    assert "'bad-1'" in caught.value.problems[0].message
    assert caught.value.problems[1].hint == "the case has: no vars"
    assert caller.asked == []


def test_check_shows_a_bounded_number_of_problems() -> None:
    cases = tuple(Case(id=f"c{number}") for number in range(500))
    with pytest.raises(LlmgateError) as caught:
        PromptSubject(plan(cases=cases), Recorder()).check()
    assert len(caught.value.problems) == MAX_PROBLEMS


def test_a_template_that_hits_its_limits_is_tried_once_not_for_each_case() -> None:
    cases = tuple(Case(id=f"c{number}", vars={"q": "x"}) for number in range(50))
    with pytest.raises(LlmgateError) as caught:
        PromptSubject(plan("{{ q * 900000000 }}", cases), Recorder()).check()
    assert [problem.code for problem in caught.value.problems] == ["template-limits"]


def test_what_cannot_be_rendered_ends_the_test_as_an_error_never_as_a_reply() -> None:
    seen = asyncio.run(PromptSubject(plan("{{ nothing }}"), Recorder()).sample(Trial(0, 0, 0, 1)))
    assert seen.reply is None
    assert seen.error is not None
    assert (seen.error.kind, seen.error.fatal) == ("raised", True)


def test_more_cases_than_are_kept_still_render_right() -> None:
    cases = tuple(Case(id=str(number), vars={"q": str(number)}) for number in range(1100))
    caller = Recorder()
    subject = PromptSubject(plan(cases=cases), caller)

    async def two_rounds() -> None:
        for repeat in range(2):
            for case in range(1100):
                await subject.sample(Trial(case, case, repeat, 1))

    asyncio.run(two_rounds())
    assert [request.prompt for request, _ in caller.asked] == [f"Q: {number}" for number in range(1100)] * 2
