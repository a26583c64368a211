"""Assertions on single replies, for plain tests. The gates over many trials are markers and suites."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import same_texts
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
    """Assert that what a reply says is supported by its sources, as `grounded` asks it of every trial.

    reply: a text, a Reply, or anything a subject may return. sources: a text, several, or objects with `text`.
    max_risk: above 0 and up to 1; a risk from there on fails; left out, the shipped threshold. A finding fails whatever
    the risk. Raises AssertionError with the first finding; also for what cannot be compared, such as an empty reply.
    """
    __tracebackhide__ = True
    params = {} if max_risk is None else {"max_risk": max_risk}
    made = replace(as_reply(reply), context=None)  # the sources given here, whatever the reply brought along
    found = _measure("grounded", params).measure(Case(id="reply", context=cast(Any, sources)), Observation(made))
    if not found.good:
        raise AssertionError(found.reason or "the reply is not grounded in its sources")


def assert_consistent(replies: Sequence[object]) -> None:
    """Assert that several replies to one question do not contradict each other, as `contradiction` asks it of a group.

    replies: at least two texts, Replies, or what subjects may return. Identical ones pass with a warning: that a model
    repeats itself does not show that it knows. Raises AssertionError with the first contradiction; also for replies
    that cannot be compared.
    """
    __tracebackhide__ = True
    made = [as_reply(reply) for reply in replies]
    found = _measure("contradiction", {}).measure_together(Case(id="replies"), [Observation(reply) for reply in made])
    if found.good:
        return
    if found.good is None and len(made) > 1 and same_texts(reply.text for reply in made):
        warnings.warn(f"{len(made)} identical replies: this is no agreement of several", stacklevel=2)
        return
    raise AssertionError(found.reason or "the replies contradict each other")


def _measure(kind: str, params: Mapping[str, Any]) -> Any:
    here = Path.cwd()
    return create_registry(entry_points=False).assertion(kind).build(params, SuiteFiles(here, here), None)


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
