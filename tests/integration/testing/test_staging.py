"""Fixtures that stage spans, prompts and judged experiments, and the word of caution before a real database."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.testing.plugin import (
    SPACE,
    arize_connection,
    arize_judged_experiment,
    arize_prompt,
    arize_spans,
)
from airflow_provider_arize_tasks.testing.runner import run_task
from airflow_provider_arize_tasks.testing.staging import ArizeTestDatabaseWarning, caution, database_in_use

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["arize_connection", "arize_judged_experiment", "arize_prompt", "arize_spans"]
DAY = {"start": "2026-11-22T00:00:00Z", "end": "2026-11-23T00:00:00Z"}


def test_spans(arize_connection: str, arize_spans: Callable[..., list[str]]) -> None:
    added = arize_spans(project="checkout", count=3, **DAY)
    with ArizeHook() as hook:
        listed = [span.span_id for span in hook.iter_spans("checkout", DAY["start"], DAY["end"], space=SPACE)]
    assert sorted(listed) == sorted(added)


def test_prompt(arize_connection: str, arize_prompt: Callable[..., str]) -> None:
    made = arize_prompt("tone", "Answer kindly: {question}")
    with ArizeHook() as hook:
        assert hook.get_prompt("tone", space=SPACE, label="production").id == made


def test_judged_experiment(arize_judged_experiment: Callable[..., dict[str, Any]]) -> None:
    arize_judged_experiment("monday", mean=0.9)
    check = ArizeCheckExperimentOperator(
        task_id="check", experiment=arize_judged_experiment("tuesday", mean=0.3), space=SPACE, wait_for_scores=0
    )
    result = run_task(check)
    assert result.state == "failed"
    assert result.xcoms["return_value"]["evaluators"]["correctness"]["outcome"] == "score_dropped"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql+psycopg2://airflow:secret@db.example.com/airflow", "postgresql at db.example.com/airflow"),
        ("mysql://u:p@127.0.0.1:3306/a", "mysql at 127.0.0.1/a"),
        ("sqlite:////tmp/airflow.db", None),
    ],
)
def test_a_database_of_a_server_is_named_without_its_password(url: str, found: str | None) -> None:
    assert database_in_use({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}) == found


def test_a_test_is_warned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://u:secret@db.example.com/airflow")
    with pytest.warns(ArizeTestDatabaseWarning, match="db.example.com/airflow") as warned:
        request.getfixturevalue("arize_connection")
    assert "secret" not in str(warned[0].message)


def test_none_is_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////tmp/a.db")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert caution() is None
