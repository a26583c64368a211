"""Every key of a suite file, once: what it takes, for the loader and for the JSON Schema of editors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.errors import nearest, not_available
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems


@dataclass(frozen=True, slots=True)
class Kind:
    """What a key takes. expects: in words. schema: the same as a flat JSON Schema, which the loader obeys."""

    expects: str
    schema: Mapping[str, Any]


def choice(*words: str) -> Kind:
    """One of a few words."""
    return Kind(" or ".join(words), {"enum": list(words)})


TEXT = Kind("text", {"type": "string", "pattern": r"^(?=[\s\S]*\S)[\s\S]*$"})
PROSE = Kind("text", {"type": "string"})
NAME = Kind("one line of at most 100 characters", {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]{1,100}$"})
PLAIN_ID = Kind("a name of letters, digits, '_', '.' and '-'", {"type": "string", "pattern": r"^[A-Za-z0-9_.-]+$"})
TARGET = Kind("'file.py:name'", {"type": "string", "pattern": r"^.+\.py:[A-Za-z_]\w*$"})
MODEL_TARGET = Kind("'file.py:name'", {"type": "string", "pattern": r"^(.+\.py:[A-Za-z_]\w*|.*\$\{.+\}.*)$"})
VARIABLE = Kind(
    "the name of an environment variable (not the key itself)",
    {"type": "string", "pattern": r"^([A-Za-z_][A-Za-z0-9_]*|\$\{.*\})$"},
)
FLAG = Kind("true or false", {"type": "boolean"})
INTEGER = Kind("a whole number", {"type": "integer", "minimum": -(2**63), "maximum": 2**63})
COUNT = Kind("a whole number from 1 to 10,000,000", {"type": "integer", "minimum": 1, "maximum": 10_000_000})
RETRIES = Kind("a whole number from 0 to 20", {"type": "integer", "minimum": 0, "maximum": 20})
RATE = Kind("a number from 0 to 1, such as 0.95", {"type": "number", "minimum": 0, "maximum": 1})
ERROR_RATE = Kind("a number above 0, at most 0.5", {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5})
SECONDS = Kind("seconds above 0, at most a day", {"type": "number", "exclusiveMinimum": 0, "maximum": 86400})
PER_MINUTE = Kind("a number above 0", {"type": "number", "exclusiveMinimum": 0, "maximum": 10_000_000})
USD = Kind(
    "an amount in USD, such as '2.00'", {"type": ["string", "number"], "pattern": r"^\d+(\.\d+)?$", "minimum": 0}
)
MAPPING = Kind("a mapping", {"type": "object"})
LIST = Kind("a list", {"type": "array"})
DATE = Kind("a date, such as 2027-01-31", {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"})
PROMPT = Kind("the name of a prompt, a path, or {text: …}", {"type": ["string", "object"]})
CASES = Kind("a path or a list of cases", {"type": ["string", "array"]})
CIRCUIT = Kind(
    "a .qasm or .qpy file, or 'file.py:function'",
    {"type": "string", "pattern": r"^.+(\.qasm|\.qpy|\.py:[A-Za-z_]\w*)$"},
)
BACKEND = Kind("the name of a backend, or {provider: …, name: …}", {"type": ["string", "object"]})
NOISE = Kind("a snapshot, parameters such as {depolarizing_2q: 0.01}, or none", {"type": ["string", "object", "null"]})
LEVELS = Kind("a list of levels, such as [1, 2, 3]", {"type": "array"})
LEVEL = Kind("a number above 0, at most 100", {"type": "number", "exclusiveMinimum": 0, "maximum": 100})
POINTS = Kind(
    "percentage points above 0, at most 100, such as 5", {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
)
SLICE = Kind("a key of the cases' slice, such as region", {"type": "string", "pattern": r"^[^\x00-\x1f\x7f=]{1,100}$"})
AMOUNT = Kind("a number above 0", {"type": "number", "exclusiveMinimum": 0})

DEFAULT_KEYS: Mapping[str, Kind] = {
    "model": TEXT,
    "cases": CASES,
    "trials": COUNT,
    "cover": choice("each", "sample"),
    "stop": choice("first-fail", "all"),
    "target": choice("cases", "population"),
    "max_errors": RATE,
    "baseline_trials": COUNT,
    "deadline_s": SECONDS,
    "shots": COUNT,
    "backend": BACKEND,
    "noise": NOISE,
    "noise_scale": LEVELS,
    "fallback": MAPPING,
    "screen": choice("full", "quick"),
}
CIRCUIT_KEYS = ("shots", "backend", "noise", "noise_scale", "fallback", "screen")
"""Keys of a test that speak of circuits alone."""
TEST_KEYS: Mapping[str, Kind] = {
    "id": PLAIN_ID,
    "prompt": PROMPT,
    "function": TARGET,
    "circuit": CIRCUIT,
    **DEFAULT_KEYS,
    "assert": LIST,
}
SUITE_KEYS: Mapping[str, Kind] = {
    "suite": NAME,
    "description": PROSE,
    "seed": INTEGER,
    "error_control": choice("suite", "none"),
    "budget": USD,
    "require_baseline": FLAG,
    "defaults": MAPPING,
    "models": MAPPING,
    "prompts": MAPPING,
    "tests": LIST,
}
COMPARE_KEYS: Mapping[str, Kind] = {"baseline": FLAG, "max_increase_points": POINTS, "slice": SLICE}
"""Keys of an assertion on replies beside its rates: what it is compared with, and the cohorts that are asked apart."""
RATE_KEYS: Mapping[str, Kind] = {"min_rate": RATE, "max_rate": RATE, "bad_rate": RATE, "zero_tolerance": FLAG}
GATE_KEYS: Mapping[str, Kind] = {
    "type": TEXT,
    "name": NAME,
    "severity": choice("block", "warn", "info"),
    "quarantine": MAPPING,
    "rule": choice("sequential", "fixed"),
    "alpha": ERROR_RATE,
    "beta": ERROR_RATE,
    **RATE_KEYS,
}
QUARANTINE_KEYS: Mapping[str, Kind] = {"until": DATE, "reason": TEXT}
PROVIDERS = ("openai", "local", "python")
LATER_PROVIDERS = frozenset(("anthropic", "ollama"))
MODEL_KEYS: Mapping[str, Kind] = {
    "provider": TEXT,
    "model": TEXT,
    "target": MODEL_TARGET,
    "base_url": TEXT,
    "api_key_env": VARIABLE,
    "params": MAPPING,
    "record": FLAG,
    "deterministic": FLAG,
    "deadline_s": SECONDS,
    "max_retries": RETRIES,
    "requests_per_minute": PER_MINUTE,
}
PROMPT_KEYS: Mapping[str, Kind] = {"text": TEXT, "messages": LIST}
MESSAGE_KEYS: Mapping[str, Kind] = {
    "role": choice("system", "developer", "user", "assistant", "tool"),
    "content": PROSE,
    "name": NAME,
}
CASE_KEYS: Mapping[str, Kind] = {
    "id": Kind("text or a number", {"type": ["string", "integer"], "pattern": r"^[^\x00-\x1f\x7f]{1,200}$"}),
    "vars": MAPPING,
    "context": Kind("a text, a list of texts, or a list of {id, text}", {"type": ["string", "array", "null"]}),
    "expected": Kind("anything", {}),
    "slice": MAPPING,
}

BACKEND_KEYS: Mapping[str, Kind] = {
    "provider": TEXT,
    "name": TEXT,
    "method": TEXT,
    "options": MAPPING,
    "target": TARGET,
    "budget": MAPPING,
    "deadline_s": SECONDS,
    "approval_env": VARIABLE,
}
HARDWARE_BUDGET_KEYS: Mapping[str, Kind] = {"shots": COUNT, "seconds": AMOUNT, "usd": USD}
FALLBACK_KEYS: Mapping[str, Kind] = {"backend": BACKEND, "noise": NOISE}

LATER_SUITE: Mapping[str, str] = {}
LATER_TEST = {"http": "http subjects"}
LATER_MODEL = {"fallback": "model fallback (fallback)"}

_TYPES = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, tuple),
    "null": lambda value: value is None,
}


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether the value of a node obeys a flat JSON Schema of this module."""
    types = schema.get("type", ())
    if types and not any(_TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        return False
    if "enum" in schema and not (isinstance(value, str) and value in schema["enum"]):
        return False
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _in_range(value, schema)
    return True


def _in_range(value: float, schema: Mapping[str, Any]) -> bool:
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
    )  # fmt: skip


