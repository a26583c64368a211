"""Which address is asked, and through which proxy."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.providers.endpoint import Endpoint, find_endpoint


def endpoint(env: dict[str, str], **fields: Any) -> Endpoint:
    return find_endpoint(ModelPlan(**{"alias": "a", "provider": "openai", "model": "m", **fields}), env)


def test_without_any_address_it_is_the_vendors() -> None:
    found = endpoint({"OPENAI_API_KEY": "k"})
    assert (found.url, found.key) == ("https://api.openai.com/v1/chat/completions", "k")


def test_the_environments_address_and_key_belong_together() -> None:
    found = endpoint({"OPENAI_BASE_URL": "http://gateway:8000/v1/", "OPENAI_API_KEY": "k"})
    assert (found.url, found.key) == ("http://gateway:8000/v1/chat/completions", "k")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.openai.com/v1",  # in clear
        "https://api.openai.com:8443/v1",
        "https://api.openai.com.evil.example/v1",
        "https://evil.example/api.openai.com",
        "http://127.0.0.1/v1",
    ],
)
def test_the_vendors_key_goes_to_no_look_alike(base_url: str) -> None:
    assert endpoint({"OPENAI_API_KEY": "k"}, base_url=base_url).key is None


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://API.OpenAI.com:443/v1"])
def test_the_vendors_own_host_gets_the_vendors_key(base_url: str) -> None:
    assert endpoint({"OPENAI_API_KEY": "k"}, base_url=base_url).key == "k"


def test_a_query_stays_behind_the_path() -> None:
    found = endpoint({}, base_url="https://h/openai/v1?api-version=preview")
    assert found.url == "https://h/openai/v1/chat/completions?api-version=preview"


@pytest.mark.parametrize(
    ("env", "base_url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https://h/v1", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://h/v1", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "http://h/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://h/v1", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "h"}, "https://h/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:9/v1", None),
    ],
)
def test_proxies_of_the_environment(env: dict[str, str], base_url: str, proxy: str | None) -> None:
    assert endpoint(env, base_url=base_url).proxy == proxy
