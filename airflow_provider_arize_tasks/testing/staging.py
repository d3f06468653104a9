"""What the fixtures stage at the emulator, and a word of caution before a test writes to somebody's Airflow."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_arize_tasks.client.models import Task
    from airflow_provider_arize_tasks.emulator.control import EmulatorControl
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

DATASET = "demo-dataset"
_CONFIGURATION = {
    "experiment_type": "LLM_GENERATION",
    "ai_integration_id": "demo-openai",
    "model_name": "gpt-4o",
    "input_variable_format": "MUSTACHE",
    "messages": [{"role": "USER", "content": "{{input}}"}],
}


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
        task_id = _task(
            "staged experiments", space, hook, hook.create_run_experiment_task, run_configuration=_CONFIGURATION
        )
        run = hook.wait_for_run(hook.trigger_run(task=task_id, experiment_name=name).id, poll_interval=0.05)
        for evaluator in evaluators:
            judge = _task(
                f"staged {evaluator}",
                space,
                hook,
                hook.create_evaluation_task,
                task_type="TEMPLATE_EVALUATION",
                evaluators=[{"evaluator_id": hook.resolve_evaluator(evaluator, space)}],
                experiment_ids=[str(run.experiment_id)],
            )
            judged = hook.trigger_run(task=judge, experiment_ids=[str(run.experiment_id)])
            hook.wait_for_run(judged.id, poll_interval=0.05)
    return {"id": run.id, "task_id": task_id, "experiment_id": run.experiment_id, "experiment_name": name}


def _task(name: str, space: str, hook: ArizeHook, create: Callable[..., Task], **fields: Any) -> str:
    """The id of the task of a name over the seeded dataset, which is made where there is none."""
    for task in hook.iter_tasks(name=name, space=space):
        if task.name == name:
            return str(task.id)
    return str(create(name=name, dataset=DATASET, space=space, **fields).id)
