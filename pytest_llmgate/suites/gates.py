"""Assertions of one test, read into gates whose rule is still to be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import BODY_GATE, GatePlan, Quarantine
from pytest_llmgate.core.ports import AssertionTypes, FlaggingMeasure, MeasureFactory
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.suites.keys import GATE_KEYS, LATER_GATE, MAPPING, QUARANTINE_KEYS, RATE_KEYS, check, read_keys
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems

GOOD = 0.95
CIRCUIT_ALPHA = 0.01

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
        keys = read_keys(node, GATE_KEYS, {} if of_circuit else LATER_GATE, self.problems, extra=True)
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
            **(_rates(keys, (None, None), node.where) if rated else {}),
        )

    def _gate(self, node: Node, keys: Mapping[str, Node], of_body: bool) -> GatePlan:
        kind = str(keys["type"].value)
        params = {key: item for key, item in keys.items() if key not in GATE_KEYS}
        implied: dict[str, Any] = {}
        if of_body:
            self._known(params, (), kind)
            defaults: tuple[float | None, float | None] = (None, None)
        else:
            base = kind.removeprefix("not-")
            if "max_rate" in keys and base in _OF_THE_GOOD:
                hint = "write min_rate: the rate of trials that keep it"
                self.problems.add(
                    "rates-impossible", f"'max_rate' of {base!r} asks for few good trials", node.where, hint
                )
            factory = self.types.assertion(base, keys["type"].where)
            if getattr(factory, "of_circuits", False):
                hint = "write circuit: FILE in place of the prompt or function"
                raise problem("assertion-subject", f"{kind!r} asks about a circuit's outcomes", node.where, hint)
            defaults, implied = self._checked(factory, kind, params, node.where)
        return GatePlan(
            name=str(keys["name"].value) if "name" in keys else "",
            type=kind,
            params={key: item.plain() for key, item in params.items()},
            quarantine=self._quarantine(keys.get("quarantine")),
            where=node.where,
            **implied,
            **_written(keys),
            **_rates(
                keys, defaults, node.where, turned=kind not in _OF_THE_BAD, flagged=not _FLAG_RATES.isdisjoint(params)
            ),
        )

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


def _rates(
    keys: Mapping[str, Node],
    defaults: tuple[float | None, float | None],
    where: Where,
    *,
    turned: bool = True,
    flagged: bool = False,
) -> dict[str, Any]:
    """Success rates `good` and `bad` of the keys as written, and how they are reported.

    turned: whether with `max_rate` a trial is good where the assertion does not hold. flagged: the defaults come from
    rates of flagged replies, which exclude others and are reported as such.
    """
    if flagged and not RATE_KEYS.keys().isdisjoint(keys):
        raise problem("rates-both", "rates of flagged replies exclude all others", where, "keep one of the two")
    given = {key: float(keys[key].value) for key in ("min_rate", "max_rate", "bad_rate") if key in keys}
    if "min_rate" in given and "max_rate" in given:
        raise problem("rates-both", "'min_rate' and 'max_rate' exclude each other", where, "keep one of the two")
    by_itself = defaults[0] == 1.0 and not given.keys() & {"min_rate", "max_rate"}
    strict = by_itself or ("zero_tolerance" in keys and keys["zero_tolerance"].value is True)
    unwanted = flagged or "max_rate" in given or (strict and "min_rate" not in given)
    good = _good(given, defaults[0], strict, where)
    inverted = turned and "max_rate" in given
    return {"good": good, "unwanted": unwanted, "inverted": inverted, **_bad(given, good, defaults[1], unwanted, where)}


def _good(given: Mapping[str, float], default: float | None, strict: bool, where: Where) -> float:
    good = 1.0 if strict else default if default is not None else GOOD
    if "min_rate" in given:
        good = given["min_rate"]
    elif "max_rate" in given:
        good = opposite(given["max_rate"])
    if strict and good < 1.0:
        hint = "delete one of the two"
        raise problem("rates-both", "'zero_tolerance' leaves no room for a rate of violations", where, hint)
    if good <= 0.0:
        raise problem("rates-impossible", "every build would be good", where, "set min_rate above 0, max_rate below 1")
    return good


def _bad(
    given: Mapping[str, float], good: float, default: float | None, unwanted: bool, where: Where
) -> dict[str, Any]:
    """The bad success rate: as written, as the parameters imply, or marked as still to be chosen."""
    if "bad_rate" not in given:
        own_rates = "min_rate" in given or "max_rate" in given
        implied = None if own_rates or default is None or default >= good else default
        return {"bad_assumed": True} if implied is None else {"bad": implied}
    bad = opposite(given["bad_rate"]) if unwanted else given["bad_rate"]
    if bad >= good:
        side, of, limit = ("above", "max_rate", opposite(good)) if unwanted else ("below", "min_rate", good)
        message = f"bad_rate {given['bad_rate']:g} must lie {side} the {of} {limit:g}"
        raise problem(
            "rates-wrong-side", message, where, "bad_rate is what must be caught, the other what is still good"
        )
    if bad <= 0.0:
        raise problem("rates-impossible", f"bad_rate {given['bad_rate']:g} catches nothing", where, "move it inwards")
    return {"bad": bad}


def name_gates(gates: Sequence[GatePlan], stems: Sequence[str], problems: Problems) -> tuple[GatePlan, ...]:
    """Give every gate a name that is unique in its test: as written, else its stem, then `stem-2`, …

    Notes names that were written twice.
    """
    written = {gate.name for gate in gates if gate.name}
    used: set[str] = set()
    named = []
    for gate, stem in zip(gates, stems, strict=True):
        name = gate.name or _free(stem, used | written)
        if name in used:
            hint = "name every gate of a test differently"
            problems.add("gate-name-twice", f"two gates of this test are called {name!r}", gate.where, hint)
        used.add(name)
        named.append(replace(gate, name=name))
    return tuple(named)


def _free(stem: str, used: set[str]) -> str:
    name, number = stem, 1
    while name in used:
        number += 1
        name = f"{stem}-{number}"
    return name
