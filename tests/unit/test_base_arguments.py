"""The list of Airflow's own arguments is complete for the Airflow that is installed."""

from __future__ import annotations

import inspect

import pytest
from airflow.providers.common.compat.sdk import BaseOperator, BaseSensorOperator

from airflow_provider_arize_tasks.base_arguments import OperatorArguments, SensorArguments
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor


@pytest.mark.parametrize(
    ("airflow", "listed"), [(BaseOperator, OperatorArguments), (BaseSensorOperator, SensorArguments)]
)
def test_every_argument_of_airflow_is_listed(airflow, listed):
    taken = inspect.signature(inspect.unwrap(airflow.__init__)).parameters.values()
    names = {each.name for each in taken if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)} - {"self"}
    assert names
    spelled = set(inspect.signature(inspect.unwrap(ArizeTaskRunSensor.__init__)).parameters)
    assert names - spelled <= set(listed.__annotations__)
