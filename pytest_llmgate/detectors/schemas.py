"""Schemas of a suite, compiled once into validators. Nothing is ever fetched from a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.detectors import jsontext
from pytest_llmgate.detectors.schema_fields import Fault, cut, pointer

Violations = Callable[[Any], list[Fault]]
"""What is wrong with a JSON value, up to a bound; nothing where it conforms."""

MAX_FAULTS = 200
_BACKTRACKS = 100_000  # bound of a pattern with lookaround; the others run in linear time


def from_file(name: str, files: SuiteFiles, where: Where | None) -> Violations:
    """The validator of a .json, .yaml or .yml schema file."""
    path = files.resolve(name, where)
    schema = _load(name, files, where)
    return compile_schema(schema, path.as_uri(), files, Where(files.shown(path)))


def from_object(schema: Any, files: SuiteFiles, where: Where | None) -> Violations:
    """The validator of a schema written in the suite itself."""
    return compile_schema(schema, files.base.resolve().as_uri() + "/", files, where)


def compile_schema(schema: Any, base_uri: str, files: SuiteFiles, where: Where | None) -> Violations:
    """A validator of any draft; raises LlmgateError for a schema that breaks its own draft.

    base_uri: what relative references start from. References to other hosts are refused.
    """
    import jsonschema_rs

    if not isinstance(schema, dict):
        raise problem("bad-schema", "the schema is not an object", where, "a JSON Schema is an object: {type: …}")
    retriever = _Retriever(files, where)
    try:
        validator = jsonschema_rs.validator_for(
            schema,
            retriever=retriever,
            base_uri=base_uri,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
        )
    except jsonschema_rs.ValidationError as fault:
        raise (retriever.refused or _bad_schema(fault, where)) from None
    except (ValueError, TypeError) as fault:
        raise problem("bad-schema", f"the schema is not JSON: {fault}", where) from None

    def violations(value: Any) -> list[Fault]:
        if validator.is_valid(value):
            return []
        return [_fault(error) for error in islice(validator.iter_errors(value), MAX_FAULTS)]

    return violations


def _fault(error: Any) -> Fault:
    """A violation, with the keys that it says are missing or too many."""
    keys = getattr(error.kind, "unexpected", None) or getattr(error.kind, "property", None) or ()
    return Fault(tuple(error.instance_path), error.message, (keys,) if isinstance(keys, str) else tuple(keys))


def _bad_schema(fault: Any, where: Where | None) -> LlmgateError:
    place = f" at {pointer(fault.instance_path)}" if fault.instance_path else ""
    return problem("bad-schema", cut(f"the schema is wrong{place}: {fault.message}"), where)


@dataclass(slots=True)
class _Retriever:
    """Loads what a `$ref` names: files under the root, and nothing else.

    refused: the first refusal, which the validator only passes on as text.
    """

    files: SuiteFiles
    where: Where | None
    refused: LlmgateError | None = None

    def __call__(self, uri: str) -> Any:
        try:
            return _load(self._path(uri), self.files, self.where)
        except LlmgateError as fault:
            self.refused = self.refused or fault
            raise

    def _path(self, uri: str) -> str:
        parts = urlsplit(uri)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise problem(
                "remote-ref",
                f"the schema refers to {uri!r}, which is not fetched",
                self.where,
                "keep a copy under the root directory and refer to it by its relative path",
            )
        return str(Path(url2pathname(parts.path)))


def _load(name: str, files: SuiteFiles, where: Where | None) -> Any:
    """The JSON value of a schema file."""
    text = files.read_text(name, where)
    place = Where(files.shown(files.resolve(name, where)))
    if name.lower().endswith((".yaml", ".yml")):
        return _load_yaml(text, place)
    try:
        return jsontext.parse(text)
    except jsontext.NotJson as fault:
        raise problem("bad-schema", f"the schema is not JSON: {fault}", place) from None


def _load_yaml(text: str, place: Where) -> Any:
    import yaml

    try:
        _refuse_aliases(yaml.parse(text, Loader=yaml.SafeLoader), place)
        value = yaml.safe_load(text)
        return jsontext.parse(jsontext.dump(value))  # dates and such have no place in a schema
    except (yaml.YAMLError, jsontext.NotJson, RecursionError) as fault:
        raise problem("bad-schema", cut(f"the schema is not YAML of JSON values: {fault}"), place) from None


def _refuse_aliases(events: Iterable[Any], place: Where) -> None:
    """Aliases of aliases make gigabytes of a few lines."""
    for event in events:
        if type(event).__name__ == "AliasEvent":
            line = event.start_mark.line + 1
            raise problem("bad-schema", "YAML aliases are refused in schemas", Where(place.path, line), "use $ref")
