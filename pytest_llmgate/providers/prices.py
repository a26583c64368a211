"""Prices by model name, from a dated table; what is not in the table is unpriced, never free."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeGuard

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.reply import Request, Usage

SCHEMA: Final = "llmgate.prices/1"
TOKENS_PER_MESSAGE: Final = 16
"""More than any chat template spends on the marks around one message."""

_FILE_KEYS = frozenset({"schema", "date", "note", "models"})
_MODEL_KEYS = frozenset({"input", "output", "max_output_tokens", "context", "source"})
_DATED = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}-\d{2})\Z", re.ASCII)
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens of one model; None where the vendor states no limit."""

    input: Decimal
    output: Decimal
    max_output_tokens: int | None = None
    context: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Implements core.ports.Prices. date: of the built-in table, ISO."""

    models: Mapping[str, Price]
    date: str

    @classmethod
    def load(cls, extra: Path | None = None) -> PriceTable:
        """The built-in table; a file of the same shape (`--llm-prices`) adds to it and overrides it, model by model.

        Raises LlmgateError that names the file where it is missing, not JSON, or holds an impossible price.
        """
        dated, models = _read(Path(__file__).with_name("prices.json"))
        if extra is not None:
            models = {**models, **_read(extra)[1]}
        return cls(models, dated)

    def find(self, model: str) -> Price | None:
        """The price of a model: by its exact name, else by its name without a date (`-2026-01`, `-20260131`)."""
        if (price := self.models.get(model)) is not None:
            return price
        # Only one date can stand at the end, so that what is left of it is the longest name that can match.
        return self.models.get(stem) if (stem := _DATED.sub("", model)) != model else None

    def cost(self, model: str, usage: Usage) -> Decimal | None:
        """USD of a usage, or None where the model has no price or its tokens were not counted."""
        price = self.find(model)
        if price is None:
            return None
        spent = _charge(usage.input_tokens, price.input), _charge(usage.output_tokens, price.output)
        return None if spent[0] is None or spent[1] is None else spent[0] + spent[1]

    def ceiling(self, request: Request) -> Decimal | None:
        """An upper bound in USD of what a request can cost, or None where no bound is known."""
        price = self.find(request.model)
        if price is None or request.params.get("service_tier") == "priority":  # priced apart from the list
            return None
        most_in = _charge(_most_input(request, price), price.input)
        most_out = _charge(_most_output(request.params, price), price.output)
        return None if most_in is None or most_out is None else most_in + most_out


def _charge(tokens: int | None, per_million: Decimal) -> Decimal | None:
    if not per_million:
        return Decimal(0)  # free, however many they are
    return None if tokens is None else (tokens * per_million).scaleb(-6)


def _most_input(request: Request, price: Price) -> int | None:
    """A token holds at least one byte of UTF-8; pictures and sound are bounded by the context alone."""
    if not all(_is_text(message.get("content")) for message in request.messages):
        return price.context
    written = _json_bytes(request.messages) + _json_bytes(request.params)  # tools and schemas are read as tokens too
    return written + TOKENS_PER_MESSAGE * (len(request.messages) + 1)


def _is_text(content: Any) -> bool:
    if content is None or isinstance(content, str):
        return True
    return isinstance(content, (list, tuple)) and all(
        isinstance(part, Mapping) and part.get("type") == "text" for part in content
    )


def _json_bytes(value: Any) -> int:
    return len(json.dumps(plain(value), ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _most_output(params: Mapping[str, Any], price: Price) -> int | None:
    limits = (params.get(name) for name in ("max_tokens", "max_completion_tokens"))
    known = [limit for limit in limits if _is_count(limit)]
    most = max(known) if known else price.max_output_tokens
    replies = params.get("n")
    return None if most is None else most * (replies if _is_count(replies) else 1)


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and value > 0


def _read(path: Path) -> tuple[str, dict[str, Price]]:
    """Date and models of a price file."""
    table = _load_json(path)
    if not isinstance(table, dict) or not isinstance(table.get("models"), dict):
        raise _wrong(path, 'the file holds no object with "models"', "see prices.json of this package for the shape")
    _known(path, "the file", table, _FILE_KEYS)
    if table.get("schema", SCHEMA) != SCHEMA:
        raise _wrong(path, f"schema is {table['schema']!r}", f"this version reads {SCHEMA!r}")
    dated = table.get("date", "")
    if dated and not _is_date(dated):
        raise _wrong(path, f"date is {dated!r}", "write it as 2026-01-31")
    return dated, {name: _price(path, name, row) for name, row in table["models"].items()}


def _load_json(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as fault:
        raise _wrong(path, f"the file cannot be read: {fault.strerror}") from None
    if len(data) > _MAX_BYTES:
        raise _wrong(path, f"the file is larger than {_MAX_BYTES >> 20} MiB")

    def refuse(word: str) -> Any:
        raise _wrong(path, f"{word} is not a number", 'a price is a decimal string such as "0.15"')

    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=refuse,
            object_pairs_hook=_once_each(path),
        )
    except (ValueError, RecursionError) as fault:
        raise _wrong(path, f"the file is not JSON: {fault}") from None


def _once_each(path: Path) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Builds JSON objects, refusing a key that stands twice."""

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _wrong(path, f"{twice!r} stands twice")
        return table

    return build


def _price(path: Path, name: str, row: Any) -> Price:
    if not isinstance(row, dict):
        raise _wrong(path, f"{name!r} is not an object with input and output")
    _known(path, repr(name), row, _MODEL_KEYS)
    return Price(
        input=_money(path, name, "input", row.get("input")),
        output=_money(path, name, "output", row.get("output")),
        max_output_tokens=_limit(path, name, "max_output_tokens", row.get("max_output_tokens")),
        context=_limit(path, name, "context", row.get("context")),
        source=str(row.get("source", "")),
    )


def _money(path: Path, model: str, key: str, value: Any) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise InvalidOperation
        amount = Decimal(value)
    except InvalidOperation:
        said = "is missing" if value is None else f"is {value!r}"
        raise _wrong(path, f"{key} of {model!r} {said}", 'a price is a decimal string such as "0.15"') from None
    # A finite range keeps sums exact and formatted amounts short.
    if not amount.is_finite() or not 0 <= amount <= 1_000_000 or amount != round(amount, 9):
        raise _wrong(path, f"{key} of {model!r} is {value!s}", "a price is 0 to 1000000 USD per million tokens")
    return amount


def _limit(path: Path, model: str, key: str, value: Any) -> int | None:
    if value is None or _is_count(value):
        return value
    raise _wrong(path, f"{key} of {model!r} is {value!r}", "it is a whole number of tokens")


def _known(path: Path, what: str, table: Mapping[str, Any], keys: frozenset[str]) -> None:
    for key in table:
        if key not in keys:
            raise _wrong(path, f"{what} has an unknown key {key!r}", nearest(key, keys))


def _is_date(text: Any) -> bool:
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def _wrong(path: Path, message: str, hint: str = "") -> LlmgateError:
    return problem("prices-file", message, Where(str(path)), hint)
