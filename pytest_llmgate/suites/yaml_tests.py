"""The `tests:` of a suite file, read into drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.plan import ModelPlan, TestPlan
from pytest_llmgate.suites.circuits import CircuitReader
from pytest_llmgate.suites.compile import Draft
from pytest_llmgate.suites.drafts import Workshop
from pytest_llmgate.suites.keys import CIRCUIT_KEYS, LATER_TEST, MAPPING, TEST_KEYS, check, read_keys
from pytest_llmgate.suites.layers import Entry
from pytest_llmgate.suites.naming import all_gates
from pytest_llmgate.suites.node import Node

_SUBJECTS = ("prompt", "function", "http", "circuit")
_NO_TESTS = (
    "add a test: {id: …, prompt: …, cases: …, assert: […]}; "
    "or, if only test modules use it, give it a name that does not end in .suite.yaml"
)


def read_tests(root: Node, keys: Mapping[str, Node], shop: Workshop) -> list[Draft]:
    """Drafts of all sound tests; what is wrong with the others is noted."""
    listed = keys.get("tests")
    if "tests" not in root.value or (listed is not None and not listed.value):
        place = listed.place if listed else root.where
        shop.problems.add("tests-missing", "this suite has no tests", place, _NO_TESTS)
    drafts: list[Draft] = []
    first: dict[str, Where] = {}
    for node in listed.value if listed is not None else ():
        with shop.problems.catch():
            draft = _Test(shop, node).read(first)
            drafts += [draft] if draft else []
    return drafts


@dataclass(frozen=True, slots=True)
class _Test:
    """One test of a suite file."""

    shop: Workshop
    node: Node

    def read(self, first: dict[str, Where]) -> Draft | None:
        """The draft, or None where something essential is wrong. first: where each id was seen first."""
        problems = self.shop.problems
        if not check("tests", self.node, MAPPING, problems):
            return None
        own = read_keys(self.node, TEST_KEYS, LATER_TEST, problems)
        keys = {**self.shop.layers.defaults, **{name: Entry(item, self.shop.files) for name, item in own.items()}}
        self._check_id(own, first)
        kind = self._kind()
        if "assert" not in self.node.value:
            problems.add("assert-empty", "this test asserts nothing", self.node.where, "add a list under 'assert:'")
        gates = self.shop.gates.read_all(own["assert"], of_circuit=kind == "circuit") if "assert" in own else ()
        cases = self.shop.cases(keys.get("cases"))
        subject: dict[str, Any] | None = None
        judges: dict[str, ModelPlan] = {}
        with problems.catch():
            judges = self.shop.judges(gates)
        with problems.catch():
            subject = self._subject(kind, own, keys)
        if "id" not in own or subject is None or not cases or not gates:
            return None
        files = [*subject.pop("names"), *(judge.model for judge in judges.values())]
        plan = TestPlan(
            id=f"{self.shop.file}::{own['id'].value}",
            seed=self.shop.seed(),
            cases=cases,
            gates=all_gates(gates, cases),
            judges=judges,
            content=self.shop.content(keys, files, [gate.params for gate in gates]),
            where=self.node.where,
            **self.shop.shared(keys),
            **subject,
        )
        return Draft(plan, self.shop.ceiling(keys))

    def _subject(self, kind: str | None, own: Mapping[str, Node], keys: Mapping[str, Entry]) -> dict[str, Any] | None:
        """Fields of the test that its subject fills. Raises LlmgateError."""
        if kind == "circuit":
            return self._circuit(own, keys)
        for name in CIRCUIT_KEYS:
            if name in own:
                message = f"{name!r} speaks of circuits, and this test has none"
                self.shop.problems.add("circuit-key-unused", message, own[name].place, "delete it, or write 'circuit'")
        return self._prompt(own, keys) if kind == "prompt" else self._function(own) if kind else None

    def _circuit(self, own: Mapping[str, Node], keys: Mapping[str, Entry]) -> dict[str, Any] | None:
        """Fields of a test that samples a circuit. Raises LlmgateError."""
        for name in ("model", "trials", "cover", "target"):
            if name in own:
                message, hint = f"a circuit takes no {name!r}", "delete it; 'shots' is a circuit's ceiling"
                self.shop.problems.add("circuit-key-unused", message, own[name].place, hint)
        if "circuit" not in own:
            return None
        source = own["circuit"]
        name = str(source.value)
        self.shop.files.resolve(name.rpartition(":")[0] if ".py:" in name else name, source.where)
        plan = CircuitReader(self.shop.models.env, self.shop.problems).read(name, keys)
        return {"kind": "circuit", "circuit": plan, "names": [name]}

    def _check_id(self, own: Mapping[str, Node], first: dict[str, Where]) -> None:
        problems = self.shop.problems
        if "id" not in self.node.value:
            problems.add("id-missing", "this test has no 'id'", self.node.where, "add id: NAME")
        elif "id" in own:
            name, where = str(own["id"].value), own["id"].where
            if name in first:
                message = f"the test {name!r} stands in line {first[name].line} already"
                problems.add("id-duplicate", message, where, "name every test differently")
            first.setdefault(name, where)

    def _kind(self) -> str | None:
        """The key of the test's subject, None where there is not exactly one that can be had."""
        given = [name for name in _SUBJECTS if name in self.node.value]
        if len(given) != 1:
            found = "no subject" if not given else f"several subjects ({', '.join(given)})"
            hint = f"give exactly one of {', '.join(_SUBJECTS)}"
            self.shop.problems.add("subject-one", f"this test has {found}", self.node.where, hint)
            return None
        return given[0] if given[0] in TEST_KEYS else None

    def _prompt(self, own: Mapping[str, Node], keys: Mapping[str, Entry]) -> dict[str, Any] | None:
        """Fields of a test that sends a prompt to a model. Raises LlmgateError."""
        problems, model, prompt = self.shop.problems, None, None
        with problems.catch():
            model = self.shop.model(keys.get("model"))
            if model is None and "model" not in self.node.value:
                known = ", ".join(sorted(self.shop.layers.models)) or "none is defined under 'models'"
                raise problem("model-missing", "this test names no model", self.node.where, f"add model: ({known})")
        if "prompt" in own:
            prompt = self.shop.prompts.find(own["prompt"])
        if model is None or prompt is None:
            return None
        names = [self.shop.prompts.source(own["prompt"]), model.model]
        return {"kind": "prompt", "model": model, "prompt": prompt, "names": names}

    def _function(self, own: Mapping[str, Node]) -> dict[str, Any] | None:
        """Fields of a test that calls a function. Raises LlmgateError."""
        if "model" in own:
            message = "a function is asked as it is, and takes no 'model'"
            self.shop.problems.add("model-unused", message, own["model"].place, "delete it, or write 'prompt'")
        if "function" not in own:
            return None
        target = own["function"]
        self.shop.files.resolve(str(target.value).rpartition(":")[0], target.where)
        return {"kind": "function", "function": target.value, "names": []}
