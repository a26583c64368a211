"""`is-json`: the reply is strict JSON, and conforms to a schema or to a Python type.

The object that a subject returned is judged; where there is none, the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import json_extract, jsontext, schemas, shapes
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown
from pytest_llmgate.detectors.schema_fields import Fault, agreement, cut

MAX_SHOWN = 3
_FORMS = "write a schema file (.json, .yaml), a schema as an object, or file.py:Name"


class Judged(NamedTuple):
    """A measurement with the fields that it speaks of: whether each of them agrees with the schema."""

    measurement: Measurement
    fields: Mapping[str, bool]


_NOT_JSON: Mapping[str, bool] = {"$": False}


@dataclass(frozen=True, slots=True)
class JsonMeasure:
    """Good where the reply is strict JSON without violations.

    wanted: what it conforms to, for reasons. parse: finds the JSON in a text.
    """

    violations: schemas.Violations | None
    wanted: str
    parse: Callable[[str], Any] = json_extract.whole

    def measure(self, case: Case, seen: Observation) -> Measurement:
        found, fields = self.judge(seen)
        return found if self.violations is None else found._replace(fields=fields)

    def judge(self, seen: Observation) -> Judged:
        """The measurement, and for each field of the reply whether it agrees; no fields for a hole."""
        if seen.reply is None:
            return Judged(hole(seen), {})
        try:
            value = self._value(seen.reply)
        except jsontext.NotJson as fault:
            return Judged(Measurement(False, None, f"not JSON: {fault}"), _NOT_JSON)
        if self.violations is None:
            return Judged(Measurement(True, None, "is JSON"), {"$": True})
        try:
            found = self.violations(value)
        except Exception as fault:
            # A validator of the user's own may raise anything; that says nothing about the reply.
            return Judged(Measurement(None, None, cut(f"validating raised {type(fault).__name__}: {fault}")), {})
        fields = agreement(value, found)
        if found:
            return Judged(Measurement(False, None, "; ".join(map(str, found[:MAX_SHOWN]))), fields)
        return Judged(Measurement(True, None, f"conforms to {self.wanted}"), fields)

    def _value(self, reply: Reply) -> Any:
        return self.parse(reply.text) if reply.data is None else jsontext.parse(jsontext.dump(reply.data))


class JsonAssertion:
    """The assertion type `is-json`; `value` is left out for "any JSON". extract: where in a text the JSON stands."""

    keys = frozenset({"value", "extract"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for a missing or wrong schema, and for a remote `$ref`."""
        extract = params.get("extract", "none")
        if not isinstance(extract, str) or extract not in json_extract.EXTRACTS:
            raise bad_parameter(
                "extract", f"{shown(extract)} is no way to find JSON", where, "write fenced, any or none"
            )
        violations, wanted = _schema(params.get("value"), files, where)
        return JsonMeasure(violations, wanted, json_extract.EXTRACTS[extract])


def _schema(value: Any, files: SuiteFiles, where: Where | None) -> tuple[schemas.Violations | None, str]:
    """The validator of a schema as it is written, and how reasons name it."""
    if value is None:
        return None, "JSON"
    if isinstance(value, Mapping):
        return schemas.from_object(dict(value), files, where), "the schema"
    if not isinstance(value, str):
        raise bad_parameter("value", f"{shown(value)} is not a schema", where, _FORMS)
    if ".py:" in value:
        return _from_python(value, files, where), value
    if not value.lower().endswith((".json", ".yaml", ".yml")):
        raise bad_parameter("value", f"{shown(value)} is not a schema", where, _FORMS)
    return schemas.from_file(value, files, where), value


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

    def violations(value: Any) -> list[Fault]:
        try:
            model.model_validate_json(jsontext.dump(value))
        except ValidationError as fault:
            errors = fault.errors(include_url=False, include_context=False, include_input=False)
            return [Fault(tuple(error["loc"]), error["msg"]) for error in errors[: schemas.MAX_FAULTS]]
        return []

    return violations


IS_JSON = JsonAssertion()
