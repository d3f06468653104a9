"""Coverage of a range by the runs of a task: the state of each stretch of time, and the gaps that are left."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.models import RunStatus, TaskRun
from airflow_provider_arize_tasks.coverage.evidence import CoverageRules
from airflow_provider_arize_tasks.coverage.intervals import intersect, merge, subtract
from airflow_provider_arize_tasks.coverage.judges import Unit
from airflow_provider_arize_tasks.coverage.states import NEXT_STEPS, State, read_coverage
from airflow_provider_arize_tasks.windows.grid import cut_on_grid
from airflow_provider_arize_tasks.windows.window import Window
from tests.unit.coverage.support import (
    DAY,
    FIRST,
    HOUR,
    MADE,
    NOW,
    UTC,
    day,
    gaps,
    hours,
    judge,
    labelled,
    run,
    states,
)

TWO = (judge("correctness"), judge("toxicity"))


class TestWhatCovers:
    def test_nothing_was_run(self):
        assert states([]) == ["missing"] * 3
        assert gaps([]).windows == (day(1), day(2), day(3))

    def test_completed_runs_cover_however_they_are_cut(self):
        assert states([run(hours(0, 30)), run(hours(30, 72))]) == ["covered"] * 3
        assert gaps([run(day(1, 30))]).windows == ()

    def test_cancelled_because_everything_was_labelled_covers(self):
        assert states([labelled(day(1))])[0] == "covered"

    @pytest.mark.parametrize(
        "bad",
        [
            run(day(1), RunStatus.FAILED),
            run(day(1), RunStatus.CANCELLED, successes=0, reason="cancelled by a user"),
            run(day(1), RunStatus.CANCELLED, successes=0),
            run(day(1), RunStatus.CANCELLED, successes=3, reason="already evaluated; set override_evaluations"),
            run(day(1), successes=0, errors=7),  # an expired judge key
            run(day(1), successes=0, skipped=7),  # an unmapped column
            run(day(1), successes=0, errors=3, skipped=4),
        ],
    )
    def test_runs_that_judged_nothing_do_not_cover_but_are_seen(self, bad):
        assert states([bad]) == ["failed", "missing", "missing"]
        assert gaps([bad]).windows[0] == day(1)

    def test_a_run_that_found_nothing_covers_nothing(self):
        assert states([run(day(1), successes=0)])[0] == "empty"
        assert gaps([run(day(1), successes=0)], day(1)).windows == (day(1),)

    def test_a_good_run_makes_up_for_a_bad_one(self):
        assert states([run(day(1), RunStatus.FAILED), run(day(1))])[0] == "covered"
        assert states([run(day(1), successes=10_000), run(hours(0, 12)), run(hours(12, 24))])[0] == "covered"

    def test_runs_without_a_window_are_passed_over(self):
        odd = TaskRun(id="experiment", status=RunStatus.COMPLETED)
        inverted = TaskRun(id="x", status=RunStatus.COMPLETED, data_start_time=day(2).start, data_end_time=day(1).start)
        assert states([odd, inverted]) == ["missing"] * 3

    def test_too_many_errors_do_not_cover_when_asked(self):
        mostly_errors = run(day(1), successes=1, errors=9)
        assert states([mostly_errors])[0] == "covered"
        assert states([mostly_errors], rules=CoverageRules(max_error_rate=0.5))[0] == "failed"

    def test_a_run_that_a_moving_list_shows_twice_counts_once(self):
        once = run(day(1), RunStatus.FAILED, id="same")
        later = run(day(1), id="same")
        assert states([once, later])[0] == "covered"


class TestTruncation:
    @pytest.mark.parametrize(
        ("counts", "rules", "state"),
        [
            (9_999, CoverageRules(), "covered"),
            (10_000, CoverageRules(), "truncated"),
            (9_999, CoverageRules(evaluators=2), "covered"),
            (10_000, CoverageRules(evaluators=2), "doubtful"),
            (20_000, CoverageRules(evaluators=2), "truncated"),
            (500, CoverageRules(max_spans=500), "truncated"),
            (10_000, CoverageRules(max_spans=50_000), "covered"),
            (900, CoverageRules(sampling_rate=0.1), "doubtful"),  # 9,000 of 10,000 sampled before or after the limit
            (1_000, CoverageRules(sampling_rate=0.1), "doubtful"),
            (500, CoverageRules(sampling_rate=0.1), "covered"),
            (5, CoverageRules(judges=(judge(unit=Unit.TRACE),)), "doubtful"),
            (5, CoverageRules(judges=(judge(unit=Unit.SESSION),)), "doubtful"),
        ],
    )
    def test_what_counts_can_not_tell_is_doubtful_and_never_covered(self, counts, rules, state):
        assert states([run(day(1), successes=counts)], rules=rules)[0] == state

    @pytest.mark.parametrize(
        ("held", "successes", "state"),
        [(100, 100, "covered"), (101, 101, "truncated"), (250, 100, "truncated"), (120, 240, "covered")],
    )
    def test_counted_spans_resolve_the_doubt(self, held, successes, state):
        rules = CoverageRules(judges=TWO, max_spans=100)
        doubtful = run(day(1), successes=min(successes, 199))
        assert states([doubtful], rules=rules)[0] == "doubtful" or successes < 100
        again = run(day(1), successes=successes - 199, created=MADE + HOUR) if successes > 199 else None
        counted = CoverageRules(judges=TWO, max_spans=100, counted={day(1).key: held})
        assert states([doubtful, again] if again else [doubtful], rules=counted)[0] == state

    def test_errors_count_as_processed(self):
        assert states([run(day(1), successes=6_000, errors=4_000)])[0] == "truncated"

    def test_a_truncated_window_is_a_gap_until_its_halves_are_covered(self):
        full = run(day(1), successes=10_000)
        assert gaps([full, run(hours(0, 12))], day(1)).windows == (hours(12, 24),)

    def test_halves_of_a_truncated_window_are_believed_once_they_were_counted(self):
        """Where labelled spans use up the limit, a half finds the first of its spans labelled and says all is done."""
        full = run(day(1), successes=100)
        halves = [labelled(hours(0, 12), created=MADE + HOUR), run(hours(12, 24), successes=25, created=MADE + HOUR)]
        assert states([full, *halves], rules=CoverageRules(max_spans=100))[0] == "doubtful"
        counted = {halves_window.key: 75 for halves_window in (hours(0, 12), hours(12, 24))}
        assert states([full, *halves], rules=CoverageRules(max_spans=100, counted=counted))[0] == "covered"
        counted[hours(0, 12).key] = 101
        assert states([full, *halves], rules=CoverageRules(max_spans=100, counted=counted))[0] == "truncated"

    def test_a_second_run_over_a_full_window_is_not_believed_where_labelled_spans_may_use_up_the_limit(self):
        """Is ``max_spans`` applied before or after labelled spans are left out? The reference leaves it open."""
        full = run(day(1), successes=100)
        rules = CoverageRules(max_spans=100)
        for second in (labelled(day(1), created=MADE + HOUR), run(day(1), successes=3, created=MADE + HOUR)):
            assert states([full, second], rules=rules)[0] != "covered"
            counted = CoverageRules(max_spans=100, counted={day(1).key: 250})
            assert states([full, second], rules=counted)[0] == "truncated"
            fits = CoverageRules(max_spans=100, counted={day(1).key: 100})
            assert states([full, second], rules=fits)[0] == "covered"
        rest = [run(day(1), successes=100, created=MADE + HOUR), run(day(1), successes=50, created=MADE + 2 * HOUR)]
        counted = CoverageRules(max_spans=100, counted={day(1).key: 250})
        assert states([full, *rest], rules=counted)[0] == "covered"


class TestEvaluators:
    def test_each_has_a_state_of_its_own(self):
        rules = CoverageRules(judges=(judge("old"), judge("new", attached=MADE + HOUR)))
        coverage = read_coverage(day(1), [run(day(1))], rules, now=NOW)
        assert {name: [each.state.value for each in found] for name, found in coverage.by_evaluator.items()} == {
            "old": ["covered"],
            "new": ["stale"],
        }
        assert coverage.covered == ()

    def test_an_evaluator_added_later_leaves_old_windows_stale_until_they_are_run_again(self):
        rules = CoverageRules(judges=(judge("old"), judge("new", attached=MADE + HOUR)))
        found = gaps([run(day(1))], day(1), rules=rules)
        assert (found.windows, found.stale, found.unseen) == ((), (), (day(1),))
        for later in (run(day(1), created=MADE + 2 * HOUR), labelled(day(1), created=MADE + 2 * HOUR)):
            assert states([run(day(1)), later], day(1), rules=rules) == ["covered"]

    def test_a_new_version_leaves_old_windows_stale(self):
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),))
        found = gaps([run(day(1))], day(1), rules=rules)
        assert (found.windows, found.stale, found.unseen) == ((), (day(1),), ())
        assert states([run(day(1))], day(1), rules=rules) == ["stale"]

    def test_labelled_already_covers_and_leaves_stale_what_was_stale(self):
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),))
        again = labelled(day(1), created=MADE + 2 * HOUR)
        assert states([run(day(1)), again], day(1), rules=rules) == ["stale"]
        assert states([again], day(1), rules=rules) == ["covered"]

    def test_a_run_that_only_labelled_what_was_left_leaves_it_stale_too(self):
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),))
        late = run(day(1), successes=1, created=MADE + 2 * HOUR)
        assert states([run(day(1), successes=200), late], day(1), rules=rules) == ["stale"]
        half_way = run(day(1), RunStatus.FAILED, successes=100)
        assert states([half_way, late], day(1), rules=rules) == ["stale"]

    def test_a_run_that_labelled_as_many_anew_covers(self):
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),))
        old = run(day(1), successes=200)
        assert states([old, run(day(1), successes=200, created=MADE + 2 * HOUR)], day(1), rules=rules) == ["covered"]
        halves = [run(each, successes=100, created=MADE + 2 * HOUR) for each in (hours(0, 12), hours(12, 24))]
        assert states([old, *halves], day(1), rules=rules) == ["covered"]
        wide = run(day(1, 2), successes=205, created=MADE + 2 * HOUR)
        assert states([old, run(day(2)), wide], day(1, 2), rules=rules) == ["covered", "covered"]

    def test_pieces_cut_elsewhere_than_before_cover_when_together_they_labelled_as_many(self):
        """A window that was cut in pieces, some of which are stale, is cut in other pieces when they are done again."""
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),))
        old = [run(hours(begin, begin + 6), successes=33) for begin in (0, 6, 12)]
        fresh = run(hours(18, 24), successes=33, created=MADE + 2 * HOUR)
        quarters = [hours(0, 4.5), hours(4.5, 9), hours(9, 13.5), hours(13.5, 18)]
        new = [run(each, successes=25, created=MADE + 2 * HOUR) for each in quarters]
        assert states([*old, fresh, *new], day(1), rules=rules) == ["covered"]
        assert states([*old, fresh, *new[:3]], day(1), rules=rules) == ["stale"]
        left_over = [run(each, successes=24, created=MADE + 2 * HOUR) for each in quarters]
        assert states([*old, fresh, *left_over], day(1), rules=rules) == ["stale"]

    def test_the_other_half_of_a_run_that_failed_is_not_taken_for_all(self):
        """A new version came between a run that failed half-way and its retry: half of the labels are the older's."""
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),))
        half = run(day(1), RunStatus.FAILED, successes=6)
        rest = run(day(1), successes=6, created=MADE + 2 * HOUR)
        assert states([half, rest], day(1), rules=rules) == ["stale"]
        anew = run(day(1), successes=12, created=MADE + 3 * HOUR)
        assert states([half, rest, anew], day(1), rules=rules) == ["covered"]

    def test_a_run_that_was_asked_for_anew_covers_whatever_it_counts(self):
        """Spans are dropped after a while: a re-evaluation then counts fewer, and must not be asked for for ever."""
        asked = {day(1): MADE + 2 * HOUR}
        rules = CoverageRules(judges=(judge(since=MADE + HOUR),), overridden=asked)
        old, fewer = run(day(1), successes=200), run(day(1), successes=150, created=MADE + 3 * HOUR)
        assert states([old, fewer], day(1), rules=rules) == ["covered"]
        pieces = [run(each, successes=70, created=MADE + 3 * HOUR) for each in (hours(0, 12), hours(12, 24))]
        assert states([old, *pieces], day(1), rules=rules) == ["covered"]
        before = run(day(1), successes=150, created=MADE + 1.5 * HOUR)
        assert states([old, before], day(1), rules=rules) == ["stale"]

    def test_two_of_one_name_are_told_apart(self):
        rules = CoverageRules(judges=(judge("same"), judge("same", since=MADE + HOUR)))
        assert len(read_coverage(day(1), [run(day(1))], rules, now=NOW).by_evaluator) in (1, 2)


