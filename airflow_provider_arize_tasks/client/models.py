"""What the Arize API answers, as pydantic models.

Lenient: any field may be missing, null or of another type than documented and then reads as ``None`` (or empty); either
case of an enum is understood, an unknown word is ``UNKNOWN`` with its text beside it. Whatever the server sent stays in
``to_dict()``. Only what nothing can be done without raises :class:`ArizeReplyError`: no object where one is due, an
object without an id, a list that is no list. Field names are the API's own (https://arize.com/docs/ax/rest-reference).
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from airflow_provider_arize_tasks.client.enums import RunStatus as RunStatus
from airflow_provider_arize_tasks.client.enums import TaskType as TaskType
from airflow_provider_arize_tasks.client.errors import ArizeReplyError
from airflow_provider_arize_tasks.client.lenient import (
    Count,
    Flag,
    Id,
    MaybeObjects,
    Number,
    Object,
    Objects,
    Ref,
    Sentence,
    Status,
    Text,
    Texts,
    Time,
    Type,
    Word,
    made_by,
    objects,
)

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

T = TypeVar("T")


class ArizeObject(BaseModel):
    """Base of all replies: frozen, and keeps what the server sent."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, populate_by_name=True)

    #: What it is, for messages.
    KIND: ClassVar[str] = "an object"
    #: What the server sent, as parsed JSON. Empty for an object that did not come from a server.
    raw: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, *, kind: str | None = None, **options: Any) -> None:
        """A reply that messages call by its kind."""
        super().__init_subclass__(**options)
        cls.KIND = kind or cls.KIND

    @classmethod
    def read(cls, data: Any) -> Self:
        """The object that parsed JSON holds.

        :param data: parsed JSON.
        :raises ArizeReplyError: no object, or one without an id where one is due.
        """
        data = as_object(data, cls.KIND)
        _complete(cls)
        try:
            found = cls.model_validate(data)
        except ValidationError as error:
            raise _unreadable(cls.KIND, data, error) from None
        return _with_raw(found, data)

    def to_dict(self) -> dict[str, Any]:
        """The object as plain JSON, exactly as the server sent it, fields unknown to this release included."""
        if self.raw:
            return copy.deepcopy(dict(self.raw))
        return self.model_dump(mode="json", exclude_unset=True, by_alias=True)

    def to_json(self, **options: Any) -> str:
        """The same as JSON text.

        :param options: passed on to ``json.dumps``, such as ``indent=2``.
        """
        return json.dumps(self.to_dict(), **options)


_completed: set[type[ArizeObject]] = set()
_completing = threading.RLock()


def _complete(kind: type[ArizeObject]) -> None:
    """Let pydantic finish a model on its first use (``defer_build``), one thread at a time, from the start if need be.

    Pydantic 2.11 does that without a lock, and takes the unfinished validator away first: another thread meanwhile, or
    whoever goes on after an interruption, would read an object of the base class instead, without any field.
    """
    if kind in _completed:
        return
    with _completing:
        if kind not in _completed:
            kind.model_rebuild(force=True)
            _completed.add(kind)


def as_object(data: Any, what: str) -> dict[str, Any]:
    """Parsed JSON as an object.

    :param data: parsed JSON.
    :param what: what was expected, for the message.
    :raises ArizeReplyError: when it is anything else.
    """
    if isinstance(data, dict):
        return data
    if isinstance(data, Mapping):
        return dict(data)
    raise ArizeReplyError(f"expected {what}, got {type(data).__name__}")


def _with_raw(found: T, data: Mapping[str, Any]) -> T:
    # Beside the fields rather than one of them: no part of equality or of the repr, yet copied and pickled with them.
    found.__dict__["raw"] = data
    return found


def _unreadable(what: str, data: Mapping[str, Any], error: ValidationError) -> ArizeReplyError:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if wrong["loc"][:1] == ("id",):
        return ArizeReplyError(f"expected {what} with an id, got one without (fields: {_names(data)})")
    return ArizeReplyError(f"expected {what}, but it can't be read: {wrong['msg']}")


def _names(data: Mapping[str, Any]) -> str:
    names = ", ".join(sorted(str(key)[:40] for key in data)[:12])
    return names or "none"


