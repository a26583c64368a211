"""`safety`: the reply keeps every rule of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.detectors.checks import bad_parameter, hole, required, shown
from pytest_llmgate.detectors.safety_policy import Rule, read_policy
from pytest_llmgate.detectors.values import Unusable

_SHOWN = 3
_KEPT = Measurement(True, None, "keeps the policy")


@dataclass(frozen=True, slots=True)
class SafetyMeasure:
    """Good where no rule is violated. A violation counts even where another rule cannot be asked."""

    rules: tuple[Rule, ...]

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as clauses; empty where it can."""
        return [fault for rule in self.rules for fault in rule.undefined(case)]

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        found, unasked = [], ""
        for rule in self.rules:
            try:
                found.append(rule.violation(case, seen.reply))
            except Unusable as fault:
                unasked = str(fault)
        broken = [text for text in found if text]
        if broken:
            more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
            return Measurement(False, None, "; ".join(broken[:_SHOWN]) + more)
        return Measurement(None, None, unasked) if unasked else _KEPT


class SafetyAssertion:
    """The assertion type `safety`. policy: a YAML file of rules."""

    keys = frozenset({"policy"})

    def rates(self, params: Mapping[str, Any]) -> tuple[float, None]:
        """Zero tolerance, unless the gate says otherwise."""
        return 1.0, None

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for a missing or wrong policy."""
        policy = required(params, "policy", where)
        if not isinstance(policy, str) or not policy.lower().endswith((".yaml", ".yml", ".json")):
            raise bad_parameter(
                "policy", f"{shown(policy)} is not a policy", where, "name a .yaml or .json file of rules"
            )
        return SafetyMeasure(read_policy(policy, files, where))


SAFETY = SafetyAssertion()