class TestCells:
    def test_part_of_a_day(self):
        coverage = read_coverage(day(1), [run(hours(0, 6)), run(hours(18, 24))])
        (cell,) = coverage.cells(DAY, UTC, now=NOW)
        assert (cell.state, cell.covered) == (State.MISSING, 0.5)
        assert gaps([run(hours(0, 6)), run(hours(18, 24))], day(1)).windows == (hours(6, 18),)

    @pytest.mark.parametrize(
        ("second", "state"),
        [
            (RunStatus.RUNNING, "running"),
            (RunStatus.PENDING, "running"),
            (RunStatus.UNKNOWN, "running"),
            (RunStatus.FAILED, "failed"),
        ],
    )
    def test_the_rest_of_a_day_decides(self, second, state):
        assert states([run(hours(0, 12)), run(hours(12, 24), second)])[0] == state
        assert states([run(hours(0, 12)), run(hours(0, 12), second)])[0] == "missing"

    def test_what_is_not_over_is_early_and_not_missing(self):
        assert states([], now=day(2).start + HOUR) == ["missing", "early", "early"]
        assert states([run(day(1, 2))], now=day(2).start + HOUR) == ["covered", "covered", "early"]

    def test_a_calendar_in_a_time_zone_has_long_days(self):
        berlin = ZoneInfo("Europe/Berlin")
        span = Window(datetime(2026, 10, 25, tzinfo=berlin), datetime(2026, 10, 26, tzinfo=berlin))
        first_24 = Window(span.start, span.start + DAY)
        (cell,) = read_coverage(span, [run(first_24)]).cells(DAY, berlin, now=NOW)
        assert cell.window == span
        assert cell.covered == pytest.approx(24 / 25)

    def test_a_window_that_was_let_go_says_so(self):
        from airflow_provider_arize_tasks.coverage.calendar import cells_of

        coverage = read_coverage(day(1, 2), [run(day(2))], now=NOW)
        cells = list(cells_of(coverage, DAY, UTC, now=NOW, let_go=(day(1),)))
        assert [each.state.value for each in cells] == ["let go", "covered"]
        assert cells[0].reason.startswith("rule give_up_after")


