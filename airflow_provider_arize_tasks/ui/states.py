"""How a state of coverage is shown on the page: by a letter as well as a colour. The words are those of coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_arize_tasks.coverage.states import NEXT_STEPS, State


@dataclass(frozen=True)
class Shown:
    """How a state is shown.

    :param letter: so that nobody needs to tell colours apart.
    :param meaning: for the legend.
    :param seen: the same of what the gap and verify operators saw, where no task instance is meant; default alike.
    """

    letter: str
    meaning: str
    seen: str | None = None


#: In the order of what a day shows when its windows differ, the first of them.
SHOWN: Final = {
    State.RUNNING: Shown("R", "a run goes on, or its task instance waits", seen="a run goes on"),
    State.FAILED: Shown("F", "the task instance failed", seen="runs over it failed, or spans lack labels"),
    State.TRUNCATED: Shown("T", "the run reached max_spans: the rest of its window is not evaluated"),
    State.DOUBTFUL: Shown("D", "counts can't tell whether the run reached max_spans"),
    State.EARLY: Shown("E", "not over, or evaluated before late spans could be seen"),
    State.STALE: Shown("S", "labelled by another version of a judge"),
    State.MISSING: Shown("M", "no task instance ran for it", seen="no run covers it"),
    State.EMPTY: Shown("0", "Arize found no data"),
    State.LET_GO: Shown("L", "given up as a window without data"),
    State.COVERED: Shown("C", "evaluated"),
}
_SEVERITY: Final = list(SHOWN)


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
