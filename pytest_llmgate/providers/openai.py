"""`provider: openai`: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import io
import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from time import perf_counter, time
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.providers.chat import read_reply
from pytest_llmgate.providers.endpoint import Endpoint, find_endpoint
from pytest_llmgate.providers.words import one_line

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
CONNECT_S: Final = 30.0

_OURS = ("messages", "model", "stream")
_SPENT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=dict).encode


def build(model: ModelPlan, files: SuiteFiles, env: Mapping[str, str]) -> OpenAIProvider:
    """The provider of a model; raises LlmgateError for a bad URL, a missing key or params that are ours to set."""
    refuse_reserved(model, _OURS)
    return OpenAIProvider(find_endpoint(model, env))


def refuse_reserved(model: ModelPlan, names: Iterable[str]) -> None:
    """Raises LlmgateError where params hold a name that is ours to set."""
    for name in names:
        if name in model.params:
            raise problem(
                "params-reserved", f"{name!r} cannot stand in params", model.where, "the harness sets it; remove it"
            )


def chat_fields(request: Request) -> dict[str, Any]:
    """What a chat completion is asked with, before its params."""
    return {"model": request.model, "messages": request.messages, "seed": request.seed}


class OpenAIProvider:
    """One attempt a call, over kept-alive connections; used in one event loop. The caller limits time and retries.

    fields: of a request's body, to which its params are added. read: the reply of a body, its latency in ms and the
    key, which it keeps out of messages. Both raise ProviderError.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        fields: Callable[[Request], dict[str, Any]] = chat_fields,
        read: Callable[[bytes, float, str | None], Reply] = read_reply,
    ) -> None:
        self._endpoint, self._fields, self._read_reply = endpoint, fields, read
        self._url = URL(endpoint.url)
        self._session: aiohttp.ClientSession | None = None
        self._proxy, self._proxy_login = _proxy(endpoint.proxy)

    async def complete(self, request: Request) -> Reply:
        """The reply to one attempt; `latency_ms` runs from sending to the last byte. Raises ProviderError."""
        body = self._body(request)
        session = self._session or self._open()
        started = perf_counter()
        try:
            async with session.post(
                self._url, data=body, allow_redirects=False, proxy=self._proxy, proxy_headers=self._proxy_login
            ) as response:
                text = await self._read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise self._unreachable(fault) from None
        latency_ms = (perf_counter() - started) * 1000.0
        if response.status != 200:
            raise self._refused(response, text)
        return self._read_reply(text, latency_ms, self._endpoint.key)

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        """One session: no limit of its own, no cookies, no .netrc (trust_env would send its passwords)."""
        headers = {"Content-Type": "application/json", "User-Agent": "pytest-llmgate", **self._endpoint.headers}
        if self._endpoint.key is not None:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        if self._url.scheme == "http":  # no tunnel: the proxy reads the headers of the request itself
            headers.update(self._proxy_login or {})
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
        )
        return self._session

    def _body(self, request: Request) -> bytes | io.BytesIO:
        fields = {**self._fields(request), **request.params}
        try:
            body = _encode({name: value for name, value in fields.items() if value is not None}).encode()
        except (TypeError, ValueError, RecursionError) as fault:
            raise ProviderError(f"the request cannot be written as JSON: {one_line(str(fault))}") from None
        return body if len(body) < 1 << 20 else io.BytesIO(body)  # aiohttp sends long bytes in one blocking write

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The whole body, bounded. A body that breaks off after content came must not be paid for twice."""
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                if (size := size + len(chunk)) > MAX_BODY_BYTES:
                    response.close()
                    raise ProviderError(f"{self._endpoint.host} sent more than {MAX_BODY_BYTES >> 20} MiB")
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            if response.status == 200 and size:
                raise ProviderError(
                    f"{self._endpoint.host} broke off after {size} bytes of its reply ({type(fault).__name__}); "
                    "not asked again, as the reply was already under way"
                ) from None
            if response.status == 200:
                raise
        return b"".join(chunks)

    def _unreachable(self, fault: Exception) -> ProviderError:
        said = one_line(str(fault), self._endpoint.key)
        message = f"{self._endpoint.host} gave no reply: {type(fault).__name__}{': ' + said if said else ''}"
        lasting = (aiohttp.ClientSSLError, aiohttp.InvalidURL, aiohttp.ClientResponseError)
        return ProviderError(message, retryable=not isinstance(fault, lasting))

    def _refused(self, response: aiohttp.ClientResponse, body: bytes) -> ProviderError:
        """The error of a status other than 200."""
        status, host = response.status, self._endpoint.host
        code, said = _error_of(body)
        said = one_line(said, self._endpoint.key)
        message = f"{host} answered {status}{': ' + said if said else ''}"
        if 300 <= status < 400:
            target = one_line(urlsplit(response.headers.get("Location", "")).netloc) or "elsewhere"
            return ProviderError(
                f"{host} answered {status}, a redirect to {target}; redirects are not followed, "
                "as they would carry the key along: write the final address as base_url"
            )
        if status in (401, 403):
            name = self._endpoint.key_name
            message += f" (key from {name})" if self._endpoint.key else " (no key was sent; name one in api_key_env)"
        spent = status == 429 and code in _SPENT
        retryable = (status in (408, 429) or status >= 500) and not spent
        return ProviderError(message, retryable=retryable, retry_after_s=_retry_after(response.headers))


def _proxy(address: str | None) -> tuple[URL | None, Mapping[str, str] | None]:
    """A proxy's URL without its password, and the header that carries it."""
    if address is None:
        return None, None
    url = URL(address)
    if url.user is None:
        return url, None
    login = b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"Proxy-Authorization": f"Basic {login}"}


def _error_of(body: bytes) -> tuple[str, str]:
    """Code and message of an error body, whatever its shape."""
    text = body[:65536].decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        if isinstance(error, str):
            return "", error
        return str(error.get("code") or error.get("type") or ""), str(error.get("message") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", text


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` as seconds or as a date."""
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000.0
    text = headers.get("Retry-After")
    if text is None or (seconds := _number(text)) is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, TypeError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