class TestGaps:
    def test_are_cut_on_the_borders_of_the_windows(self):
        assert gaps([run(hours(0, 6))]).windows == (hours(6, 24), day(2), day(3))

    def test_leave_out_what_is_still_running_unless_asked(self):
        going = [run(hours(6, 30), RunStatus.RUNNING)]
        found = gaps(going, day(1, 2))
        assert found.windows == (hours(0, 6), hours(30, 48))
        assert found.running == (hours(6, 24), hours(24, 30))
        assert gaps(going, day(1, 2), include_running=True).windows == (day(1), day(2))

    def test_leave_out_windows_that_are_not_over(self):
        found = gaps([], now=day(3).start)
        assert found.windows == (day(1), day(2))
        assert found.not_over == (day(3),)

    def test_wait_for_late_spans(self):
        found = gaps([], now=day(3).start + HOUR, settle=2 * HOUR)
        assert found.windows == (day(1),)
        assert gaps([], now=day(3).start + 2 * HOUR, settle=2 * HOUR).windows == (day(1), day(2))

    def test_a_run_covers_only_what_had_settled_when_it_was_made(self):
        rules = CoverageRules(settle=2 * HOUR)
        early = run(day(1), created=day(1).end + HOUR)
        late = run(day(1), created=day(1).end + 2 * HOUR)
        assert gaps([early], day(1), rules=rules, settle=2 * HOUR).windows == (hours(23, 24),)
        assert states([early], rules=rules)[0] == "early"
        assert gaps([early, late], day(1), rules=rules, settle=2 * HOUR).windows == ()

    def test_a_long_run_made_too_early_is_done_again_for_its_end_only(self):
        """Once it was done again for each of its thirty days."""
        rules = CoverageRules(settle=2 * HOUR)
        month = run(day(1, 30), created=day(1, 30).end + HOUR)
        found = gaps([month], day(1, 30), rules=rules, settle=2 * HOUR, now=day(1, 30).end + DAY)
        assert found.windows == (hours(30 * 24 - 1, 30 * 24),)


