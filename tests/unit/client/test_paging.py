"""Every listing ends: at its end, or with an error that says why it was given up."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.endpoints import iterate
from airflow_provider_arize_tasks.client.errors import ArizeReplyError
from airflow_provider_arize_tasks.client.models import ExperimentRun, Page, TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.client.calls import Call


def call(cursor: str | None) -> Call[Page[TaskRun]]:
    return endpoints.list_task_runs("VGFzazoxOmE=", cursor=cursor)


def pages(*ids: str, more: Iterator[Page[TaskRun]] | None = None) -> Callable[[Call[Page[TaskRun]]], Page[TaskRun]]:
    """Serves one page for each text, whose letters are the ids on it."""

    def serve() -> Iterator[Page[TaskRun]]:
        for number, letters in enumerate(ids):
            is_last = number == len(ids) - 1 and more is None
            items = tuple(TaskRun(id=letter) for letter in letters)
            yield Page(items=items, next_cursor=None if is_last else f"c{number}")
        yield from more or ()

    served = serve()
    return lambda _call: next(served)


def found(*ids: str) -> str:
    return "".join(run.id for run in iterate(pages(*ids), call))


def test_to_the_end() -> None:
    assert found("abc", "de", "f") == "abcdef"
    assert found("") == ""


def test_a_list_that_shifts_may_repeat_what_it_had() -> None:
    assert found("abc", "abc", "cd", "", "", "e") == "abcabccde"


@pytest.mark.parametrize("stuck", ["a", "ab", ""])
def test_pages_that_bring_nothing_new_end_with_an_error(stuck: str) -> None:
    endless = (Page(items=tuple(TaskRun(id=each) for each in stuck), next_cursor=f"n{n}") for n in count())
    with pytest.raises(ArizeReplyError, match=r"list runs of task .*5 pages in a row brought nothing new"):
        list(iterate(pages("ab", more=endless), call))


def test_pages_in_a_circle_end_with_an_error() -> None:
    endless = (Page(items=(TaskRun(id="abc"[n % 3]),), next_cursor=f"n{n}") for n in count())
    with pytest.raises(ArizeReplyError, match="brought nothing new"):
        list(iterate(pages("x", more=endless), call))


def test_the_same_cursor_twice() -> None:
    served = iter([Page(items=(TaskRun(id=str(n)),), next_cursor="same") for n in range(3)])
    with pytest.raises(ArizeReplyError, match="same cursor twice"):
        list(iterate(lambda _call: next(served), call))


def test_more_without_a_cursor() -> None:
    page: Page[TaskRun] = Page(items=(TaskRun(id="a"),), has_more=True)
    with pytest.raises(ArizeReplyError, match="there is more, but gives no cursor"):
        list(iterate(lambda _call: page, call))


def test_a_cap_on_pages_that_says_so() -> None:
    endless = (Page(items=(TaskRun(id=f"r{n}"),), next_cursor=f"n{n}") for n in count())
    with pytest.raises(ArizeReplyError, match="has not ended after 30 pages"):
        list(iterate(lambda _call: next(endless), call, max_pages=30))


def test_a_cursor_that_grows_without_end() -> None:
    endless = (Page(items=(TaskRun(id=f"r{n}"),), next_cursor="x" * 2**n) for n in count())
    with pytest.raises(ArizeReplyError, match="a cursor of 16384 characters"):
        list(iterate(lambda _call: next(endless), call))


def test_rows_without_ids_count_as_new() -> None:
    rows = [Page(items=(ExperimentRun(),), next_cursor=f"n{n}" if n < 9 else None) for n in range(10)]
    served = iter(rows)
    runs = iterate(lambda _call: next(served), lambda cursor: endpoints.list_experiment_runs("e", cursor=cursor))
    assert len(list(runs)) == 10
