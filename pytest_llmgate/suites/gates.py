"""Assertions of one test, read into gates whose rule is still to be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import BODY_GATE, COST_REGRESSION, GatePlan, Quarantine
from pytest_llmgate.core.ports import AssertionTypes, FlaggingMeasure, MeasureFactory
from pytest_llmgate.suites.against import against_baseline
from pytest_llmgate.suites.keys import (
    COMPARE_KEYS,
    GATE_KEYS,
    MAPPING,
    QUARANTINE_KEYS,
    RATE_KEYS,
    Kind,
    check,
    read_keys,
)
from pytest_llmgate.suites.naming import name_gates
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.rates import rates_of

CIRCUIT_ALPHA = 0.01
_REPLY_KEYS: Mapping[str, Kind] = {**GATE_KEYS, **COMPARE_KEYS}

_OF_THE_GOOD = frozenset({"latency", "cost", "grounded"})  # they name what is wanted, not an event to be rare
_FLAG_RATES = frozenset({"max_flag_rate", "bad_flag_rate"})
# good where it did not happen: a trial is not turned round for `max_rate`, which limits how often it may happen
_OF_THE_BAD = frozenset({"contradiction", "hallucination", "moderation", "safety"})


@dataclass(frozen=True, slots=True)
class GateReader:
    """Reads assertions.

    types: the registry. files: where their parameters' paths start from. require_baseline: the suite's word.
    """

    types: AssertionTypes
    files: SuiteFiles
    problems: Problems
    require_baseline: bool = False

    def read_all(self, node: Node, *, of_circuit: bool = False) -> tuple[GatePlan, ...]:
        """The gates of an `assert:` list, named; `bad_assumed` marks those whose bad rate is still to be chosen."""
        if not node.value:
            hint = "add an assertion, such as {type: min-length, value: 1}"
            self.problems.add("assert-empty", "nothing is asserted", node.place, hint)
        gates = [gate for item in node.value if (gate := self.read(item, of_circuit=of_circuit)) is not None]
        return name_gates(gates, [gate.type for gate in gates], self.problems)

    def read(self, node: Node, *, of_body: bool = False, of_circuit: bool = False) -> GatePlan | None:
        """One assertion, or None where it is too broken to go on; its name is empty unless given.

        of_body: the gate asks whether the test's body passed, and no assertion type is looked up. of_circuit: the
        test's subject is a circuit, which has outcomes instead of replies.
        """
        if not check("assert", node, MAPPING, self.problems):
            return None
        if "type" not in node.value:
            self.problems.add("type-missing", "this assertion has no 'type'", node.where, "add type: contains, or such")
            return None
        keys = read_keys(node, GATE_KEYS if of_circuit else _REPLY_KEYS, {}, self.problems, extra=True)
        if "type" not in keys:
            return None
        with self.problems.catch():
            return self._of_circuit(node, keys) if of_circuit else self._gate(node, keys, of_body)
        return None

    def factory(self, gate: GatePlan) -> MeasureFactory | None:
        """The assertion type of a gate that was read; None for the body of a marked test."""
        return None if gate.type == BODY_GATE else self.types.assertion(gate.type.removeprefix("not-"), gate.where)

    def _of_circuit(self, node: Node, keys: Mapping[str, Node]) -> GatePlan:
        """A gate on the outcomes of a circuit; those that no rate decides keep none."""
        kind = str(keys["type"].value)
        factory = self.types.assertion(kind.removeprefix("not-"), keys["type"].where)
        if not getattr(factory, "of_circuits", False):
            hint = "ask for distribution, success-probability, expectation or equivalent"
            raise problem("assertion-subject", f"{kind!r} asks about replies, and this is a circuit", node.where, hint)
        if kind.startswith("not-"):
            raise problem("assertion-subject", f"{kind!r}: circuits have no opposite", node.where, "ask for the thing")
        rated = bool(getattr(factory, "rated", False))
        strays = {} if rated else {key: item for key, item in keys.items() if key in RATE_KEYS}
        params = {key: item for key, item in keys.items() if key not in GATE_KEYS}
        self._checked(factory, kind, {**params, **strays}, node.where)
        return GatePlan(
            name=str(keys["name"].value) if "name" in keys else "",
            type=kind,
            params={key: item.plain() for key, item in params.items()},
            quarantine=self._quarantine(keys.get("quarantine")),
            require_baseline=self.require_baseline,
            where=node.where,
            **{"alpha": CIRCUIT_ALPHA, **_written(keys)},
            **(rates_of(keys, (None, None), node.where) if rated else {}),
        )

    def _gate(self, node: Node, keys: Mapping[str, Node], of_body: bool) -> GatePlan:
        kind = str(keys["type"].value)
        factory = None if of_body else self._of_replies(kind, keys, node)
        own = () if factory is None else factory.keys
        params = {key: item for key, item in keys.items() if key not in _REPLY_KEYS or key in own}
        against = against_baseline(keys, factory, node.where)
        unrated = bool(against) and against["compared"].kind != "latency"
        strays = {key: item for key, item in keys.items() if key in RATE_KEYS} if unrated else {}
        self._known({**(params if factory is None else {}), **strays}, (), kind)
        defaults, implied = self._checked(factory, kind, params, node.where) if factory else ((None, None), {})
        flagged = not _FLAG_RATES.isdisjoint(params)
        turned = kind not in _OF_THE_BAD
        return GatePlan(
            name=str(keys["name"].value) if "name" in keys else "",
            type=kind,
            params={key: item.plain() for key, item in params.items()},
            quarantine=self._quarantine(keys.get("quarantine")),
            require_baseline=self.require_baseline,
            cohort=str(keys["slice"].value) if "slice" in keys else None,
            where=node.where,
            **implied,
            **against,
            **_written(keys),
            **({} if unrated else rates_of(keys, defaults, node.where, turned=turned, flagged=flagged)),
        )

    def _of_replies(self, kind: str, keys: Mapping[str, Node], node: Node) -> MeasureFactory:
        """The assertion type of a gate on replies. Raises LlmgateError."""
        base = kind.removeprefix("not-")
        if "max_rate" in keys and base in _OF_THE_GOOD:
            message, hint = f"'max_rate' of {base!r} asks for few good trials", "write min_rate: the rate that keep it"
            self.problems.add("rates-impossible", message, node.where, hint)
        factory = self.types.assertion(base, keys["type"].where)
        if getattr(factory, "of_circuits", False):
            hint = "write circuit: FILE in place of the prompt or function"
            raise problem("assertion-subject", f"{kind!r} asks about a circuit's outcomes", node.where, hint)
        if kind != base and base == COST_REGRESSION:
            raise problem("unknown-assertion", f"{base!r} has no opposite", node.where, "ask for the thing")
        return factory

    def _checked(
        self, factory: MeasureFactory, kind: str, params: Mapping[str, Node], where: Where
    ) -> tuple[tuple[float | None, float | None], dict[str, Any]]:
        """Let the assertion type judge its own parameters; returns the rates and the fields of a gate they imply."""
        self._known(params, factory.keys, kind)
        plain = {key: item.plain() for key, item in params.items()}
        measure = factory.build(plain, self.files, where)
        repeats = int(getattr(measure, "repeats", 1)) if hasattr(measure, "measure_together") else 1
        flags = isinstance(measure, FlaggingMeasure) and not kind.startswith("not-")
        flagging = cast(FlaggingMeasure, measure).flagging if flags else None
        return factory.rates(plain), {"repeats": max(1, repeats), "flagging": flagging}

    def _known(self, params: Mapping[str, Node], keys: Iterable[str], kind: str) -> None:
        strays = [key for key in params if key not in keys]
        for key in strays:
            hint = "it asks for no rate" if key in RATE_KEYS else nearest(key, {*keys, *GATE_KEYS})
            self.problems.add("unknown-key", f"{kind!r} takes no {key!r}", params[key].place, hint)
        if strays:
            raise LlmgateError

    def _quarantine(self, node: Node | None) -> Quarantine | None:
        if node is None:
            return None
        keys = read_keys(node, QUARANTINE_KEYS, {}, self.problems)
        if not QUARANTINE_KEYS.keys() <= node.value.keys():
            message = "a quarantine needs 'until' and 'reason'"
            self.problems.add("quarantine-incomplete", message, node.where, "write {until: 2027-01-31, reason: …}")
        if len(keys) < len(QUARANTINE_KEYS):
            return None
        until = str(keys["until"].value)
        _check_date(until, keys["until"].where)
        return Quarantine(until=until, reason=str(keys["reason"].value))


def _written(keys: Mapping[str, Node]) -> dict[str, Any]:
    """Fields of a gate that are taken over as they are written."""
    return {key: keys[key].value for key in ("severity", "rule", "alpha", "beta") if key in keys}


def _check_date(until: str, where: Where) -> None:
    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise problem("bad-value", f"there is no date {until!r}", where, "write a date such as 2027-01-31") from None
    if last < date.today():
        hint = "mend the assertion and delete its quarantine, or set a later date"
        raise problem("quarantine-expired", f"this quarantine ended on {until}", where, hint)
