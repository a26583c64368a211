"""Circuits that a Python function of the user returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from traceback import walk_tb
from typing import Any

from qiskit import QuantumCircuit

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.functions import message_of

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def takes(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that a function takes by name; all of them where it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return dict(values)
    names = {parameter.name for parameter in parameters if parameter.kind in _NAMED}
    return {name: value for name, value in values.items() if name in names}


def taken_names(source: str, files: SuiteFiles, where: Where | None, values: Mapping[str, Any]) -> frozenset[str]:
    """Names of the values that loading the source uses up, so that the rest are parameters to bind."""
    if not source.rpartition(":")[0].endswith(".py"):
        return frozenset()
    return frozenset(takes(files.load_object(source, where), values))


def call(source: str, files: SuiteFiles, where: Where | None, values: Mapping[str, Any]) -> QuantumCircuit:
    """What "file.py:function" returns for the values that it takes. Raises `circuit-function`."""
    function = files.load_object(source, where)
    if isinstance(function, QuantumCircuit):
        return function
    if not callable(function) or inspect.iscoroutinefunction(function):
        what = "an async function" if callable(function) else f"a {type(function).__name__}"
        raise _unusable(f"{source!r} is {what}", where, "name a function that returns a QuantumCircuit")
    given = takes(function, values)
    try:
        inspect.signature(function).bind(**given)
    except TypeError as fault:
        hint = "give the case these vars, or the parameters defaults"
        raise _unusable(f"{source!r} cannot be called with the vars of the case: {fault}", where, hint) from None
    try:
        circuit = function(**given)
    except (Exception, SystemExit) as fault:
        raise _raised(source, fault, files, where) from fault
    if not isinstance(circuit, QuantumCircuit):
        hint = "return one circuit, not transpiled results or counts"
        raise _unusable(
            f"{source!r} returned a value of type {type(circuit).__name__}, not a QuantumCircuit", where, hint
        )
    return circuit


def _unusable(message: str, where: Where | None, hint: str) -> LlmgateError:
    return problem("circuit-function", message, where, hint)


def _raised(source: str, fault: BaseException, files: SuiteFiles, where: Where | None) -> LlmgateError:
    """What the function raised, at the innermost line of a file under the root."""
    root = files.root.resolve()
    for frame, line in walk_tb(fault.__traceback__):
        path = frame.f_code.co_filename
        if path.startswith(f"{root}/"):
            where = Where(path[len(str(root)) + 1 :], line)
    message = f"{source!r} raised {type(fault).__name__}: {message_of(fault)[:300]}"
    return _unusable(message, where, "run the function by itself to see the whole traceback")
