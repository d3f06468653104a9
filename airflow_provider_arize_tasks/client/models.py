"""What the Arize API answers, as typed and frozen objects.

Readers are tolerant: any field may be missing or null, either enum case is understood, and what a newer server adds is
kept in ``to_dict()``. Field names are the API's own (https://arize.com/docs/ax/rest-reference).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_arize_tasks.client.enums import UNSET as UNSET
from airflow_provider_arize_tasks.client.enums import RunStatus as RunStatus
from airflow_provider_arize_tasks.client.enums import TaskType as TaskType
from airflow_provider_arize_tasks.client.enums import Unset as Unset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ArizeObject:
    """Base of all replies: keeps what the server sent."""

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The object as plain JSON, exactly as the server sent it, fields unknown to this release included."""
        return copy.deepcopy(dict(self.raw))


@dataclass(frozen=True, kw_only=True)
class Task(ArizeObject):
    """A task. ``type_text`` is the type as the server spelled it (its case tells the server's dialect)."""

    id: str
    name: str | None = None
    type: TaskType = TaskType.UNKNOWN
    type_text: str | None = None
    project_id: str | None = None
    dataset_id: str | None = None
    sampling_rate: float | None = None
    is_continuous: bool | None = None
    query_filter: str | None = None
    query_filters: Mapping[str, Any] | None = None
    evaluators: tuple[TaskEvaluator, ...] = ()
    experiment_ids: tuple[str, ...] = ()
    run_configuration: Mapping[str, Any] | None = None
    last_run_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by_user_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskEvaluator(ArizeObject):
    """An evaluator as attached to a task."""

    evaluator_id: str | None = None
    evaluator_name: str | None = None
    evaluator_version_id: str | None = None
    query_filter: str | None = None
    column_mappings: Mapping[str, str] | None = None
    query_mappings: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class TaskRun(ArizeObject):
    """A run of a task. Counts are ``None`` when the server left them out."""

    id: str
    task_id: str | None = None
    status: RunStatus = RunStatus.UNKNOWN
    status_text: str | None = None
    experiment_id: str | None = None
    run_started_at: datetime | None = None
    run_finished_at: datetime | None = None
    data_start_time: datetime | None = None
    data_end_time: datetime | None = None
    num_successes: int | None = None
    num_errors: int | None = None
    num_skipped: int | None = None
    created_at: datetime | None = None
    created_by_user_id: str | None = None
    failure_reason: str | None = None

    @property
    def num_processed(self) -> int:
        """Successes, errors and skipped together; counts that are missing count as zero."""
        return (self.num_successes or 0) + (self.num_errors or 0) + (self.num_skipped or 0)


@dataclass(frozen=True, kw_only=True)
class Named(ArizeObject):
    """Anything with an id and a name that the API lists: a space, project, dataset, experiment, evaluator."""

    id: str
    name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Space(Named):
    """A space. ``organization_id`` is sent by servers of 8.59.1 and later only."""

    organization_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Project(Named):
    """A tracing project."""

    space_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset(Named):
    """A dataset; ``versions`` (newest first) come with a single get only."""

    space_id: str | None = None
    versions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Experiment(Named):
    """An experiment of a dataset, or a standalone one."""

    space_id: str | None = None
    dataset_id: str | None = None
    dataset_version_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluator(Named):
    """An evaluator; ``version`` comes with a single get only."""

    space_id: str | None = None
    type: str | None = None
    version: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class AiIntegration(Named):
    """An integration: of an LLM provider (``ai-integrations``) or, with type ``AGENT``, of an agent."""

    space_id: str | None = None
    type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Example(ArizeObject):
    """One example of a dataset; the author's columns are in ``raw``."""

    id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ExperimentRun(ArizeObject):
    """One row of an experiment: an example, its output or error, and its evaluations (free columns, in ``raw``)."""

    id: str | None = None
    example_id: str | None = None
    output: str | None = None
    error: str | None = None


T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Page(ArizeObject, Generic[T]):
    """One page of a list. ``next_cursor`` is ``None`` on the last page; ``has_more`` is what the server said of it."""

    items: tuple[T, ...] = ()
    next_cursor: str | None = None
    has_more: bool | None = None

    def __iter__(self) -> Iterator[T]:
        """The items of this page."""
        return iter(self.items)

    def __len__(self) -> int:
        """How many items this page holds."""
        return len(self.items)

    def to_df(self) -> pd.DataFrame:
        """The items of this page as a data frame, a row each, with the columns the server sent.

        :raises ImportError: pandas is not installed (it is not a dependency).
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_df() needs pandas: pip install 'airflow-provider-arize-tasks[pandas]'") from error
        return pd.DataFrame([item.to_dict() for item in self.items if isinstance(item, ArizeObject)])
