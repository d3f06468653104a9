"""CPU time of reading the coverage of thousands of runs, apart from HTTP."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from airflow_provider_arize_tasks.client.models import RunStatus, TaskRun
from airflow_provider_arize_tasks.coverage.evidence import CoverageRules
from airflow_provider_arize_tasks.coverage.judges import Judge
from airflow_provider_arize_tasks.coverage.states import read_coverage
from airflow_provider_arize_tasks.windows.window import Window

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def main(runs: int = 5_000) -> float:
    """Measure, print and return the best of five, in seconds."""
    found = [
        TaskRun(
            id=f"run-{number}",
            status=RunStatus.COMPLETED if number % 7 else RunStatus.FAILED,
            data_start_time=FIRST + number * HOUR,
            data_end_time=FIRST + (number + 1 + number % 3) * HOUR,
            num_successes=number % 50,
            num_errors=number % 3,
            created_at=FIRST + (number + 5) * HOUR,
        )
        for number in range(runs)
    ]
    judges = (
        Judge(name="correctness", since=FIRST + runs // 2 * HOUR),
        Judge(name="toxicity", attached=FIRST + runs // 3 * HOUR),
    )
    rules = CoverageRules(judges=judges, settle=2 * HOUR)
    span = Window(FIRST, FIRST + runs * HOUR)
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        coverage = read_coverage(span, found, rules, now=span.end)
        read = time.process_time() - begun
        list(coverage.cells(24 * HOUR, timezone.utc, now=span.end))
        coverage.gaps(24 * HOUR, timezone.utc, now=span.end)
        best = min(best, time.process_time() - begun)
        print(f"{runs} runs, {len(judges)} evaluators: read {read:.3f} s")
    print(f"best, with calendar and gaps: {best:.3f} s")
    return best


if __name__ == "__main__":
    main()
