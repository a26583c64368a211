"""Reads a template's syntax tree, without running or compiling it, and bounds what rendering can cost.

A plain template (text, values, simple conditions, one level of loops, filters of linear size) costs at most
its expressions times the data they scan, so it may be rendered in process. All others need the guarded child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_llmgate.subjects.sandbox import MAX_TEXT, RenderFault

PLAIN_NODES = 20_000  # nodes of a syntax tree that is still compiled in process
PLAIN_DEPTH = 40  # deeper trees can exhaust the compiler's stack
PLAIN_WORK = 20_000_000  # characters that the expressions of one rendering may scan in process

_LINEAR = frozenset({"upper", "lower", "trim", "length", "default", "title", "capitalize", "first", "last", "string"})
_GROWING = frozenset({"tojson", "join"})  # by a bounded factor each time: harmless once, exponential in a chain
_TESTS = frozenset({"defined", "undefined", "none", "string", "number", "mapping", "sequence", "true", "false"})
_VALUES = (nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.TemplateData)
_LOGIC = (nodes.Not, nodes.And, nodes.Or, nodes.CondExpr, nodes.Compare, nodes.Operand)
_FRAME = (nodes.Template, nodes.Output, nodes.If)
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_MAX_SEPARATOR = 100


class Shape(NamedTuple):
    """plain: of the harmless kind. outer, inner: weight of what runs once, and once per element of a loop."""

    plain: bool
    outer: int
    inner: int

    def fits(self, source: str, values: Mapping[str, Any]) -> bool:
        """Whether rendering with these values surely is cheap enough for this process."""
        if not self.plain:
            return False
        size = len(source) + data_size(values, PLAIN_WORK)
        return size * (self.outer + self.inner * size) <= PLAIN_WORK


def shape_of(sandbox: ImmutableSandboxedEnvironment, source: str) -> Shape:
    """The shape of a template; raises RenderFault(`syntax`) for what can never render."""
    if len(source) > MAX_TEXT:
        raise RenderFault("syntax", f"longer than {MAX_TEXT:,} characters")
    try:
        tree = sandbox.parse(source)
    except TemplateSyntaxError as fault:
        raise RenderFault("syntax", fault.message or "syntax error", fault.lineno) from None
    except (RecursionError, ValueError, OverflowError) as fault:
        raise RenderFault("syntax", f"too deep or too large to read ({type(fault).__name__})") from None
    return _measured(sandbox, tree)


def _measured(sandbox: ImmutableSandboxedEnvironment, tree: nodes.Template) -> Shape:
    plain, count, outer, inner = True, 0, 0, 0
    for node, depth, in_loop in _walk(tree):
        _refuse(sandbox, node)
        plain = plain and depth <= PLAIN_DEPTH and _is_plain(node, in_loop)
        count += 1
        if in_loop:
            inner += _weight(node)
        else:
            outer += _weight(node)
    return Shape(plain and count <= PLAIN_NODES, outer, inner)


def _weight(node: nodes.Node) -> int:
    """By how much a node can at most lengthen what it is given."""
    if not isinstance(node, nodes.Filter) or node.name not in _GROWING:
        return 1
    return 6 if node.name == "tojson" else 1 + _MAX_SEPARATOR * bool(node.args)


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int, bool]]:
    """All nodes with depth and whether a loop repeats them, without recursion: trees may be very deep."""
    stack = [(tree, 0, False)]
    while stack:
        node, depth, in_loop = stack.pop()
        yield node, depth, in_loop
        repeated = in_loop or isinstance(node, nodes.For)
        if isinstance(node, nodes.If):  # each elif lies in the else of the one before
            depth += len(node.elif_)
        stack.extend((child, depth + 1, repeated) for child in node.iter_child_nodes())


def _refuse(sandbox: ImmutableSandboxedEnvironment, node: nodes.Node) -> None:
    if isinstance(node, _OTHER_FILES):
        raise RenderFault("syntax", "a prompt cannot include, import or extend another file", node.lineno)
    if isinstance(node, nodes.Filter) and node.name not in sandbox.filters:
        raise RenderFault("syntax", f"no filter named {node.name!r}", node.lineno)
    if isinstance(node, nodes.Test) and node.name not in sandbox.tests:
        raise RenderFault("syntax", f"no test named {node.name!r}", node.lineno)


def _is_plain(node: nodes.Node, in_loop: bool) -> bool:
    if isinstance(node, nodes.Filter):
        return _plain_filter(node)
    if isinstance(node, nodes.Test):
        return node.name in _TESTS and not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
    if isinstance(node, nodes.For):
        return not in_loop and _plain_loop(node)
    if isinstance(node, nodes.Tuple):
        return node.ctx == "store"
    return isinstance(node, (*_VALUES, *_LOGIC, *_FRAME))


def _plain_loop(node: nodes.For) -> bool:
    over = node.iter
    while isinstance(over, (nodes.Getattr, nodes.Getitem)):
        over = over.node
    return isinstance(over, nodes.Name) and node.test is None and not node.recursive


def _plain_filter(node: nodes.Filter) -> bool:
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return False
    if node.name in _GROWING:
        return _short_constants(node) and not _grows(node.node)
    return node.name in _LINEAR and (not node.args or node.name == "default")


def _short_constants(node: nodes.Filter) -> bool:
    """Whether a growing filter has no argument but a short separator."""
    if not node.args:
        return True
    separator = node.args[0]
    short = isinstance(separator, nodes.Const) and len(str(separator.value)) <= _MAX_SEPARATOR
    return short and node.name == "join" and len(node.args) == 1


def _grows(below: nodes.Node) -> bool:
    return any(isinstance(node, nodes.Filter) and node.name in _GROWING for node, _, _ in _walk(below))


def data_size(values: Any, limit: int) -> int:
    """Characters and elements of nested data; stops counting above `limit`, so loops in the data end."""
    size, stack = 0, [values]
    while stack and size <= limit:
        value = stack.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, Mapping):
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend(value)
        elif isinstance(value, (bytes, bytearray)):
            size += len(value)
        size += 8
    return size
