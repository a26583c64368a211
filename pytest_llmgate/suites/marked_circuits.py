"""Functions whose body returns a circuit, read into a draft."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.markers import CIRCUIT_MARKER
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.suites.circuits import CircuitReader
from pytest_llmgate.suites.compile import Draft
from pytest_llmgate.suites.keys import (
    CIRCUIT_KEYS,
    DEFAULT_KEYS,
    INTEGER,
    LATER_TEST,
    Kind,
    read_keys,
)
from pytest_llmgate.suites.layers import Entry, nearby
from pytest_llmgate.suites.marked_bodies import Mark, MarkedBody
from pytest_llmgate.suites.node import Node, from_plain

_CIRCUIT_KEYS: Mapping[str, Kind] = {**{name: DEFAULT_KEYS[name] for name in CIRCUIT_KEYS}, "seed": INTEGER}
"""Keywords of `circuit_distribution` that speak of the test; all others speak of its gate."""


class MarkedCircuit(MarkedBody):
    """One item whose body returns a circuit, or counts."""

    __slots__ = ()

    def read(self) -> Draft | None:
        """The draft, or None where something essential is wrong. Notes problems."""
        own = self._test_keys()
        keys = {**self.shop.layers.defaults, **own}
        gates = self._gates(of_circuit=True)
        if not gates:
            return None
        named = [gate.params for gate in gates]
        plan = TestPlan(
            id=self.test.node_id,
            kind="circuit",
            seed=self.shop.seed(own["seed"].node.value if "seed" in own else None),
            circuit=CircuitReader(self.shop.models.env, self.shop.problems).read(None, keys),
            cases=self.shop.cases(None),
            gates=gates,
            content=self.shop.content({}, PurePosixPath(self.test.file).name, named),
            where=self.where,
            **self.shop.shared(keys),
        )
        return Draft(plan, None)

    def _test_keys(self) -> dict[str, Entry]:
        """Keywords of the closest mark that speak of the circuit as a whole."""
        mark = self.test.closest(CIRCUIT_MARKER)
        given = {name: value for name, value in mark[2].items() if name in _CIRCUIT_KEYS} if mark else {}
        read = read_keys(from_plain(given, self.where), _CIRCUIT_KEYS, LATER_TEST, self.shop.problems)
        return {name: Entry(node, self.shop.files) for name, node in read.items()}

    def _assertions(self, mark: Mark) -> list[Node]:
        """The mark as an assertion of a suite file."""
        name, args, kwargs = mark
        if name != CIRCUIT_MARKER or args:
            message = (
                f"{name} takes no positional arguments" if name == CIRCUIT_MARKER else f"{name} asks about replies"
            )
            hint = "name every argument, such as baseline=True; keep circuits and replies in tests of their own"
            raise problem("marker-arguments", message, self.where, hint)
        own = {key: value for key, value in kwargs.items() if key not in _CIRCUIT_KEYS}
        if isinstance(own.get("reference"), str):
            own["reference"] = nearby(own["reference"], self.shop.files, self.where)
        return [self._node({**own, "type": "distribution"})]
