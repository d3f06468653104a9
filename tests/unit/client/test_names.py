from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.config import ClientConfig
from airflow_provider_arize_tasks.client.endpoints import iterate
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeNameError, ArizeReplyError, ArizeServerError
from airflow_provider_arize_tasks.client.models import Named, Page
from airflow_provider_arize_tasks.client.names import Resolver, is_id, near_names, nothing_called, the_one


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("text", ["OnlineTask:45:qRwX", "Model:123:aBcD", ":", "Täsk:1:x"])
def test_ids(text):
    assert is_id(encode(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nightly",
        "Task:1:a",
        "abcd",
        encode("no colon"),
        encode("Task:1:a") + "\n",
        " " + encode("Task:1:a"),
        encode("Task:1:abc").rstrip("="),
        encode("Task:1:a?>").replace("+", "-"),
        base64.b64encode(b":\xff\xfe").decode(),
        "日本語",
    ],
)
def test_names(text):
    assert not is_id(text) or text == encode("Task:1:a?>")


@settings(max_examples=40, deadline=None)
@given(before=st.text(), after=st.text())
def test_every_id_of_the_api_is_one(before, after):
    assert is_id(encode(f"{before}:{after}"))


@settings(max_examples=40, deadline=None)
@given(text=st.text())
def test_an_id_is_exactly_base64_of_text_with_a_colon(text):
    try:
        expected = ":" in base64.b64decode(text, validate=True).decode()
    except ValueError:
        expected = False
    assert is_id(text) is expected


@settings(max_examples=40, deadline=None)
@given(raw=st.binary(max_size=30))
def test_base64_of_no_text_is_a_name(raw):
    try:
        expected = ":" in raw.decode()
    except UnicodeDecodeError:
        expected = False
    assert is_id(base64.b64encode(raw).decode()) is expected


def named(*names: str) -> list[Named]:
    return [Named(id=f"id{index}", name=name) for index, name in enumerate(names)]


def test_only_the_exact_name_matches():
    candidates = named("Nightly", "nightly-2", "nightly", "night")
    assert the_one("task", "nightly", candidates).id == "id2"
    assert the_one("task", "nigh", candidates) is None
    assert the_one("task", "NIGHTLY", candidates) is None


def test_the_same_thing_listed_twice_is_one():
    assert the_one("task", "a", [*named("a"), *named("a")]).id == "id0"


def test_several_of_the_name_are_an_error_that_gives_their_ids():
    with pytest.raises(ArizeNameError, match=r"task 'a' in space 's' is ambiguous, 2 bear the name.*id0, id2"):
        the_one("task", "a", named("a", "b", "a"), " in space 's'")


@settings(max_examples=40, deadline=None)
@given(wanted=st.text(), names=st.lists(st.text()))
def test_near_names_are_names_that_exist(wanted, names):
    near = near_names(wanted, names)
    assert set(near) <= set(names)
    assert len(near) <= 5
    assert len(near) == len(set(near))


def test_near_names():
    names = ["nightly-eval", "Nightly", "weekly", "toxicity", "nightly"]
    assert near_names("nightyl", names)[:2] == ["Nightly", "nightly"]
    assert "'Nightly'" in str(nothing_called("task", "NIGHTLY", names))
    assert "there are: 'a', 'b'" in str(nothing_called("task", "zzzzzz", ["b", "a", None]))
    assert "near" not in str(nothing_called("task", "x", []))


class Server:
    """Answers lists of anything; records what was asked."""

    def __init__(self, *pages: Page | Exception) -> None:
        self.pages = list(pages)
        self.calls: list[Any] = []

    def __call__(self, call):
        self.calls.append(call)
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page


SPACE = encode("Space:1:a")


def resolver_of(server: Server, space: str | None = None) -> Resolver:
    """A resolver whose client is a server without a wire."""
    client: Any = SimpleNamespace(send=server, config=ClientConfig(base_url="", api_key="", space=space))
    return Resolver(client)


def test_an_id_asks_nobody():
    server = Server()
    resolver = resolver_of(server)
    task = encode("Task:1:a")
    assert resolver.resolve_task(task) == task
    assert resolver.resolve_experiment(task) == task
    assert resolver.resolve_space(SPACE) == SPACE
    assert resolver.resolve_space(None) is None
    assert server.calls == []


