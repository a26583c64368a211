"""The openai provider against a real server on loopback that misbehaves in every way we know of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.providers.loopback import Fault, LoopbackServer, MockModels
from pytest_llmgate.providers.openai import MAX_BODY_BYTES, OpenAIProvider, build

KEY = "sk-very-secret-0123456789"


def plan(**fields: Any) -> ModelPlan:
    return ModelPlan(**{"alias": "answerer", "provider": "openai", "model": "m", **fields})


def run(provider: OpenAIProvider, job: Callable[[OpenAIProvider], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        try:
            return await job(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


@pytest.fixture
def asked(files: SuiteFiles, ask: Callable[..., Request]) -> Callable[..., Reply]:
    """One call to a server, with OPENAI_BASE_URL and a key in the environment."""

    def call(server: LoopbackServer, request: Request | None = None, **fields: Any) -> Reply:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY}
        provider = build(plan(**fields), files, env)
        reply = run(provider, lambda p: p.complete(request or ask()))
        assert isinstance(reply, Reply)
        return reply

    return call


def refusal(asked: Callable[..., Reply], server: LoopbackServer) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asked(server)
    assert KEY not in caught.value.message
    assert len(caught.value.message) < 600
    assert "\n" not in caught.value.message
    return caught.value


def completion(**message: Any) -> str:
    finish = message.pop("finish", "stop")
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}]})


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_sends_model_messages_params_and_the_trials_seed(mocks: MockModels, asked: Any, ask: Any) -> None:
    server = mocks.server(["Paris"])
    reply = asked(server, ask("capital?", seed=2**53 - 1, params={"temperature": 0.7, "top_p": None, "made_up": [1]}))
    call = server.calls[0]
    assert (call.model, call.prompt, call.seed) == ("m", "capital?", 2**53 - 1)
    assert call.params == {"temperature": 0.7, "made_up": [1]}, "null removes a param, unknown ones pass through"
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert (reply.text, reply.finish_reason, reply.model, reply.output_tokens) == ("Paris", "stop", "m", 1)
    assert reply.latency_ms is not None and reply.latency_ms > 0


def test_a_seed_in_params_wins_and_null_sends_none(mocks: MockModels, asked: Any, ask: Any) -> None:
    server = mocks.server(repeat_last=True)
    asked(server, ask(seed=5, params={"seed": 77}))
    asked(server, ask(seed=5, params={"seed": None}))
    assert [call.seed for call in server.calls] == [77, 0]


def test_account_headers_go_to_the_home_host_only(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    server = mocks.server(repeat_last=True)
    env = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
    home = build(plan(), files, {**env, "OPENAI_BASE_URL": server.base_url})
    away = build(plan(base_url=server.base_url), files, env)
    for provider in (home, away):
        run(provider, lambda p: p.complete(ask()))
    first, second = (call.headers for call in server.calls)
    assert (first["openai-organization"], first["openai-project"]) == ("org-1", "proj-1")
    assert not {"openai-organization", "openai-project", "authorization"} & set(second)


def test_the_vendors_key_is_not_sent_to_a_suites_own_host(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    server = mocks.server()
    provider = build(plan(base_url=server.base_url), files, {"OPENAI_API_KEY": KEY})
    run(provider, lambda p: p.complete(ask()))
    assert "authorization" not in server.calls[0].headers
    assert KEY not in repr(server.calls[0])


def test_a_named_key_goes_to_the_suites_host(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    server = mocks.server()
    env = {"OPENAI_API_KEY": KEY, "VLLM_KEY": "other-key\n"}
    provider = build(plan(base_url=server.base_url, api_key_env="VLLM_KEY"), files, env)
    run(provider, lambda p: p.complete(ask()))
    assert server.calls[0].headers["authorization"] == "Bearer other-key"


def test_a_request_larger_than_a_mebibyte_arrives_whole(mocks: MockModels, asked: Any, ask: Any) -> None:
    server = mocks.server()
    asked(server, ask("x" * 3_000_000))
    assert len(server.calls[0].prompt) == 3_000_000


def test_a_request_that_is_not_json_is_refused_before_sending(mocks: MockModels, asked: Any, ask: Any) -> None:
    server = mocks.server()
    with pytest.raises(ProviderError, match="cannot be written as JSON"):
        asked(server, ask(params={"temperature": float("nan")}))
    assert server.calls == []


# --- what comes back ------------------------------------------------------------------------------------------------


def test_a_refusal_is_a_reply(mocks: MockModels, asked: Any) -> None:
    reply = asked(mocks.server([Reply("I cannot help", finish_reason="refusal")]))
    assert (reply.text, reply.finish_reason) == ("I cannot help", "refusal")


def test_tool_calls_and_usage_are_read(mocks: MockModels, asked: Any) -> None:
    tool = {"id": "1", "function": {"name": "f"}}
    said = Reply("", tool_calls=[tool], finish_reason="tool_calls", input_tokens=7, output_tokens=3)
    reply = asked(mocks.server([said]))
    assert (reply.tool_calls, reply.input_tokens, reply.output_tokens) == ((tool,), 7, 3)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (completion(content=None, tool_calls=[{"id": "1"}]), ""),
        (completion(content=None, finish="length"), ""),
        (completion(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab"),
        (completion(content="\ud800x"), "\ufffdx"),
    ],
)
def test_unusual_contents(mocks: MockModels, asked: Any, body: str, text: str) -> None:
    assert asked(mocks.server([Fault(body=body)])).text == text


def test_a_missing_usage_is_unknown_not_zero(mocks: MockModels, asked: Any) -> None:
    reply = asked(mocks.server([Fault(body=completion(content="x"))]))
    assert (reply.input_tokens, reply.output_tokens, reply.model) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<html>oops", "not JSON"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no chat completion"),
        ('{"choices": []}', "no chat completion"),
        ('{"choices": [{"message": "hi"}]}', "no chat completion"),
        ('{"error": {"message": "model overloaded"}}', "no chat completion: model overloaded"),
        (completion(content=None), "no text"),
        (completion(content=42), "no text"),
        (completion(content=None, finish=["odd"]), "no text"),
    ],
)
def test_junk_with_status_200_is_an_error_and_not_asked_again(
    mocks: MockModels, asked: Any, body: str, why: str
) -> None:
    fault = refusal(asked, mocks.server([Fault(body=body)]))
    assert why in fault.message
    assert not fault.retryable


def test_a_huge_body_is_refused(mocks: MockModels, asked: Any) -> None:
    fault = refusal(asked, mocks.server([Fault(body=b"x" * (MAX_BODY_BYTES + 1))]))
    assert "more than 16 MiB" in fault.message
    assert not fault.retryable


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_reset_before_any_content_may_be_retried(mocks: MockModels, asked: Any) -> None:
    assert refusal(asked, mocks.server([Fault(reset=True)])).retryable


def test_a_server_that_is_not_there_may_be_retried(mocks: MockModels, asked: Any) -> None:
    server = mocks.server()
    server.close()
    fault = refusal(asked, server)
    assert fault.retryable
    assert "127.0.0.1" in fault.message


def test_half_a_reply_is_not_asked_again(mocks: MockModels, asked: Any) -> None:
    server = mocks.server([Fault(half=True)])
    fault = refusal(asked, server)
    assert "broke off" in fault.message
    assert not fault.retryable
    assert len(server.calls) == 1, "one attempt a call; retries are the caller's"


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (408, True), (422, False), (429, True), (500, True), (503, True)],
)
def test_which_statuses_may_be_retried(mocks: MockModels, asked: Any, status: int, retryable: bool) -> None:
    fault = refusal(asked, mocks.server([Fault(status=status)]))
    assert fault.retryable is retryable
    assert f"answered {status}" in fault.message


@pytest.mark.parametrize(("text", "seconds"), [(2.5, 2.5), ("7", 7.0), ("soon", None), ("-1", None), ("inf", None)])
def test_retry_after_in_seconds(mocks: MockModels, asked: Any, text: Any, seconds: float | None) -> None:
    assert refusal(asked, mocks.server([Fault(status=429, retry_after=text)])).retry_after_s == seconds


def test_retry_after_as_a_date(mocks: MockModels, asked: Any) -> None:
    coming = refusal(asked, mocks.server([Fault(status=503, retry_after=formatdate(time() + 3600, usegmt=True))]))
    assert coming.retry_after_s is not None and 3000 < coming.retry_after_s <= 3600
    gone = refusal(asked, mocks.server([Fault(status=503, retry_after=formatdate(0, usegmt=True))]))
    assert gone.retry_after_s == 0


def test_retry_after_in_milliseconds(mocks: MockModels, asked: Any) -> None:
    fault = refusal(asked, mocks.server([Fault(status=429, retry_after=9, headers={"retry-after-ms": "250"})]))
    assert fault.retry_after_s == 0.25


def test_an_empty_account_is_not_a_rate_limit(mocks: MockModels, asked: Any) -> None:
    body = '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'
    fault = refusal(asked, mocks.server([Fault(status=429, body=body)]))
    assert not fault.retryable
    assert "You exceeded your quota" in fault.message


def test_a_redirect_is_refused_and_the_key_stays_here(mocks: MockModels, asked: Any) -> None:
    thief = mocks.server()
    gate = mocks.server([Fault(status=307, headers={"Location": thief.base_url + "/chat/completions"})])
    fault = refusal(asked, gate)
    assert "redirect" in fault.message
    assert not fault.retryable
    assert thief.calls == []


def test_an_error_that_echoes_the_key_does_not_show_it(mocks: MockModels, asked: Any) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}\x1b[31m\n" + "x" * 9999}})
    fault = refusal(asked, mocks.server([Fault(status=401, body=body)]))
    assert "[key]" in fault.message
    assert "OPENAI_API_KEY" in fault.message
    assert "\x1b" not in fault.message


def test_a_proxy_gets_its_own_password_and_the_call(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    proxy = mocks.server(["by proxy"])
    address = proxy.base_url.removesuffix("/v1").replace("http://", "http://user:pw@")
    provider = build(plan(base_url="http://nowhere.invalid/v1"), files, {"HTTP_PROXY": address})
    assert run(provider, lambda p: p.complete(ask())).text == "by proxy"
    assert proxy.calls[0].headers["host"] == "nowhere.invalid"
    assert proxy.calls[0].headers["proxy-authorization"].startswith("Basic ")


def test_cancelling_leaves_the_provider_usable(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    server = mocks.server([Fault(delay_s=30), "never seen", "after"])
    provider = build(plan(base_url=server.base_url), files, {})

    async def job(p: OpenAIProvider) -> Reply:
        first = asyncio.create_task(p.complete(ask("slow")))
        while not server.calls:
            await asyncio.sleep(0.001)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await p.complete(ask("next"))

    assert run(provider, job).text == "after"


def test_64_at_once_each_get_their_own_reply(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    server = mocks.server(lambda call: f"re: {call.prompt}")
    provider = build(plan(base_url=server.base_url), files, {})

    async def job(p: OpenAIProvider) -> list[Reply]:
        return await asyncio.gather(*(p.complete(ask(f"q{i}")) for i in range(64)))

    assert [reply.text for reply in run(provider, job)] == [f"re: q{i}" for i in range(64)]
    assert len(server.calls) == 64


def test_a_closed_provider_opens_again(mocks: MockModels, files: SuiteFiles, ask: Any) -> None:
    provider = build(plan(base_url=mocks.server(["one", "two"]).base_url), files, {})
    assert [run(provider, lambda p: p.complete(ask())).text for _ in range(2)] == ["one", "two"]


# --- what is refused at build time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "env", "code", "word"),
    [
        ({}, {}, "api-key-missing", "set OPENAI_API_KEY"),
        ({}, {"OPENAI_API_KEY": " "}, "api-key-missing", "--llm-record replay"),
        ({"base_url": "https://api.openai.com/v1"}, {"OPENAI_BASE_URL": "http://h/v1", "OPENAI_API_KEY": KEY},
         "api-key-missing", "api.openai.com"),
        ({"base_url": "http://127.0.0.1:1/v1", "api_key_env": "NOPE"}, {}, "api-key-missing", "NOPE"),
        ({}, {"OPENAI_API_KEY": "two\nlines"}, "api-key-malformed", "OPENAI_API_KEY"),
        ({"base_url": "ftp://h"}, {}, "base-url", "http or https"),
        ({"base_url": "http://[::1"}, {}, "base-url", "http or https"),
        ({"base_url": "http://h:99999/v1"}, {}, "base-url", "http or https"),
        ({"base_url": f"http://u:{KEY}@h/v1"}, {}, "base-url", "user name or password"),
        ({"base_url": "http://h/v1", "params": {"stream": True}}, {}, "params-reserved", "'stream'"),
    ],
)  # fmt: skip
def test_refused_at_build_time(
    files: SuiteFiles, fields: dict[str, Any], env: dict[str, str], code: str, word: str
) -> None:
    with pytest.raises(LlmgateError) as caught:
        build(plan(where=Where("s.suite.yaml", 4), **fields), files, env)
    [found] = caught.value.problems
    assert found.code == code
    assert word in str(found)
    assert KEY not in str(found)
