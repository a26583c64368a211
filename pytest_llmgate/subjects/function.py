"""A Python function as a subject: `function: "file.py:name"`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import perf_counter
from traceback import walk_tb
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Problem, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.functions import message_of
from pytest_llmgate.core.observation import Observation, TrialError, unpaid
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import Payments
from pytest_llmgate.core.reply import Reply, Usage, usage_of
from pytest_llmgate.core.reply_from import as_reply
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.core.trial_info import TrialInfo

MAX_PROBLEMS = 20
_MAX_MESSAGE = 300

_ONE_CALL = Usage(calls=1)

Redact = Callable[[Reply], Reply]
RedactText = Callable[[str], str]


def load_function(plan: TestPlan, files: SuiteFiles) -> Callable[..., Any]:
    """The function of a plan; raises `function-target` for what cannot be sampled, and what loading raises."""
    assert plan.function is not None
    function = files.load_object(plan.function, plan.where)
    hint = "name a function or a coroutine function that returns the answer"
    if not callable(function):
        raise problem("function-target", f"{plan.function!r} is a {type(function).__name__}", plan.where, hint)
    for body in (function, getattr(function, "__call__", None)):  # noqa: B004 - an object's own __call__ is meant
        if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
            raise problem("function-target", f"{plan.function!r} is a generator", plan.where, hint)
    loaded: Callable[..., Any] = function
    return loaded


class _Function:
    """What both kinds share: the arguments of each case, and how answers and faults become observations.

    redact, redact_text: applied to everything that leaves. payments: where what a reply says that it cost is booked.
    """

    def __init__(
        self,
        plan: TestPlan,
        function: Callable[..., Any],
        root: Path,
        redact: Redact,
        redact_text: RedactText,
        payments: Payments,
    ) -> None:
        self._plan = plan
        self._function = function
        self._root = root.resolve()
        self._redact = redact
        self._redact_text = redact_text
        self._payments = payments
        self._signature = _signature(function)
        names = self._signature.parameters if self._signature else {}
        self._wants_case = _named(names, "case")
        self._wants_trial = _named(names, "trial")
        self._vars = tuple(case.vars for case in plan.cases)
        self._plain = tuple(not (self._extras(case) or _is_mutable(case.vars)) for case in plan.cases)

    def check(self) -> None:
        """See that every case fits the function's parameters; raises all problems at once, at most 20."""
        if self._signature is None:
            return
        problems = []
        for case in self._plan.cases:
            given = {**case.vars, **dict.fromkeys(self._extras(case))}
            try:
                self._signature.bind(**given)
            except TypeError as fault:
                problems.append(self._misfit(case, str(fault)))
            if len(problems) == MAX_PROBLEMS:
                break
        if problems:
            raise LlmgateError(*problems)

    def _misfit(self, case: Case, why: str) -> Problem:
        message = f"{self._plan.function} cannot be called with the vars of case {case.id!r}: {why}"
        return Problem("function-signature", message, self._plan.where, f"its parameters are {self._signature}")

    def _extras(self, case: Case) -> list[str]:
        wanted = (("trial", self._wants_trial), ("case", self._wants_case))
        return [name for name, wants in wanted if wants and name not in case.vars]

    def _arguments(self, trial: Trial) -> Mapping[str, Any]:
        """Arguments of a trial: lists and objects anew, so that no trial sees what another did to them."""
        if self._plain[trial.case]:
            return self._vars[trial.case]
        case = self._plan.cases[trial.case]
        arguments = {name: _fresh(value) for name, value in case.vars.items()}
        for name in self._extras(case):
            arguments[name] = TrialInfo(trial) if name == "trial" else case
        return arguments

    def _answered(self, value: Any, latency_ms: float) -> Observation:
        try:
            reply = as_reply(value)
        except (TypeError, ValueError) as fault:
            return Observation(
                None, TrialError("junk", self._redact_text(_line(_junk(value, fault)))), _ONE_CALL, latency_ms
            )
        latency = latency_ms if reply.latency_ms is None else reply.latency_ms
        usage = usage_of(reply)
        self._payments.book(usage)
        return Observation(self._redact(reply), None, usage, latency)

    def _raised(self, fault: Exception) -> Observation:
        message = _line(f"{type(fault).__name__}: {message_of(fault)}")
        return Observation(None, TrialError("raised", self._redact_text(message) + self._place(fault)), _ONE_CALL)

    def _place(self, fault: Exception) -> str:
        """Where in the user's files it was raised: the innermost frame under the root."""
        place = ""
        for frame, line in walk_tb(fault.__traceback__):
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(self._root) and "site-packages" not in path.parts:
                place = f" ({path.relative_to(self._root).as_posix()}:{line})"
        return place


class BlockingFunctionSubject(_Function):
    """A plain function, called in a thread of the engine."""

    def sample_now(self, trial: Trial) -> Observation:
        """Call it once; what it raises is data, but KeyboardInterrupt and its like pass."""
        refused = unpaid(self._payments.refusal())
        if refused is not None:
            return refused
        arguments = self._arguments(trial)
        start = perf_counter()
        try:
            value = self._function(**arguments)
        except Exception as fault:
            return self._raised(fault)
        return self._answered(value, (perf_counter() - start) * 1000.0)


class FunctionSubject(_Function):
    """A coroutine function, awaited in the engine's loop."""

    async def sample(self, trial: Trial) -> Observation:
        """Await it once; what it raises is data, but cancellation passes."""
        refused = unpaid(self._payments.refusal())
        if refused is not None:
            return refused
        arguments = self._arguments(trial)
        start = perf_counter()
        try:
            value = await self._function(**arguments)
        except Exception as fault:
            return self._raised(fault)
        return self._answered(value, (perf_counter() - start) * 1000.0)


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature, or None where it has none to read, as some built-ins."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _named(parameters: Mapping[str, inspect.Parameter], name: str) -> bool:
    parameter = parameters.get(name)
    return parameter is not None and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def _is_mutable(values: Mapping[str, Any]) -> bool:
    return any(not isinstance(value, (str, int, float, bool, type(None))) for value in values.values())


def _fresh(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _fresh(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_fresh(item) for item in value]
    return value


def _junk(value: Any, fault: Exception) -> str:
    """Why a returned value is no reply."""
    if not isinstance(value, Awaitable):
        return str(fault)
    if inspect.iscoroutine(value):
        value.close()  # or Python warns later, out of place, that it was never awaited
    return "a plain function returned something to await; make it `async def`"


def _line(text: str) -> str:
    lines = text.splitlines() or [""]
    return lines[0][:_MAX_MESSAGE]
