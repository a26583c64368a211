"""The Jinja2 sandbox that renders templates, the same in this process and in the guarded child."""

from __future__ import annotations

from collections.abc import Mapping
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.exceptions import TemplateRuntimeError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT = 1_000_000  # characters of one template, and of one rendered prompt

# These would give another text each time, so that no recorded reply could be found again.
_UNSTEADY_FILTERS = ("random",)
_UNSTEADY_GLOBALS = ("lipsum",)


class RenderFault(Exception):  # noqa: N818 - reads as what happened
    """A template that gave no text.

    kind: `syntax`, `undefined`, `render`, `limits`. line: in the template, from 1.
    """

    def __init__(self, kind: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.line = line


def environment() -> ImmutableSandboxedEnvironment:
    """A sandbox without files, without chance, where everything undefined is an error."""
    sandbox = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, loader=None, optimized=False, finalize=_printable
    )
    for name in _UNSTEADY_FILTERS:
        del sandbox.filters[name]
    for name in _UNSTEADY_GLOBALS:
        del sandbox.globals[name]
    return sandbox


def _printable(value: Any) -> Any:
    """Refuse what would print a memory address instead of a text."""
    if isinstance(value, (str, Undefined)):
        return value
    if callable(value):
        raise TemplateRuntimeError("a method or macro is printed without being called: add ()")
    if isinstance(value, (GeneratorType, AsyncGeneratorType)):
        raise TemplateRuntimeError("a lazy sequence is printed: add |list or |join")
    return value


def compiled(sandbox: ImmutableSandboxedEnvironment, source: str) -> Template:
    """Compile a template; raises RenderFault(`syntax`). Constants are computed here, so not without a guard."""
    try:
        return sandbox.from_string(source)
    except TemplateSyntaxError as fault:
        raise RenderFault("syntax", fault.message or "syntax error", fault.lineno) from None
    except (RecursionError, MemoryError, ValueError, OverflowError, SyntaxError) as fault:
        raise RenderFault("syntax", f"too deep or too large to compile ({type(fault).__name__})") from None


def rendered(template: Template, values: Mapping[str, Any], room: int = MAX_TEXT) -> str:
    """The text of a template, at most `room` characters; raises RenderFault."""
    pieces: list[str] = []
    try:
        for piece in template.generate(values):
            room -= len(piece)
            if room < 0:
                raise RenderFault("limits", f"renders to more than {MAX_TEXT:,} characters")
            pieces.append(piece)
    except RenderFault:
        raise
    except MemoryError:
        raise RenderFault("limits", "needs more memory than a prompt may take") from None
    except Exception as fault:
        kind = "undefined" if isinstance(fault, UndefinedError) else "render"
        raise RenderFault(kind, _sentence(fault), _template_line(fault.__traceback__)) from None
    return "".join(pieces)


def _sentence(fault: Exception) -> str:
    words = str(fault) or type(fault).__name__
    if not isinstance(fault, (UndefinedError, TemplateRuntimeError)):
        words = f"{type(fault).__name__}: {words}"
    return words.splitlines()[0][:300]


def _template_line(trace: TracebackType | None) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
