"""One trial of a marked test's body: its arguments, what it records, and how its end is read."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, iscoroutine
from time import perf_counter
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Observation, TrialError, unpaid
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.reply import NO_USAGE, Reply, Usage, usage_of
from pytest_llmgate.core.reply_from import as_reply
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.core.trial_info import TrialInfo
from pytest_llmgate.pytest_plugin.fixtures import PerTrial
from pytest_llmgate.session.models import ModelDoor, PendingCall

_DETAIL = 500


class BodyTrial(TrialInfo):
    """The `trial` fixture of a body: what a function subject sees, and `record(...)`."""

    __slots__ = ("recorded",)

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.recorded: Reply | None = None

    def record(self, reply: object, *, context: Any = None, **fields: Any) -> None:
        """Say what the markers measure.

        reply: a text, a Reply, or anything a subject may return. context: the sources used. fields: any other
        field of Reply, such as input_tokens or cost_usd.
        """
        from dataclasses import replace

        made = as_reply(reply)
        changes = {**fields, **({"context": context} if context is not None else {})}
        self.recorded = replace(made, **changes) if changes else made


@dataclass(frozen=True, slots=True)
class Body:
    """A marked test, ready to run. arguments: from fixtures, with PerTrial in place of what changes."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    plan: TestPlan
    door: ModelDoor

    def bind(self, trial: Trial, *, awaits: bool) -> tuple[dict[str, Any], BodyTrial, Calls]:
        """The arguments of one trial."""
        info = BodyTrial(trial)
        case = self.plan.cases[trial.case]
        calls = Calls(self.door, trial, case.twin, awaits=awaits)
        mine = {"trial": info, "case": case, "llm": calls}
        arguments = {
            name: mine[value.name] if isinstance(value, PerTrial) else value for name, value in self.arguments.items()
        }
        return arguments, info, calls


class Calls:
    """The `llm` fixture of one trial: asks models, and remembers what they said."""

    def __init__(self, door: ModelDoor, trial: Trial, twin: int, *, awaits: bool) -> None:
        self._door = door
        self._trial = trial
        self._twin = twin
        self._awaits = awaits
        self.pending: list[PendingCall] = []
        self.usage: Usage = NO_USAGE
        self.replies: list[Reply] = []
        self.queued_ms = 0.0
        self.replayed = False

    def __call__(self, prompt: str, *, model: str | None = None, **variables: Any) -> Any:
        """The Reply to a prompt of the suite, or (in an async body) something to await for it."""
        call = self._door.call(prompt, model, variables, self._trial, len(self.pending), self._twin, self._keep)
        self.pending.append(call)
        return call if self._awaits else call.now()

    def _keep(self, reply: Reply, usage: Usage, queued_ms: float, replayed: bool) -> None:
        self.replies.append(reply)
        self.usage = self.usage.plus(usage)
        self.queued_ms += queued_ms
        self.replayed = self.replayed or replayed

    def forgotten(self) -> bool:
        """Whether a call was begun and never awaited."""
        return any(not call.awaited for call in self.pending)


class _Sampled:
    """What both kinds of body share. escaped: pytest's own control flow, for the item to raise."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.escaped: BaseException | None = None

    def _caught(self, fault: BaseException, info: BodyTrial, calls: Calls, seconds: float) -> Observation:
        if _leaves(fault, info, calls):
            self.escaped = fault
            return _LEFT
        return _raised(fault, self._body, info, calls, seconds)


class SyncBody(_Sampled):
    """A synchronous body as a blocking subject."""

    def sample_now(self, trial: Trial) -> Observation:
        """Run the body once."""
        refused = unpaid(self._body.door.purse.refusal())
        if refused is not None:
            return refused
        arguments, info, calls = self._body.bind(trial, awaits=False)
        began = perf_counter()
        try:
            returned = self._body.function(**arguments)
        except BaseException as fault:
            return self._caught(fault, info, calls, perf_counter() - began)
        return _ended(returned, self._body, info, calls, perf_counter() - began)


class AsyncBody(_Sampled):
    """An async body as a subject of the session's loop."""

    async def sample(self, trial: Trial) -> Observation:
        """Run the body once."""
        refused = unpaid(self._body.door.purse.refusal())
        if refused is not None:
            return refused
        arguments, info, calls = self._body.bind(trial, awaits=True)
        began = perf_counter()
        try:
            returned = await self._body.function(**arguments)
        except CancelledError:
            raise
        except BaseException as fault:
            return self._caught(fault, info, calls, perf_counter() - began)
        return _ended(returned, self._body, info, calls, perf_counter() - began)


