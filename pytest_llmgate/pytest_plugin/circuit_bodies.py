"""The body of a test with `circuit_distribution`: it runs once, and gives the circuit, or the counts, to be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.functions import message_of
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.pytest_plugin.fixtures import CircuitRunner, PerTrial
from pytest_llmgate.session import GateSession

if TYPE_CHECKING:
    from pytest_llmgate.pytest_plugin.gate import GatePlugin

_LEAVES = (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)


def sample(
    function: Callable[..., Any], arguments: Mapping[str, Any], plan: TestPlan, session: GateSession, gate: GatePlugin
) -> TestVerdict:
    """Run the body, sample what it returned, and decide. Raises LlmgateError for a body that gives nothing to judge."""
    given = _returned(function, _bound(arguments, plan, session), plan, session)
    if given is None:
        hint = "return a QuantumCircuit, or counts by bitstring"
        raise problem("circuit-body", f"{plan.id}: the body returned nothing", plan.where, hint)
    session.submit_circuit(plan.id, given)
    session.await_end(plan.id, gate.watch)
    return session.decide(plan.id)


def _bound(arguments: Mapping[str, Any], plan: TestPlan, session: GateSession) -> dict[str, Any]:
    """The fixtures, with `circuit_run` bound to this test's backend and noise."""
    for name, value in arguments.items():
        if isinstance(value, PerTrial):
            hint = "delete it: the body of a circuit runs once"
            raise problem("circuit-body", f"{plan.id}: {name!r} changes with each trial", plan.where, hint)
    runs = {name for name, value in arguments.items() if isinstance(value, CircuitRunner)}
    return {**arguments, **{name: session.circuits.runner(plan) for name in runs}}


def _returned(function: Callable[..., Any], arguments: Mapping[str, Any], plan: TestPlan, session: GateSession) -> Any:
    try:
        if iscoroutinefunction(function):
            return session.engine.call(function(**arguments))
        return function(**arguments)
    except (LlmgateError, *_LEAVES):
        raise
    except Exception as fault:
        said = session.parts.redact_text(f"{type(fault).__name__}: {message_of(fault)}"[:500])
        raise problem("circuit-body", f"{plan.id}: the body raised {said}", plan.where, "mend the test") from fault
