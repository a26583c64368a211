"""Prompt templates: messages whose texts are Jinja2, safe to render even where their author is hostile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Template

from pytest_llmgate.core.case import Case, Context
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.subjects.guard import Guard
from pytest_llmgate.subjects.sandbox import MAX_TEXT, RenderFault, compiled, environment, rendered
from pytest_llmgate.subjects.template_shape import Shape, shape_of

_TEXT_KEYS = ("text", "content")
_STRUCTURED = (".yaml", ".yml", ".json")  # files that hold texts; all others are one text
_CODES = {
    "syntax": "template-syntax",
    "undefined": "template-undefined",
    "render": "template-render",
    "limits": "template-limits",
}

Messages = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """One text of a prompt: a template, in process where it is plain, else its source for the guarded child."""

    source: str
    label: str
    shape: Shape
    template: Template | None

    def render(self, values: Mapping[str, Any], room: int, guard: Guard) -> str:
        if self.template is not None and self.shape.fits(self.source, values):
            return rendered(self.template, values, room)
        return guard.render(self.source, values, room)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A prompt ready to render. Make it with `compile`."""

    _messages: Messages
    _pieces: tuple[_Piece, ...]
    _source: Where | None
    _guard: Guard = field(repr=False)

    @classmethod
    def compile(
        cls, messages: Sequence[Mapping[str, Any]], source: Where | None = None, guard: Guard | None = None
    ) -> PromptTemplate:
        """Read the templates of a message list.

        messages: every text under `content` or `text` is a template. source: the file, with a line only where
        the prompt stands inside another file. guard: the session's; without one this prompt has its own.
        Raises `template-syntax`.
        """
        sandbox = environment()
        pieces = []
        texts = [(label, text) for number, message in enumerate(messages, 1) for label, text in _texts(message, number)]
        for label, text in texts:
            name = label if len(texts) > 1 else ""
            try:
                shape = shape_of(sandbox, text)
                pieces.append(_Piece(text, name, shape, compiled(sandbox, text) if shape.plain else None))
            except RenderFault as fault:
                raise _error(fault, name, source, "") from None
        return cls(tuple(messages), tuple(pieces), source, guard or Guard())

    def render(self, case: Case) -> Messages:
        """The messages of a case; raises `template-undefined`, `template-render` or `template-limits`."""
        values = case.vars
        if case.context is not None and "context" not in values:
            values = {**values, "context": context_text(case.context)}
        return self._render(values, f" for case {case.id!r}", "the case has")

    def render_vars(self, values: Mapping[str, Any]) -> Messages:
        """The messages for values given by name; raises as `render` does."""
        return self._render(values, "", "given were")

    def _render(self, values: Mapping[str, Any], case: str, given: str) -> Messages:
        texts, room = [], MAX_TEXT
        for piece in self._pieces:
            try:
                text = piece.render(values, room, self._guard)
            except RenderFault as fault:
                hint = f"{given}: {', '.join(sorted(map(str, values))) or 'no vars'}"
                raise _error(fault, piece.label, self._source, case, hint) from None
            room -= len(text)
            texts.append(text)
        filled = iter(texts)
        return tuple(_filled(message, filled) for message in self._messages)


def context_text(context: Context) -> str:
    """A case's sources as one text: texts joined by blank lines, `{id, text}` objects as their text."""
    if context is None or isinstance(context, str):
        return context or ""
    return "\n\n".join(str(part["text"]) if isinstance(part, Mapping) else str(part) for part in context)


def _texts(message: Mapping[str, Any], number: int) -> Iterator[tuple[str, str]]:
    role = message.get("role", "no role")
    return ((f"message {number} ({role})", text) for text in _leaves(message))


def _leaves(value: Any, key: str = "") -> Iterator[str]:
    """Texts to fill, in the order in which `_filled` meets them."""
    if isinstance(value, str):
        if key in _TEXT_KEYS:
            yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, name)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)


def _filled(value: Any, texts: Iterator[str], key: str = "") -> Any:
    if isinstance(value, str):
        return next(texts) if key in _TEXT_KEYS else value
    if isinstance(value, Mapping):
        return {name: _filled(item, texts, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(item, texts) for item in value]
    return value


def _error(fault: RenderFault, label: str, source: Where | None, case: str, hint: str = "") -> LlmgateError:
    """A fault as a problem with its place: exact in a file that is one template, else named in words."""
    where, at = source, ""
    if fault.line is not None:
        if source is not None and source.line is None and not label and not source.path.endswith(_STRUCTURED):
            where = Where(source.path, fault.line)
        else:
            at = f", line {fault.line} of the text"
    subject = f"the prompt{f', {label}' if label else ''}{at}{case}"
    if fault.kind == "undefined":
        return problem(_CODES[fault.kind], f"{fault.message} in {subject}", where, hint)
    return problem(_CODES[fault.kind], f"{subject}: {fault.message}", where, _HINTS[fault.kind])


_HINTS = {
    "syntax": "a prompt is a Jinja2 template without other files; a literal {{ is written {{ '{{' }}",
    "render": "",
    "limits": f"the limits are {MAX_TEXT:,} characters, 512 MB and 2 s: simplify the template",
}
