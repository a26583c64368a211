"""The keys of a test that speak of its circuit: backend, noise, levels, shots, fallback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.circuit import BackendPlan, CircuitPlan, FallbackPlan, HardwareBudget, NoisePlan
from pytest_llmgate.core.errors import problem
from pytest_llmgate.suites.keys import (
    BACKEND_KEYS,
    FALLBACK_KEYS,
    HARDWARE_BUDGET_KEYS,
    LEVEL,
    check,
    read_keys,
)
from pytest_llmgate.suites.layers import Entry
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.variables import expand

NO_NOISE = "none"
_OWN = ("target",)  # keys of a backend that its provider reads


@dataclass(frozen=True, slots=True)
class CircuitReader:
    """Reads what a circuit runs on. env: for `${VAR}` in the keys of a backend."""

    env: Mapping[str, str]
    problems: Problems

    def read(self, source: str | None, keys: Mapping[str, Entry]) -> CircuitPlan:
        """The plan of a test's circuit. keys: the test's own over its defaults. Raises LlmgateError."""
        nodes = {name: entry.node for name, entry in keys.items()}
        given: dict[str, Any] = {name: nodes[name].value for name in ("shots", "screen") if name in nodes}
        if "backend" in nodes:
            given["backend"] = self._backend(nodes["backend"])
        if "noise" in nodes:
            given["noise"] = self._noise(nodes["noise"])
        if "noise_scale" in nodes:
            given["noise_scale"] = self._levels(nodes["noise_scale"])
        if "fallback" in nodes:
            given["fallback"] = self._fallback(nodes["fallback"])
        plan = CircuitPlan(source=source, **given)
        if plan.noise is None and plan.noise_scale != (1.0,):
            hint = "name a noise model under 'noise', or delete the levels"
            raise problem("noise-scale", "there is no noise to scale", nodes["noise_scale"].where, hint)
        return plan

    def _backend(self, node: Node) -> BackendPlan:
        """A backend by its provider's name alone, or by its keys."""
        if isinstance(node.value, str):
            return BackendPlan(provider=expand(node.value, self.env, node.where), where=node.where)
        keys = read_keys(node, BACKEND_KEYS, {}, self.problems)
        given = {name: expand(item.plain(), self.env, item.where) for name, item in keys.items() if name != "budget"}
        options = {**given.pop("options", {}), **{name: given.pop(name) for name in _OWN if name in given}}
        if "budget" in keys:
            given["budget"] = self._budget(keys["budget"])
        return BackendPlan(options=options, where=node.where, **given)

    def _budget(self, node: Node) -> HardwareBudget:
        keys = read_keys(node, HARDWARE_BUDGET_KEYS, {}, self.problems)
        limits = {name: item.value for name, item in keys.items()}
        if "usd" in limits:
            limits["usd"] = str(limits["usd"])
        return HardwareBudget(**limits)

    def _noise(self, node: Node) -> NoisePlan | None:
        """A snapshot by name or path, parameters, or `none`."""
        if node.value is None or node.value == NO_NOISE:
            return None
        if isinstance(node.value, str):
            return NoisePlan(snapshot=node.value, where=node.where)
        params = node.plain()
        for name, item in node.items():
            if isinstance(item.value, bool) or not isinstance(item.value, (int, float)):
                raise problem(
                    "noise-parameter", f"{name!r} takes a number", item.where, "write a probability or a time"
                )
        if not params:
            raise problem("noise-parameter", "this noise model is empty", node.where, "write noise: none for no noise")
        return NoisePlan(params=params, where=node.where)

    def _levels(self, node: Node) -> tuple[float, ...]:
        levels = [item.value for item in node.value if check("noise_scale", item, LEVEL, self.problems)]
        if sorted(set(levels)) != levels or not levels:
            raise problem("noise-scale", "levels must rise", node.where, "write them in order, such as [1, 2, 3]")
        return tuple(float(level) for level in levels)

    def _fallback(self, node: Node) -> FallbackPlan:
        keys = read_keys(node, FALLBACK_KEYS, {}, self.problems)
        backend = self._backend(keys["backend"]) if "backend" in keys else BackendPlan(where=node.where)
        return FallbackPlan(backend=backend, noise=self._noise(keys["noise"]) if "noise" in keys else None)
