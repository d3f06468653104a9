"""The series of experiment names, and whose experiment it is that has one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.runs.names import (
    NameOwner,
    Names,
    experiment_name_problem,
    experiment_names,
    is_in_series,
    names_up_to,
    next_experiment_name,
    owner_of_name,
)
from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord

START = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
FIRST = Attempt(number=1, first=1, generation=2)
RETRY = Attempt(number=2, first=1, generation=2)
CLEARED = Attempt(number=3, first=3, generation=4)
CLEARED_RETRY = Attempt(number=4, first=3, generation=4)


def test_the_series() -> None:
    assert list(islice(experiment_names("n"), 4)) == ["n", "n-r2", "n-r3", "n-r4"]
    assert next_experiment_name("n", ["n", "n-r3"]) == "n-r2"
    assert next_experiment_name("n", []) == "n"


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("n", True),
        ("n-r2", True),
        ("n-r10", True),
        ("n-r1", False),
        ("n-r0", False),
        ("n-r02", False),
        ("n-r", False),
        ("n-rx", False),
        ("n-r2-r2", False),
        ("n-2", False),
        ("nr2", False),
        ("N", False),
        ("m-r2", False),
        ("", False),
        (None, False),
    ],
)
def test_membership(name: str | None, member: bool) -> None:
    assert is_in_series(name, "n") is member


@given(base=st.text(min_size=1, max_size=20), count=st.integers(1, 30))
def test_every_name_of_the_series_is_in_it_and_used_up_in_order(base: str, count: int) -> None:
    names = list(islice(experiment_names(base), count))
    assert len(set(names)) == count
    assert all(is_in_series(name, base) for name in names)
    assert names_up_to(base, names[-1]) == names
    assert next_experiment_name(base, names) == next(islice(experiment_names(base), count, None))


@pytest.mark.parametrize(("base", "name"), [(None, None), (None, "n"), ("n", None), ("n", "m")])
def test_nothing_is_used_up_by_what_was_not_sent(base: str | None, name: str | None) -> None:
    assert names_up_to(base, name) == []


def written(name: str | None) -> RunRecord:
    return RunRecord(generation=2, intent_at=START, name=name)


@pytest.mark.parametrize(
    ("base", "record", "repeat", "name", "lost"),
    [
        (None, None, False, None, {}),
        (None, written(None), True, None, {}),
        ("n", None, False, "n", {}),
        ("n", written("n-r2"), False, "n-r3", {}),
        # Nobody knows of its run: the same name again, so that the server itself rules out a second one.
        ("n", written("n-r2"), True, "n-r2", {"n-r2": START}),
        ("n", written("n"), True, "n", {"n": START}),
        # The name rendered otherwise this time: the record's is of no concern.
        ("n", written("m-r2"), True, "n", {}),
    ],
)
def test_the_name_to_send(
    base: str | None, record: RunRecord | None, repeat: bool, name: str | None, lost: dict[str, datetime]
) -> None:
    names = Names.of(base, record, repeat=repeat)
    assert (names.next(), names.lost) == (name, lost)


@pytest.mark.parametrize(
    ("attempt", "created_at", "lost_at", "never", "owner"),
    [
        # A POST of ours with this name got no answer: it made it, unless the experiment is older than that POST.
        (FIRST, START, START, False, NameOwner.OWN),
        (FIRST, None, START, False, NameOwner.OWN),
        (CLEARED, START, START, False, NameOwner.OWN),
        (CLEARED, START, START, True, NameOwner.OWN),
        (CLEARED, START - SECOND, START, False, NameOwner.USED_UP),
        (FIRST, START - SECOND, START, False, NameOwner.FOREIGN),
        # Made since the DAG run started, at millisecond precision: an earlier attempt's.
        (RETRY, START, None, False, NameOwner.OWN),
        (RETRY, START + MILLISECOND / 2, None, False, NameOwner.OWN),
        (FIRST, START, None, False, NameOwner.OWN),
        (RETRY, None, None, False, NameOwner.OWN),
        (RETRY, START, None, True, NameOwner.USED_UP),
        # Older than the DAG run: a mistake in the DAG.
        (FIRST, START - MILLISECOND, None, False, NameOwner.FOREIGN),
        (RETRY, START - SECOND, None, False, NameOwner.FOREIGN),
        (RETRY, START - SECOND, None, True, NameOwner.FOREIGN),
        # A cleared task makes a new one, whoever made this one.
        (CLEARED, START + SECOND, None, False, NameOwner.USED_UP),
        (CLEARED, START - SECOND, None, False, NameOwner.USED_UP),
        (CLEARED, None, None, False, NameOwner.USED_UP),
        (CLEARED_RETRY, START + SECOND, None, False, NameOwner.OWN),
        (CLEARED_RETRY, START - SECOND, None, False, NameOwner.USED_UP),
    ],
)
def test_whose_experiment_has_the_name(
    attempt: Attempt, created_at: datetime | None, lost_at: datetime | None, never: bool, owner: NameOwner
) -> None:
    found = owner_of_name(created_at=created_at, attempt=attempt, run_start=START, lost_at=lost_at, never_reuse=never)
    assert found is owner


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nightly 2026-11-23", None),
        ("x" * 250, None),
        ("", "is empty"),
        ("  ", "is empty"),
        ('say "hi"', "double quote"),
        ("back\\slash", "backslash"),
        ("x" * 251, "250 leave room"),
    ],
)
def test_names_that_the_api_refuses(name: str, words: str | None) -> None:
    problem = experiment_name_problem(name)
    assert (problem is None) is (words is None)
    assert words is None or words in str(problem)


def test_no_date_is_mistaken_for_a_later_run_of_a_month() -> None:
    assert not is_in_series("nightly-2026-11-2", "nightly-2026-11")


def test_what_the_first_release_sent_counts() -> None:
    assert names_up_to("n", "n-3") == ["n", "n-r2", "n-r3"]
