"""Fills the database of a real Airflow with two months of records; run by that Airflow's Python.

Arguments: folder of reports.
"""

from __future__ import annotations

import sys
from datetime import datetime, time, timedelta, timezone
from typing import Any

from tests.integration.ui import seed

REASON = (
    "window 2026-11-20T00:00:00.000Z/P1D: run UnVuOjE ended FAILED (0 succeeded, 0 errors, 0 skipped): the model "
    "gpt-4o-judge is gone. The next attempt, if there is one, triggers a new run"
)
#: What the gap operator saw, in days before its DAG run. Some of it the records of runs don't tell.
SEEN = [
    (30, 26, "covered"),
    (26, 24, "stale"),
    (24, 15, "covered"),
    (15, 14, "let go"),
    (14, 11, "covered"),
    (11, 10, "truncated"),
    (10, 7, "covered"),
    (7, 6, "missing"),
    (6, 3, "covered"),
    (3, 2, "failed"),
    (2, 1, "covered"),
    (1, 0, "early"),
]


def main(reports: str) -> None:
    """Write the records."""
    today = datetime.combine(datetime.now(timezone.utc).date(), time(), timezone.utc)
    nights = [today - timedelta(days=number) for number in range(60, -1, -1)]
    failed, full, hole, bare = nights[-4], nights[-12], nights[-8], nights[-16]
    cut: dict[str, Any] = {"result": {"num_successes": 10_000}}
    records = []
    for night in nights:
        given: dict[str, Any] = {"name": "answer quality", "arize": "VGFzazox"}
        if night == failed:
            records.append(seed.evaluation("support_daily", night, state="failed", reason=REASON, **given))
        elif night == full:
            records.append(seed.evaluation("support_daily", night, **cut, **given))
        elif night == nights[-1]:
            records.append(seed.evaluation("support_daily", night, state="deferred", **given))
        elif night == bare:
            records.append(seed.evaluation("support_daily", night, state="skipped", xcoms={"arize_run": None}, **given))
        elif night != hole:
            records.append(seed.evaluation("support_daily", night, **given))
        records.append(seed.evaluation("finance_daily", night, name="payslip tone", arize="VGFzazoz"))
        records.append(seed.experiment("support_nightly", night))
        bad = night == nights[-2]
        result: dict[str, Any] = {"report": f"{reports}/night.html"} if bad else {}
        if night == nights[-20]:
            result = {"remarks": [{"outcome": "judge_changed", "message": "judge correctness: version 3 to 4"}]}
        score = 0.55 if bad else 0.8 + 0.02 * ((night.day * 7) % 5 - 2) / 2
        records.append(seed.check("support_nightly", night, passed=not bad, score=score, result=result))
    records.append(seed.look("support_daily", nights[-2], SEEN, name="answer quality"))
    seed.write(records)


if __name__ == "__main__":
    main(sys.argv[1])
