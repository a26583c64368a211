"""A server that answers every chat completion alike after a fixed time: `python -m benchmarks.mock_server`.

One `asyncio.Protocol`, no framework, so that the server is not what is measured. `GET /stats` says how many
requests came and how many were under way at once; the first line of output is the address.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass

ANSWER = "The capital is Paris."


@dataclass(slots=True)
class Counts:
    """What the server has seen."""

    requests: int = 0
    under_way: int = 0
    most_under_way: int = 0
    connections: int = 0


class Connection(asyncio.Protocol):
    """One kept-alive connection: a request is a head, and as many bytes as its Content-Length says."""

    def __init__(self, latency_s: float, counts: Counts) -> None:
        self._latency_s = latency_s
        self._counts = counts
        self._seen = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counts.connections += 1

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._seen[:end])
            size = end + 4 + _content_length(head)
            if len(self._seen) < size:
                return
            del self._seen[:size]
            self._take(head)

    def _take(self, head: bytes) -> None:
        target = head.split(b" ", 2)[1]
        if target.endswith(b"/stats"):
            counts = self._counts
            self._send(
                {
                    "requests": counts.requests,
                    "max_inflight": counts.most_under_way,
                    "connections": counts.connections,
                }
            )
        elif target.endswith(b"/chat/completions"):
            self._counts.requests += 1
            self._counts.under_way += 1
            self._counts.most_under_way = max(self._counts.most_under_way, self._counts.under_way)
            asyncio.get_running_loop().call_later(self._latency_s, self._answer)
        else:
            self._send({"error": {"message": "only /chat/completions and /stats are served"}}, 404)

    def _answer(self) -> None:
        self._counts.under_way -= 1
        self._transport.write(_COMPLETION)

    def _send(self, value: object, status: int = 200) -> None:
        self._transport.write(_response(value, status))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def _response(value: object, status: int = 200) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_COMPLETION = _response(
    {
        "id": "completion",
        "object": "chat.completion",
        "created": 0,
        "model": "mock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26},
    }
)


async def serve(port: int, latency_s: float) -> None:
    """Serve on loopback until cancelled; port 0 takes a free one."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency_s, counts), "127.0.0.1", port, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    given = parser.parse_args()
    try:
        asyncio.run(serve(given.port, given.latency_ms / 1000.0))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
