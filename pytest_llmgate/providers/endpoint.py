"""Which server a model of `provider: openai` is asked at, and whose key goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # public since 3.0, untyped

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.plan import ModelPlan

DEFAULT_URL: Final = "https://api.openai.com/v1"
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Endpoint(NamedTuple):
    """url: what is asked. host: for messages. key: None sends none. headers: account headers of the vendor."""

    url: str
    host: str
    key: str | None
    key_name: str | None
    headers: Mapping[str, str]
    proxy: str | None


def find_endpoint(model: ModelPlan, env: Mapping[str, str], path: str = "/chat/completions") -> Endpoint:
    """The endpoint of a model, path below its address; raises LlmgateError for a bad URL or a missing key.

    `OPENAI_API_KEY` belongs to the host of `OPENAI_BASE_URL` (or api.openai.com) and goes nowhere else: any other
    host gets the key that `api_key_env` names, or none.
    """
    home = _parse(env.get("OPENAI_BASE_URL") or DEFAULT_URL, "OPENAI_BASE_URL", None)
    there = home if model.base_url is None else _parse(model.base_url, "base_url", model.where)
    at_home = _origin(there) == _origin(home)
    key_name = model.api_key_env or ("OPENAI_API_KEY" if at_home else None)
    key = _key(model, key_name, env)
    if key is None and _origin(there) == _origin(urlsplit(DEFAULT_URL)):
        raise problem(
            "api-key-missing",
            f"model {model.alias!r} needs a key for {there.hostname}",
            model.where,
            "set OPENAI_API_KEY, or replay recorded replies without a key: --llm-record replay",
        )
    return Endpoint(
        url=urlunsplit(there._replace(path=there.path.rstrip("/") + path)),
        host=there.netloc,
        key=key,
        key_name=key_name,
        headers=_account(env) if at_home else {},
        proxy=_proxy(there, env),
    )


def _parse(text: str, name: str, where: Where | None) -> SplitResult:
    try:
        url = urlsplit(text.strip())
        usable = url.scheme in _PORTS and url.hostname and not url.fragment and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise problem("base-url", f"{name} is not an http or https address", where, f"such as {DEFAULT_URL}")
    if "@" in url.netloc:
        raise problem("base-url", f"{name} holds a user name or password", where, "put the key into api_key_env")
    return url


def _origin(url: SplitResult) -> tuple[str, str | None, int]:
    return url.scheme, url.hostname, url.port or _PORTS[url.scheme]


def _key(model: ModelPlan, name: str | None, env: Mapping[str, str]) -> str | None:
    """The key under a name; only a key that the suite asks for must exist."""
    key = env.get(name, "").strip() if name else ""
    if not key:
        if model.api_key_env:
            raise problem(
                "api-key-missing",
                f"model {model.alias!r} wants its key from {name}, which is not set",
                model.where,
                f"set {name}, or replay recorded replies without a key: --llm-record replay",
            )
        return None
    if not (key.isascii() and key.isprintable()):
        raise problem("api-key-malformed", f"{name} holds characters that no key has", model.where, f"set {name} anew")
    return key


def _account(env: Mapping[str, str]) -> dict[str, str]:
    named = {"OpenAI-Organization": env.get("OPENAI_ORG_ID"), "OpenAI-Project": env.get("OPENAI_PROJECT_ID")}
    return {header: value for header, value in named.items() if value and value.isascii() and value.isprintable()}


def _proxy(url: SplitResult, env: Mapping[str, str]) -> str | None:
    """The proxy of the usual variables; found once, as looking it up for each call would cost more than the call."""
    host = url.hostname or ""
    bypass = env.get("no_proxy") or env.get("NO_PROXY") or ""
    if host in _LOOPBACK or proxy_bypass_environment(host, {"no": bypass}):
        return None
    names = (f"{url.scheme}_proxy", f"{url.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    address = next((env[name] for name in names if env.get(name)), None)
    return address if address is None or "://" in address else f"http://{address}"
