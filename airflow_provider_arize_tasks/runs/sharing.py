"""Which requests answer for several runs of one task at once, and when single ones are cheaper.

A page of a task's runs answers for up to a hundred of them, but the API does not say in which order it lists, and a
task may have thousands of runs from the past. So a listing has to earn its place. It remembers on which page a run was
found, and is only read where it takes fewer pages than half the runs that are waited for; what no page answered for is
fetched singly. A listing that proves of no use is replaced: first by the task's active runs alone (``status=RUNNING``
and ``PENDING``; a run that has ended is on neither and fetched singly, once), then by single looks for a while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A page is worth its request when it answers for this many of the runs that are waited for.
WORTH_A_PAGE = 2
#: Two listings (running, pending) are worth it from this many runs on.
WORTH_TWO_LISTINGS = 5
#: Runs on a full page.
PAGE_SIZE = 100
#: One page that answers for nothing is put up with for so many runs that are still missing.
_MISSING_PER_EMPTY_PAGE = 10
_ACTIVE = ("RUNNING", "PENDING")
_MAX_PAUSE = 64


@dataclass
class Listing:
    """How the runs of one task are listed, learned look by look.

    :param active_only: list by status, because the plain listing does not begin with the runs that are waited for.
    :param pause: so many looks are made singly before a listing is tried again.
    :param strikes: how often in a row both kinds of listing proved of no use.
    :param doubts: how often in a row the plain listing did; the second time it is given up.
    :param faults: how often in a row a listing met a fault (connection down, 5xx).
    """

    active_only: bool = False
    pause: int = 0
    strikes: int = 0
    doubts: int = 0
    faults: int = 0

    def plan(self, wanted: int, reach: int) -> tuple[str | None, ...]:
        """The listings to read for a look at ``wanted`` runs, as values of the status filter (``None``: no filter).

        Empty: fetch the runs singly.

        :param wanted: how many runs the look should answer for.
        :param reach: how many pages that takes, as far as is known (see the function of that name).
        """
        if self.pause:
            self.pause -= 1
            return ()
        if wanted < WORTH_A_PAGE * max(reach, 1):
            return ()
        if not self.active_only:
            return (None,)
        return _ACTIVE if wanted >= WORTH_TWO_LISTINGS else ()

    def follow(self, *, read: int, reach: int, answered: int, missing: int, empty: int) -> bool:
        """Whether to read the next page.

        :param read: pages read so far.
        :param reach: how many were expected to be needed.
        :param answered: for how many of the wanted runs the last page answered.
        :param missing: how many wanted runs no page has answered for yet.
        :param empty: pages so far that answered for none.
        """
        if not missing:
            return False
        if read < reach:
            return True
        if missing < WORTH_A_PAGE:
            return False
        return answered >= WORTH_A_PAGE or empty * _MISSING_PER_EMPTY_PAGE < missing

    def judge(self, *, read: int, wanted: int, answered: int) -> None:
        """Learn from a look whose listings were read.

        :param read: pages read in all; 0 when the server refused.
        :param wanted: how many runs the look was for.
        :param answered: for how many of them the pages answered.
        """
        self.faults = 0
        # A run that is missing from the active ones has ended, so such a listing answers for it too.
        answers = wanted if self.active_only and read else answered
        if answers >= max(WORTH_A_PAGE, read):
            self.strikes = self.doubts = 0
        elif not self.active_only:
            self.doubts += 1
            self.active_only = self.doubts > 1 or not read
        else:
            self.active_only = False
            self.doubts = 0
            self.strikes += 1
            self.pause = min(2 ** (self.strikes + 1), _MAX_PAUSE)

    def failed(self) -> None:
        """The listing met a fault. Every third time the next look is made singly: only listing may be broken."""
        self.faults += 1
        if self.faults % 3 == 0:
            self.pause = max(self.pause, 1)


def reach(pages: Iterable[int | None], waiting: int) -> int:
    """How many pages of the listing it takes to find runs.

    :param pages: for each run, the number of the page that it was last found on, from 0; ``None``: not yet found.
    :param waiting: how many runs of the task are waited for in all; a run not yet found is taken to be among as many
        at the listing's beginning.
    """
    unknown = math.ceil(waiting / PAGE_SIZE)
    return max((unknown if page is None else page + 1 for page in pages), default=1)