_LEFT = Observation(None, TrialError("interrupted", "the body left the test", fatal=True))


def _leaves(fault: BaseException, info: BodyTrial, calls: Calls) -> bool:
    """Whether an exception is pytest's word about the whole item; a skip is one only before anything happened."""
    if isinstance(fault, pytest.skip.Exception):
        return info.index == 0 and not calls.pending
    return isinstance(fault, (KeyboardInterrupt, SystemExit, pytest.exit.Exception, pytest.xfail.Exception))


def _ended(returned: Any, body: Body, info: BodyTrial, calls: Calls, seconds: float) -> Observation:
    """What a body that came to its end gives."""
    if isawaitable(returned) or calls.forgotten():
        if iscoroutine(returned):
            returned.close()
        what = "the body returned a coroutine" if isawaitable(returned) else "a call of llm() was not awaited"
        return Observation(None, TrialError("junk", f"{what}: await it", fatal=True), calls.usage)
    try:
        reply = _reply(returned, info, calls)
    except (TypeError, ValueError) as fault:
        return Observation(None, TrialError("junk", body.door.redact_text(str(fault))), calls.usage)
    return _observation(reply, body, calls, seconds, passed=True, detail="" if reply else _nothing(calls))


def _raised(fault: BaseException, body: Body, info: BodyTrial, calls: Calls, seconds: float) -> Observation:
    """What a body that raised gives: a failed trial, or a hole."""
    if isinstance(fault, pytest.skip.Exception):
        return Observation(None, TrialError("skipped", _first_line(fault)), calls.usage)
    detail = body.door.redact_text(_first_line(fault))[:_DETAIL]
    if isinstance(fault, (AssertionError, pytest.fail.Exception)):
        reply = info.recorded or (calls.replies[0] if len(calls.replies) == 1 else None)
        return _observation(reply, body, calls, seconds, passed=False, detail=detail)
    failed = getattr(fault, "call_failed", None)
    if failed is not None:
        return Observation(None, TrialError(failed.kind, failed.message, failed.fatal), calls.usage)
    mistake = isinstance(fault, LlmgateError)  # such as an unknown prompt: no further trial can mend it
    return Observation(None, TrialError("raised", f"{type(fault).__name__}: {detail}", mistake), calls.usage)


def _reply(returned: Any, info: BodyTrial, calls: Calls) -> Reply | None:
    """What the markers measure: what was recorded, else what the body returns, else the only reply."""
    if info.recorded is not None:
        return info.recorded
    if returned is not None:
        return as_reply(returned)
    return calls.replies[0] if len(calls.replies) == 1 else None


def _nothing(calls: Calls) -> str:
    """Why a body that came to its end left no reply, and what to do."""
    made = f"{len(calls.pending) or 'no'} llm() call{'' if len(calls.pending) == 1 else 's'}"
    return f"the body made {made} and returned nothing: return the reply to judge, or trial.record(reply)"


def _observation(
    reply: Reply | None, body: Body, calls: Calls, seconds: float, *, passed: bool, detail: str = ""
) -> Observation:
    if reply is not None:
        reply = body.door.redact(reply)
    # The app's own time, unless a single model call or the reply itself says how long the answer took.
    latency = seconds * 1000.0 - calls.queued_ms
    if reply is not None and reply.latency_ms is not None:
        latency = reply.latency_ms
    own = NO_USAGE if calls.pending else _own_usage(reply)  # calls of llm() have been booked
    body.door.purse.book(own)
    usage = calls.usage if calls.pending else own
    return Observation(reply, None, usage, latency, calls.queued_ms, calls.replayed, passed, detail or None)


def _own_usage(reply: Reply | None) -> Usage:
    if reply is None or (reply.input_tokens is None and reply.output_tokens is None and reply.cost_usd is None):
        return NO_USAGE
    return usage_of(reply)


def _first_line(fault: BaseException) -> str:
    """The message of a failure: an assertion's first line says what was compared."""
    text = str(getattr(fault, "msg", None) or fault) or type(fault).__name__
    return text.splitlines()[0] if text.splitlines() else type(fault).__name__
