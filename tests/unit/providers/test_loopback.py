"""Scripted models for plain tests: in process and as a server."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.providers.loopback import Fault, LoopbackServer, MockLLM, MockModels, OutOfReplies


def post(server: LoopbackServer, body: Any = None, path: str = "/chat/completions") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body or {"model": "m", "messages": []}).encode()
    with urllib.request.urlopen(server.base_url + path, data=data, timeout=10) as answer:
        return json.load(answer)


def test_an_app_that_retries_meets_the_errors_first() -> None:
    def summarize(doc: str, llm: Any) -> str:
        try:
            return llm(f"Summarize: {doc}", temperature=0).text
        except TimeoutError:
            return llm(f"Summarize: {doc}", temperature=0).text

    llm = MockLLM(replies=["Summary: short"], errors=[TimeoutError], model="gpt-x")
    assert "Summary" in summarize("long", llm)
    assert [call.prompt for call in llm.calls] == ["Summarize: long"] * 2
    assert (llm.calls[0].model, dict(llm.calls[0].params)) == ("gpt-x", {"temperature": 0})


def test_all_ways_to_write_a_prompt() -> None:
    llm = MockLLM()
    system, user = {"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}
    llm("hi")
    llm(system, user)
    llm([system, user])
    llm(messages=[system, user], model="other", seed=4)
    assert [call.prompt for call in llm.calls] == ["hi"] * 4
    assert [len(call.messages) for call in llm.calls] == [1, 2, 2, 2]
    assert (llm.calls[3].model, llm.calls[3].seed) == ("other", 4)
    with pytest.raises(TypeError, match="not both"):
        llm("hi", messages=[user])
    with pytest.raises(TypeError, match="int"):
        llm(3)


def test_replies_come_in_order_and_run_out_loudly() -> None:
    llm = MockLLM(replies=["a", {"n": 1}, Reply("c", input_tokens=5)])
    first, second, third = llm(), llm(), llm()
    assert (first.text, first.model) == ("a", "mock")
    assert second.data == {"n": 1}
    assert third.input_tokens == 5
    with pytest.raises(OutOfReplies, match="called 4 times but has 3 replies"):
        llm()
    assert issubclass(OutOfReplies, AssertionError), "a test that runs out must fail, not error"


def test_the_last_reply_may_repeat_and_a_function_may_answer() -> None:
    last = MockLLM(replies=["a", "b"], repeat_last=True)
    assert [last().text for _ in range(4)] == ["a", "b", "b", "b"]
    echo = MockLLM(replies=lambda call: call.prompt.upper())
    assert echo("hi").text == "HI"
    assert asyncio.run(echo.ask("there")).text == "THERE"
    assert MockLLM()().text == "a mock reply"
    with pytest.raises(OutOfReplies):
        MockLLM(replies=[], repeat_last=True)()


def test_one_bare_text_as_replies_is_a_mistake() -> None:
    with pytest.raises(TypeError, match=r"replies=\[…\]"):
        MockLLM(replies="Summary")


def test_faults_in_process_raise_what_a_client_would_see() -> None:
    llm = MockLLM(replies=["ok"], errors=[Fault(status=429, retry_after=2), Fault(reset=True), Fault(half=True)])
    with pytest.raises(ProviderError, match="429") as caught:
        llm()
    assert (caught.value.retryable, caught.value.retry_after_s) == (True, 2)
    with pytest.raises(ConnectionResetError):
        llm()
    with pytest.raises(ConnectionAbortedError):
        llm()
    assert llm().text == "ok"


def test_errors_may_stand_among_the_replies() -> None:
    llm = MockLLM(replies=["a", ValueError("boom"), Fault(delay_s=0.001), "b"])
    assert llm().text == "a"
    with pytest.raises(ValueError, match="boom"):
        llm()
    assert llm().text == "b"


def test_the_server_speaks_chat_completions(mocks: MockModels) -> None:
    server = mocks.server(["one two", Reply("I won't", finish_reason="refusal")], model="served")
    body = {"model": "m", "messages": [{"role": "user", "content": "say it"}], "temperature": 0.5, "seed": 3}
    answer = post(server, body)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "one two", "refusal": None}
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    assert post(server)["choices"][0]["message"]["refusal"] == "I won't"
    call = server.calls[0]
    assert (call.model, call.prompt, call.seed, dict(call.params)) == ("m", "say it", 3, {"temperature": 0.5})
    assert call.headers["content-length"] == str(len(json.dumps(body)))
    with urllib.request.urlopen(server.base_url + "/models", timeout=10) as models:
        assert json.load(models)["data"][0]["id"] == "served"


def test_a_model_and_its_server_share_one_script() -> None:
    llm = MockLLM(replies=["first", "second"])
    with llm.server() as server:
        assert llm().text == "first"
        assert post(server)["choices"][0]["message"]["content"] == "second"
        assert len(llm.calls) == len(server.calls) == 2


def status_of(server: LoopbackServer, body: Any = None, path: str = "/chat/completions") -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(server, body, path)
    with caught.value as answer:
        return answer.status, json.load(answer)["error"]["message"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"not json", "JSON object"),
        (b"[]", "JSON object"),
        (b'{"model": "m"}', "JSON object"),
        (b'{"model": "m", "messages": "hi"}', "list of objects"),
        (b'{"model": "m", "messages": [], "stream": true}', "does not stream"),
    ],
)
def test_the_server_says_what_is_wrong_with_a_request(mocks: MockModels, body: bytes, word: str) -> None:
    server = mocks.server()
    status, said = status_of(server, body)
    assert status == 400 and word in said
    assert server.calls == []


def test_the_server_tells_of_an_empty_script_and_unknown_paths(mocks: MockModels) -> None:
    server = mocks.server(replies=[])
    assert status_of(server)[1].startswith("the mock model was called 1 times but has 0 replies")
    assert status_of(server, path="/embeddings")[0] == 404


def test_exceptions_of_the_script_become_statuses(mocks: MockModels) -> None:
    server = mocks.server(lambda call: None, errors=[TimeoutError, ValueError("x")])
    assert [status_of(server)[0] for _ in range(3)] == [504, 500, 500]
    with pytest.raises((ConnectionResetError, urllib.error.URLError)):
        post(mocks.server(errors=[ConnectionResetError]))


def test_closing_twice_is_fine_and_frees_the_port(mocks: MockModels) -> None:
    server = mocks.server()
    server.close()
    server.close()
    with pytest.raises(urllib.error.URLError):
        post(server)