class TestGiveUp:
    def test_never_unless_asked(self):
        assert gaps([], now=NOW + 1000 * DAY).windows == (day(1), day(2), day(3))

    def test_lets_a_window_without_any_run_go_by_its_age(self):
        found = gaps([], now=day(3).end + 2 * DAY, give_up_after=3 * DAY)
        assert found.windows == (day(3),)
        assert found.let_go == (day(1), day(2))

    @pytest.mark.parametrize(
        "sign", [run(day(1), RunStatus.FAILED), run(day(1), successes=10_000), run(day(1), successes=0, errors=3)]
    )
    def test_keeps_what_is_known_to_hold_data(self, sign):
        assert gaps([sign], now=NOW, give_up_after=3 * DAY).windows == (day(1),)

    def test_with_a_record_counts_from_the_first_time_asked(self):
        options = {"now": NOW, "give_up_after": 3 * DAY}
        never_asked = gaps([], first_asked={}, **options)
        assert never_asked.windows == (day(1), day(2), day(3))
        asked = {day(1).key: NOW - 3 * DAY, day(2).key: NOW - 2 * DAY}
        found = gaps([], first_asked=asked, **options)
        assert found.windows == (day(2), day(3))
        assert found.let_go == (day(1),)

    def test_night_after_night_an_empty_window_is_asked_for_three_days(self):
        asked: dict[Any, Any] = {}
        nights: list[Any] = []
        for night in range(8):
            now = day(1).end + 2 * HOUR + night * DAY
            found = gaps([], day(1), now=now, give_up_after=3 * DAY, first_asked=asked)
            nights.append(len(found.windows))
            asked = {window.key: asked.get(window.key, now) for window in (*found.windows, *found.let_go)}
        assert nights == [1, 1, 1, 0, 0, 0, 0, 0]

    def test_a_run_that_found_nothing_is_no_sign_of_data(self):
        empty = run(day(1), successes=0)
        assert gaps([empty], day(1), give_up_after=3 * DAY).let_go == (day(1),)


