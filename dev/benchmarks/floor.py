"""The floor: what a bare GET costs. Prints one line of JSON with CPU seconds per GET.

``aiohttp`` and nothing else: one session, 20 connections, the reply parsed as JSON and thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import aiohttp


async def measure(url: str, run_ids: list[str], count: int) -> dict[str, float]:
    """Send so many GETs, 20 at a time."""
    connector = aiohttp.TCPConnector(limit=20)
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer key"}, connector=connector) as session:
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                async with session.get(f"{url}/v2/task-runs/{run_ids[number % len(run_ids)]}") as reply:
                    await reply.json()

        await asyncio.gather(*(work() for _ in range(20)))  # connections are open, modules are loaded
        numbers = iter(range(count))
        begin, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(20)))
        return {"gets": count, "cpu_per_get": (time.process_time() - cpu) / count, "wall": time.perf_counter() - begin}


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--runs", type=lambda text: text.split(","), required=True)
    parser.add_argument("--count", type=int, default=6000)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measure(arguments.url, arguments.runs, arguments.count))))


if __name__ == "__main__":
    main()
