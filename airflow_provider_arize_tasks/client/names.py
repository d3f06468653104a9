"""Names and ids: telling one from the other, finding the id of a name, and putting ids for names into requests.

The test for an id and the rule for names are those of the vendor's SDK, so that what is an id (or a match) there is one
here: an id is base64 of a text with a colon; a name matches exactly, upper and lower case told apart, although the
server's own filter finds any part of a name in any case.
"""

from __future__ import annotations

import base64
import binascii
import logging
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.calls import Dialect
from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeNameError
from airflow_provider_arize_tasks.client.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.models import Experiment, Named, Page, Space, Task
    from airflow_provider_arize_tasks.client.sync import ArizeClient

log = logging.getLogger(__name__)

#: The server takes no longer text for its filter; it is only a filter, so a longer name is cut.
_MAX_FILTER = 255

N = TypeVar("N", bound="Named | Task")
T = TypeVar("T")

if TYPE_CHECKING:
    #: Makes the call for a page of a list, all of it or what has a name; of ``client.endpoints``.
    Listing = Callable[..., Call[Page[T]]]


def is_id(text: str) -> bool:
    """Whether a text is an id of the API: strict base64 of UTF-8 text that holds a colon.

    :param text: a name or an id.
    """
    try:
        return ":" in base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return False


def the_one(kind: str, wanted: str, candidates: Iterable[N], where: str = "") -> N | None:
    """The candidate whose name is exactly the wanted one, or ``None``.

    :param kind: what is looked for, for messages.
    :param wanted: the name.
    :param candidates: what the server listed.
    :param where: where was looked, for messages.
    :raises ArizeNameError: several bear the name.
    """
    exact = {candidate.id: candidate for candidate in candidates if candidate.name == wanted}
    if len(exact) > 1:
        ids = ", ".join(sorted(exact)[:5])
        raise ArizeNameError(
            f"{kind} {wanted!r}{where} is ambiguous, {len(exact)} bear the name; give one id of: {ids}"
        )
    return next(iter(exact.values()), None)


def nothing_called(kind: str, wanted: str, names: Iterable[str | None], where: str = "") -> ArizeNameError:
    """The error for a name that nothing bears, with the near ones.

    :param kind: what was looked for.
    :param wanted: the name.
    :param names: names that exist.
    :param where: where was looked.
    """
    known = [name for name in names if name]
    near = near_names(wanted, known)
    hint = f"; near: {_quoted(near)}" if near else f"; there are: {_quoted(sorted(known)[:5])}" if known else ""
    return ArizeNameError(
        f"there is no {kind} {wanted!r}{where} that this API key can read (names are told apart by case){hint}"
    )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(printable(name, 100)) for name in names)


def near_names(wanted: str, names: Sequence[str], count: int = 5) -> list[str]:
    """Names like the wanted one, the nearest first; case doesn't matter.

    :param wanted: the name nothing bears.
    :param names: names that exist.
    :param count: how many at most.
    """
    import difflib

    by_lower: dict[str, list[str]] = {}
    for name in names:
        same = by_lower.setdefault(name.lower(), [])
        if name not in same:
            same.append(name)
    lower = wanted.lower()
    near = difflib.get_close_matches(lower, by_lower, n=count, cutoff=0.5)
    near += [name for name in by_lower if name not in near and (lower in name or name in lower)]
    return [name for key in near for name in by_lower[key]][:count]


