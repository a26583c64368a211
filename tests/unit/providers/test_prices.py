"""The price table: exact sums, honest bounds, and None for what nobody knows."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.reply import Request, Usage
from pytest_llmgate.providers.prices import PriceTable

TABLE = PriceTable.load()


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: Any) -> Path:
        path = tmp_path / "prices.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    return write


def test_every_built_in_price_is_complete() -> None:
    assert len(TABLE.models) > 30
    assert TABLE.date == "2026-11-22"
    for name, price in TABLE.models.items():
        assert price.source, f"{name} has no source"
        assert price.context and price.max_output_tokens, f"{name} has no limits, so its cost has no bound"
        assert price.max_output_tokens <= price.context, name


def test_a_cost_is_exact() -> None:
    assert TABLE.cost("gpt-4o-mini", Usage(1, 1_000_001, 3)) == Decimal("0.15000195")


@pytest.mark.parametrize(
    ("name", "priced_as"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),  # has its own, higher price
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini-2026-01", "gpt-4o-mini"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("gpt-4o-audio", None),
        ("gpt-4o-mini-realtime-2026-01", None),
        ("gpt-4o-2024-08-06-ft", None),
        ("gpt-4", None),
        ("GPT-4o", None),
        ("qwen3", None),
        ("", None),
    ],
)
def test_names_match_exactly_or_by_a_date_at_the_end(name: str, priced_as: str | None) -> None:
    assert TABLE.find(name) == (None if priced_as is None else TABLE.models[priced_as])


def test_unknown_is_never_free() -> None:
    request = Request(model="qwen3", messages=({"role": "user", "content": "hi"},))
    assert TABLE.cost("qwen3", Usage(1, 10, 10)) is None
    assert TABLE.ceiling(request) is None
    assert TABLE.cost("gpt-4o", Usage(1, None, 10)) is None
    assert TABLE.cost("gpt-4o", Usage(1, 10, None)) is None


def test_the_local_model_is_free_by_an_entry_of_its_own() -> None:
    request = Request(model="smollm2-135m", messages=({"role": "user", "content": "hi"},))
    assert TABLE.cost("smollm2-135m", Usage(1, None, None)) == 0
    assert TABLE.ceiling(request) == 0


def ceiling(content: Any = "hi", **params: Any) -> Decimal | None:
    return TABLE.ceiling(Request(model="gpt-4o", messages=({"role": "user", "content": content},), params=params))


@given(st.text(max_size=200), st.integers(1, 4000), st.integers(1, 5))
def test_the_ceiling_is_above_any_real_cost(text: str, limit: int, replies: int) -> None:
    most = ceiling(text, max_tokens=limit, n=replies)
    real = TABLE.cost("gpt-4o", Usage(1, len(text.encode("utf-8", "surrogatepass")) + 16, limit * replies))
    assert most is not None and real is not None
    assert most >= real


def test_what_raises_the_ceiling() -> None:
    short = ceiling(max_tokens=10)
    assert short is not None
    for longer in (
        ceiling("hi" * 100, max_tokens=10),
        ceiling(max_tokens=11),
        ceiling(max_tokens=5, max_completion_tokens=11),
        ceiling(max_tokens=10, n=2),
        ceiling(max_tokens=10, tools=[{"name": "a long tool description"}]),
        ceiling(max_tokens=10, response_format={"type": "json_schema", "json_schema": {"name": "x"}}),
        ceiling(),
        ceiling(max_tokens=None),
        ceiling(max_tokens="ten"),
        ceiling(max_tokens=-1),
        ceiling([{"type": "image_url", "image_url": {"url": "https://h/x.png"}}], max_tokens=10),
    ):
        assert longer is not None and longer > short


def test_a_service_tier_apart_from_the_list_has_no_bound() -> None:
    assert ceiling(service_tier="priority") is None


def test_a_users_file_adds_and_overrides(file: Any) -> None:
    own = {"models": {"gpt-4o": {"input": "9", "output": 8.5}, "qwen3": {"input": 0, "output": "0.0"}}}
    table = PriceTable.load(file(own))
    assert table.cost("gpt-4o", Usage(1, 1_000_000, 1_000_000)) == Decimal("17.5")
    assert table.cost("qwen3", Usage(1, 5, 5)) == 0
    assert table.find("gpt-4o-mini") == TABLE.find("gpt-4o-mini")
    unbounded = Request(model="gpt-4o", messages=({"role": "user", "content": "hi"},))
    assert table.ceiling(unbounded) is None, "no max_tokens and no limit in the table: no bound"


def row(**fields: Any) -> dict[str, Any]:
    return {"models": {"m": {"input": "1", "output": "1", **fields}}}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("not json", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", '"models"'),
        ({"models": []}, '"models"'),
        ({"models": {}, "modles": {}}, "did you mean 'models'"),
        ({"models": {"m": 3}}, "not an object"),
        (row(inptu="1"), "did you mean 'input'"),
        (row(input="-1"), "0 to 1000000"),
        (row(input="NaN"), "0 to 1000000"),
        (row(input="Infinity"), "0 to 1000000"),
        (row(input="1e30"), "0 to 1000000"),
        (row(input="1e-999999"), "0 to 1000000"),
        (row(input="a lot"), "decimal string"),
        (row(input=None), "is missing"),
        (row(output=True), "decimal string"),
        (row(max_output_tokens=-5), "whole number"),
        (row(context="many"), "whole number"),
        ('{"models": {"m": {"input": NaN, "output": 1}}}', "not a number"),
        ('{"models": {"m": {"input": 1, "input": 2, "output": 1}}}', "stands twice"),
        ({"models": {}, "schema": "other/9"}, "schema"),
        ({"models": {}, "date": "yesterday"}, "2026-01-31"),
        (b"\xff\xfe".decode("latin-1"), "not JSON"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(file: Any, text: Any, word: str) -> None:
    path = file(text)
    with pytest.raises(LlmgateError) as caught:
        PriceTable.load(path)
    assert str(path) in str(caught.value)
    assert word in str(caught.value)
    assert caught.value.problems[0].code == "prices-file"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LlmgateError, match="cannot be read"):
        PriceTable.load(tmp_path / "gone.json")
