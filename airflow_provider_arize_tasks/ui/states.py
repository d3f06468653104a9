"""What a window, a night or a day comes to, in one word and one letter. The words are those of coverage."""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """What is known of a stretch of time, by Airflow's records. The value is the word people read."""

    RUNNING = "running"
    FAILED = "failed"
    TRUNCATED = "truncated"
    DOUBTFUL = "doubtful"
    EARLY = "early"
    STALE = "stale"
    MISSING = "missing"
    EMPTY = "empty"
    LET_GO = "let go"
    COVERED = "covered"

    @property
    def letter(self) -> str:
        """One letter, so that nobody needs to tell colours apart."""
        return _LETTERS[self]

    @property
    def css(self) -> str:
        """Name of its style."""
        return self.value.replace(" ", "-")

    @property
    def meaning(self) -> str:
        """The word in a sentence, for the legend."""
        return _MEANINGS[self]


_LETTERS = {
    State.RUNNING: "R",
    State.FAILED: "F",
    State.TRUNCATED: "T",
    State.DOUBTFUL: "D",
    State.EARLY: "E",
    State.STALE: "S",
    State.MISSING: "M",
    State.EMPTY: "N",
    State.LET_GO: "L",
    State.COVERED: "C",
}
_MEANINGS = {
    State.RUNNING: "a run goes on, or its task instance waits",
    State.FAILED: "the task instance failed",
    State.TRUNCATED: "the run reached max_spans: the rest of its window is not evaluated",
    State.DOUBTFUL: "counts can't tell whether the run reached max_spans",
    State.EARLY: "evaluated before late spans could be seen",
    State.STALE: "labelled by another version of a judge",
    State.MISSING: "no task instance ran for it",
    State.EMPTY: "Arize found no data",
    State.LET_GO: "given up as a window without data",
    State.COVERED: "evaluated",
}
#: What a day shows when its windows differ, first to last.
SEVERITY = tuple(State)


def worst(states: list[State]) -> State | None:
    """The state that asks for most attention; ``None`` of none."""
    return min(states, key=SEVERITY.index, default=None)