class TaskEvaluator(ArizeObject, kind="an evaluator of a task"):
    """An evaluator as attached to a task."""

    evaluator_id: Ref = None
    evaluator_name: Text = None
    evaluator_version_id: Ref = None
    query_filter: Text = None
    column_mappings: Object = None
    query_mappings: MaybeObjects = None


def _evaluators(value: Any) -> tuple[TaskEvaluator, ...]:
    given = value if isinstance(value, (list, tuple)) else None
    items = objects(given and [item.to_dict() if isinstance(item, TaskEvaluator) else item for item in given])
    return tuple(TaskEvaluator.read(item) for item in items)


class Task(ArizeObject, kind="a task"):
    """A task. ``type_text`` is the type as the server spelled it (its case tells the server's dialect)."""

    id: Id
    name: Text = None
    type: Type = TaskType.UNKNOWN
    type_text: Word = Field(default=None, validation_alias="type", exclude=True)
    project_id: Ref = None
    dataset_id: Ref = None
    sampling_rate: Number = None
    is_continuous: Flag = None
    query_filter: Text = None
    query_filters: Object = None
    evaluators: Annotated[tuple[TaskEvaluator, ...], made_by(_evaluators, ())] = ()
    experiment_ids: Texts = ()
    run_configuration: Object = None
    last_run_at: Time = None
    created_at: Time = None
    updated_at: Time = None
    created_by_user_id: Ref = None


class TaskRun(ArizeObject, kind="a task run"):
    """A run of a task. Counts are ``None`` when the server left them out."""

    id: Id
    task_id: Ref = None
    status: Status = RunStatus.UNKNOWN
    status_text: Word = Field(default=None, validation_alias="status", exclude=True)
    experiment_id: Ref = None
    run_started_at: Time = None
    run_finished_at: Time = None
    data_start_time: Time = None
    data_end_time: Time = None
    num_successes: Count = None
    num_errors: Count = None
    num_skipped: Count = None
    created_at: Time = None
    created_by_user_id: Ref = None
    failure_reason: Sentence = None

    @property
    def num_processed(self) -> int:
        """Successes, errors and skipped together; counts that are missing count as zero."""
        return (self.num_successes or 0) + (self.num_errors or 0) + (self.num_skipped or 0)


class Named(ArizeObject):
    """Anything with an id and a name that the API lists: a space, project, dataset, experiment, evaluator."""

    id: Id
    name: Text = None
    created_at: Time = None
    updated_at: Time = None


class Space(Named, kind="a space"):
    """A space. ``organization_id`` is sent by servers of 8.59.1 and later only."""

    organization_id: Ref = None


class Project(Named, kind="a project"):
    """A tracing project."""

    space_id: Ref = None


class Dataset(Named, kind="a dataset"):
    """A dataset; ``versions`` (newest first) come with a single get only."""

    space_id: Ref = None
    versions: Objects = ()


class Experiment(Named, kind="an experiment"):
    """An experiment of a dataset, or a standalone one."""

    space_id: Ref = None
    dataset_id: Ref = None
    dataset_version_id: Ref = None


class Evaluator(Named, kind="an evaluator"):
    """An evaluator; ``version`` comes with a single get only."""

    space_id: Ref = None
    type: Text = None
    version: Object = None


class EvaluatorVersion(Named, kind="an evaluator version"):
    """A version of an evaluator; ``created_at`` tells since when "latest" has meant this one."""

    evaluator_id: Ref = None
    commit_message: Text = None
    template_config: Object = None
    code_config: Object = None


class AiIntegration(Named, kind="an integration"):
    """An integration: of an LLM provider (``ai-integrations``) or, with type ``AGENT``, of an agent."""

    space_id: Ref = None
    type: Text = None


class PromptVersion(Named, kind="a prompt version"):
    """A version of a prompt of the Prompt Hub."""

    messages: Objects = ()
    input_variable_format: Text = None
    provider: Text = None
    model: Text = None
    invocation_params: Object = None
    provider_params: Object = None
    labels: Texts = ()
    commit_hash: Text = None


def _prompt_version(value: Any) -> PromptVersion:
    try:
        return value if isinstance(value, PromptVersion) else PromptVersion.read(value)
    except ArizeReplyError as error:
        raise ValueError(str(error)) from None


