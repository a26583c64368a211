"""`provider: openai-moderation`: any server that speaks OpenAI's moderations. Its reply is the result as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.codec import canonical
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.core.reply_from import well_formed
from pytest_llmgate.providers.endpoint import find_endpoint
from pytest_llmgate.providers.openai import OpenAIProvider, refuse_reserved
from pytest_llmgate.providers.words import one_line

_OURS = ("model", "input")


def build(model: ModelPlan, files: SuiteFiles, env: Mapping[str, str]) -> OpenAIProvider:
    """The provider of a model; raises LlmgateError for a bad URL, a missing key or params that are ours to set."""
    refuse_reserved(model, _OURS)
    return OpenAIProvider(find_endpoint(model, env, "/moderations"), _fields, read_result)


def _fields(request: Request) -> dict[str, Any]:
    """The text of all messages as one input. There is no seed: the endpoint draws nothing."""
    texts = [message.get("content") for message in request.messages]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ProviderError("only text can be moderated")
    return {"model": request.model, "input": "\n\n".join(str(text) for text in texts)}


def read_result(body: bytes, latency_ms: float, secret: str | None = None) -> Reply:
    """The one result of a successful response as canonical JSON; raises ProviderError for anything else.

    secret: kept out of messages.
    """
    try:
        answer = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        said = one_line(body[:2000].decode("utf-8", "replace"), secret)
        raise ProviderError(f"the server answered 200 with something that is not JSON: {said!r}") from None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise ProviderError("the server answered 200 with JSON that is not one moderation result")
    model = answer.get("model")
    text = well_formed(canonical(results[0]))
    return Reply(text, model=model if isinstance(model, str) else None, latency_ms=latency_ms)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
