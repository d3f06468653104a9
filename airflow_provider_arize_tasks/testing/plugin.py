"""Pytest fixtures for tests of DAGs that use this provider.

Registered as the plugin ``arize_tasks``, so every pytest run in an environment with this provider loads this module:
it imports nothing but pytest until a fixture is used. ``-p no:arize_tasks`` switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.testing.runner import TaskResult

#: Seconds a run of the emulator lasts in tests, unless the test says otherwise.
RUN_SECONDS = 0.2
API_KEY = "ak-for-tests"
#: The space that the emulator holds from the start.
SPACE = "demo-space"


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker, so that ``--strict-markers`` knows it."""
    config.addinivalue_line(
        "markers",
        "arize(run_seconds=0.2, conn_id='arize_default'): how long runs last in arize_emulator, "
        "and which connection arize_connection defines",
    )


@pytest.fixture(scope="session")
def arize_emulator_process() -> Iterator[EmulatorProcess]:
    """One emulator process for the whole test run. Use ``arize_emulator``, which empties it before each test."""
    from airflow_provider_arize_tasks.emulator.process import running_emulator

    with running_emulator(run_seconds=RUN_SECONDS) as running:
        yield running


@pytest.fixture
def arize_emulator(request: pytest.FixtureRequest, arize_emulator_process: EmulatorProcess) -> EmulatorProcess:
    """A local Arize as freshly started: its seeded space, project, dataset, evaluators and spans; no runs, no faults.

    ``arize_emulator.url`` is its address; ``arize_emulator.control`` adds spans, chooses outcomes, injects faults and
    reports runs and the ledger of labels.
    """
    control = arize_emulator_process.control
    control.reset()
    control.configure(run_seconds=_marked(request, "run_seconds", RUN_SECONDS))
    return arize_emulator_process


@pytest.fixture
def arize_weather(arize_emulator: EmulatorProcess) -> Callable[..., dict[str, Any]]:
    """Let things go wrong by themselves at ``arize_emulator``, the same way in each test run.

    ``arize_weather("bad", seed=7)`` mixes skewed clocks, lagging lists, late effects, gateway pages, throttling and
    dropped connections; ``arize_weather(throttled=0.2)`` sets one of them. See
    :meth:`airflow_provider_arize_tasks.emulator.control.EmulatorControl.weather` for all.
    """
    return arize_emulator.control.weather


@pytest.fixture
def arize_connection(
    request: pytest.FixtureRequest, arize_emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A connection to ``arize_emulator`` and its space; gives its id, ``arize_default`` unless marked otherwise."""
    import json
    import warnings

    from airflow_provider_arize_tasks.testing.staging import ArizeTestDatabaseWarning, caution

    if (text := caution()) is not None:
        warnings.warn(text, ArizeTestDatabaseWarning, stacklevel=2)
    conn_id: str = _marked(request, "conn_id", "arize_default")
    connection = {"conn_type": "arize", "host": arize_emulator.url, "password": API_KEY, "extra": {"space": SPACE}}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
    return conn_id


@pytest.fixture
def arize_run_task(arize_connection: str) -> Callable[..., TaskResult]:
    """Run one task against ``arize_emulator``, deferral included, with no Airflow database.

    See :func:`airflow_provider_arize_tasks.testing.runner.run_task` for what it takes.
    """
    from airflow_provider_arize_tasks.testing.runner import run_task

    return run_task


@pytest.fixture
def arize_spans(arize_emulator: EmulatorProcess) -> Callable[..., list[str]]:
    """Add spans to ``arize_emulator`` and get their ids, to compare with what a DAG lists or labels.

    ``arize_spans(count=40, start="2026-11-22T00:00:00Z", end="2026-11-23T00:00:00Z")``; see
    :meth:`airflow_provider_arize_tasks.emulator.control.EmulatorControl.add_spans` for all it takes.
    """
    return arize_emulator.control.add_spans


@pytest.fixture
def arize_prompt(arize_emulator: EmulatorProcess) -> Callable[..., str]:
    """Add a prompt to the Prompt Hub of ``arize_emulator``, with a label, and get its id.

    ``arize_prompt("support-answer", "Answer: {{question}}", label="production")``.
    """

    def add(name: str, text: str, *, label: str | None = "production", **fields: Any) -> str:
        control = arize_emulator.control
        found = control.add_prompt(name, messages=[{"role": "USER", "content": text}], **fields)
        if label is not None:
            control.move_prompt_label(name, label)
        return found

    return add


@pytest.fixture
def arize_judged_experiment(arize_connection: str, arize_emulator: EmulatorProcess) -> Callable[..., dict[str, Any]]:
    """Run an experiment at ``arize_emulator`` and have it judged: a night for ``ArizeCheckExperimentOperator``.

    ``arize_judged_experiment("monday", mean=0.9)``, and the next one ``("tuesday", mean=0.4)``. What is returned can
    be given to the operator as ``experiment``.
    """
    from airflow_provider_arize_tasks.testing.staging import stage_judged_experiment

    def run(name: str, *, mean: float = 0.85, evaluators: tuple[str, ...] = ("correctness",)) -> dict[str, Any]:
        return stage_judged_experiment(arize_emulator.control, name, mean=mean, evaluators=evaluators, space=SPACE)

    return run


def _marked(request: pytest.FixtureRequest, name: str, default: Any) -> Any:
    marker = request.node.get_closest_marker("arize")
    return default if marker is None else marker.kwargs.get(name, default)
