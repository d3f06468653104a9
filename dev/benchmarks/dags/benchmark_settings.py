"""What the DAGs of the benchmarks have in common. A module of its own, since each kind of them has a file of its own:
what one imports must not be counted against the other."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

START = datetime.fromisoformat(os.environ["BENCHMARK_START"])
END = datetime.fromisoformat(os.environ["BENCHMARK_END"])
COUNT = int(os.environ["BENCHMARK_COUNT"])
SECONDS = float(os.environ["BENCHMARK_SECONDS"])
DEFAULTS: dict[str, Any] = {"retries": 6, "retry_delay": timedelta(seconds=1)}
# Its first scheduled run is yet to come: the backfill makes all of its runs.
DAILY = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
