"""Which requests answer for several runs at once."""

from __future__ import annotations

from airflow_provider_arize_tasks.decisions.sharing import Listing


def test_a_run_alone_is_never_listed():
    assert Listing().plan(1) == ()


def test_two_runs_are_worth_a_page():
    assert Listing().plan(2) == (None,)


def test_pages_are_followed_only_while_they_help():
    listing = Listing()
    assert listing.follow(answered=100, missing=50)
    assert not listing.follow(answered=1, missing=50)
    assert not listing.follow(answered=100, missing=1)


def test_a_listing_that_does_not_help_gives_way_to_the_active_runs_then_to_single_looks():
    listing = Listing()
    listing.useless()
    assert listing.plan(50) == ("RUNNING", "PENDING")
    assert listing.plan(2) == ()
    listing.useless()
    singles = 0
    while listing.plan(50) == ():
        singles += 1
    assert singles == 4
    listing.useless()
    listing.useless()
    pauses = 0
    while listing.plan(50) == ():
        pauses += 1
    assert pauses == 8


def test_every_third_fault_in_a_row_lets_a_look_be_made_singly():
    listing, plans = Listing(), []
    for _ in range(8):
        plans.append(bool(listing.plan(50)))
        if plans[-1]:
            listing.failed()
    assert plans == [True, True, True, False, True, True, True, False]
