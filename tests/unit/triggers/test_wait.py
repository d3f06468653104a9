"""Which requests answer for several runs at once."""

from __future__ import annotations

from airflow_provider_arize_tasks.triggers.wait import Listing, reach


def follow(**given) -> bool:
    return Listing().follow(**{"read": 1, "reach": 1, "answered": 0, "missing": 50, "empty": 0, **given})


def test_a_run_alone_is_never_listed():
    assert Listing().plan(1, 1) == ()


def test_two_runs_are_worth_a_page():
    assert Listing().plan(2, 1) == (None,)


def test_few_runs_far_down_the_list_are_fetched_singly():
    assert Listing().plan(19, 10) == ()
    assert Listing().plan(20, 10) == (None,)


def test_reach_is_the_page_of_the_last_run():
    assert reach([0, 3], 1_000) == 4
    assert reach([0, None], 1) == 1


def test_a_run_not_yet_found_may_be_anywhere_among_those_that_are_waited_for():
    assert reach([0, None], 250) == 3


def test_pages_are_followed_while_they_help_or_until_where_the_runs_were_last():
    assert follow(answered=100)
    assert follow(answered=0, read=3, reach=5)
    assert not follow(answered=100, missing=1)
    assert follow(answered=0, read=3, reach=5, missing=1)
    assert not follow(answered=100, missing=0, reach=5)


def test_the_more_runs_are_missing_the_more_empty_pages_are_put_up_with():
    assert follow(empty=4, missing=50)
    assert not follow(empty=5, missing=50)
    assert not follow(empty=1, missing=10)


def test_a_listing_that_does_not_help_twice_gives_way_to_the_active_runs():
    listing = Listing()
    listing.judge(read=1, wanted=50, answered=1)
    assert listing.plan(50, 1) == (None,)
    listing.judge(read=1, wanted=50, answered=1)
    assert listing.plan(50, 1) == ("RUNNING", "PENDING")
    assert listing.plan(2, 1) == ()


def test_a_listing_of_active_runs_answers_for_those_it_does_not_hold_too():
    listing = Listing(active_only=True)
    listing.judge(read=2, wanted=50, answered=0)
    assert listing == Listing(active_only=True)


def test_listings_that_are_refused_give_way_to_single_looks_for_a_while():
    listing = Listing()
    listing.judge(read=0, wanted=50, answered=0)
    assert listing.plan(50, 1) == ("RUNNING", "PENDING")
    listing.judge(read=0, wanted=50, answered=0)
    pauses = []
    for _ in range(2):
        singles = 0
        while listing.plan(50, 1) == ():
            singles += 1
        pauses.append(singles)
        for _ in range(2):
            listing.judge(read=0, wanted=50, answered=0)
    assert pauses == [4, 8]


def test_a_listing_that_helps_is_kept():
    listing = Listing(doubts=1)
    listing.judge(read=10, wanted=20, answered=10)
    assert listing == Listing()


def test_every_third_fault_in_a_row_lets_a_look_be_made_singly():
    listing, plans = Listing(), []
    for _ in range(8):
        plans.append(bool(listing.plan(50, 1)))
        if plans[-1]:
            listing.failed()
    assert plans == [True, True, True, False, True, True, True, False]
