"""What this provider and its emulator assume of the server: one list.

Whoever relies on an entry says so beside the code, with the comment ``Assumes "NAME"``; so does the emulator where it
behaves that way. A test holds the list, the comments and the questions together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Verdict(str, Enum):
    """What a server said to an assumption."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_ASKED = "could not be asked"


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """Something that the API's reference leaves open.

    :param name: by which the code refers to it.
    :param says: what is assumed, in a sentence.
    :param answer: the answer that bears it out.
    """

    name: str
    says: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of asking.

    :param name: the assumption.
    :param verdict: whether it holds.
    :param found: the server's answer, or why it could not be asked.
    :param text: what a refusal said, redacted.
    """

    name: str
    verdict: Verdict
    found: str
    text: str | None = None


ASSUMPTIONS: Final = (
    Assumption(
        name="newest-first",
        says="Lists of tasks and runs begin with the newest.",
        answer="newest first",
    ),
    Assumption(
        name="pages-hold-all-once",
        says="The pages of a list hold each run once, and the last has no cursor.",
        answer="each once",
    ),
    Assumption(
        name="created-at-milliseconds",
        says="`created_at` of a run is in UTC with milliseconds.",
        answer="UTC, milliseconds",
    ),
    Assumption(
        name="created-at-is-the-date-clock",
        says="`created_at` of a run and the `Date` header are of one clock, to a few seconds.",
        answer="within 5 s",
    ),
    Assumption(
        name="second-trigger-runs-again",
        says="A second trigger over the same window starts a second run.",
        answer="another run",
    ),
    Assumption(
        name="labelled-run-is-cancelled",
        says="A run whose data is labelled already ends CANCELLED, 0/0/0, and its reason names `override_evaluations`.",
        answer="CANCELLED, counts zero, reason names override_evaluations",
    ),
    Assumption(
        name="limit-after-labels",
        says="`max_spans` counts after labelled spans are left out.",
        answer="labelled spans do not count",
    ),
    Assumption(
        name="counts-once",
        says="A run counts each span once, however many evaluators the task has.",
        answer="once per span",
    ),
    Assumption(
        name="no-data-is-400",
        says="A trigger over a window without spans is refused with 400, 'No data found'.",
        answer="400 no data found",
    ),
    Assumption(
        name="naive-time-is-422",
        says="A time without an offset is refused with 422.",
        answer="422",
    ),
    Assumption(
        name="name-clash-is-409",
        says="A task of a name that is taken is refused with 409.",
        answer="409",
    ),
    Assumption(
        name="enums-upper-case",
        says="Replies spell enums in upper case.",
        answer="upper case",
    ),
    Assumption(
        name="cancel-of-ended-run-is-400",
        says="Cancelling a run that has ended is refused with 400.",
        answer="400",
    ),
    Assumption(
        name="labels-readable-at-end",
        says="Labels can be read with the spans as soon as the run has completed.",
        answer="within 15 s",
    ),
    Assumption(
        name="evaluation-metadata-names-run",
        says="The metadata of a span's evaluation names the task and the run.",
        answer="task and run",
    ),
    Assumption(
        name="no-rate-limit-headers",
        says="Replies carry no headers about the rate limit but `Retry-After` with a 429.",
        answer="none",
    ),
    Assumption(
        name="experiment-name-clash-is-409",
        says="An experiment of a name that is taken is refused at the trigger with 409.",
        answer="409",
    ),
    Assumption(
        name="scores-readable-at-end",
        says="Scores of an experiment can be read as soon as its evaluation has completed.",
        answer="within 15 s",
    ),
    Assumption(
        name="deleted-experiment-name-is-free",
        says="The name of a deleted experiment can be used again.",
        answer="free",
    ),
)

BY_NAME: Final = {each.name: each for each in ASSUMPTIONS}


def finding(name: str, found: str, text: str | None = None) -> Finding:
    """What the server answered.

    :param name: the assumption.
    :param found: the answer, in the words of the list where it bears the assumption out.
    :param text: what a refusal said, redacted.
    """
    verdict = Verdict.HOLDS if found == BY_NAME[name].answer else Verdict.DIFFERS
    return Finding(name=name, verdict=verdict, found=found, text=text)


def not_asked(name: str, why: str) -> Finding:
    """That the server could not be asked.

    :param name: the assumption.
    :param why: in words without anything of the account's.
    """
    return Finding(name=name, verdict=Verdict.NOT_ASKED, found=why)
