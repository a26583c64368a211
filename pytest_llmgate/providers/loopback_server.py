"""A small OpenAI-compatible server on 127.0.0.1 that plays a script, faults included."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from http import HTTPStatus
from threading import Thread
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.providers.script import Call, Fault, OutOfReplies, Script

_MAX_BODY = 64 * 1024 * 1024


class LoopbackServer:
    """Listens as soon as it is made, in a thread of its own, on a free port; `with` or `close()` stops it.

    script: what it says, shared with whoever else plays it. model: named in replies that name none.
    base_url: for `base_url` or OPENAI_BASE_URL, ends in /v1. calls: what was asked, with headers.
    Raises OSError where no port can be opened.
    """

    def __init__(self, script: Script, *, model: str = "mock") -> None:
        self._script = script
        self._model = model
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = Thread(target=self._run, name="llmgate-loopback", daemon=True)
        self._thread.start()

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in order of arrival."""
        return self._script.calls

    def __enter__(self) -> LoopbackServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and drop open connections; may be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, sock=self._listener)
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # lets the closed connections go

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client leaves or a fault ends the connection."""
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the server is being closed
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False where the connection is over."""
        method, path, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        length = headers.get("content-length", "0" if method == "GET" else "")
        if not length.isdigit() or int(length) > _MAX_BODY:
            return await _send(writer, 411, _error("a request needs a Content-Length"))
        body = await reader.readexactly(int(length))
        if method == "GET" and path.endswith("/models"):
            models = {"object": "list", "data": [{"id": self._model, "object": "model"}]}
            return await _send(writer, 200, _bytes(models))
        moderates = path.endswith("/moderations")
        if method != "POST" or not (moderates or path.endswith("/chat/completions")):
            return await _send(writer, 404, _error(f"there is no {method} {path} here"))
        call = _call(_as_chat(body) if moderates else body, headers)
        if isinstance(call, str):
            return await _send(writer, 400, _error(call))
        return await self._answer(writer, call, _moderation if moderates else _completion)

    async def _answer(self, writer: asyncio.StreamWriter, call: Call, form: Callable[[Reply, Call], bytes]) -> bool:
        """What the script says to a call, in the form of its endpoint."""
        try:
            if self._script.computes:  # a function of the user's may block
                item, delay = await asyncio.to_thread(self._script.answer, call)
            else:
                item, delay = self._script.answer(call)
        except OutOfReplies as fault:
            return await _send(writer, 400, _error(str(fault), "out_of_replies"))
        except Exception as fault:
            return await _send(writer, 500, _error(f"the script raised {type(fault).__name__}: {fault}"))
        await asyncio.sleep(delay)
        if isinstance(item, Reply):
            return await _send(writer, 200, form(item, call))
        return await _misbehave(writer, item if isinstance(item, Fault) else _as_fault(item), call)


def _head(data: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, path without query, and headers with lower-case names."""
    first, *lines = data.decode("latin-1").rstrip().split("\r\n")
    method, path, *_ = [*first.split(" "), "", ""]
    pairs = (line.partition(":") for line in lines)
    return method, path.partition("?")[0], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _call(body: bytes, headers: Mapping[str, str]) -> Call | str:
    """The call that a body holds, or what is wrong with it."""
    try:
        asked = json.loads(body)
        model, messages = asked.pop("model"), asked.pop("messages")
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return "the body must be a JSON object with model and messages"
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return "messages must be a list of objects"
    if asked.get("stream"):
        return "the loopback server does not stream"
    seed = asked.pop("seed", 0)
    return Call(
        model=str(model),
        messages=tuple(messages),
        params=asked,
        seed=seed if isinstance(seed, int) else 0,
        headers=headers,
    )


def _as_chat(body: bytes) -> bytes:
    """A request for moderation as a chat whose one message is its input; as it is where it is none."""
    try:
        asked = json.loads(body)
        asked["messages"] = [{"role": "user", "content": asked.pop("input")}]
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return body
    return _bytes(asked)


def _moderation(reply: Reply, call: Call) -> bytes:
    """The body of a moderation: the reply's object is its one result, any other text stands there as it is."""
    try:
        result = json.loads(reply.text)
    except (ValueError, RecursionError):
        result = reply.text
    return _bytes({"id": "modr-loopback", "model": reply.model or call.model, "results": [result]})


def _as_fault(error: type[BaseException] | BaseException) -> Fault:
    """What an exception of the script looks like from the other side of a connection."""
    kind = error if isinstance(error, type) else type(error)
    if issubclass(kind, ConnectionError):
        return Fault(reset=True)
    status = 504 if issubclass(kind, TimeoutError) else 500
    return Fault(status=status, body=_error(f"{kind.__name__} (scripted)"))


async def _misbehave(writer: asyncio.StreamWriter, fault: Fault, call: Call) -> bool:
    """Act out a fault; True where the connection lives on."""
    if fault.reset:
        _reset(writer)
        return False
    status = fault.status or 200
    body = fault.body.encode() if isinstance(fault.body, str) else fault.body
    if body is None:
        body = _completion(Reply("half a reply"), call) if status == 200 else _error(f"scripted fault {status}")
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.half:
        writer.write(_header(status, len(body), headers) + body[: len(body) // 2])
        await writer.drain()
        return False
    return await _send(writer, status, body, headers)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees a reset, not an orderly end."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _send(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> bool:
    writer.write(_header(status, len(body), headers or {}) + body)
    await writer.drain()
    return True


def _header(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Scripted"
    fields = {"Content-Type": "application/json", "Content-Length": str(length), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1")


def _error(message: str, code: str = "scripted") -> bytes:
    return _bytes({"error": {"message": message, "type": "loopback", "code": code}})


def _completion(reply: Reply, call: Call) -> bytes:
    """The body of a chat completion. Token counts that the reply leaves out are its words, as a stand-in."""
    refused = reply.finish_reason == "refusal"
    message: dict[str, Any] = {"role": "assistant", "content": None if refused else reply.text}
    message["refusal"] = reply.text if refused else None
    if reply.tool_calls:
        message["tool_calls"] = list(reply.tool_calls)
    asked = " ".join(str(part.get("content")) for part in call.messages)
    read = _words(asked) if reply.input_tokens is None else reply.input_tokens
    written = _words(reply.text) if reply.output_tokens is None else reply.output_tokens
    finish = "stop" if refused or reply.finish_reason is None else reply.finish_reason
    return _bytes(
        {
            "id": "chatcmpl-loopback",
            "object": "chat.completion",
            "created": 0,
            "model": reply.model or call.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }
    )


def _words(text: str) -> int:
    return len(text.split()) or 1


def _bytes(value: Any) -> bytes:
    return json.dumps(plain(value)).encode()
