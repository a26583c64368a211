"""A prompt and a model as a subject."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, Problem
from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import Answer, Caller, CallFailed, CallKey
from pytest_llmgate.core.reply import Request
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.subjects.guard import Guard
from pytest_llmgate.subjects.templates import Messages, PromptTemplate

MAX_PROBLEMS = 20  # shown at once: enough to see the pattern
_KEPT = 1024  # rendered prompts that are kept
_KEPT_SIZE = 16_384  # characters of a rendered prompt that is worth keeping


class PromptSubject:
    """Renders a test's prompt for each case and asks its model.

    plan: of kind `prompt`. caller: behind it are cassette, budget and redaction. guard: the session's child for
    costly templates. Raises `template-syntax`.
    """

    def __init__(self, plan: TestPlan, caller: Caller, guard: Guard | None = None) -> None:
        assert plan.model is not None
        assert plan.prompt is not None
        self._model = plan.model
        self._cases = plan.cases
        self._caller = caller
        self._template = PromptTemplate.compile(plan.prompt.messages, plan.prompt.source, guard)
        self._rendered: OrderedDict[int, Messages] = OrderedDict()

    def check(self) -> None:
        """Render every case before anything is spent; raises all problems at once, at most 20."""
        problems: list[Problem] = []
        for case in self._cases:
            try:
                self._template.render(case)
            except LlmgateError as fault:
                problems.extend(fault.problems)
                # A template that runs into its limits would do so, slowly, for each case.
                if len(problems) >= MAX_PROBLEMS or problems[-1].code == "template-limits":
                    break
        if problems:
            raise LlmgateError(*problems[:MAX_PROBLEMS])

    async def sample(self, trial: Trial) -> Observation:
        """Ask the model once."""
        try:
            request = self.request(trial)
            case = self._cases[trial.case]
            key = CallKey(trial.repeat, 0, case.twin, case.private)
            return _seen(await self._caller.ask(self._model, request, key))
        except (LlmgateError, CallFailed) as fault:
            return _failed(fault)

    def request(self, trial: Trial) -> Request:
        """What the model is asked in a trial; raises LlmgateError where the prompt cannot be rendered."""
        model, messages = self._model, self._messages(trial.case)
        variables = self._cases[trial.case].vars
        return Request(model=model.model, messages=messages, params=model.params, seed=trial.seed, vars=variables)

    def _messages(self, index: int) -> Messages:
        kept = self._rendered
        messages = kept.get(index)
        if messages is not None:
            if len(kept) == _KEPT:  # order matters only where something will have to go
                kept.move_to_end(index)
            return messages
        messages = self._template.render(self._cases[index])
        if sum(map(_size, messages)) <= _KEPT_SIZE:
            kept[index] = messages
            if len(kept) > _KEPT:
                kept.popitem(last=False)
        return messages


class BlockingPromptSubject:
    """A prompt whose model is a plain Python function of this process: asked in a thread of the engine.

    ask: calls the model and redacts; raises CallFailed.
    """

    def __init__(self, prompt: PromptSubject, ask: Callable[[Request], Answer]) -> None:
        self._prompt = prompt
        self._ask = ask

    def sample_now(self, trial: Trial) -> Observation:
        """Ask the model once."""
        try:
            return _seen(self._ask(self._prompt.request(trial)))
        except (LlmgateError, CallFailed) as fault:
            return _failed(fault)


def _seen(answer: Answer) -> Observation:
    reply = answer.reply
    return Observation(reply, None, answer.usage, reply.latency_ms, answer.queued_ms, answer.replayed)


def _failed(fault: LlmgateError | CallFailed) -> Observation:
    if isinstance(fault, CallFailed):
        return Observation(None, TrialError(fault.kind, fault.message, fault.fatal))
    return Observation(None, TrialError("raised", str(fault), fatal=True))


def _size(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    return len(content) if isinstance(content, str) else len(str(content))
