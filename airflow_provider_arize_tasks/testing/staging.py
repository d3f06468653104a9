"""What the fixtures stage at the emulator, and a word of caution before a test writes to somebody's Airflow."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.emulator.control import EmulatorControl

DATASET, INTEGRATION = "demo-dataset", "demo-openai"


class ArizeTestDatabaseWarning(UserWarning):
    """A DAG test would write to a database that is not one of a test."""


def database_in_use(environment: Mapping[str, str]) -> str | None:
    """The server of the Airflow database that ``dag.test()`` would write to, without user and password.

    :param environment: of the process.
    :return: ``None`` for SQLite, and where no database is configured (Airflow's default is SQLite).
    """
    url = environment.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "")
    if not url and "airflow.configuration" in sys.modules:  # never imported on account of this
        url = sys.modules["airflow.configuration"].conf.get("database", "sql_alchemy_conn", fallback="")
    parts = urlsplit(url)
    if not parts.scheme or parts.scheme.startswith("sqlite"):
        return None
    return f"{parts.scheme.partition('+')[0]} at {parts.hostname or 'a socket'}{parts.path}"


def caution() -> str | None:
    """What to warn of before a test; ``None`` if there is nothing."""
    found = database_in_use(os.environ)
    if found is None:
        return None
    return (
        f"Airflow is configured to use the database {found}: dag.test() writes DAG runs there. Set AIRFLOW_HOME to a "
        "folder of the tests, or AIRFLOW__DATABASE__SQL_ALCHEMY_CONN to a database of theirs"
    )


def stage_judged_experiment(
    control: EmulatorControl, name: str, *, mean: float, evaluators: Sequence[str], space: str
) -> dict[str, Any]:
    """Run an experiment over the seeded dataset and have it judged.

    :param control: of the emulator.
    :param name: of the experiment; unique in the dataset.
    :param mean: what its scores vary about, 0 to 1.
    :param evaluators: who judges it.
    :param space: where the dataset is.
    :return: what :class:`ArizeTriggerExperimentRunOperator` would return, in short: ``id``, ``task_id``,
        ``experiment_id`` and ``experiment_name``.
    """
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    for evaluator in evaluators:
        control.set_quality(evaluator, mean=mean, experiment=f"^{name}$")
    with ArizeHook() as hook:
        task_id = _experiment_task(hook, space)
        run = hook.wait_for_run(hook.trigger_run(task=task_id, experiment_name=name).id, poll_interval=0.05)
        for evaluator in evaluators:
            judge = _evaluation_task(hook, evaluator, str(run.experiment_id), space)
            judged = hook.trigger_run(task=judge, experiment_ids=[str(run.experiment_id)])
            hook.wait_for_run(judged.id, poll_interval=0.05)
    return {"id": run.id, "task_id": task_id, "experiment_id": run.experiment_id, "experiment_name": name}


def _experiment_task(hook: Any, space: str) -> str:
    name = "staged experiments"
    for task in hook.iter_tasks(name=name, space=space):
        if task.name == name:
            return str(task.id)
    configuration = {
        "experiment_type": "LLM_GENERATION",
        "ai_integration_id": INTEGRATION,
        "model_name": "gpt-4o",
        "input_variable_format": "MUSTACHE",
        "messages": [{"role": "USER", "content": "{{input}}"}],
    }
    made = hook.create_run_experiment_task(name=name, dataset=DATASET, space=space, run_configuration=configuration)
    return str(made.id)


def _evaluation_task(hook: Any, evaluator: str, experiment_id: str, space: str) -> str:
    name = f"staged {evaluator}"
    for task in hook.iter_tasks(name=name, space=space):
        if task.name == name:
            return str(task.id)
    made = hook.create_evaluation_task(
        name=name,
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": hook.resolve_evaluator(evaluator, space)}],
        dataset=DATASET,
        experiment_ids=[experiment_id],
        space=space,
    )
    return str(made.id)
