"""JSON Schema of suite files, for editors; made of the loader's own key tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_llmgate.suites.keys import (
    CASE_KEYS,
    COMPARE_KEYS,
    DEFAULT_KEYS,
    GATE_KEYS,
    MESSAGE_KEYS,
    MODEL_KEYS,
    PROMPT_KEYS,
    QUARANTINE_KEYS,
    SUITE_KEYS,
    TEST_KEYS,
    Kind,
)

_KEYS = {**GATE_KEYS, **COMPARE_KEYS}


def suite_schema(types: Mapping[str, Iterable[str]] | None = None) -> dict[str, Any]:
    """The schema (draft 2020-12) of a `*.suite.yaml`.

    types: parameter names by assertion type, without `not-`. Without it an assertion may have any parameter.
    """
    case = {"anyOf": [_object(CASE_KEYS), {"type": "object", "not": {"required": ["vars"]}}]}
    prompt = {
        "anyOf": [
            {"type": "string", "minLength": 1},
            _object(PROMPT_KEYS, messages={"items": {"$ref": "#/$defs/message"}, "minItems": 1}),
        ]
    }
    test_parts: dict[str, Any] = {
        "cases": {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/case"}}]},
        "prompt": {"$ref": "#/$defs/prompt"},
        "assert": {"minItems": 1, "items": {"$ref": "#/$defs/assertion"}},
    }
    test = _object(TEST_KEYS, required=("id", "assert"), **test_parts)
    test["oneOf"] = [{"required": [subject]} for subject in ("prompt", "function", "circuit")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pytest-llmgate suite",
        **_object(
            SUITE_KEYS,
            required=("tests",),
            defaults=_object(DEFAULT_KEYS, cases=test_parts["cases"]),
            models={"additionalProperties": _object(MODEL_KEYS, required=("provider",))},
            prompts={"additionalProperties": {"$ref": "#/$defs/prompt"}},
            tests={"minItems": 1, "items": {"$ref": "#/$defs/test"}},
        ),
        "$defs": {
            "test": test,
            "case": case,
            "prompt": prompt,
            "message": _object(MESSAGE_KEYS, required=("role", "content")),
            "assertion": _assertion(types),
        },
    }


def _object(keys: Mapping[str, Kind], required: Iterable[str] = (), **more: Mapping[str, Any]) -> dict[str, Any]:
    """A closed object of these keys; `more` says in depth what a key's table cannot."""
    return {
        "type": "object",
        "properties": {name: _value(kind, more.get(name)) for name, kind in keys.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def _value(kind: Kind, more: Mapping[str, Any] | None) -> dict[str, Any]:
    described = {"description": f"Takes {kind.expects}."}
    if more is None:
        return {**kind.schema, **described}
    return {**more, **described} if more.keys() & {"$ref", "anyOf"} else {**kind.schema, **more, **described}


def _assertion(types: Mapping[str, Iterable[str]] | None) -> dict[str, Any]:
    quarantine = _object(QUARANTINE_KEYS, required=QUARANTINE_KEYS)
    if types is None:
        return {**_object(_KEYS, required=("type",), quarantine=quarantine), "additionalProperties": True}
    return {
        "type": "object",
        "required": ["type"],
        "oneOf": [_typed(name, keys, quarantine) for name, keys in sorted(types.items())],
    }


def _typed(name: str, keys: Iterable[str], quarantine: Mapping[str, Any]) -> dict[str, Any]:
    """One assertion type with its own parameters, plain and negated."""
    schema = _object(_KEYS, required=("type",), quarantine=quarantine, type={"enum": [name, f"not-{name}"]})
    schema["properties"] |= {key: {} for key in sorted(keys) if key not in _KEYS}
    return schema
