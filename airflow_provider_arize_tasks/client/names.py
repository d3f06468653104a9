"""Names and ids: telling one from the other, and finding the id of a name.

The test for an id and the rule for names are those of the vendor's SDK, so that what is an id (or a match) there is one
here: an id is base64 of a text with a colon; a name matches exactly, upper and lower case told apart, although the
server's own filter finds any part of a name in any case.
"""

from __future__ import annotations

import base64
import binascii
import logging
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeNameError
from airflow_provider_arize_tasks.client.paging import iterate
from airflow_provider_arize_tasks.client.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.models import AiIntegration, Experiment, Page, Space, Task

log = logging.getLogger(__name__)

#: The server takes no longer text for its filter; it is only a filter, so a longer name is cut.
_MAX_FILTER = 255


class HasName(Protocol):
    """Anything with an id and a name."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str | None:
        """Its name."""


N = TypeVar("N", bound=HasName)
S = TypeVar("S")


class Send(Protocol):
    """Sends a call and returns its reply."""

    def __call__(self, call: Call[S], /) -> S:
        """Send it."""


class ListInSpace(Protocol[N]):
    """The call for a page of what a space holds, all of it or what has a name."""

    def __call__(self, *, space_id: str, name: str | None, cursor: str | None) -> Call[Page[N]]:
        """Make the call."""


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
    """Finds what bears a name, and remembers it for as long as it lives.

    :param send: sends a call.
    :param default_space: space in which names are looked up when the caller gives none (name or id).
    """

    def __init__(self, send: Send, default_space: str | None = None) -> None:
        self._send = send
        self._default_space = default_space
        self._known: dict[tuple[str, str | None, str], Any] = {}

    def space(self, space: str | None) -> str | None:
        """The id of a space, of the default one for ``None``, or ``None`` when there is neither.

        :raises ArizeNameError: no or several spaces bear the name.
        """
        found = self.space_of_name(space)
        return found.id if found is not None else space or self._default_space or None

    def space_of_name(self, space: str | None) -> Space | None:
        """A space as listed, of the default one for ``None``; ``None`` when there is neither, or only an id is known.

        :raises ArizeNameError: no or several spaces bear the name.
        """
        wanted = space or self._default_space
        if not wanted or is_id(wanted):
            return None
        return self._find("space", wanted, None, lambda name, cursor: endpoints.list_spaces(name=name, cursor=cursor))

    def project(self, project: str, space: str | None = None) -> str:
        """The id of a project."""
        return self._in_space("project", project, space, endpoints.list_projects)

    def dataset(self, dataset: str, space: str | None = None) -> str:
        """The id of a dataset."""
        return self._in_space("dataset", dataset, space, endpoints.list_datasets)

    def evaluator(self, evaluator: str, space: str | None = None) -> str:
        """The id of an evaluator."""
        return self._in_space("evaluator", evaluator, space, endpoints.list_evaluators)

    def ai_integration(self, integration: str, space: str | None = None) -> str:
        """The id of an integration of an LLM provider."""
        return self._in_space("AI integration", integration, space, endpoints.list_ai_integrations)

    def agent_integration(self, integration: str, space: str | None = None) -> str:
        """The id of an integration of an agent. Others may bear the same name."""

        def agents(*, space_id: str | None, name: str | None, cursor: str | None) -> Call[Page[AiIntegration]]:
            return endpoints.list_integrations(space_id=space_id, name=name, type="AGENT", cursor=cursor)

        return self._in_space("agent integration", integration, space, agents)

    def prompt(self, prompt: str, space: str | None = None) -> str:
        """The id of a prompt of the Prompt Hub."""
        return self._in_space("prompt", prompt, space, endpoints.list_prompts)

    def task(self, task: str, space: str | None = None) -> str:
        """The id of a task."""
        return task if is_id(task) else self.task_of_name(task, space).id

    def task_of_name(self, task: str, space: str | None = None) -> Task:
        """The task of a name, as listed.

        :raises ArizeNameError: no or several tasks bear the name, or no space is known.
        """
        return self._find_in_space("task", task, space, endpoints.list_tasks)

    def experiment(self, experiment: str, dataset: str | None = None, space: str | None = None) -> str:
        """The id of an experiment of a dataset, or without one, of a space."""
        if is_id(experiment):
            return experiment
        if dataset is None:
            return self._in_space("experiment", experiment, space, endpoints.list_experiments)
        dataset_id = self.dataset(dataset, space)
        found = self._find(
            "experiment",
            experiment,
            dataset_id,
            lambda name, cursor: endpoints.list_experiments(dataset_id=dataset_id, name=name, cursor=cursor),
            f" in dataset {dataset!r}",
        )
        return found.id

    def find_task(self, name: str, space: str | None = None) -> Task | None:
        """The task of that name in a space, or ``None``. Always asks the server.

        :raises ArizeNameError: several bear the name, or no space is known.
        """
        space_id = self._space_for("task", name, space)
        return self._look("task", name, lambda n, c: endpoints.list_tasks(space_id=space_id, name=n, cursor=c))

    def find_experiment(self, name: str, dataset: str, space: str | None = None) -> Experiment | None:
        """The experiment of that name in a dataset, or ``None``. Always asks the server."""
        dataset_id = self.dataset(dataset, space)
        return self._look(
            "experiment", name, lambda n, c: endpoints.list_experiments(dataset_id=dataset_id, name=n, cursor=c)
        )

    def forget(self, kind: str) -> None:
        """Drop what is remembered of one kind, after something of it was renamed or deleted."""
        self._known = {key: value for key, value in self._known.items() if key[0] != kind}

    def _space_for(self, kind: str, wanted: str, space: str | None) -> str:
        space_id = self.space(space)
        if space_id is None:
            raise ArizeNameError(
                f"{kind} {wanted!r} is a name, and no space to look it up in is known: give the argument 'space',"
                f" or extra 'space' of the connection, or the {kind}'s id"
            )
        return space_id

    def _in_space(self, kind: str, wanted: str, space: str | None, listing: ListInSpace[N]) -> str:
        return wanted if is_id(wanted) else self._find_in_space(kind, wanted, space, listing).id

    def _find_in_space(self, kind: str, wanted: str, space: str | None, listing: ListInSpace[N]) -> N:
        space_id = self._space_for(kind, wanted, space)
        return self._find(
            kind,
            wanted,
            space_id,
            lambda name, cursor: listing(space_id=space_id, name=name, cursor=cursor),
            f" in space {space or self._default_space!r}",
        )

    def _find(
        self,
        kind: str,
        wanted: str,
        scope: str | None,
        call: Callable[[str | None, str | None], Call[Page[N]]],
        where: str = "",
    ) -> N:
        key = (kind, scope, wanted)
        if key not in self._known:
            found = self._look(kind, wanted, call, where)
            if found is None:
                raise nothing_called(kind, wanted, self._names(call), where)
            log.info("%s %r is %s", kind, wanted, found.id)
            self._known[key] = found
        known: N = self._known[key]
        return known

    def _look(
        self, kind: str, wanted: str, call: Callable[[str | None, str | None], Call[Page[N]]], where: str = ""
    ) -> N | None:
        pages = iterate(self._send, lambda cursor: call(wanted[:_MAX_FILTER], cursor))
        return the_one(kind, wanted, pages, where)

    def _names(self, call: Callable[[str | None, str | None], Call[Page[N]]]) -> list[str | None]:
        """Names to suggest: the first page of all there are. Best effort, it only serves a message."""
        try:
            return [item.name for item in self._send(call(None, None)).items]
        except ArizeError:
            return []
