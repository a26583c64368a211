"""The door of a test body to the models and prompts of its suite."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from pytest_llmgate.core.errors import nearest, problem
from pytest_llmgate.core.plan import ModelPlan, TestPlan
from pytest_llmgate.core.ports import CallFailed, CallKey
from pytest_llmgate.core.reply import Reply, Request, Usage
from pytest_llmgate.core.trial import Trial, call_seed
from pytest_llmgate.engine.calls import ModelCaller
from pytest_llmgate.engine.purse import Purse
from pytest_llmgate.engine.runner import Engine
from pytest_llmgate.subjects.guard import Guard
from pytest_llmgate.subjects.templates import PromptTemplate

Keep = Callable[[Reply, Usage, float, bool], None]


class ModelCallError(Exception):
    """A call of `llm(...)` that gave no reply; the trial becomes what the failure says unless the body catches it."""

    def __init__(self, failed: CallFailed) -> None:
        super().__init__(failed.message)
        self.call_failed = failed


class PendingCall:
    """A call of `llm(...)` in an async body: await it once."""

    def __init__(self, ask: Callable[[], Any], engine: Engine) -> None:
        self._ask = ask
        self._engine = engine
        self.awaited = False

    def __await__(self) -> Generator[Any, None, Reply]:
        self.awaited = True
        reply: Reply = yield from self._ask().__await__()
        return reply

    def now(self) -> Reply:
        """Ask from a synchronous body."""
        self.awaited = True
        reply: Reply = self._engine.call(self._ask())
        return reply


class ModelDoor:
    """Prompts and models by name, for the bodies of one test. purse: for what a body itself says that it cost."""

    def __init__(
        self,
        plan: TestPlan,
        caller: ModelCaller,
        engine: Engine,
        guard: Guard,
        redact: Callable[[Reply], Reply],
        redact_text: Callable[[str], str],
        purse: Purse,
    ) -> None:
        self._plan = plan
        self._caller = caller
        self._engine = engine
        self._templates: dict[str, PromptTemplate] = {}
        self._guard = guard
        self.redact = redact
        self.redact_text = redact_text
        self.purse = purse

    def call(
        self,
        prompt: str,
        model: str | None,
        variables: Mapping[str, Any],
        trial: Trial,
        ordinal: int,
        twin: int,
        keep: Keep,
    ) -> PendingCall:
        """A call that is ready to be asked; raises for unknown prompts, models and variables."""
        target = self._model(model)
        messages = self._template(prompt).render_vars(variables)
        seed = call_seed(trial.seed, ordinal)
        request = Request(model=target.model, messages=messages, params=target.params, seed=seed, vars=variables)
        key = CallKey(trial.repeat, ordinal, twin, self._plan.cases[trial.case].private)

        async def ask() -> Reply:
            try:
                answer = await self._caller.ask(target, request, key)
            except CallFailed as failed:
                raise ModelCallError(failed) from None
            keep(answer.reply, answer.usage, answer.queued_ms, answer.replayed)
            return answer.reply

        return PendingCall(ask, self._engine)

    def _model(self, name: str | None) -> ModelPlan:
        models = self._plan.models
        if name is None and self._plan.model is not None:
            return self._plan.model
        if name is None and len(models) == 1:
            return next(iter(models.values()))
        if name is None:
            hint = "name one: llm(prompt, model=…), or set `defaults: {model: …}`"
            raise problem("model-unclear", f"{self._plan.id}: the suite has {len(models)} models", None, hint)
        if name not in models:
            raise problem("model-unknown", f"{self._plan.id}: no model {name!r}", None, nearest(name, models))
        return models[name]

    def _template(self, name: str) -> PromptTemplate:
        if name not in self._templates:
            prompts = self._plan.prompts
            if name not in prompts:
                raise problem("prompt-unknown", f"{self._plan.id}: no prompt {name!r}", None, nearest(name, prompts))
            plan = prompts[name]
            self._templates[name] = PromptTemplate.compile(plan.messages, plan.source, self._guard)
        return self._templates[name]
