"""What control requests carry: one dataclass each, so that nothing is kept that a later request would stumble over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from airflow_provider_arize_tasks.emulator.checked import LENIENT, Seconds, Text
from airflow_provider_arize_tasks.emulator.model import COMPLETED

#: Runs that one request may start, and spans that a project may hold.
MOST_RUNS, MOST_SPANS = 100_000, 2_000_000
Count = Annotated[int, Field(ge=0, le=2**53)]
Choices = dict[Text, Annotated[float, Field(ge=-1e9, le=1e9)]]


@dataclass(slots=True, kw_only=True)
class SpansToAdd:
    """Spans at ``times``, or ``count`` of them evenly over ``start`` to ``end``.

    :ivar project: name or id; the seeded project by default.
    :ivar attributes: columns of each span.
    :ivar arrives_after: seconds from a span's time to its arrival.
    """

    __pydantic_config__ = LENIENT

    project: Text | None = None
    attributes: dict[Text, Any] = field(default_factory=dict)
    times: list[Any] | None = None
    count: Annotated[int, Field(ge=0, le=MOST_SPANS)] | None = None
    start: Any = None
    end: Any = None
    arrives_after: Seconds | None = None


@dataclass(slots=True, kw_only=True)
class Outage:
    """Nobody answers for ``seconds``: see ``control.outage``."""

    __pydantic_config__ = LENIENT

    seconds: Seconds = 10.0
    mode: Literal["drop", "status", "refuse"] = "drop"
    status: Annotated[int, Field(ge=400, le=599)] = 503


@dataclass(slots=True, kw_only=True)
class ManyRuns:
    """``count`` runs of a task that evaluate nothing and last ``run_seconds``."""

    __pydantic_config__ = LENIENT

    task: Text
    count: Annotated[int, Field(ge=1, le=MOST_RUNS)] = 1
    run_seconds: Seconds = 60.0


@dataclass(slots=True, kw_only=True)
class EndOfRun:
    """How a run ends at once."""

    __pydantic_config__ = LENIENT

    status: Text = COMPLETED
    reason: Text | None = None
    successes: Count = 0
    errors: Count = 0
    skipped: Count = 0


@dataclass(slots=True, kw_only=True)
class EvaluatorConfig:
    """What the emulator reads of an evaluator's configuration; there may be more."""

    name: Text | None = None
    type: Text | None = None
    classification_choices: Choices | None = None
    data_granularity: Literal["SPAN", "TRACE", "SESSION"] | None = None


@dataclass(slots=True, kw_only=True)
class ToAdd:
    """What the kinds of ``control.add`` have in common; there may be more."""

    name: Text = ""
    space: Text | None = None
    dataset: Text | None = None
    evaluator: Text | None = None
    examples: list[dict[Text, Any]] | None = None
    choices: Choices | None = None
    granularity: Literal["SPAN", "TRACE", "SESSION"] | None = None
    config: EvaluatorConfig | None = None
    type: Literal["LLM", "AGENT"] = "LLM"