def test_a_name_is_looked_up_once_over_all_pages():
    server = Server(Page(items=tuple(named("x")), next_cursor="c"), Page(items=(Named(id="found", name="nightly"),)))
    resolver = resolver_of(server, SPACE)
    assert [resolver.resolve_task("nightly"), resolver.resolve_task("nightly")] == ["found", "found"]
    assert [call.query for call in server.calls] == [
        (("space_id", SPACE), ("name", "nightly"), ("limit", "100")),
        (("space_id", SPACE), ("name", "nightly"), ("limit", "100"), ("cursor", "c")),
    ]


def test_the_space_is_looked_up_first_and_remembered():
    space = Page(items=(Named(id=SPACE, name="prod"), Named(id="other", name="prod-eu")))
    server = Server(space, Page(items=tuple(named("d"))), Page(items=tuple(named("e"))))
    resolver = resolver_of(server, "prod")
    resolver.resolve_dataset("d")
    resolver.resolve_dataset("e")
    assert [call.path for call in server.calls] == ["/v2/spaces", "/v2/datasets", "/v2/datasets"]


def test_unknown_names_list_the_near_ones_of_an_unfiltered_page():
    server = Server(Page(), Page(items=tuple(named("nightly-eval", "weekly"))))
    with pytest.raises(ArizeNameError, match=rf"no task 'nightly' in space '{SPACE}'.*near: 'nightly-eval'"):
        resolver_of(server, SPACE).resolve_task("nightly")
    assert "name" not in dict(server.calls[1].query)


def test_a_failed_search_for_suggestions_does_not_hide_the_error():
    server = Server(Page(), ArizeServerError("x", status=500))
    with pytest.raises(ArizeNameError, match="no task 'nightly'"):
        resolver_of(server, SPACE).resolve_task("nightly")


def test_a_failed_look_up_is_not_an_absence():
    with pytest.raises(ArizeApiError):
        resolver_of(Server(ArizeServerError("x", status=500)), SPACE).find_task("nightly")


def test_a_name_without_a_space_tells_the_ways_out():
    with pytest.raises(ArizeNameError, match=r"project 'p' is a name.*argument 'space'.*extra 'space'.*project's id"):
        resolver_of(Server()).resolve_project("p")


def test_experiments_by_dataset_or_space():
    server = Server(Page(items=tuple(named("e"))), Page(items=tuple(named("e"))))
    resolver = resolver_of(server, SPACE)
    dataset = encode("Dataset:1:a")
    resolver.resolve_experiment("e", dataset)
    resolver.resolve_experiment("e")
    assert [call.query[0] for call in server.calls] == [("dataset_id", dataset), ("space_id", SPACE)]


def test_forgetting():
    server = Server(Page(items=tuple(named("a"))), Page(items=tuple(named("a"))))
    resolver = resolver_of(server, SPACE)
    resolver.resolve_task("a")
    resolver._forget("task")
    resolver.resolve_task("a")
    assert len(server.calls) == 2


def test_long_names_are_cut_for_the_filter_only():
    name = "n" * 300
    server = Server(Page(items=(Named(id="cut", name="n" * 255), Named(id="whole", name=name))))
    assert resolver_of(server, SPACE).resolve_task(name) == "whole"
    assert dict(server.calls[0].query)["name"] == "n" * 255


def test_lists_that_can_not_be_followed_to_their_end_are_errors():
    def call(cursor):
        from airflow_provider_arize_tasks.client.endpoints import list_tasks

        return list_tasks(cursor=cursor)

    with pytest.raises(ArizeReplyError, match="gives no cursor"):
        list(iterate(Server(Page(has_more=True)), call))
    with pytest.raises(ArizeReplyError, match="same cursor twice"):
        list(iterate(Server(Page(next_cursor="a"), Page(next_cursor="b"), Page(next_cursor="a")), call))


def test_near_names_are_shown_on_one_line_and_shortened():
    said = str(nothing_called("task", "nightly", ["nightly\nERROR - forged \u202eline", "nightly" + "x" * 5000]))
    assert "\n" not in said
    assert "\u202e" not in said
    assert len(said) < 500