minutes = st.integers(0, 60 * 24 * 8)


@st.composite
def some_windows(draw):
    start, width = draw(minutes), draw(st.integers(1, 60 * 24 * 3))
    begin = FIRST - DAY + timedelta(minutes=start)
    return Window(begin, begin + timedelta(minutes=width))


some_runs = st.lists(
    st.builds(
        lambda window, status, count: run(window, status, successes=count),
        some_windows(),
        st.sampled_from([RunStatus.COMPLETED, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.RUNNING]),
        st.sampled_from([0, 7, 7, 10_000]),
    ),
    max_size=12,
)
some_zones = st.sampled_from(
    [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]
)
some_widths = st.sampled_from([DAY, HOUR, 7 * HOUR, timedelta(minutes=45), 2 * DAY])
SPAN = day(1, 6)


class TestProperties:
    @given(some_runs, some_widths, some_zones)
    def test_gaps_and_coverage_are_complements(self, runs, every, zone):
        coverage = read_coverage(SPAN, runs)
        found = coverage.gaps(every, zone, now=NOW, include_running=True)
        assert merge([*coverage.covered, *found.windows]) == (SPAN,)
        assert intersect(found.windows, coverage.covered) == ()
        assert all(before.end <= after.start for before, after in pairwise(found.windows))

    @given(some_runs, some_widths, some_zones)
    def test_nothing_gets_lost_between_gaps_and_what_is_left_out(self, runs, every, zone):
        coverage = read_coverage(SPAN, runs)
        now = SPAN.start + 4 * DAY
        found = coverage.gaps(every, zone, now=now, settle=HOUR, give_up_after=DAY)
        parts = [*found.windows, *found.let_go, *found.not_over, *found.running]
        assert merge([*coverage.covered, *parts]) == (SPAN,)
        total = sum((part.width for part in parts), timedelta())
        assert total + sum((part.width for part in coverage.covered), timedelta()) == SPAN.width

    @given(some_runs, some_widths, some_zones)
    def test_every_gap_lies_within_one_window(self, runs, every, zone):
        borders = [cell.start for cell in cut_on_grid(SPAN, every, zone)]
        found = read_coverage(SPAN, runs).gaps(every, zone, now=NOW)
        assert all(not any(gap.start < border < gap.end for border in borders) for gap in found.windows)

    @given(some_runs, some_widths, some_zones)
    def test_runs_over_the_gaps_close_them(self, runs, every, zone):
        found = read_coverage(SPAN, runs).gaps(every, zone, now=NOW, include_running=True)
        healed = read_coverage(SPAN, [*runs, *(run(gap) for gap in found.windows)])
        assert healed.gaps(every, zone, now=NOW, include_running=True).windows == ()
        assert {cell.state for cell in healed.cells(every, zone, now=NOW)} == {State.COVERED}

    @given(some_runs, some_zones)
    def test_a_cell_is_covered_exactly_when_it_has_no_gap(self, runs, zone):
        coverage = read_coverage(SPAN, runs)
        found = coverage.gaps(DAY, zone, now=NOW, include_running=True).windows
        for cell in coverage.cells(DAY, zone, now=NOW):
            assert (cell.state is State.COVERED) == (not intersect([cell.window], found))
            assert (cell.covered == 1) == (cell.state is State.COVERED)

    @given(st.lists(some_windows(), max_size=15), some_windows())
    def test_subtracting_leaves_what_was_not_taken(self, windows, whole):
        merged = merge(windows)
        rest = subtract(whole, merged)
        taken = intersect([whole], merged)
        assert merge([*rest, *taken]) == (whole,)
        assert intersect(rest, merged) == ()


