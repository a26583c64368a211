"""The least that the same calls can take: aiohttp, a fixed number of tasks, and nothing else.

`python -m benchmarks.raw_loop URL CALLS CONCURRENCY` prints the wall seconds of the calls as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter

import aiohttp


async def calls(url: str, count: int, concurrency: int) -> float:
    """Wall seconds from the first call to the last reply."""
    left = iter(range(count))
    asked = {"model": "mock", "temperature": 0.7, "messages": [{"role": "user", "content": "What is the capital?"}]}

    async def work(session: aiohttp.ClientSession) -> None:
        for seed in left:
            async with session.post(f"{url}/chat/completions", json={**asked, "seed": seed}) as response:
                reply = await response.json()
                assert reply["choices"][0]["message"]["content"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = perf_counter()
        await asyncio.gather(*(work(session) for _ in range(concurrency)))
        return perf_counter() - began


if __name__ == "__main__":
    print(json.dumps({"wall_s": asyncio.run(calls(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))}))
