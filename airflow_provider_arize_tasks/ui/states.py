"""How a state of coverage is shown on the page: by a letter as well as a colour. The words are those of coverage."""

from __future__ import annotations

from typing import Final

from airflow_provider_arize_tasks.coverage.states import NEXT_STEPS, State

__all__ = ["State", "css_of", "letter_of", "meaning_of", "next_step_of", "seen_meaning_of", "worst"]

_LETTERS: Final = {
    State.RUNNING: "R",
    State.FAILED: "F",
    State.TRUNCATED: "T",
    State.DOUBTFUL: "D",
    State.EARLY: "E",
    State.STALE: "S",
    State.MISSING: "M",
    State.EMPTY: "0",
    State.LET_GO: "L",
    State.COVERED: "C",
}
_MEANINGS: Final = {
    State.RUNNING: "a run goes on, or its task instance waits",
    State.FAILED: "the task instance failed",
    State.TRUNCATED: "the run reached max_spans: the rest of its window is not evaluated",
    State.DOUBTFUL: "counts can't tell whether the run reached max_spans",
    State.EARLY: "not over, or evaluated before late spans could be seen",
    State.STALE: "labelled by another version of a judge",
    State.MISSING: "no task instance ran for it",
    State.EMPTY: "Arize found no data",
    State.LET_GO: "given up as a window without data",
    State.COVERED: "evaluated",
}
#: The same of what was seen on Arize, where no task instance is meant.
_SEEN_MEANINGS: Final = {
    State.RUNNING: "a run goes on",
    State.FAILED: "runs over it failed, or spans lack labels",
    State.MISSING: "no run covers it",
}
#: What a day shows when its windows differ, first to last.
_SEVERITY: Final = (
    State.RUNNING,
    State.FAILED,
    State.TRUNCATED,
    State.DOUBTFUL,
    State.EARLY,
    State.STALE,
    State.MISSING,
    State.EMPTY,
    State.LET_GO,
    State.COVERED,
)


def letter_of(state: State) -> str:
    """One letter, so that nobody needs to tell colours apart.

    :param state: of coverage.
    """
    return _LETTERS[state]


def css_of(state: State) -> str:
    """Name of its style.

    :param state: of coverage.
    """
    return str(state.value).replace(" ", "-")


def meaning_of(state: State) -> str:
    """The word in a sentence, for the legend.

    :param state: of coverage.
    """
    return _MEANINGS[state]


def seen_meaning_of(state: State) -> str:
    """The word in a sentence, for what the gap and verify operators saw.

    :param state: of coverage.
    """
    return _SEEN_MEANINGS.get(state) or _MEANINGS[state]


def next_step_of(state: State) -> str:
    """What to do about it, as a sentence.

    :param state: of coverage.
    """
    step = NEXT_STEPS[state]
    return f"{step[0].upper()}{step[1:]}."


def worst(states: list[State]) -> State | None:
    """The state that asks for most attention; ``None`` of none.

    :param states: of the windows of a day.
    """
    return min(states, key=_SEVERITY.index, default=None)
