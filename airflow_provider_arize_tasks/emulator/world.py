"""The emulator's state: one account with its spaces, projects, datasets, evaluators, tasks and runs, all in memory.

Records are plain; enums are kept in upper case, times in milliseconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from airflow_provider_arize_tasks.emulator.assumed import known
from airflow_provider_arize_tasks.emulator.checked import LENIENT, STRICT, Count, Seconds, Text
from airflow_provider_arize_tasks.emulator.common import Clock, Refusal, is_id, make_id
from airflow_provider_arize_tasks.emulator.levels import Level
from airflow_provider_arize_tasks.emulator.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_arize_tasks.emulator.rules import AnswerRule, OutcomeRule, QualityRule
    from airflow_provider_arize_tasks.emulator.spans import SpanStore

PENDING, RUNNING, COMPLETED, FAILED, CANCELLED = "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"
RUN_EXPERIMENT = "RUN_EXPERIMENT"
TEMPLATE_EVALUATION = "TEMPLATE_EVALUATION"
CODE_EVALUATION = "CODE_EVALUATION"


@dataclass(slots=True, kw_only=True)
class Record:
    """Anything with an id, a name and a time of creation."""

    number: int
    id: str
    name: str
    created_ms: int
    updated_ms: int


R = TypeVar("R", bound=Record)


@dataclass(slots=True, kw_only=True)
class Space(Record):
    """A space of an organization."""

    organization_id: str
    description: str = ""


@dataclass(slots=True, kw_only=True)
class Project(Record):
    """A tracing project; its spans are in the span store."""

    space_id: str
    project_type: str = "APPLICATION"


@dataclass(slots=True, kw_only=True)
class DatasetVersion(Record):
    """A saved state of a dataset."""

    dataset_id: str
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Dataset(Record):
    """A dataset with its versions, oldest first."""

    space_id: str
    versions: list[DatasetVersion] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class EvaluatorVersion(Record):
    """A version of an evaluator; ``config`` is its template or code configuration."""

    evaluator_id: str
    config: dict[str, Any] = field(default_factory=dict)
    message: str = "First version"

    @property
    def granularity(self) -> str:
        """What one evaluated unit is: SPAN, TRACE or SESSION."""
        return str(self.config.get("data_granularity") or "SPAN")


@dataclass(slots=True, kw_only=True)
class Evaluator(Record):
    """An evaluator with its versions, oldest first."""

    space_id: str
    type: str
    description: str = ""
    versions: list[EvaluatorVersion] = field(default_factory=list)

    def version_for(self, pinned: str | None, now: int) -> EvaluatorVersion:
        """The version that judges: a task's pin, else the latest, which is the last one made by a moment.

        :param pinned: ``evaluator_version_id`` of the task.
        :param now: milliseconds since the epoch.
        """
        found = [version for version in self.versions if version.id == pinned]
        made = found or [version for version in self.versions if version.created_ms <= now]
        return made[-1] if made else self.versions[0]

    @property
    def is_custom_code(self) -> bool:
        """Whether the latest version is a custom (not a managed) code evaluator."""
        return self.type == "CODE" and self.versions[-1].config.get("type") == "CUSTOM"


@dataclass(slots=True, kw_only=True)
class Integration(Record):
    """An integration: an LLM provider (``LLM``) or an agent endpoint (``AGENT``)."""

    space_id: str
    type: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PromptVersion(Record):
    """A saved state of a prompt; ``body`` holds messages, format, model and parameters, enums in upper case."""

    prompt_id: str
    body: dict[str, Any] = field(default_factory=dict)
    message: str = ""


@dataclass(slots=True, kw_only=True)
class Prompt(Record):
    """A prompt of the Prompt Hub with its versions, oldest first; ``labels`` maps a label to a version's id."""

    space_id: str
    description: str = ""
    versions: list[PromptVersion] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ExperimentRow:
    """One example's row of an experiment.

    :ivar scores: score, label and explanation by evaluator.
    :ivar labelled_by: the runs that gave them, by evaluator id.
    :ivar readable_ms: from when on the API shows scores that are late, by evaluator.
    """

    id: str
    example_id: str | None
    output: str | None
    error: str | None = None
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    labelled_by: dict[str, list[str]] = field(default_factory=dict)
    readable_ms: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Experiment(Record):
    """An experiment; it shows in the API from ``created_ms`` on."""

    space_id: str
    dataset_id: str
    dataset_version_id: str
    integration_id: str | None = None
    rows: list[ExperimentRow] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Task(Record):
    """A task; ``body`` holds its fields as given at creation, enums in upper case."""

    space_id: str
    type: str
    body: dict[str, Any]
    last_run_ms: int | None = None
    runs: list[Run] = field(default_factory=list)

    @property
    def evaluator_ids(self) -> list[str]:
        """Ids of the attached evaluators, in order."""
        return [item["evaluator_id"] for item in self.body.get("evaluators") or []]

    @property
    def pins(self) -> dict[str, str | None]:
        """Evaluator id -> the version the task pins; ``None`` where it follows the latest."""
        return {item["evaluator_id"]: item.get("evaluator_version_id") for item in self.body.get("evaluators") or []}


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a run will end, settled when it starts; the control path may end it at once.

    :ivar is_staged: the counts are sent as they stand, whatever the run does.
    """

    __pydantic_config__ = LENIENT

    status: Text = COMPLETED
    reason: Text | None = None
    successes: Count = 0
    errors: Count = 0
    skipped: Count = 0
    is_staged: bool = field(default=False, init=False)


@dataclass(slots=True, kw_only=True)
class Run(Record):
    """A run of a task; it has no name of its own.

    Its status follows from the clock, so that a run costs nothing while it goes on.

    :ivar versions: evaluator id -> the version that judges, chosen at the trigger.
    """

    task_id: str
    starts_ms: int
    ends_ms: int
    outcome: Outcome
    window: tuple[int, int] | None = None
    work: list[Any] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    experiment_id: str | None = None
    visible_ms: int = 0
    settled: bool = False
    versions: dict[str, str] = field(default_factory=dict)

    def status(self, now: int) -> str:
        """Status at a moment.

        :param now: milliseconds since the epoch.
        """
        if now >= self.ends_ms:
            return str(self.outcome.status)
        return RUNNING if now >= self.starts_ms else PENDING

    def is_over(self, now: int) -> bool:
        """Whether the run has ended at a moment."""
        return now >= self.ends_ms


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the control path may change at any time.

    :ivar run_seconds: seconds from trigger to end of a run.
    :ivar pending_seconds: the part of it that a run is PENDING; ``None`` stands for a tenth.
    :ivar hidden_seconds: how long a new run stays out of lists (a get by id finds it).
    :ivar index_lag_seconds: how long after its arrival an evaluation sees a span.
    :ivar span_lag_seconds: how long after its arrival ``POST /v2/spans`` finds a span.
    :ivar label_lag_seconds: how long after a run's end ``POST /v2/spans`` shows its labels.
    :ivar arrival_slack_seconds: how far from the range asked for ``POST /v2/spans`` looks for arrivals.
    :ivar spans_status: status that ``POST /v2/spans`` answers with, such as 404, 405 or 403; ``None`` serves it.
    :ivar evaluation_metadata: show the ids of task and run with each evaluation of a span.
    :ivar free_experiment_names: a deleted experiment's name can be used again.
    :ivar group_labels: ``all`` shows a label of a trace or session on each of its spans, ``first`` on its first.
    :ivar counts: ``items`` counts each evaluated span, trace or session once, ``per_evaluator`` once for each
        evaluator, ``spans`` the spans of a trace or session one by one.
    :ivar limit_applies: ``after_labels`` leaves labelled spans out before it takes the first ``max_spans``,
        ``before_labels`` takes the first and then leaves out the labelled ones among them.
    :ivar limit_counts: ``max_spans`` of a trace or session task counts ``spans``, or traces and sessions (``units``).
    :ivar evaluator_filters: heed the filter of a single evaluator of a task.
    :ivar oldest_first: list tasks and runs oldest first instead of newest first.
    :ivar turned: assumptions (see ``assumed``) that this server does not bear out.
    :ivar max_spans: limit of a run whose trigger gives none.
    :ivar record_requests: keep the requests for ``/_emulator/requests``.
    """

    __pydantic_config__ = STRICT

    run_seconds: Seconds = 2.0
    pending_seconds: Seconds | None = None
    hidden_seconds: Seconds = 0.0
    index_lag_seconds: Seconds = 0.0
    span_lag_seconds: Seconds = 0.0
    label_lag_seconds: Seconds = 0.0
    arrival_slack_seconds: Seconds = 4 * 60 * 60
    spans_status: Annotated[int, Field(ge=400, le=599)] | None = None
    evaluation_metadata: bool = True
    free_experiment_names: bool = True
    group_labels: Literal["all", "first"] = "all"
    counts: Literal["items", "per_evaluator", "spans"] = "items"
    limit_applies: Literal["after_labels", "before_labels"] = "after_labels"
    limit_counts: Literal["spans", "units"] = "spans"
    evaluator_filters: bool = True
    oldest_first: bool = False
    turned: Annotated[list[str], AfterValidator(known)] = field(default_factory=list)
    max_spans: Annotated[int, Field(ge=1)] = 10_000
    record_requests: bool = True