some_judges = st.lists(
    st.builds(
        lambda name, since, attached, unit: judge(name, since=since, attached=attached, unit=unit),
        st.sampled_from(["a", "b", "c"]),
        st.none() | st.sampled_from([FIRST + 3 * DAY, MADE, NOW]),
        st.none() | st.sampled_from([FIRST, FIRST + 2 * DAY]),
        st.sampled_from([Unit.SPAN, Unit.SPAN, Unit.TRACE]),
    ),
    max_size=3,
    unique_by=lambda each: each.name,
)
some_rules = st.builds(
    lambda judges, settle, limit: CoverageRules(judges=tuple(judges), settle=settle, max_spans=limit),
    some_judges,
    st.sampled_from([timedelta(), 2 * HOUR]),
    st.sampled_from([None, 5]),
)
some_reasons = st.sampled_from([None, "out of memory", "already evaluated: set override_evaluations"])
any_runs = st.lists(
    st.builds(
        lambda window, status, count, errors, reason, age: run(
            window, status, successes=count, errors=errors, reason=reason, created=FIRST + age * HOUR
        ),
        some_windows(),
        st.sampled_from(RunStatus),
        st.sampled_from([0, 4, 5, 10_000]),
        st.sampled_from([0, 0, 3]),
        some_reasons,
        st.integers(0, 24 * 20),
    ),
    max_size=10,
)


class TestEveryInstant:
    @given(any_runs, some_rules)
    def test_has_exactly_one_state_for_each_evaluator(self, runs, rules):
        coverage = read_coverage(SPAN, runs, rules, now=NOW)
        for stretches in coverage.by_evaluator.values():
            assert stretches[0].window.start == SPAN.start
            assert stretches[-1].window.end == SPAN.end
            assert all(before.window.end == after.window.start for before, after in pairwise(stretches))
        assert len(coverage.by_evaluator) == max(1, len(rules.judges))

    @given(any_runs, some_rules)
    def test_has_a_reason_that_names_a_run_or_a_rule(self, runs, rules):
        for each in read_coverage(SPAN, runs, rules, now=NOW).stretches():
            assert each.run_id in each.reason if each.run_id else each.reason.startswith("rule ")
            assert each.next_step == NEXT_STEPS[each.state]

    @given(any_runs, any_runs, some_rules)
    def test_more_runs_never_uncover(self, runs, more, rules):
        """What is covered stays so whatever is run later."""
        before = read_coverage(SPAN, runs, rules, now=NOW)
        later = [
            TaskRun(**{**vars(each), "created_at": each.created_at + 30 * DAY}) for each in more if each.created_at
        ]
        after = read_coverage(SPAN, [*runs, *later], rules, now=NOW)
        for name, stretches in before.by_evaluator.items():
            covered = merge(each.window for each in stretches if each.state is State.COVERED)
            still = merge(each.window for each in after.by_evaluator[name] if each.state is State.COVERED)
            assert intersect(covered, still) == covered

    @given(any_runs, some_rules)
    def test_only_a_good_run_covers(self, runs, rules):
        coverage = read_coverage(SPAN, runs, rules, now=NOW)
        by_id = {each.id: each for each in runs}
        for each in coverage.stretches():
            if each.state is State.COVERED:
                by = by_id[each.run_id]
                assert by.status in (RunStatus.COMPLETED, RunStatus.CANCELLED)
                assert by.num_successes or by.status is RunStatus.CANCELLED
                assert each.window.end <= by.created_at - rules.settle or not rules.settle
