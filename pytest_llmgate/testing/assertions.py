"""Assertions on single replies, for plain tests. The gates over many trials are markers and suites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import not_available
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply_from import as_reply
from pytest_llmgate.session import create_registry, judge_counts


def assert_schema(reply: object, schema: Mapping[str, Any] | str | Path) -> None:
    """Assert that a reply is JSON that matches a schema.

    reply: a text, a Reply, or anything a subject may return. schema: a JSON Schema, or the path of one, relative
    to the working directory. Raises AssertionError with the first violations and their paths.
    """
    __tracebackhide__ = True
    here = Path.cwd()
    value = schema if isinstance(schema, Mapping) else str(schema)
    root = Path(value).resolve().parent if isinstance(value, str) and Path(value).is_absolute() else here
    measure = (
        create_registry(entry_points=False).assertion("is-json").build({"value": value}, SuiteFiles(root, here), None)
    )
    found = measure.measure(Case(id="reply"), Observation(as_reply(reply)))
    if not found.good:
        raise AssertionError(found.reason or "the reply does not match the schema")


def assert_grounded(reply: object, sources: object, max_risk: float | None = None) -> None:
    """Refused: grounding checks are not delivered yet."""
    raise not_available("assert_grounded")


def assert_consistent(replies: Sequence[object]) -> None:
    """Refused: consistency checks are not delivered yet."""
    raise not_available("assert_consistent")


def assert_distribution(
    counts: Mapping[str, int], expected: Mapping[str, float], max_tvd: float | None = None, alpha: float = 0.01
) -> None:
    """Assert that counts are draws from an expected distribution.

    counts: shots by bitstring, as Qiskit writes them. expected: probabilities that sum to 1. max_tvd: a total variation
    distance that is still good; without it the distribution itself is asked for, and `alpha` of correct counts fail.
    With it, counts must rule out twice that distance (5 % risk): too few shots fail too, and say how many are needed.
    Raises AssertionError with a table of outcomes, LlmgateError for what are no counts or no distribution.
    """
    __tracebackhide__ = True
    found = judge_counts(counts, expected, max_tvd, alpha)
    if found:
        raise AssertionError(found)