class Prompt(Named, kind="a prompt"):
    """A prompt of the Prompt Hub; ``version`` comes with a single get only."""

    space_id: Ref = None
    description: Text = None
    version: Annotated[PromptVersion | None, made_by(_prompt_version)] = None


class Example(ArizeObject, kind="an example"):
    """One example of a dataset; the author's columns are in ``raw``."""

    id: Text = None
    created_at: Time = None
    updated_at: Time = None


class ExperimentRun(ArizeObject, kind="an experiment run"):
    """One row of an experiment: an example, its output or error, and its evaluations (free columns, in ``raw``)."""

    id: Text = None
    example_id: Ref = None
    output: Text = None
    error: Text = None


class Span(ArizeObject, kind="a span"):
    """A span of a trace, with the evaluations it carries (``name``, ``score``, ``label``, ``explanation``)."""

    name: Text = None
    kind: Text = None
    parent_id: Ref = None
    context: Object = None
    start_time: Time = None
    end_time: Time = None
    status_code: Text = None
    attributes: Object = None
    annotations: Objects = ()
    evaluations: Objects = ()

    @property
    def span_id(self) -> str | None:
        """Its id within the project."""
        value = (self.context or {}).get("span_id")
        return value if isinstance(value, str) else None

    @property
    def trace_id(self) -> str | None:
        """The trace it belongs to."""
        value = (self.context or {}).get("trace_id")
        return value if isinstance(value, str) else None


class Pagination(ArizeObject, kind="pagination"):
    """Where a list goes on. ``next_cursor`` is ``None`` on the last page; ``has_more`` is what the server said."""

    has_more: Flag = None
    next_cursor: Text = None


class Page(ArizeObject, Generic[T]):
    """One page of a list. Its items also go by the API's own name for them: ``page.tasks``, ``page.task_runs``, ...

    :ivar key: the API's name for the items.
    """

    key: str = "items"
    items: tuple[T, ...] = ()
    next_cursor: str | None = None
    has_more: bool | None = None

    @property
    def pagination(self) -> Pagination:
        """Whether there is more, and the cursor to it."""
        return Pagination(has_more=self.has_more, next_cursor=self.next_cursor)

    def __getattr__(self, name: str) -> list[T]:
        """The items under the API's name for them, as the vendor's SDK has them."""
        if not name.startswith("_") and name == self.__dict__.get("key"):
            return list(self.items)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __iter__(self) -> Iterator[T]:  # type: ignore[override]  # pydantic's own iterates over fields
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


M = TypeVar("M", bound=ArizeObject)


@cache
def _list_of(kind: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[kind])  # type: ignore[valid-type]  # a type made at run time


def _read_all(kind: type[M], items: list[Any]) -> tuple[M, ...]:
    """All items in one go; one by one only to say which of them can't be read."""
    _complete(kind)
    try:
        found = _list_of(kind).validate_python(items)
    except ValidationError:
        return tuple(kind.read(item) for item in items)
    for one, item in zip(found, items, strict=True):
        one.__dict__["raw"] = item
    return tuple(found)


def page_reader(key: str, kind: type[M]) -> Callable[[Any], Page[M]]:
    """A reader of one page of a list.

    A null list is an empty one (that is how some servers write it), and so is a missing one when the page says
    otherwise that it is a page. Anything else is no page: an answer that can't be read must not pass for an empty one.

    :param key: field that holds the items.
    :param kind: what the items are.
    """

    def read(data: Any) -> Page[M]:
        data = as_object(data, f"a list of {key}")
        pagination = data.get("pagination")
        if key not in data and not isinstance(pagination, dict):
            raise ArizeReplyError(f"expected a list of {key}, got an object without one (fields: {_names(data)})")
        items = data.get(key)
        if items is None:
            items = []
        if not isinstance(items, list):
            raise ArizeReplyError(f"expected a list of {key}, got {type(items).__name__} in its place")
        where = Pagination.read(pagination if isinstance(pagination, dict) else {})
        # Not validated again: the items are models already.
        page: Page[M] = Page.model_construct(
            key=key,
            items=_read_all(kind, items),
            next_cursor=where.next_cursor or None,
            has_more=where.has_more,
        )
        return _with_raw(page, data)

    return read
