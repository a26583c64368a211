"""The openai-moderation provider: one text goes out, one result comes back as canonical JSON, or an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.providers.loopback import Fault, LoopbackServer, MockModels
from pytest_llmgate.providers.moderation import build

KEY = "sk-very-secret-0123456789"
RESULT = {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.5}}


@pytest.fixture
def asked(files: SuiteFiles, ask: Callable[..., Request]) -> Callable[..., Reply]:
    def call(server: LoopbackServer, request: Request | None = None, **fields: Any) -> Reply:
        plan = ModelPlan(**{"alias": "guard", "provider": "openai-moderation", "model": "m", **fields})
        provider = build(plan, files, {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY})

        async def main() -> Reply:
            try:
                return await provider.complete(request or ask())
            finally:
                await provider.close()

        return asyncio.run(main())

    return call


def test_the_text_goes_to_moderations_with_the_key_and_without_a_seed(mocks: MockModels, asked: Any, ask: Any) -> None:
    server = mocks.server([json.dumps(RESULT)])
    reply = asked(server, ask("hurt them", seed=7, params={"extra": 1}))
    call = server.calls[0]
    assert (call.model, call.prompt, call.params, call.seed) == ("m", "hurt them", {"extra": 1}, 0)
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert reply.text == '{"categories":{"violence":true},"category_scores":{"violence":0.5},"flagged":true}'
    assert (reply.model, reply.input_tokens, reply.latency_ms > 0) == ("m", None, True)


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        "{}",
        '{"results": []}',
        '{"results": ["safe"]}',
        '{"results": [{"flagged": false}, {"flagged": true}]}',
        '{"results": [{"category_scores": {"violence": NaN}}]}',
        '{"choices": [{"message": {"content": "hi"}}]}',
    ],
)
def test_anything_but_one_result_is_an_error(mocks: MockModels, asked: Any, body: str) -> None:
    with pytest.raises(ProviderError) as caught:
        asked(mocks.server([Fault(body=body)]))
    assert not caught.value.retryable
    assert KEY not in caught.value.message


def test_a_busy_endpoint_may_be_asked_again(mocks: MockModels, asked: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        asked(mocks.server([Fault(status=429, retry_after=2)]))
    assert (caught.value.retryable, caught.value.retry_after_s) == (True, 2.0)


def test_pictures_are_not_sent(mocks: MockModels, asked: Any) -> None:
    server = mocks.server(["{}"])
    picture = Request(model="m", messages=({"role": "user", "content": [{"type": "image_url"}]},))
    with pytest.raises(ProviderError, match="only text"):
        asked(server, picture)
    assert server.calls == []


def test_the_input_is_ours_to_set(mocks: MockModels, asked: Any) -> None:
    with pytest.raises(LlmgateError, match="params-reserved"):
        asked(mocks.server(["{}"]), params={"input": "x"})