@dataclass(slots=True)
class World:
    """All state of one emulator.

    :ivar deleted_evaluators: space and name of each evaluator that was deleted.
    :ivar deleted_experiments: dataset and name of each experiment that was deleted.
    """

    level: Level = field(default_factory=Level)
    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    weather: Weather = field(default_factory=Weather)
    user_id: str = field(default_factory=lambda: make_id("User", 1))
    spaces: dict[str, Space] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    evaluators: dict[str, Evaluator] = field(default_factory=dict)
    integrations: dict[str, Integration] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    deleted_evaluators: set[tuple[str, str]] = field(default_factory=set)
    deleted_experiments: set[tuple[str, str]] = field(default_factory=set)
    tasks: dict[str, Task] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    spans: dict[str, SpanStore] = field(default_factory=dict)
    outcomes: list[OutcomeRule] = field(default_factory=list)
    answers: list[AnswerRule] = field(default_factory=list)
    quality: list[QualityRule] = field(default_factory=list)
    due: list[tuple[int, int, str]] = field(default_factory=list)
    runs_started: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)

    def next_number(self, kind: str) -> int:
        """The next number for an id of a kind, such as ``TaskRun``."""
        return self.take_numbers(kind, 1)[0]

    def take_numbers(self, kind: str, count: int) -> range:
        """The next numbers for ids of a kind."""
        first = self.numbers[kind] + 1
        self.numbers[kind] += count
        return range(first, first + count)

    def stamp(self, kind: str, name: str, at_ms: int | None = None) -> dict[str, Any]:
        """The fields of a new record: number, id, name and times.

        :param kind: kind of the id.
        :param name: name of the record.
        :param at_ms: time of creation; now by default.
        """
        number = self.next_number(kind)
        at = self.clock.now_ms() if at_ms is None else at_ms
        return {"number": number, "id": make_id(kind, number), "name": name, "created_ms": at, "updated_ms": at}

    def evaluator_name_taken(self, space_id: str, name: str) -> bool:
        """Whether an evaluator of a space has this name, or had it: names of deleted ones stay taken."""
        is_used = any(e.name == name and e.space_id == space_id for e in self.evaluators.values())
        return is_used or (space_id, name) in self.deleted_evaluators

    def experiment_name_taken(self, dataset_id: str, name: str) -> bool:
        """Whether an experiment of a dataset has this name, or had it and the name has not become free since."""
        # Assumes "deleted-experiment-name-is-free", which a certificate asks about.
        is_kept = not self.settings.free_experiment_names and (dataset_id, name) in self.deleted_experiments
        return is_kept or any(e.dataset_id == dataset_id and e.name == name for e in self.experiments.values())

    def version_of(self, dataset: Dataset, version_id: str | None) -> DatasetVersion:
        """A version of a dataset, the latest by default; 404 where it isn't one."""
        if version_id is None:
            return dataset.versions[-1]
        found = next((version for version in dataset.versions if version.id == version_id), None)
        if found is None:
            raise Refusal(404, f"dataset version {version_id} not found in dataset {dataset.id}")
        return found


def find(table: dict[str, R], record_id: Any, what: str) -> R:
    """A record by id.

    :param table: where to look.
    :param record_id: an id from a path, query or body.
    :param what: what it is called in the refusal.
    :raises Refusal: 400 for what doesn't have the form of an id, 404 where there is none.
    """
    if not isinstance(record_id, str) or not is_id(record_id):
        raise Refusal(400, f"{what} id is not a valid identifier: {record_id!r}")
    record = table.get(record_id)
    if record is None:
        raise Refusal(404, f"{what} {record_id} not found")
    return record


def by_name_or_id(table: dict[str, R], wanted: str | None, what: str) -> R:
    """A record by exact name or id for the control path; the first one if none is named.

    :raises Refusal: 404 where there is none.
    """
    records: Iterable[R] = table.values()
    for record in records:
        if wanted is None or wanted in (record.id, record.name):
            return record
    raise Refusal(404, f"no {what} {wanted!r}")
