"""`tool-called`: the reply calls a tool, with these arguments among others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import jsontext
from pytest_llmgate.detectors.checks import Check, Fixed, PerCase, bad_parameter, no_rates, required, shown
from pytest_llmgate.detectors.tool_calls import ToolCall, tool_calls
from pytest_llmgate.detectors.values import Unusable, resolver

_SHOWN = 3


class ToolCalledAssertion:
    """The assertion type `tool-called`. value: the tool's name. arguments: what it is called with, among others."""

    keys = frozenset({"value", "arguments"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for a name or arguments that make no sense."""
        required(params, "value", where)
        wanted = {"value": params["value"], "arguments": params.get("arguments")}
        resolve = resolver(wanted, where)
        if resolve is not None:
            return PerCase(resolve, make)
        try:
            return Fixed(make(wanted))
        except Unusable as fault:
            raise bad_parameter(
                "tool-called", str(fault), where, "write value: NAME, arguments: {key: value}"
            ) from None


def make(wanted: Mapping[str, Any]) -> Check:
    """The check for a resolved name and arguments; raises Unusable."""
    name, arguments = wanted["value"], wanted["arguments"]
    if not isinstance(name, str) or not name:
        raise Unusable(f"{shown(name)} is not the name of a tool")
    if arguments is not None and not isinstance(arguments, Mapping):
        raise Unusable(f"{shown(arguments)} is no object of arguments")

    def check(reply: Reply) -> Measurement:
        calls = tool_calls(reply)
        named = [call for call in calls if call.name == name]
        if not named:
            return Measurement(False, None, f"does not call {shown(name)}; {_listed(calls)}")
        if arguments is None or any(contains(call.arguments, arguments) for call in named):
            return Measurement(True, None, f"calls {shown(name)}")
        return Measurement(False, None, f"calls {shown(name)} with other arguments: {shown(named[0].arguments)}")

    return check


def contains(given: Any, wanted: Any) -> bool:
    """Whether a JSON value has at least what is wanted: objects may have more keys, all else is equal."""
    if isinstance(wanted, Mapping):
        if not isinstance(given, Mapping):
            return False
        return all(key in given and contains(given[key], item) for key, item in wanted.items())
    if isinstance(wanted, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(wanted):
            return False
        return all(contains(mine, item) for mine, item in zip(given, wanted, strict=True))
    return jsontext.equal(given, wanted)


def _listed(calls: list[ToolCall]) -> str:
    if not calls:
        return "it calls no tool"
    names = [shown(call.name, 40) for call in calls[:_SHOWN]]
    return f"it calls {', '.join(names)}{' …' if len(calls) > _SHOWN else ''}"


TOOL_CALLED = ToolCalledAssertion()