class Resolver:
    """Sends calls, and finds what bears a name, which it remembers for as long as it lives.

    :param client: sends the requests; whoever made it closes it.
    """

    def __init__(self, client: ArizeClient) -> None:
        self._client = client

    @property
    def client(self) -> ArizeClient:
        """Sends the requests."""
        return self._client

    @property
    def config(self) -> ClientConfig:
        """How the server is reached."""
        return self.client.config

    @cached_property
    def _dialect(self) -> Dialect:
        return Dialect(self.config.enum_case)

    @cached_property
    def _known(self) -> dict[tuple[str, ...], Named | Task]:
        """What was found, by its kind, its name and where it was looked for."""
        return {}

    def call(self, call: Call[T]) -> T:
        """Send any call of ``client.endpoints``, in the server's spelling of enums.

        :param call: the call.
        :return: its reply.
        """
        return self._dialect.send(self.client.send, call)

    def _iterate(self, listing: Listing[T], *path: str, **query: str | None) -> Iterator[T]:
        """Every item of a list, page after page."""
        return endpoints.iterate(self.call, lambda cursor: listing(*path, **query, cursor=cursor))

    def resolve_space(self, space: str | None = None) -> str | None:
        """The id of a space.

        :param space: name or id; default is the connection's space.
        :return: the id, or ``None`` when neither is given.
        :raises ArizeNameError: no or several spaces bear the name; the message lists the near ones.
        """
        found = self.space_of_name(space)
        return found.id if found is not None else space or self.config.space or None

    def space_of_name(self, space: str | None) -> Space | None:
        """A space as listed, of the default one for ``None``; ``None`` when there is neither, or only an id is known.

        :raises ArizeNameError: no or several spaces bear the name.
        """
        wanted = space or self.config.space
        return None if not wanted or is_id(wanted) else self._find("space", wanted, endpoints.list_spaces)

    def resolve_task(self, task: str, space: str | None = None) -> str:
        """The id of a task.

        :param task: name or id; an id is returned as it is, without asking the server.
        :param space: space to look a name up in.
        :raises ArizeNameError: no or several tasks bear the name, or no space is known.
        """
        return task if is_id(task) else self.task_of_name(task, space).id

    def task_of_name(self, task: str, space: str | None = None) -> Task:
        """The task of a name, as listed.

        :raises ArizeNameError: no or several tasks bear the name, or no space is known.
        """
        return self._find_in_space("task", task, space, endpoints.list_tasks)

    def resolve_project(self, project: str, space: str | None = None) -> str:
        """The id of a project; see :meth:`resolve_task`."""
        return self._in_space("project", project, space, endpoints.list_projects)

    def resolve_dataset(self, dataset: str, space: str | None = None) -> str:
        """The id of a dataset; see :meth:`resolve_task`."""
        return self._in_space("dataset", dataset, space, endpoints.list_datasets)

    def resolve_evaluator(self, evaluator: str, space: str | None = None) -> str:
        """The id of an evaluator; see :meth:`resolve_task`."""
        return self._in_space("evaluator", evaluator, space, endpoints.list_evaluators)

    def resolve_prompt(self, prompt: str, space: str | None = None) -> str:
        """The id of a prompt of the Prompt Hub; see :meth:`resolve_task`."""
        return self._in_space("prompt", prompt, space, endpoints.list_prompts)

    def resolve_ai_integration(self, integration: str, space: str | None = None) -> str:
        """The id of an integration of an LLM provider; see :meth:`resolve_task`."""
        return self._in_space("AI integration", integration, space, endpoints.list_ai_integrations)

    def resolve_agent_integration(self, integration: str, space: str | None = None) -> str:
        """The id of an integration of an agent; see :meth:`resolve_task`. Others may bear the same name."""
        agents = partial(endpoints.list_integrations, type="AGENT")
        return self._in_space("agent integration", integration, space, agents)

    def resolve_experiment(self, experiment: str, dataset: str | None = None, space: str | None = None) -> str:
        """The id of an experiment.

        :param experiment: name or id.
        :param dataset: dataset to look a name up in (name or id); without one, all experiments of the space are
            searched, which servers know since the API of SDK 8.44.
        :param space: space of the dataset, or to search.
        :raises ArizeNameError: no or several experiments bear the name, or no space is known.
        """
        if dataset is None or is_id(experiment):
            return self._in_space("experiment", experiment, space, endpoints.list_experiments)
        dataset_id, where = self.resolve_dataset(dataset, space), f" in dataset {dataset!r}"
        return self._find("experiment", experiment, endpoints.list_experiments, where, dataset_id=dataset_id).id

    def find_task(self, name: str, space: str | None = None) -> Task | None:
        """The task that bears exactly this name, or ``None``. Always asks the server.

        :param name: name of the task.
        :param space: space to look in.
        :raises ArizeNameError: several tasks bear the name, or no space is known.
        """
        return self._look("task", name, endpoints.list_tasks, space_id=self._space_for("task", name, space))

    def find_experiment(self, name: str, dataset: str, space: str | None = None) -> Experiment | None:
        """The experiment of a dataset that bears exactly this name, or ``None``. Always asks the server."""
        return self._look(
            "experiment", name, endpoints.list_experiments, dataset_id=self.resolve_dataset(dataset, space)
        )

    def body_of(self, given: Mapping[str, Any], space: str | None, dataset_id: str | None = None) -> dict[str, Any]:
        """The body of a request: names become ids, times become text, ``None`` (which clears) stays.

        :param given: checked arguments of a task to be created or changed, or of a run.
        :param space: space to look names up in.
        :param dataset_id: where experiments are looked up, if ``given`` names no dataset.
        """
        body: dict[str, Any] = {
            key: value.isoformat() if isinstance(value, datetime) else value for key, value in given.items()
        }
        if "task_type" in body:
            body["type"] = body.pop("task_type")
        if "evaluators" in body:
            body["evaluators"] = [
                {**item, "evaluator_id": self.resolve_evaluator(item["evaluator_id"], space)}
                for item in body["evaluators"]
            ]
        if "project" in body:
            body["project_id"] = self.resolve_project(body.pop("project"), space)
        if "dataset" in body:
            body["dataset_id"] = dataset_id = self.resolve_dataset(body.pop("dataset"), space)
        if "run_configuration" in body:
            body["run_configuration"] = self._configuration(body["run_configuration"], space)
        if "experiment_ids" in body:
            experiments = body["experiment_ids"]
            body["experiment_ids"] = [self.resolve_experiment(each, dataset_id, space) for each in experiments]
        if "evaluation_task_ids" in body:
            body["evaluation_task_ids"] = [self.resolve_task(each, space) for each in body["evaluation_task_ids"]]
        return body

    def _configuration(self, configuration: Mapping[str, Any], space: str | None) -> dict[str, Any]:
        """A run configuration with the id of its integration."""
        body = dict(configuration)
        if "ai_integration_id" in body:
            body["ai_integration_id"] = self.resolve_ai_integration(body["ai_integration_id"], space)
        if "integration_id" in body:
            body["integration_id"] = self.resolve_agent_integration(body["integration_id"], space)
        return body

    def _forget(self, kind: str) -> None:
        """Drop what is remembered of one kind, after something of it was renamed or deleted."""
        self._known = {key: value for key, value in self._known.items() if key[0] != kind}

    def _space_for(self, kind: str, wanted: str, space: str | None) -> str:
        space_id = self.resolve_space(space)
        if space_id is None:
            raise ArizeNameError(
                f"{kind} {wanted!r} is a name, and no space to look it up in is known: give the argument 'space',"
                f" or extra 'space' of the connection, or the {kind}'s id"
            )
        return space_id

    def _in_space(self, kind: str, wanted: str, space: str | None, listing: Listing[N]) -> str:
        return wanted if is_id(wanted) else self._find_in_space(kind, wanted, space, listing).id

    def _find_in_space(self, kind: str, wanted: str, space: str | None, listing: Listing[N]) -> N:
        space_id = self._space_for(kind, wanted, space)
        return self._find(kind, wanted, listing, f" in space {space or self.config.space!r}", space_id=space_id)

    def _find(self, kind: str, wanted: str, listing: Listing[N], where: str = "", **scope: str) -> N:
        key = (kind, wanted, *scope.values())
        if key not in self._known:
            found = self._look(kind, wanted, listing, where, **scope)
            if found is None:
                raise nothing_called(kind, wanted, self._names(listing, scope), where)
            log.info("%s %r is %s", kind, wanted, found.id)
            self._known[key] = found
        return cast("N", self._known[key])

    def _look(self, kind: str, wanted: str, listing: Listing[N], where: str = "", **scope: str) -> N | None:
        return the_one(kind, wanted, self._iterate(listing, **scope, name=wanted[:_MAX_FILTER]), where)

    def _names(self, listing: Listing[N], scope: Mapping[str, str]) -> list[str | None]:
        """Names to suggest: the first page of all there are. Best effort, it only serves a message."""
        try:
            return [item.name for item in self.call(listing(**scope)).items]
        except ArizeError:
            return []
