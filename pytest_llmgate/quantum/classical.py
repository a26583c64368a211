"""Classical expressions of a circuit, as conditions hold them, computed from the content of its bits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from qiskit.circuit import Clbit
from qiskit.circuit.classical import expr, types

_BINARY: Mapping[str, Callable[[int, int], int]] = {
    "BIT_AND": operator.and_,
    "BIT_OR": operator.or_,
    "BIT_XOR": operator.xor,
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "GREATER": operator.gt,
    "GREATER_EQUAL": operator.ge,
}


class Unsupported(Exception):  # noqa: N818 - reads as what happened
    """An expression with a part that is not computed here, such as a variable or a duration."""


def evaluate(node: Any, scope: Mapping[Any, int], bits: int) -> int:
    """The value of an expression. scope: index of each classical bit. bits: their content, bit k being clbit k.

    Raises Unsupported.
    """
    if isinstance(node, expr.Value):
        return int(node.value)
    if isinstance(node, expr.Var):
        return _read(node.var, scope, bits)
    if isinstance(node, expr.Cast):
        return _cast(evaluate(node.operand, scope, bits), node.type)
    if isinstance(node, expr.Unary):
        return _unary(node.op.name, evaluate(node.operand, scope, bits), node.type)
    if isinstance(node, expr.Index):
        return evaluate(node.target, scope, bits) >> evaluate(node.index, scope, bits) & 1
    if isinstance(node, expr.Binary):
        return _binary(node, scope, bits)
    raise Unsupported


def _read(place: Any, scope: Mapping[Any, int], bits: int) -> int:
    """A bit, or a register with its first bit the least significant."""
    if isinstance(place, Clbit):
        return bits >> scope[place] & 1
    try:
        return sum((bits >> scope[bit] & 1) << number for number, bit in enumerate(place))
    except TypeError:  # a variable that is not a register
        raise Unsupported from None


def _cast(value: int, kind: Any) -> int:
    if isinstance(kind, types.Bool):
        return int(bool(value))
    if isinstance(kind, types.Uint):
        return value & ((1 << int(kind.width)) - 1)
    raise Unsupported


def _unary(name: str, value: int, kind: Any) -> int:
    if name == "LOGIC_NOT":
        return int(not value)
    if name == "BIT_NOT":
        return int(not value) if isinstance(kind, types.Bool) else ~value & ((1 << kind.width) - 1)
    raise Unsupported


def _binary(node: Any, scope: Mapping[Any, int], bits: int) -> int:
    left, right = evaluate(node.left, scope, bits), evaluate(node.right, scope, bits)
    name = node.op.name
    if name == "LOGIC_AND":
        return int(bool(left) and bool(right))
    if name == "LOGIC_OR":
        return int(bool(left) or bool(right))
    if name not in _BINARY or not isinstance(node.type, (types.Bool, types.Uint)):
        raise Unsupported
    return int(_BINARY[name](left, right))
