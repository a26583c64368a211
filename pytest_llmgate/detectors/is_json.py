"""`is-json`: the reply is strict JSON, and conforms to a schema or to a Python type.

The object that a subject returned is judged; where there is none, the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import jsontext, schemas, shapes
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown

_FORMS = "write a schema file (.json, .yaml), a schema as an object, or file.py:Name"


@dataclass(frozen=True, slots=True)
class JsonMeasure:
    """Good where the reply is strict JSON without violations. wanted: what it conforms to, for reasons."""

    violations: schemas.Violations | None
    wanted: str

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        try:
            value = _value(seen.reply)
        except jsontext.NotJson as fault:
            return Measurement(False, None, f"not JSON: {fault}")
        if self.violations is None:
            return Measurement(True, None, "is JSON")
        try:
            found = self.violations(value)
        except Exception as fault:
            # A validator of the user's own may raise anything; that says nothing about the reply.
            return Measurement(None, None, schemas.cut(f"validating raised {type(fault).__name__}: {fault}"))
        if found:
            return Measurement(False, None, "; ".join(found))
        return Measurement(True, None, f"conforms to {self.wanted}")


def _value(reply: Reply) -> Any:
    return jsontext.parse(reply.text if reply.data is None else jsontext.dump(reply.data))


class JsonAssertion:
    """The assertion type `is-json`; `value` is left out for "any JSON"."""

    keys = frozenset({"value"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for a missing or wrong schema, and for a remote `$ref`."""
        value = params.get("value")
        if value is None:
            return JsonMeasure(None, "JSON")
        if isinstance(value, Mapping):
            return JsonMeasure(schemas.from_object(dict(value), files, where), "the schema")
        if not isinstance(value, str):
            raise bad_parameter("value", f"{shown(value)} is not a schema", where, _FORMS)
        if ".py:" in value:
            return JsonMeasure(_from_python(value, files, where), value)
        if not value.lower().endswith((".json", ".yaml", ".yml")):
            raise bad_parameter("value", f"{shown(value)} is not a schema", where, _FORMS)
        return JsonMeasure(schemas.from_file(value, files, where), value)


def _from_python(target: str, files: SuiteFiles, where: Where | None) -> schemas.Violations:
    kind = files.load_object(target, where)
    if isinstance(kind, Mapping):
        return schemas.from_object(dict(kind), files, where)
    if isinstance(kind, type) and hasattr(kind, "model_validate_json"):
        return _pydantic(kind)
    if not shapes.is_shape(kind):
        raise bad_parameter("value", f"{target} is not a Pydantic model, dataclass, TypedDict or schema", where, _FORMS)
    try:
        schema = shapes.schema_of(kind)
    except shapes.UnknownType as fault:
        raise bad_parameter("value", str(fault), where, "use a Pydantic model or a JSON Schema") from None
    return schemas.from_object(schema, files, where)


def _pydantic(model: Any) -> schemas.Violations:
    from pydantic import ValidationError

    def violations(value: Any) -> list[str]:
        try:
            model.model_validate_json(jsontext.dump(value))
        except ValidationError as fault:
            errors = fault.errors(include_url=False, include_context=False, include_input=False)
            return [
                schemas.cut(f"{schemas.pointer(error['loc'])}: {error['msg']}") for error in errors[: schemas.MAX_SHOWN]
            ]
        return []

    return violations


IS_JSON = JsonAssertion()
