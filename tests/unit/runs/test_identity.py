"""Which run is an attempt's own: the first step in every situation, the choice among runs, and what is written down."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.models import RunStatus, TaskRun
from airflow_provider_arize_tasks.exceptions import ArizeRecordError
from airflow_provider_arize_tasks.runs.identity import (
    Found,
    ReuseRun,
    Search,
    Situation,
    Step,
    choose,
    find_twins,
    first_step,
    search_after_lost_answer,
)
from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord, RunRequest, Twins, parse_iso
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.runs.verdict import Counts
from airflow_provider_arize_tasks.windows.window import Window, iso

OWN, SAME, NEVER = ReuseRun.OWN, ReuseRun.SAME_WINDOW, ReuseRun.NEVER
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
RUN_START, RUN_AFTER = NOW - timedelta(minutes=5), NOW - timedelta(minutes=6)
INTENT = NOW - timedelta(minutes=2)
SECOND = timedelta(seconds=1)
LISTING = timedelta(seconds=Patience().listing)
DAY = Window(NOW - timedelta(days=2), NOW - timedelta(days=1))
DAILY = RunRequest(task_id="task", window=DAY, stage=DAY.key)
LABELLED = "already evaluated, see override_evaluations"

#: try_number, max_tries, retries -> where an attempt stands. Retries are 2 throughout.
FIRST = Attempt(number=1, first=1, generation=2)
RETRY = Attempt(number=2, first=1, generation=2)
CLEARED = Attempt(number=3, first=3, generation=4)
CLEARED_RETRY = Attempt(number=4, first=3, generation=4)
ATTEMPTS = (FIRST, RETRY, CLEARED, CLEARED_RETRY)


def situation(
    attempt: Attempt, record: RunRecord | None = None, *, store: bool = True, reuse: ReuseRun = OWN
) -> Situation:
    return Situation(
        attempt=attempt,
        record=record,
        has_store=store,
        reuse=reuse,
        server_now=NOW,
        run_start=RUN_START,
        run_after=RUN_AFTER,
        patience=Patience(),
    )


def record(attempt: Attempt, run_id: str | None = None, **more: Any) -> RunRecord:
    return RunRecord(generation=attempt.generation, intent_at=INTENT, run_id=run_id, **more)


def run(name: str = "run", **fields: Any) -> TaskRun:
    status = fields.pop("status", "RUNNING")
    fields = {
        "created_at": NOW,
        "data_start_time": DAY.start,
        "data_end_time": DAY.end,
        "status": RunStatus(status),
        **fields,
    }
    return TaskRun(id=name, task_id="task", **fields)


# -- the first step ---------------------------------------------------------------------------------------------------


def test_where_an_attempt_stands() -> None:
    places = [(each.is_retry, each.was_cleared) for each in ATTEMPTS]
    assert places == [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(
    ("attempt", "store", "reuse", "expected"),
    [
        # The very first attempt triggers at once; same_window looks whether anybody has a run.
        (FIRST, True, OWN, None),
        (FIRST, False, OWN, None),
        (FIRST, True, SAME, Search(not_before=None, take_newest=True, owned=False)),
        (FIRST, False, SAME, Search(not_before=None, take_newest=True, owned=False)),
        # A retry without a record: with a store, nothing was sent; where there is none, look, and long enough.
        (RETRY, True, OWN, None),
        (RETRY, False, OWN, Search(not_before=RUN_START, look_until=NOW + LISTING)),
        (RETRY, False, SAME, Search(not_before=None, take_newest=True, owned=False, look_until=NOW + LISTING)),
        (RETRY, True, SAME, Search(not_before=None, take_newest=True, owned=False, look_until=NOW + LISTING)),
        # A cleared task without a record (no store, or it was emptied) joins only what is still going.
        (CLEARED, True, OWN, Search(not_before=RUN_AFTER, only_active=True)),
        (CLEARED, False, OWN, Search(not_before=RUN_AFTER, only_active=True)),
        (CLEARED, True, SAME, Search(not_before=None, only_active=True, take_newest=True, owned=False)),
        (CLEARED, False, SAME, Search(not_before=None, only_active=True, take_newest=True, owned=False)),
        (CLEARED_RETRY, True, OWN, Search(not_before=RUN_AFTER, only_active=True)),
        (
            CLEARED_RETRY,
            False,
            OWN,
            Search(not_before=RUN_START, active_since=RUN_AFTER, look_until=NOW + LISTING),
        ),
        (CLEARED_RETRY, True, SAME, Search(not_before=None, only_active=True, take_newest=True, owned=False)),
        (
            CLEARED_RETRY,
            False,
            SAME,
            Search(
                not_before=RUN_START, active_since=RUN_AFTER, take_newest=True, owned=False, look_until=NOW + LISTING
            ),
        ),
        *((attempt, store, NEVER, None) for attempt in ATTEMPTS for store in (True, False)),
    ],
)
def test_first_step_without_a_record(attempt: Attempt, store: bool, reuse: ReuseRun, expected: Search | None) -> None:
    plan = first_step(situation(attempt, store=store, reuse=reuse))
    assert plan.step is (Step.TRIGGER if expected is None else Step.SEARCH)
    assert plan.search == expected
    assert plan.reason


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("reuse", [OWN, SAME])
def test_a_run_id_of_this_generation_is_looked_at(attempt: Attempt, reuse: ReuseRun) -> None:
    """Whatever the number: an attempt that Airflow starts twice under one number finds its own record as well."""
    plan = first_step(situation(attempt, record(attempt, "r1"), reuse=reuse))
    assert (plan.step, plan.run_id) == (Step.LOOK_AT, "r1")


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("reuse", [OWN, SAME])
def test_an_intent_of_this_generation_is_searched_for(attempt: Attempt, reuse: ReuseRun) -> None:
    plan = first_step(situation(attempt, record(attempt, excluded=("old",)), reuse=reuse))
    assert plan.step is Step.SEARCH
    assert plan.search == Search(
        not_before=INTENT,
        excluded=frozenset({"old"}),
        look_until=NOW + LISTING,
        since_post=True,
        # It may be another's, who triggered at that moment.
        take_oldest=reuse is SAME,
        owned=reuse is not SAME,
        posts=1,
    )


@pytest.mark.parametrize("attempt", [RETRY, CLEARED])
def test_of_several_unanswered_posts_any_may_have_started_the_run(attempt: Attempt) -> None:
    """Nobody knows about the earlier ones either: look from the first of them, until the last has settled."""
    first = INTENT - 60 * SECOND
    search = first_step(situation(attempt, record(RETRY, since=first))).search
    assert search is not None
    assert (search.not_before, search.look_until) == (first, NOW + LISTING)
    assert record(RETRY, since=first).look_from == first
    assert record(RETRY).look_from == INTENT


@pytest.mark.parametrize(
    ("attempt", "by", "generation", "owns"),
    [
        (FIRST, 1, 2, True),
        (FIRST, None, 2, True),
        (RETRY, 1, 2, True),
        (RETRY, 2, 2, True),
        (RETRY, None, 2, True),
        (CLEARED, 1, 2, False),
        (CLEARED, 3, 4, True),
        (CLEARED_RETRY, 3, 4, True),
        (CLEARED_RETRY, 1, 2, False),
        # retries were lowered from 2 to 1 before the clear, so max_tries is what it was: 1 + 1.
        (Attempt(number=2, first=2, generation=2), 1, 2, False),
        (Attempt(number=2, first=2, generation=2), 2, 2, True),
        # retries were lowered from 5 to 2 between two attempts: no clear at all.
        (Attempt(number=2, first=4, generation=5), 1, 5, True),
        # ... or raised.
        (Attempt(number=2, first=1, generation=2), 1, 2, True),
    ],
)
def test_whose_record_it_is(attempt: Attempt, by: int | None, generation: int, owns: bool) -> None:
    assert attempt.owns(replace(record(FIRST), generation=generation, attempt=by)) is owns


@pytest.mark.parametrize(("run_id", "step"), [(None, Step.SEARCH), ("r1", Step.CANCEL_FIRST)])
def test_never_adopts_nothing_and_leaves_nothing_going(run_id: str | None, step: Step) -> None:
    plan = first_step(situation(RETRY, record(RETRY, run_id), reuse=NEVER))
    assert (plan.step, plan.run_id) == (step, run_id)
    assert plan.search is None or plan.search.cancel


@pytest.mark.parametrize("reuse", list(ReuseRun))
@pytest.mark.parametrize("attempt", [CLEARED, CLEARED_RETRY])
def test_a_run_from_before_a_clear_is_ended_first(attempt: Attempt, reuse: ReuseRun) -> None:
    plan = first_step(situation(attempt, record(FIRST, "r1"), reuse=reuse))
    assert (plan.step, plan.run_id) == (Step.CANCEL_FIRST, "r1")


@pytest.mark.parametrize("attempt", [CLEARED, CLEARED_RETRY])
def test_a_run_of_another_task_is_left_alone_by_a_clear(attempt: Attempt) -> None:
    plan = first_step(situation(attempt, record(FIRST, "r1", owned=False), reuse=SAME))
    assert plan.step is Step.SEARCH
    assert plan.search == Search(not_before=None, only_active=True, take_newest=True, owned=False)


@pytest.mark.parametrize("attempt", [CLEARED, CLEARED_RETRY])
def test_what_an_intent_from_before_a_clear_started_is_ended(attempt: Attempt) -> None:
    plan = first_step(situation(attempt, record(FIRST)))
    assert plan.step is Step.SEARCH
    assert plan.search == Search(
        not_before=INTENT, only_active=True, cancel=True, since_post=True, look_until=NOW + LISTING, posts=1
    )


def test_same_window_means_own_where_a_run_tells_neither_window_nor_experiment() -> None:
    judge = RunRequest(task_id="task", experiment_ids=("today",))
    assert SAME.for_request(judge) is OWN
    assert SAME.for_request(DAILY) is SAME
    assert SAME.for_request(RunRequest(task_id="task", experiment_name="nightly")) is SAME
    assert [NEVER.for_request(judge), OWN.for_request(judge)] == [NEVER, OWN]


# -- the choice among runs --------------------------------------------------------------------------------------------


def names_of(found: Found) -> tuple[str | None, list[str], list[str]]:
    return (
        found.run.id if found.run else None,
        [each.id for each in found.ambiguous],
        [each.id for each in found.ended_badly],
    )


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"data_start_time": DAY.start + timedelta(milliseconds=1)}, False),
        ({"data_end_time": DAY.end - timedelta(milliseconds=1)}, False),
        # The API keeps milliseconds; what a server adds below them is no other window.
        ({"data_start_time": DAY.start + timedelta(microseconds=400)}, True),
        ({"data_end_time": DAY.end.astimezone(timezone(timedelta(hours=5)))}, True),
        ({"data_start_time": None}, False),
        ({"data_end_time": None}, False),
        # Age, at millisecond precision; a run that doesn't tell it is not excluded.
        ({"created_at": INTENT}, True),
        ({"created_at": INTENT - timedelta(milliseconds=1)}, False),
        ({"created_at": INTENT + timedelta(microseconds=100)}, True),
        ({"created_at": None}, True),
    ],
)
def test_what_matches_a_window(fields: dict[str, Any], matches: bool) -> None:
    intent = replace(record(RETRY), intent_at=INTENT + timedelta(microseconds=900))
    found = choose(DAILY, [run(**fields)], search_after_lost_answer(intent, OWN, look_until=NOW))
    assert (found.run is not None and found.is_sure) is matches


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("PENDING", None, ("run", [], [])),
        ("UNKNOWN", None, ("run", [], [])),
        ("COMPLETED", None, ("run", [], [])),
        ("CANCELLED", LABELLED, ("run", [], [])),
        ("CANCELLED", "by somebody", (None, [], ["run"])),
        ("FAILED", "no credit", (None, [], ["run"])),
    ],
)
def test_what_ended_badly_is_found_but_not_adopted(status: str, reason: str | None, expected: Any) -> None:
    found = choose(DAILY, [run(status=status, failure_reason=reason)], Search(not_before=INTENT))
    assert names_of(found) == expected


def test_several_good_ones_are_ambiguous_unless_the_newest_will_do() -> None:
    runs = [run("a", created_at=NOW), run("b", created_at=NOW + SECOND), run("c", status="FAILED")]
    for order in itertools.permutations(runs):
        found = choose(DAILY, order, Search(not_before=INTENT))
        assert found.run is None
        assert {each.id for each in found.ambiguous} == {"a", "b"}
        newest = choose(DAILY, order, Search(not_before=INTENT, take_newest=True))
        assert names_of(newest) == ("b", [], ["c"])


def test_one_good_run_beside_bad_ones_is_not_ambiguous() -> None:
    runs = [run("a", status="FAILED"), run("b"), run("c", status="CANCELLED")]
    assert names_of(choose(DAILY, runs, Search(not_before=INTENT))) == ("b", [], ["a", "c"])


def test_an_unknown_age_is_older_than_any_other() -> None:
    runs = [run("a", created_at=None), run("b", created_at=NOW - timedelta(days=300))]
    assert names_of(choose(DAILY, runs, Search(not_before=None, take_newest=True)))[0] == "b"


def test_excluded_runs_are_passed_over() -> None:
    search = Search(not_before=INTENT, excluded=frozenset({"a"}))
    assert names_of(choose(DAILY, [run("a"), run("b")], search)) == ("b", [], [])


def test_a_cleared_task_joins_only_what_still_goes_on() -> None:
    runs = [run("a", status="COMPLETED"), run("b", status="FAILED"), run("c", status="UNKNOWN")]
    assert names_of(choose(DAILY, runs, Search(not_before=None, only_active=True))) == ("c", [], [])


@pytest.mark.parametrize(
    ("status", "age", "matches"),
    [
        ("RUNNING", 90, True),
        ("UNKNOWN", 90, True),
        ("COMPLETED", 90, False),
        ("FAILED", 90, False),
        ("RUNNING", 150, False),
        ("COMPLETED", 30, True),
    ],
)
def test_what_still_goes_on_may_be_older(status: str, age: int, matches: bool) -> None:
    search = Search(not_before=NOW - 60 * SECOND, active_since=NOW - 120 * SECOND)
    found = choose(DAILY, [run(status=status, created_at=NOW - age * SECOND)], search)
    assert bool((found.run and found.is_sure) or found.ended_badly) is matches


def test_runs_of_a_dataset_task_are_told_by_their_age_alone() -> None:
    request = RunRequest(task_id="task", experiment_ids=("e",))
    runs = [run("old", created_at=INTENT - SECOND), run("new", data_start_time=None, data_end_time=None)]
    assert names_of(choose(request, runs, Search(not_before=INTENT))) == ("new", [], [])


NIGHTLY = RunRequest(task_id="task", experiment_name="nightly")


def experiment_run(name: str, experiment_id: str | None, **fields: Any) -> TaskRun:
    return run(name, **{"data_start_time": None, "data_end_time": None, "experiment_id": experiment_id, **fields})


def test_runs_of_an_experiment_are_told_by_its_name() -> None:
    runs = [experiment_run("a", "e1"), experiment_run("b", "e2")]
    assert names_of(choose(NIGHTLY, runs, Search(not_before=INTENT), experiments=["e2", "e3"])) == ("b", [], [])
    assert choose(NIGHTLY, runs, Search(not_before=INTENT), experiments=[]).nothing


@pytest.mark.parametrize(
    ("status", "not_before", "in_question"),
    [
        ("PENDING", INTENT, True),
        ("RUNNING", INTENT, True),
        # It ended without an experiment: whose it was is not known.
        ("COMPLETED", INTENT, False),
        ("FAILED", INTENT, False),
        ("UNKNOWN", INTENT, False),
        # A look at all ages would ask about any young run of the task.
        ("PENDING", None, False),
    ],
)
def test_a_young_run_whose_experiment_is_not_provisioned_yet_is_neither_taken_nor_ignored(
    status: str, not_before: datetime | None, in_question: bool
) -> None:
    search = Search(not_before=not_before)
    found = choose(NIGHTLY, [experiment_run("a", None, status=status)], search)
    assert found.run is None
    assert found.nothing is not in_question
    assert search.is_over(found, NOW) is not in_question


def test_a_run_known_by_its_experiment_is_taken_whatever_else_is_going() -> None:
    runs = [experiment_run("a", None, status="PENDING"), experiment_run("b", "e2")]
    search = Search(not_before=INTENT)
    assert search.is_over(choose(NIGHTLY, runs, search, experiments=["e2"]), NOW)
    assert names_of(choose(NIGHTLY, runs, search, experiments=["e2"])) == ("b", [], [])


GOOD, BAD = Found(run=run()), Found(ended_badly=(run(),))
SEVERAL = Found(ambiguous=(run("a"), run("b")))


@pytest.mark.parametrize(
    ("search", "found", "settled"),
    [
        (Search(not_before=INTENT), Found(), True),
        (Search(not_before=INTENT, look_until=NOW), Found(), True),
        (Search(not_before=INTENT, look_until=NOW + SECOND), Found(), False),
        (Search(not_before=INTENT, look_until=NOW + SECOND), GOOD, True),
        (Search(not_before=INTENT, look_until=NOW + SECOND), SEVERAL, True),
        # One that failed may be an earlier attempt's, and the latest one's not listed yet ...
        (Search(not_before=INTENT, look_until=NOW + SECOND), BAD, False),
        # ... unless the POST that is looked for is the only one since then.
        (Search(not_before=INTENT, look_until=NOW + SECOND, since_post=True), BAD, True),
        (Search(not_before=INTENT, look_until=NOW + SECOND, since_post=True), Found(), False),
    ],
)
def test_when_a_look_is_believed(search: Search, found: Found, settled: bool) -> None:
    assert search.is_over(found, NOW) is settled


# -- what is written down ---------------------------------------------------------------------------------------------

#: Milliseconds of a century, from 2000 on.
instants = st.integers(0, 100 * 365 * 86_400_000).map(
    lambda passed: datetime(2000, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=passed)
)
texts = st.text(min_size=1, max_size=12)
windows = st.builds(
    lambda start, width: Window(start, start + width),
    instants,
    st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=30)),
)
requests = st.builds(
    RunRequest,
    task_id=texts,
    window=st.none() | windows,
    experiment_name=st.none() | texts,
    experiment_ids=st.lists(texts, max_size=3).map(tuple),
    project_id=st.none() | texts,
    dataset_id=st.none() | texts,
    evaluators=st.integers(1, 9),
    stage=st.text(max_size=5),
    is_part=st.booleans(),
)
records = st.builds(
    RunRecord,
    generation=st.integers(0, 999),
    intent_at=instants,
    since=st.none() | instants,
    run_id=st.none() | texts,
    excluded=st.lists(texts, max_size=4).map(tuple),
    name=st.none() | texts,
    owned=st.booleans(),
    attempt=st.none() | st.integers(1, 99),
    unclear=st.integers(0, 5),
    unclear_since=st.none() | instants,
    unclear_until=st.none() | instants,
    unclear_names=st.lists(texts, max_size=2).map(tuple),
    unaccounted=st.integers(0, 5),
    twins=st.builds(Twins, cancelled=st.lists(texts, max_size=2).map(tuple)),
    lag=st.floats(0, 60),
    earlier=st.dictionaries(
        texts, st.builds(Counts, successes=st.integers(0, 9), errors=st.integers(0, 9)), max_size=3
    ),
)


@given(request=requests)
def test_a_request_survives_json(request: RunRequest) -> None:
    again = RunRequest.from_dict(json.loads(json.dumps(request.to_dict())))
    assert again == request
    assert again.key == request.key


@pytest.mark.parametrize(
    "request_", [DAILY, RunRequest(task_id="t", experiment_name="a|b: c"), RunRequest(task_id="t")], ids=str
)
def test_a_key_tells_the_task_and_what_shows_in_its_runs(request_: RunRequest) -> None:
    assert RunRequest.of_key(request_.key) == replace(request_, stage="")
    assert RunRequest.of_key(replace(RunRequest(task_id="t"), experiment_ids=("e",)).key) == RunRequest(task_id="t")


@given(written=records)
def test_a_record_survives_json(written: RunRecord) -> None:
    assert RunRecord.from_dict(json.loads(json.dumps(written.to_dict()))) == written


def test_what_an_older_release_wrote_is_read_with_defaults() -> None:
    request = RunRequest.from_dict({"task_id": "t"})
    assert (request.window, request.evaluators, request.stage, request.is_part) == (None, 1, "", False)
    read = RunRecord.from_dict({"generation": "2", "intent_at": "2026-11-23T12:00:00.000Z"})
    assert (read.unclear, read.unaccounted, read.lag) == (0, 0, 0.0)
    assert (read.generation, read.intent_at, read.run_id, read.excluded, read.owned) == (2, NOW, None, (), True)


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000Z", "2026-11-23T14:00:00+02:00"])
def test_times_are_read_on_every_python(text: str) -> None:
    assert parse_iso(text) == NOW


def test_the_key_tells_requests_apart_and_not_their_bookkeeping() -> None:
    later = Window(DAY.start, DAY.end + SECOND)
    different = [DAILY, replace(DAILY, task_id="other"), replace(DAILY, window=later), NIGHTLY]
    different += [RunRequest(task_id="task", experiment_ids=ids) for ids in ((), ("a",), ("a", "b"))]
    assert len({request.key for request in different}) == len(different)
    assert DAILY.key == replace(DAILY, stage="x", evaluators=3, project_id="p", is_part=True).key
    assert {RunRequest.of_key(request.key).task_id for request in different} == {"task", "other"}


def test_a_part_knows_that_it_is_one() -> None:
    half = DAILY.over(Window(DAY.start, DAY.start + timedelta(hours=12)))
    assert (half.is_part, DAILY.is_part, half.stage) == (True, False, half.window.key if half.window else "")


def test_each_excluded_run_is_noted_once() -> None:
    assert record(FIRST, excluded=("a",)).excluding(["b", "a", "b"]).excluded == ("a", "b")


@pytest.mark.parametrize(
    "written", [{"version": 3, "generation": 2, "intent_at": "2026-11-23T12:00:00Z"}, {}, [], "x", {"generation": "?"}]
)
def test_a_record_that_cannot_be_read_is_an_error_of_its_own(written: Any) -> None:
    with pytest.raises(ArizeRecordError, match="Nothing was triggered"):
        RunRecord.from_dict(written)


# -- clocks, and lists that shift -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "found", "is_sure"), [(0, True, True), (1, True, False), (60, True, False), (61, False, False)]
)
def test_a_run_that_seems_a_little_older_is_adopted_and_never_called_ours(age: int, found: bool, is_sure: bool) -> None:
    chosen = choose(DAILY, [run(created_at=INTENT - age * SECOND)], Search(not_before=INTENT, look_until=NOW + SECOND))
    assert (chosen.run is not None) is found
    if found:
        assert chosen.is_sure is is_sure
        # One that is surely ours may yet be listed.
        assert Search(not_before=INTENT, look_until=NOW + SECOND).is_over(chosen, NOW) is is_sure


def test_one_that_is_surely_ours_goes_before_one_that_seems_older() -> None:
    runs = [run("theirs", created_at=INTENT - SECOND), run("own", created_at=INTENT)]
    assert names_of(choose(DAILY, runs, Search(not_before=INTENT))) == ("own", [], [])


def test_a_list_that_shows_a_run_twice_shows_one_run() -> None:
    found = choose(DAILY, [run("a"), run("a")], Search(not_before=INTENT))
    assert names_of(found) == ("a", [], [])


def test_as_many_runs_as_triggers_without_an_answer_are_ours_and_the_first_stays() -> None:
    runs = [run("b", created_at=NOW), run("a", created_at=NOW), run("c", created_at=NOW + SECOND)]
    search = Search(not_before=INTENT, posts=3)
    found = choose(DAILY, runs, search)
    assert (found.run.id if found.run else None, [each.id for each in found.twins]) == ("a", ["b", "c"])
    assert choose(DAILY, runs, replace(search, posts=2)).ambiguous


@pytest.mark.parametrize(
    ("fields", "twins"),
    [
        ({}, ["other"]),
        ({"status": "COMPLETED"}, ["other"]),
        ({"status": "FAILED"}, ["other"]),
        ({"data_start_time": DAY.start + timedelta(hours=1)}, []),
        # What only the slack lets in is another's until a record says otherwise.
        ({"created_at": INTENT - SECOND}, []),
    ],
)
def test_twins_are_the_other_runs_of_an_uncertain_request(fields: dict[str, Any], twins: list[str]) -> None:
    written = record(FIRST, "kept", excluded=("old",), unclear=1, unaccounted=1, unclear_since=INTENT)
    runs = [run("kept"), run("old"), run("other", **fields)]
    assert [each.id for each in find_twins(DAILY, runs, written).twins] == twins
    assert find_twins(DAILY, runs, replace(written, unclear=0)) == Found()


def test_a_clock_known_to_lag_tells_a_twin() -> None:
    written = record(FIRST, "kept", unclear=1, unaccounted=1, unclear_since=INTENT, lag=30.0)
    runs = [run("kept"), run("other", created_at=INTENT - 20 * SECOND)]
    assert [each.id for each in find_twins(DAILY, runs, written).twins] == ["other"]


def test_a_run_beside_those_that_account_for_all_lost_answers_is_another_s() -> None:
    written = record(FIRST, "kept", unclear=1, unaccounted=0, unclear_since=INTENT)
    found = find_twins(DAILY, [run("kept"), run("other")], written)
    assert (found.twins, [each.id for each in found.ambiguous]) == ((), ["other"])


@pytest.mark.parametrize(("run_id", "unaccounted"), [(None, 2), ("r1", 1)])
def test_several_lost_answers_of_the_first_release_are_accounted_for_by_its_run_alone(
    run_id: str | None, unaccounted: int
) -> None:
    written = {"generation": 2, "intent_at": iso(INTENT), "since": iso(INTENT), "run_id": run_id}
    read = RunRecord.from_dict(written)
    assert (read.unclear, read.unaccounted) == (2, unaccounted)


def test_of_several_at_the_same_moment_the_oldest_that_goes_on_stays() -> None:
    """Also one that seems to be older than the trigger, but for one that had ended before it."""
    runs = [
        run("ended", created_at=INTENT - 3 * SECOND, status="COMPLETED"),
        run("older", created_at=INTENT - 2 * SECOND),
        run("own", created_at=INTENT + SECOND),
        run("newer", created_at=INTENT + 2 * SECOND),
    ]
    search = Search(not_before=INTENT, take_oldest=True, owned=False)
    assert names_of(choose(DAILY, runs, search)) == ("older", [], [])
    assert not choose(DAILY, runs, search).is_sure
    assert names_of(choose(DAILY, runs[2:], search)) == ("own", [], [])


def test_more_runs_than_triggers_are_nobody_in_particular_s() -> None:
    written = record(FIRST, "kept", unclear=1, unaccounted=1, unclear_since=INTENT)
    found = find_twins(DAILY, [run("kept"), run("a"), run("b")], written)
    assert (found.twins, [each.id for each in found.ambiguous]) == ((), ["a", "b"])


def test_nobody_is_a_twin_where_runs_do_not_tell_what_they_are_for() -> None:
    written = record(FIRST, "kept", unclear=1, unclear_since=INTENT)
    assert find_twins(RunRequest(task_id="task", experiment_ids=("e",)), [run("kept"), run("a")], written) == Found()
