"""What the marks of one gated function ask, read into a draft."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pytest_llmgate.core.errors import Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.markers import PERCENTILES, is_gate_marker
from pytest_llmgate.core.plan import BODY_GATE, COST_REGRESSION, GatePlan, ModelPlan, PromptPlan, TestPlan
from pytest_llmgate.suites.compile import Draft
from pytest_llmgate.suites.drafts import Workshop
from pytest_llmgate.suites.keys import (
    COMPARE_KEYS,
    DEFAULT_KEYS,
    GATE_KEYS,
    INTEGER,
    LATER_TEST,
    Kind,
    read_keys,
)
from pytest_llmgate.suites.layers import Entry, beside_or_root, nearby
from pytest_llmgate.suites.naming import all_gates, name_gates
from pytest_llmgate.suites.node import Node, from_plain

Mark = tuple[str, tuple[Any, ...], Mapping[str, Any]]

WORKERS = Kind("a whole number from 1 to 64", {"type": "integer", "minimum": 1, "maximum": 64})
_TEST_KEYS: Mapping[str, Kind] = {
    **{name: kind for name, kind in DEFAULT_KEYS.items() if name not in ("model", "cases")},
    "seed": INTEGER,
    "workers": WORKERS,
}
"""Keywords of `stochastic` that speak of the test; all others speak of its gate."""
_KINDS: Mapping[type, str] = {str: "a path", dict: "a dict", list: "a list", type: "a class"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedTest:
    """A gated pytest item, as plain data.

    node_id: pytest's, brackets of parameters included. file: the module, relative to the root. line: of the
    function, from 1. marks: name, positional and keyword arguments, the closest to the function first, as
    `item.iter_markers()` gives them.
    """

    node_id: str
    file: str
    line: int | None
    name: str
    marks: tuple[Mark, ...]

    def closest(self, name: str) -> Mark | None:
        """The mark of this name that is closest to the function."""
        return next((mark for mark in self.marks if mark[0] == name), None)


class Shop(NamedTuple):
    """The workshop of a module under one suite file, and what test bodies may ask for."""

    open: Workshop
    models: Mapping[str, ModelPlan]
    prompts: Mapping[str, PromptPlan]


def offered(shop: Workshop) -> tuple[dict[str, ModelPlan], dict[str, PromptPlan]]:
    """All models and prompts, empty where one is broken, which has been noted when the workshop was opened."""
    models: dict[str, ModelPlan] = {}
    prompts: dict[str, PromptPlan] = {}
    with shop.problems.catch():
        models, prompts = shop.models.all(), shop.prompts.all()
    return models, prompts


def suite_path(test: MarkedTest, files: SuiteFiles, where: Where) -> str | None:
    mark = test.closest("llm_suite")
    if mark is None:
        return None
    return nearby(str(only_argument(mark, "path", where, str)), files, where)


def only_argument(mark: Mark, key: str, where: Where, *kinds: type) -> Any:
    """The one argument of a mark, by position or by name."""
    name, args, kwargs = mark
    given = [*args, *(value for word, value in kwargs.items() if word == key)]
    if len(given) != 1 or set(kwargs) - {key} or not isinstance(given[0], kinds):
        wanted = [_KINDS[kind] for kind in kinds if kind in _KINDS]
        either = " or ".join(filter(None, [", ".join(wanted[:-1]), wanted[-1]]))
        raise problem("marker-arguments", f"{name} takes {either}", where, f"write {name}({key})")
    return given[0]


@dataclass(frozen=True, slots=True)
class MarkedBody:
    """One gated item."""

    offer: Shop
    test: MarkedTest
    where: Where

    @property
    def shop(self) -> Workshop:
        return self.offer.open

    def read(self) -> Draft | None:
        """The draft, or None where something essential is wrong. Notes problems."""
        own = self._test_keys()
        keys = {**self.shop.layers.defaults, **own, **self._case_key()}
        gates = self._gates()
        cases = self.shop.cases(keys.get("cases"))
        if not gates or not cases:
            return None
        workers = {"workers": own["workers"].node.value} if "workers" in own else {}
        plan = TestPlan(
            id=self.test.node_id,
            kind="body",
            seed=self.shop.seed(own["seed"].node.value if "seed" in own else None),
            model=self.shop.model(keys.get("model")),
            models=self.offer.models,
            prompts=self.offer.prompts,
            cases=cases,
            gates=all_gates(gates, cases),
            content=self.shop.content(keys, PurePosixPath(self.test.file).name, [gate.params for gate in gates]),
            where=self.where,
            **workers,
            **self.shop.shared(keys),
        )
        return Draft(plan, self.shop.ceiling(keys))

    def _test_keys(self) -> dict[str, Entry]:
        """Keywords of `stochastic` that speak of the test."""
        mark = self.test.closest(BODY_GATE)
        given = {name: value for name, value in mark[2].items() if name in _TEST_KEYS} if mark else {}
        read = read_keys(from_plain(given, self.where), _TEST_KEYS, LATER_TEST, self.shop.problems)
        return {name: Entry(node, self.shop.files) for name, node in read.items()}

    def _case_key(self) -> dict[str, Entry]:
        """What `llm_cases` says, if it says something."""
        mark = self.test.closest("llm_cases")
        if mark is None:
            return {}
        given = only_argument(mark, "cases", self.where, str, list, tuple)
        value = nearby(given, self.shop.files, self.where) if isinstance(given, str) else given
        return {"cases": Entry(from_plain(value, self.where), self.shop.files)}

    def _gates(self, *, of_circuit: bool = False) -> tuple[GatePlan, ...]:
        """Gates in the order in which the marks stand in the file."""
        gates: list[GatePlan] = []
        stems: list[str] = []
        for mark in reversed(self.test.marks):
            if not is_gate_marker(*mark) or (mark[0] == BODY_GATE and mark is not self.test.closest(BODY_GATE)):
                continue
            with self.shop.problems.catch():
                for node in self._assertions(mark):
                    gate = self.shop.gates.read(node, of_body=mark[0] == BODY_GATE, of_circuit=of_circuit)
                    gates += [gate] if gate else []
                    stems += [mark[0]] if gate else []
        return name_gates(gates, stems, self.shop.problems)

    def _assertions(self, mark: Mark) -> list[Node]:
        """A mark as assertions of a suite file."""
        name, args, kwargs = mark
        if name == "schema_agreement":
            return [self._node({"type": "is-json", "value": self._schema(args, kwargs), **_without(kwargs, "schema")})]
        if name == "safety":
            policy = only_argument((name, args, _only(kwargs, "policy")), "policy", self.where, str)
            policy = nearby(policy, self.shop.files, self.where)
            return [self._node({"type": name, "policy": policy, **_without(kwargs, "policy")})]
        if args:
            hint = f"name every argument, such as {'trials=200' if name == BODY_GATE else 'p95_ms=500'}"
            raise problem("marker-arguments", f"{name} takes no positional arguments", self.where, hint)
        if name == BODY_GATE:
            own = _without(kwargs, *_TEST_KEYS)
            known = {*GATE_KEYS, *COMPARE_KEYS} - {"type"}
            strays = [key for key in own if key not in known]
            if strays:
                hint = nearest(strays[0], {*_TEST_KEYS, *known})
                raise problem("unknown-key", f"{name} takes no {strays[0]!r}", self.where, hint)
            return [self._node({**own, "type": BODY_GATE})]
        if name == "hallucination":
            places = {"sources": self._sources(kwargs["sources"])} if "sources" in kwargs else {}
            return [self._node({**kwargs, **places, "type": name})]
        if name == "cost_regression":
            return [self._node({**kwargs, "type": COST_REGRESSION})]
        return self._latencies(kwargs)

    def _latencies(self, kwargs: Mapping[str, Any]) -> list[Node]:
        """One assertion for each percentile; rates can only be meant for one of them."""
        limits = [key for key in PERCENTILES if key in kwargs]
        if not limits:
            return [self._node({"type": "latency", **kwargs})]
        others = _without(kwargs, *limits)
        if len(limits) > 1 and not {"min_rate", "max_rate", "bad_rate", "name"}.isdisjoint(others):
            message = "rates and names belong to one percentile"
            raise problem("marker-arguments", message, self.where, "write one latency marker for each percentile")
        return [self._node({"type": "latency", key: kwargs[key], **others}) for key in limits]

    def _sources(self, given: Any) -> Any:
        """Sources as the assertion takes them: fields as they are, paths as seen from the module."""
        if isinstance(given, (list, tuple)):
            return [self._sources(item) for item in given]
        path = isinstance(given, str) and ("/" in given or "." in given)
        return beside_or_root(given, self.shop.files) if path else given

    def _schema(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """A schema as the assertion takes it: an inline one, a path, or the place of a class."""
        mark: Mark = ("schema_agreement", args, _only(kwargs, "schema"))
        given = only_argument(mark, "schema", self.where, str, dict, type)
        if isinstance(given, type):
            return _class_target(given, self.shop.files, self.where)
        return nearby(given, self.shop.files, self.where) if isinstance(given, str) else given

    def _node(self, value: Mapping[str, Any]) -> Node:
        return from_plain(dict(value), self.where)


def _only(kwargs: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {key: kwargs[key]} if key in kwargs else {}


def _without(kwargs: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if key not in keys}


def _class_target(given: type, files: SuiteFiles, where: Where) -> str:
    """`file.py:Name` of a class, as seen from the module, so that the plan can be written down."""
    source = getattr(sys.modules.get(given.__module__), "__file__", None)
    if source is None or "." in given.__qualname__:
        message = f"{given.__qualname__} is not a class at the top of a file"
        raise problem("marker-schema", message, where, "move it there, or give a JSON Schema")
    path = Path(os.path.relpath(Path(source).resolve(), files.base.resolve())).as_posix()
    files.resolve(path, where)
    return f"{path}:{given.__qualname__}"
