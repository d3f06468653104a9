"""Benchmark 5: does a wait get dearer when there are more of them, or when they are spread over more tasks?"""

from __future__ import annotations

from dev.benchmarks.common import save, table
from dev.benchmarks.waiting import wait

#: Waits, tasks, how much faster than real time. CPU, requests and memory don't depend on it as long as the loop has
#: time to spare, so it goes faster here than where delays are measured.
FULL = [(100, 1, 20), (1_000, 1, 20), (10_000, 1, 10), (1_000, 10, 20), (1_000, 100, 20), (10_000, 100, 10)]
QUICK = [(100, 1, 20), (1_000, 1, 20), (1_000, 10, 20)]


def main(*, quick: bool = False) -> None:
    """Measure, print, save."""
    found = [wait("ours", *case) for case in (QUICK if quick else FULL)]
    table(
        "Cost of one wait on a ten-minute run",
        ["waits", "tasks", "CPU ms/wait", "requests/wait", "requests/task", "KiB/wait"],
        [
            [
                each["waits"],
                each["tasks"],
                each["cpu"] / each["waits"] * 1e3,
                each["requests"] / each["waits"],
                each["requests"] / each["tasks"],
                each["kib_per_wait"],
            ]
            for each in found
        ],
    )
    save("growth", found)
