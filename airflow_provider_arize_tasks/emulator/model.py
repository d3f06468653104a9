"""The things an Arize account holds, as plain records. Enums are kept in upper case, times in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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

    def version_at(self, now: int) -> EvaluatorVersion:
        """The version that "latest" stands for at a moment: the last one made by then.

        :param now: milliseconds since the epoch.
        """
        made = [version for version in self.versions if version.created_ms <= now]
        return made[-1] if made else self.versions[0]

    def version_for(self, pinned: str | None, now: int) -> EvaluatorVersion:
        """The version that judges: a task's pin, else the latest.

        :param pinned: ``evaluator_version_id`` of the task.
        :param now: milliseconds since the epoch.
        """
        found = next((version for version in self.versions if version.id == pinned), None)
        return found or self.version_at(now)

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
    """How a run will end, settled when it starts.

    :ivar is_staged: the counts are sent as they stand, whatever the run does.
    """

    status: str = COMPLETED
    reason: str | None = None
    successes: int = 0
    errors: int = 0
    skipped: int = 0
    is_staged: bool = False


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
            return self.outcome.status
        return RUNNING if now >= self.starts_ms else PENDING

    def is_over(self, now: int) -> bool:
        """Whether the run has ended at a moment."""
        return now >= self.ends_ms