def check(name: str, node: Node, kind: Kind, problems: Problems) -> bool:
    """Whether a value fits its key; notes a problem where it does not. A misplaced value is never shown."""
    if fits(node.value, kind.schema):
        return True
    hint = "quote it" if kind.expects.startswith(("text", "one line", "a name")) and _scalar(node) else ""
    problems.add("bad-value", f"{name!r} takes {kind.expects}{_got(node, kind)}", node.where, hint)
    return False


def _scalar(node: Node) -> bool:
    return isinstance(node.value, (int, float))


def _got(node: Node, kind: Kind) -> str:
    if kind is VARIABLE or node.value is None or isinstance(node.value, (dict, tuple)):
        return "" if kind is VARIABLE else f", not {_noun(node)}"
    shown = str(node.value)
    return f", not {shown[:60]!r}" if shown.strip() else ", not an empty text"


def _noun(node: Node) -> str:
    return "nothing" if node.value is None else "a mapping" if isinstance(node.value, dict) else "a list"


def read_keys(
    node: Node, known: Mapping[str, Kind], later: Mapping[str, str], problems: Problems, *, extra: bool = False
) -> dict[str, Node]:
    """The valid keys of a mapping; notes unknown, not yet available and ill-typed ones.

    extra: whether keys outside `known` are somebody else's to judge, and are returned as they are.
    """
    read: dict[str, Node] = {}
    for name, item in node.items():
        if name in later:
            with problems.catch():
                raise not_available(later[name], item.place)
        elif name in known:
            if check(name, item, known[name], problems):
                read[name] = item
        elif extra:
            read[name] = item
        else:
            problems.add("unknown-key", f"unknown key {name!r}", item.place, nearest(name, known))
    return read


def read_mapping(name: str, node: Node | None, problems: Problems) -> dict[str, Node]:
    """The items of a mapping that may be left out; notes a problem for any other value."""
    if node is None or not check(name, node, MAPPING, problems):
        return {}
    return dict(node.items())
