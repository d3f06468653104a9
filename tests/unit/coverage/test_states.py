"""Coverage of a range by the runs of a task, and the gaps that are left."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.models import RunStatus, TaskRun
from airflow_provider_arize_tasks.coverage.states import (
    CellState,
    CoverageRules,
    intersect,
    merge,
    read_coverage,
    subtract,
)
from airflow_provider_arize_tasks.windows.window import Window, cut

UTC = timezone.utc
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
NOW = FIRST + 30 * DAY
LABELLED = "All matching data was already evaluated; set override_evaluations to evaluate again"


def day(number, days=1):
    return Window(FIRST + (number - 1) * DAY, FIRST + (number - 1 + days) * DAY)


def hours(begin, end):
    return Window(FIRST + begin * HOUR, FIRST + end * HOUR)


def run(window, status=RunStatus.COMPLETED, *, successes=5, errors=0, reason=None, created=NOW - 5 * DAY):
    return TaskRun(
        id="run",
        status=status,
        data_start_time=window.start,
        data_end_time=window.end,
        num_successes=successes,
        num_errors=errors,
        num_skipped=0,
        failure_reason=reason,
        created_at=created,
    )


def states(runs, span=None, *, rules=None, now=NOW):
    coverage = read_coverage(span or day(1, 3), runs, rules)
    return [cell.state.value for cell in coverage.cells(DAY, UTC, now=now)]


def gaps(runs, span=None, *, rules=None, **options):
    options = {"now": NOW, **options}
    return read_coverage(span or day(1, 3), runs, rules).gaps(DAY, UTC, **options)


class TestWhatCovers:
    def test_nothing_was_run(self):
        assert states([]) == ["missing"] * 3
        assert gaps([]).windows == (day(1), day(2), day(3))

    def test_completed_runs_cover_however_they_are_cut(self):
        assert states([run(hours(0, 30)), run(hours(30, 72))]) == ["covered"] * 3
        assert gaps([run(day(1, 30))]).windows == ()

    def test_a_run_without_successes_covers(self):
        assert states([run(day(1), successes=0)])[0] == "covered"

    def test_cancelled_because_everything_was_labelled_covers(self):
        assert states([run(day(1), RunStatus.CANCELLED, successes=0, reason=LABELLED)])[0] == "covered"

    @pytest.mark.parametrize(
        "bad",
        [
            run(day(1), RunStatus.FAILED),
            run(day(1), RunStatus.CANCELLED, successes=0, reason="cancelled by a user"),
            run(day(1), RunStatus.CANCELLED, successes=0),
            run(day(1), RunStatus.CANCELLED, successes=3, reason=LABELLED),
        ],
    )
    def test_other_ends_do_not_cover_but_are_seen(self, bad):
        assert states([bad]) == ["failed", "missing", "missing"]
        assert gaps([bad]).windows[0] == day(1)

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


class TestTruncation:
    @pytest.mark.parametrize(
        ("counts", "rules", "state"),
        [
            (9_999, CoverageRules(), "covered"),
            (10_000, CoverageRules(), "truncated"),
            (10_000, CoverageRules(evaluators=2), "covered"),
            (20_000, CoverageRules(evaluators=2), "truncated"),
            (500, CoverageRules(max_spans=500), "truncated"),
            (10_000, CoverageRules(max_spans=50_000), "covered"),
        ],
    )
    def test_is_judged_against_the_limit_for_each_evaluator(self, counts, rules, state):
        assert states([run(day(1), successes=counts)], rules=rules)[0] == state

    def test_errors_count_as_processed(self):
        assert states([run(day(1), successes=6_000, errors=4_000)])[0] == "truncated"

    def test_a_truncated_window_is_a_gap_until_its_halves_are_covered(self):
        full = run(day(1), successes=10_000)
        assert gaps([full, run(hours(0, 12))], day(1)).windows == (hours(12, 24),)


class TestCells:
    def test_part_of_a_day(self):
        coverage = read_coverage(day(1), [run(hours(0, 6)), run(hours(18, 24))])
        (cell,) = coverage.cells(DAY, UTC, now=NOW)
        assert (cell.state, cell.covered) == (CellState.PARTLY, 0.5)
        assert gaps([run(hours(0, 6)), run(hours(18, 24))], day(1)).windows == (hours(6, 18),)

    @pytest.mark.parametrize(
        ("second", "state"),
        [
            (RunStatus.RUNNING, "running"),
            (RunStatus.PENDING, "running"),
            (RunStatus.UNKNOWN, "running"),
            (RunStatus.FAILED, "partly"),
        ],
    )
    def test_the_rest_of_a_day_decides(self, second, state):
        assert states([run(hours(0, 12)), run(hours(12, 24), second)])[0] == state
        assert states([run(hours(0, 12)), run(hours(0, 12), second)])[0] == "partly"

    def test_what_is_not_over_is_open_and_not_missing(self):
        assert states([], now=day(2).start + HOUR) == ["missing", "open", "open"]
        assert states([run(day(1, 2))], now=day(2).start + HOUR) == ["covered", "covered", "open"]

    def test_a_calendar_in_a_time_zone_has_long_days(self):
        berlin = ZoneInfo("Europe/Berlin")
        span = Window(datetime(2026, 10, 25, tzinfo=berlin), datetime(2026, 10, 26, tzinfo=berlin))
        first_24 = Window(span.start, span.start + DAY)
        (cell,) = read_coverage(span, [run(first_24)]).cells(DAY, berlin, now=NOW)
        assert cell.window == span
        assert cell.covered == pytest.approx(24 / 25)


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

    def test_ask_again_after_a_run_that_came_before_the_late_spans(self):
        rules = CoverageRules(settle=2 * HOUR)
        early = run(day(1), created=day(1).end + HOUR)
        late = run(day(1), created=day(1).end + 2 * HOUR)
        assert gaps([early], day(1), rules=rules, settle=2 * HOUR).windows == (day(1),)
        assert states([early], rules=rules)[0] == "partly"
        assert gaps([early, late], day(1), rules=rules, settle=2 * HOUR).windows == ()


class TestGiveUp:
    def test_never_unless_asked(self):
        assert gaps([], now=NOW + 1000 * DAY).windows == (day(1), day(2), day(3))

    def test_lets_a_window_without_any_run_go_by_its_age(self):
        found = gaps([], now=day(3).end + 2 * DAY, give_up_after=3 * DAY)
        assert found.windows == (day(3),)
        assert found.let_go == (day(1), day(2))

    @pytest.mark.parametrize("sign", [run(day(1), RunStatus.FAILED), run(day(1), successes=10_000)])
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
        asked, nights = {}, []
        for night in range(8):
            now = day(1).end + 2 * HOUR + night * DAY
            found = gaps([], day(1), now=now, give_up_after=3 * DAY, first_asked=asked)
            nights.append(len(found.windows))
            asked = {window.key: asked.get(window.key, now) for window in (*found.windows, *found.let_go)}
        assert nights == [1, 1, 1, 0, 0, 0, 0, 0]


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
        st.sampled_from([0, 7, 10_000]),
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
        borders = [cell.start for cell in cut(SPAN, every, zone)]
        found = read_coverage(SPAN, runs).gaps(every, zone, now=NOW)
        assert all(not any(gap.start < border < gap.end for border in borders) for gap in found.windows)

    @given(some_runs, some_widths, some_zones)
    def test_runs_over_the_gaps_close_them(self, runs, every, zone):
        found = read_coverage(SPAN, runs).gaps(every, zone, now=NOW, include_running=True)
        healed = read_coverage(SPAN, [*runs, *(run(gap) for gap in found.windows)])
        assert healed.gaps(every, zone, now=NOW, include_running=True).windows == ()
        assert {cell.state for cell in healed.cells(every, zone, now=NOW)} == {CellState.COVERED}

    @given(some_runs, some_zones)
    def test_a_cell_is_covered_exactly_when_it_has_no_gap(self, runs, zone):
        coverage = read_coverage(SPAN, runs)
        found = coverage.gaps(DAY, zone, now=NOW, include_running=True).windows
        for cell in coverage.cells(DAY, zone, now=NOW):
            assert (cell.state is CellState.COVERED) == (not intersect([cell.window], found))
            assert (cell.covered == 1) == (cell.state is CellState.COVERED)

    @given(st.lists(some_windows(), max_size=15), some_windows())
    def test_subtracting_leaves_what_was_not_taken(self, windows, whole):
        merged = merge(windows)
        rest = subtract(whole, merged)
        taken = intersect([whole], merged)
        assert merge([*rest, *taken]) == (whole,)
        assert intersect(rest, merged) == ()
