"""The JSON Schema of a Python type: dataclasses, TypedDicts and the plain types that they hold."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from typing import Any, Literal, NotRequired, Required, Union

_PLAIN: dict[Any, dict[str, Any]] = {
    Any: {},
    object: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    None: {"type": "null"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    dict: {"type": "object"},
}
_LISTS = (list, Sequence, set, frozenset, Set)
_OBJECTS = (dict, Mapping)


class UnknownType(Exception):  # noqa: N818 - reads as what it is
    """A type without a JSON form; the message names it and its place."""


def is_shape(kind: Any) -> bool:
    """Whether a type is a dataclass or a TypedDict."""
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or typing.is_typeddict(kind))


def schema_of(kind: type) -> dict[str, Any]:
    """A draft 2020-12 schema that holds for exactly the JSON form of the type; no further keys are allowed.

    Raises UnknownType for annotations that JSON has no form for.
    """
    builder = _Builder()
    root = builder.of(kind, kind.__name__)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": builder.defs}


class _Builder:
    """Gathers the schema of each named type once, so that types may refer to themselves."""

    def __init__(self) -> None:
        self.defs: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def of(self, kind: Any, place: str) -> dict[str, Any]:
        if isinstance(kind, typing.Hashable) and kind in _PLAIN:
            return dict(_PLAIN[kind])
        if is_shape(kind):
            return self._named(kind)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [self._json(member.value, place) for member in kind]}
        if isinstance(kind, typing.NewType):
            return self.of(kind.__supertype__, place)
        return self._generic(kind, typing.get_origin(kind), typing.get_args(kind), place)

    def _generic(self, kind: Any, origin: Any, args: tuple[Any, ...], place: str) -> dict[str, Any]:
        if origin in (typing.Annotated, Required, NotRequired, typing.Final):
            return self.of(args[0], place)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(arg, place) for arg in args]}
        if origin is Literal:
            return {"enum": [self._json(arg, place) for arg in args]}
        if origin in _LISTS:
            return {"type": "array", "items": self.of(args[0], f"{place}[]")}
        if origin in _OBJECTS and args[0] in (str, Any):
            return {"type": "object", "additionalProperties": self.of(args[1], f"{place}[]")}
        if origin is tuple:
            return self._tuple(args, place)
        raise UnknownType(f"{place} is annotated with {kind!r}, which has no JSON form")

    def _tuple(self, args: tuple[Any, ...], place: str) -> dict[str, Any]:
        if len(args) == 2 and args[1] is Ellipsis:
            return {"type": "array", "items": self.of(args[0], f"{place}[]")}
        items = [self.of(arg, f"{place}[{at}]") for at, arg in enumerate(args)]
        schema: dict[str, Any] = {"type": "array", "minItems": len(items), "maxItems": len(items)}
        return {**schema, "prefixItems": items} if items else schema

    def _named(self, kind: type) -> dict[str, Any]:
        if kind not in self._names:
            name = self._names[kind] = f"{kind.__name__}-{len(self._names)}"
            self.defs[name] = self._object(kind)
        return {"$ref": f"#/$defs/{self._names[kind]}"}

    def _object(self, kind: type) -> dict[str, Any]:
        try:
            hints = typing.get_type_hints(kind, include_extras=True)
        except (NameError, TypeError) as fault:
            raise UnknownType(f"the annotations of {kind.__name__} cannot be read: {fault}") from None
        if dataclasses.is_dataclass(kind):
            fields = dataclasses.fields(kind)
            names, must = [f.name for f in fields], [f.name for f in fields if _is_required(f)]
        else:
            names = list(hints)
            must = [name for name in names if _is_required_key(kind, name, hints[name])]
        return {
            "type": "object",
            "properties": {name: self.of(hints[name], f"{kind.__name__}.{name}") for name in names},
            "required": must,
            "additionalProperties": False,
        }

    def _json(self, value: Any, place: str) -> Any:
        value = value.value if isinstance(value, Enum) else value
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
        raise UnknownType(f"{place} allows {value!r}, which has no JSON form")


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _is_required_key(kind: type, name: str, hint: Any) -> bool:
    """The class itself does not see NotRequired in annotations that are still text."""
    origin = typing.get_origin(hint)
    if origin in (Required, NotRequired):
        return origin is Required
    return name in getattr(kind, "__required_keys__", ())
