"""What a subject is asked and what it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any, NamedTuple, TypeVar

Figure = TypeVar("Figure", int, Decimal)
_DIGITS = 12  # of a cost that came as a float


class Redaction(NamedTuple):
    """One passage that was replaced: its kind, its place in the redacted text, its stand-in."""

    kind: str
    start: int
    end: int
    pseudonym: str


def count_kinds(redactions: Iterable[Redaction]) -> dict[str, int]:
    """How many passages of each kind were replaced, by kind in alphabetical order."""
    return dict(sorted(Counter(item.kind for item in redactions).items()))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a model, a function or an endpoint.

    text: what was said. data: the parsed object, where the subject returned one. context: sources used.
    cost_usd: what the caller paid, where it is known; latency_ms: of the attempt that answered.
    Counts are None where they were not measured, never 0. redactions: filled by the harness.
    """

    text: str
    data: Any = None
    context: str | Sequence[Any] | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    model: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | float | str | None = None
    latency_ms: float | None = None
    redactions: tuple[Redaction, ...] = ()


def same_texts(texts: Iterable[str]) -> bool:
    """Whether texts are one and the same but for white space; empty ones are not, as they say nothing."""
    found = {"".join(text.split()) for text in texts}
    return len(found) == 1 and found != {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to a provider; `model` is the provider's model name."""

    model: str
    messages: tuple[Mapping[str, Any], ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    vars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """Text of the last user message."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return str(message.get("content", ""))
        return ""


class Usage(NamedTuple):
    """What one trial, or many, took; None where nobody measured it."""

    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None

    def plus(self, other: Usage) -> Usage:
        """The sum; a figure that neither side measured stays unknown."""
        return Usage(
            self.calls + other.calls,
            _add(self.input_tokens, other.input_tokens),
            _add(self.output_tokens, other.output_tokens),
            _add(self.cost_usd, other.cost_usd),
        )


NO_USAGE = Usage()


def usage_of(reply: Reply) -> Usage:
    """The usage of the one call that a reply answers, as far as the reply says."""
    return Usage(1, reply.input_tokens, reply.output_tokens, money(reply.cost_usd))


def money(value: object) -> Decimal | None:
    """A cost in USD as a decimal; None where it is unknown or makes no sense.

    Of a float so many digits that what binary fractions add is gone: 0.1 * 0.0387 is no 0.0038700000000000004.
    """
    if value is None:
        return None
    try:
        amount = Decimal(format(value, f".{_DIGITS}g") if isinstance(value, float) else str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


class UsageSum:
    """Adds up usage; quick, because every trial is added."""

    __slots__ = ("_calls", "_cost", "_received", "_sent")

    def __init__(self) -> None:
        self._calls = 0
        self._sent: int | None = None
        self._received: int | None = None
        self._cost: Decimal | None = None

    def add(self, usage: Usage) -> None:
        """Count one more; a figure that nobody measured stays unknown."""
        calls, sent, received, cost = usage
        self._calls += calls
        if sent is not None:
            self._sent = sent + (self._sent or 0)
        if received is not None:
            self._received = received + (self._received or 0)
        if cost is not None:
            self._cost = cost + (self._cost or 0)

    @property
    def total(self) -> Usage:
        return Usage(self._calls, self._sent, self._received, self._cost)


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum of several usages; no usage for none."""
    return reduce(Usage.plus, usages, NO_USAGE)


def _add(left: Figure | None, right: Figure | None) -> Figure | None:
    return right if left is None else left if right is None else left + right
