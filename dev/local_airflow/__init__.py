"""A real Airflow on this machine, for the tests, the demo and the benchmarks. Not part of the installed package.

:class:`LocalAirflow` starts API server, scheduler with ``LocalExecutor`` and triggerer from an empty folder, on free
ports of the loopback address, and leaves nothing behind. :class:`AirflowApi` talks to it.
"""

from __future__ import annotations

from dev.local_airflow.api import AirflowApi, ApiError
from dev.local_airflow.instance import LocalAirflow, LocalAirflowError
from dev.local_airflow.processes import TaskProcess

__all__ = ["AirflowApi", "ApiError", "LocalAirflow", "LocalAirflowError", "TaskProcess"]
