"""The Arize API as one object that knows no Airflow: everything this provider asks of a server, by name or id."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.client.tasks import TasksApi
from airflow_provider_arize_tasks.client.validation import check_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.models import (
        AiIntegration,
        Dataset,
        Evaluator,
        EvaluatorVersion,
        Example,
        Experiment,
        ExperimentRun,
        Page,
        Project,
        Prompt,
        Space,
    )

T = TypeVar("T")


class ArizeApi(TasksApi):
    """Tasks and runs, and what surrounds them: spaces, projects, datasets, experiments, evaluators, integrations.

    ``space`` is a name or an id everywhere and defaults to the space of the client's configuration.

    Methods raise the errors of ``client.errors``: :class:`ArizeValidationError` before anything is sent,
    :class:`ArizeNameError` for names, :class:`ArizeApiError` and its subclasses for what the server refuses,
    :class:`ArizeTransportError` and :class:`ArizeReplyError` where no usable answer came back.

    Not for several threads at once.

    :param client: sends the requests; whoever made it closes it.
    """

    def list_spaces(self, name: str | None = None, limit: int | None = None, cursor: str | None = None) -> Page[Space]:
        """One page of the spaces the key can read.

        :param name: part of the name, in any case.
        :param limit: most entries, 1 to 100; default is the server's (50).
        :param cursor: ``next_cursor`` of the page before.
        :raises ArizeError: see ``client.errors``.
        """
        return self._page(endpoints.list_spaces, {}, name, limit, cursor)

    def get_space(self, space: str) -> Space:
        """One space.

        :param space: name or id.
        """
        return self.call(endpoints.get_space(self.resolve_space(space) or space))

    def list_projects(
        self,
        space: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Project]:
        """One page of the projects of a space; see :meth:`list_spaces`."""
        return self._page(endpoints.list_projects, {"space_id": self.resolve_space(space)}, name, limit, cursor)

    def list_datasets(
        self,
        space: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Dataset]:
        """One page of the datasets of a space, without their versions; see :meth:`list_spaces`."""
        return self._page(endpoints.list_datasets, {"space_id": self.resolve_space(space)}, name, limit, cursor)

    def get_dataset(self, dataset: str, space: str | None = None) -> Dataset:
        """One dataset with its versions, the newest first.

        :param dataset: name or id.
        :param space: space to look a name up in.
        """
        return self.call(endpoints.get_dataset(self.resolve_dataset(dataset, space)))

    def iter_examples(
        self, dataset: str, space: str | None = None, dataset_version_id: str | None = None
    ) -> Iterator[Example]:
        """All examples of a dataset, 500 per request. Servers before the API of SDK 8.36 give 500 at most.

        :param dataset: name or id.
        :param space: space to look a name up in.
        :param dataset_version_id: version; default is the latest.
        :raises ArizeReplyError: the server has more but can't page.
        """
        dataset_id = self.resolve_dataset(dataset, space)
        return self._iterate(endpoints.list_dataset_examples, dataset_id, dataset_version_id=dataset_version_id)

    def list_experiments(
        self,
        dataset: str | None = None,
        space: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Experiment]:
        """One page of the experiments of a dataset, or without one, of a space; see :meth:`list_spaces`.

        :param dataset: name or id.
        :param space: space of the dataset, or to list.
        """
        return self._page(endpoints.list_experiments, self._scope(dataset, space), name, limit, cursor)

    def iter_experiments(
        self, dataset: str | None = None, space: str | None = None, name: str | None = None
    ) -> Iterator[Experiment]:
        """All experiments of a dataset, or without one, of a space; pages are followed.

        :param dataset: name or id.
        :param space: space of the dataset, or to list.
        :param name: part of the name, in any case.
        """
        given = self._checked(check_list, name=name)
        return self._iterate(endpoints.list_experiments, **self._scope(dataset, space), **given)

    def get_experiment(self, experiment: str, dataset: str | None = None, space: str | None = None) -> Experiment:
        """One experiment.

        :param experiment: name or id.
        :param dataset: dataset to look a name up in.
        :param space: space of the dataset, or to search.
        """
        return self.call(endpoints.get_experiment(self.resolve_experiment(experiment, dataset, space)))

    def iter_experiment_runs(
        self, experiment: str, dataset: str | None = None, space: str | None = None
    ) -> Iterator[ExperimentRun]:
        """All rows of an experiment, 500 per request. Servers before the API of SDK 8.38 give 500 at most.

        :param experiment: name or id.
        :param dataset: dataset to look a name up in.
        :param space: space of the dataset, or to search.
        :raises ArizeReplyError: the server has more but can't page.
        """
        return self._iterate(endpoints.list_experiment_runs, self.resolve_experiment(experiment, dataset, space))

    def list_evaluators(
        self,
        space: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Evaluator]:
        """One page of the evaluators of a space; see :meth:`list_spaces`."""
        return self._page(endpoints.list_evaluators, {"space_id": self.resolve_space(space)}, name, limit, cursor)

    def get_evaluator(self, evaluator: str, space: str | None = None, version_id: str | None = None) -> Evaluator:
        """One evaluator with one of its versions.

        :param evaluator: name or id.
        :param space: space to look a name up in.
        :param version_id: version; default is the latest.
        """
        return self.call(endpoints.get_evaluator(self.resolve_evaluator(evaluator, space), version_id))

    def get_prompt(
        self, prompt: str, space: str | None = None, label: str | None = None, version_id: str | None = None
    ) -> Prompt:
        """One prompt of the Prompt Hub with one of its versions.

        :param prompt: name or id.
        :param space: space to look a name up in.
        :param label: the version that carries this label, such as ``production`` (case counts).
        :param version_id: this version; excludes ``label``. Default is the latest.
        :raises ArizeValidationError: both ``label`` and ``version_id`` are given.
        :raises ArizeNotFoundError: no version carries the label, or there is no such version.
        """
        if label is not None and version_id is not None:
            raise ArizeValidationError(["label and version_id exclude each other: give one of them"])
        prompt_id = self.resolve_prompt(prompt, space)
        return self.call(endpoints.get_prompt(prompt_id, label=label, version_id=version_id))

    def iter_evaluator_versions(self, evaluator: str, space: str | None = None) -> Iterator[EvaluatorVersion]:
        """All versions of an evaluator, page after page.

        :param evaluator: name or id.
        :param space: space to look a name up in.
        """
        return self._iterate(endpoints.list_evaluator_versions, self.resolve_evaluator(evaluator, space))

    def list_integrations(
        self,
        space: str | None = None,
        name: str | None = None,
        integration_type: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[AiIntegration]:
        """One page of the integrations of a space, of LLM providers and of agents; see :meth:`list_spaces`.

        Servers know it since the API of SDK 8.41; before, there is :meth:`list_ai_integrations`.

        :param integration_type: only integrations of this type, such as ``AGENT`` or ``LLM``.
        """
        scope = {"space_id": self.resolve_space(space), "type": integration_type}
        return self._page(endpoints.list_integrations, scope, name, limit, cursor)

    def list_ai_integrations(
        self,
        space: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[AiIntegration]:
        """One page of the integrations of LLM providers in a space; see :meth:`list_spaces`."""
        return self._page(endpoints.list_ai_integrations, {"space_id": self.resolve_space(space)}, name, limit, cursor)

    def _page(
        self,
        listing: Callable[..., Call[Page[T]]],
        scope: dict[str, str | None],
        name: str | None,
        limit: int | None,
        cursor: str | None,
    ) -> Page[T]:
        """One page of a list, of the server's own length unless told."""
        given = self._checked(check_list, name=name, limit=limit, cursor=cursor)
        return self.call(listing(**scope, **{"limit": None, **given}))

    def _scope(self, dataset: str | None, space: str | None) -> dict[str, str | None]:
        """The API takes a dataset or a space, not both."""
        if dataset is not None:
            return {"dataset_id": self.resolve_dataset(dataset, space)}
        return {"space_id": self.resolve_space(space)}
