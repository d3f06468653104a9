"""The evaluators of a task as judges: since when today's version of each exists, and what one of its units is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import EvaluatorVersion, TaskEvaluator


class Unit(str, Enum):
    """What an evaluator judges one at a time."""

    SPAN = "span"
    TRACE = "trace"
    SESSION = "session"

    @classmethod
    def of(cls, text: Any) -> Unit:
        """The unit by the API's ``data_granularity``; spans where it says nothing."""
        try:
            return cls(str(text).strip().lower())
        except ValueError:
            return cls.SPAN


@dataclass(frozen=True, kw_only=True)
class Judge:
    """An evaluator as a task uses it today.

    :param name: its name, for people.
    :param evaluator_id: its id.
    :param label: name of the column that its labels stand in; ``None`` if it is not known.
    :param version_id: the version a run would use today; ``None`` if it is not known.
    :param is_pinned: whether the task pins that version.
    :param since: when that version was made. A run made before can't have used it. ``None`` if it is not known.
    :param attached: no run made before used this evaluator at all: it did not exist, or was not part of the task as far
        as a record tells. ``None`` if nothing is known.
    :param unit: what it judges one at a time.
    :param query_filter: its own filter.
    :param is_known: whether the API told its versions.
    """

    name: str
    evaluator_id: str | None = None
    label: str | None = None
    version_id: str | None = None
    is_pinned: bool = False
    since: datetime | None = None
    attached: datetime | None = None
    unit: Unit = Unit.SPAN
    query_filter: str | None = None
    is_known: bool = True

    @property
    def key(self) -> str:
        """What tells it in a record from what the task used before: its id, with the version it is pinned to."""
        pin = self.version_id if self.is_pinned else "latest"
        return f"{self.evaluator_id or self.name}@{pin}"


def judge_of(evaluator: TaskEvaluator, versions: Sequence[EvaluatorVersion] | None) -> Judge:
    """An evaluator of a task with what its versions tell.

    :param evaluator: as attached to the task.
    :param versions: its versions in any order; ``None`` if they can't be read.
    """
    name = evaluator.evaluator_name or evaluator.evaluator_id or "evaluator"
    pinned = evaluator.evaluator_version_id
    judge = Judge(
        name=name,
        evaluator_id=evaluator.evaluator_id,
        version_id=pinned,
        is_pinned=bool(pinned),
        query_filter=evaluator.query_filter,
        is_known=bool(versions),
    )
    if not versions:
        return judge
    dated = [each for each in versions if each.created_at is not None]
    if pinned:
        current = next((each for each in versions if each.id == pinned), None)
    else:
        current = max(dated, key=lambda each: (each.created_at, each.id), default=versions[0])
    config = _config(current)
    return replace(
        judge,
        label=text_of(config.get("name")),
        version_id=current.id if current is not None else pinned,
        since=current.created_at if current is not None else None,
        attached=min((each.created_at for each in dated if each.created_at is not None), default=None),
        unit=Unit.of(config.get("data_granularity")),
    )


def attached_since(judges: Iterable[Judge], record: Mapping[str, datetime]) -> tuple[Judge, ...]:
    """The judges with what a record tells of when each became part of the task.

    :param judges: of the task.
    :param record: by :attr:`Judge.key`, the time before which the task was seen without it.
    """
    return tuple(
        replace(judge, attached=max(filter(None, (judge.attached, record.get(judge.key))), default=None))
        for judge in judges
    )


def named(judges: Sequence[Judge]) -> list[tuple[str, Judge]]:
    """The judges by names that are all different.

    :param judges: of a task.
    """
    names = [judge.name for judge in judges]
    return [(judge.name if names.count(judge.name) == 1 else f"{judge.name} ({judge.key})", judge) for judge in judges]


def _config(version: EvaluatorVersion | None) -> Mapping[str, Any]:
    found = None if version is None else version.template_config or version.code_config
    return found or {}


def text_of(value: Any) -> str | None:
    """A text that was sent or stored; ``None`` if it is none, or empty."""
    return value if isinstance(value, str) and value else None
