"""Which requests answer for several runs of one task at once, and when single ones are cheaper.

A page of a task's runs answers for up to a hundred of them, but the API does not say in which order it lists, and a
task may have thousands of runs from the past. So a listing has to earn its place: it is followed from page to page as
long as pages answer for at least two runs that are waited for, and what is still missing then is fetched singly. A
listing whose first page does not help is replaced: first by the task's active runs alone (``status=RUNNING`` and
``PENDING``; a run that has ended is on neither and fetched singly, once), then by single looks for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A page is worth its request when it answers for this many of the runs that are waited for.
WORTH_A_PAGE = 2
#: Two listings (running, pending) are worth it from this many runs on.
WORTH_TWO_LISTINGS = 5
_ACTIVE = ("RUNNING", "PENDING")
_MAX_PAUSE = 64


@dataclass
class Listing:
    """How the runs of one task are listed, learned look by look.

    :param active_only: list by status, because the plain listing does not begin with the runs that are waited for.
    :param pause: so many looks are made singly before a listing is tried again.
    :param strikes: how often in a row both kinds of listing proved of no use.
    :param faults: how often in a row a listing met a fault (connection down, 5xx).
    """

    active_only: bool = False
    pause: int = 0
    strikes: int = 0
    faults: int = 0

    def plan(self, wanted: int) -> tuple[str | None, ...]:
        """The listings to read for a look at ``wanted`` runs, as values of the status filter (``None``: no filter).

        Empty: fetch the runs singly.
        """
        if self.pause:
            self.pause -= 1
            return ()
        if wanted < (WORTH_TWO_LISTINGS if self.active_only else WORTH_A_PAGE):
            return ()
        return _ACTIVE if self.active_only else (None,)

    def follow(self, answered: int, missing: int) -> bool:
        """Whether to read the next page.

        :param answered: for how many of the wanted runs this page answered.
        :param missing: how many wanted runs no page has answered for yet.
        """
        return missing >= WORTH_A_PAGE and answered >= WORTH_A_PAGE

    def useful(self) -> None:
        """The listing answered for enough runs."""
        self.strikes = 0
        self.faults = 0

    def failed(self) -> None:
        """The listing met a fault. Every third time the next look is made singly: only listing may be broken."""
        self.faults += 1
        if self.faults % 3 == 0:
            self.pause = max(self.pause, 1)

    def useless(self) -> None:
        """The listing answered for too few runs, or was refused: try the other kind, then pause for a while."""
        if not self.active_only:
            self.active_only = True
            return
        self.active_only = False
        self.strikes += 1
        self.pause = min(2 ** (self.strikes + 1), _MAX_PAUSE)
