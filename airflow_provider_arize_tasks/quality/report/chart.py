"""Where things lie in a chart: the scores of many experiments, and a change with its interval. ``chart.html`` draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.quality.report.points import Point
    from airflow_provider_arize_tasks.quality.statistics import Estimate

WIDTH, HEIGHT = 960, 236
LEFT, RIGHT, TOP, BOTTOM = 46, WIDTH - 128, 12, HEIGHT - 28
#: From this many points on, intervals are drawn as one band instead of bars.
BAND_FROM = 32
#: How many points at most get a date below the axis.
DATE_LABELS = 9
#: Labels at the right edge keep this distance, in pixels.
LABEL_GAP = 15


@dataclass(frozen=True, kw_only=True)
class ScoresChart:
    """The scores of an evaluator, one by one; the last one is the candidate.

    :param points: oldest first.
    :param title: what is drawn, for screen readers.
    :param tone: ``"good"``, ``"bad"`` or ``"plain"``: colour of the last point.
    :param baseline: the baseline's mean, drawn as a dashed line.
    :param limit: name and value of a limit, drawn as a dotted line.
    """

    points: Sequence[Point]
    title: str
    tone: str
    baseline: float | None = None
    limit: tuple[str, float] | None = None

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM

    @property
    def is_long(self) -> bool:
        """Whether there are so many points that each is drawn small, and the intervals as a band."""
        return len(self.points) >= BAND_FROM

    @property
    def step(self) -> float:
        """From one point to the next."""
        return (RIGHT - LEFT) / len(self.points)

    def x(self, index: int) -> float:
        """Where a point lies."""
        return round(LEFT + (RIGHT - LEFT) * ((index + 0.5) / len(self.points)), 1)

    def y(self, score: float) -> float:
        """Where a score lies; one outside lies at the edge."""
        low, high = self._ends
        return round(TOP + (BOTTOM - TOP) * (high - min(max(score, low), high)) / (high - low), 1)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        scores = [point.score for point in self.points if point.score is not None]
        scores += [value for value in (self.baseline, self.limit and self.limit[1]) if value is not None]
        ends = [end for point in self.points for end in (point.low, point.high) if end is not None]
        low, high = min([*scores, *ends]), max([*scores, *ends])
        pad = (high - low) * 0.08 or max(abs(high) * 0.1, 0.05)
        low, high = low - pad, high + pad
        if min(scores) >= 0 and max(scores) <= 1:  # shares and grades: nothing lies outside
            low, high = max(low, -0.02), min(high, 1.02)
        return low, high

    @property
    def ticks(self) -> list[float]:
        """Scores to read by."""
        low, high = self._ends
        rough = (high - low) / 4
        power = 10 ** math.floor(math.log10(rough))
        step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda candidate: abs(candidate - rough))
        return [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]

    @property
    def dates(self) -> list[tuple[int, str]]:
        """Some points with their dates, or the times where everything happened on one day."""
        points = self.points
        is_one_day = len(points) > 1 and len({short_date(point.created_at) for point in points}) == 1
        found = []
        for index in range(len(points) - 1, -1, -math.ceil(len(points) / DATE_LABELS)):
            made = points[index].created_at
            label = (made or "")[11:16] if is_one_day else short_date(made)
            found.append((index, printable(label or points[index].experiment[-10:], 20)))
        return found

    def stretches(self, name: str, last: int | None = None) -> list[list[int]]:
        """Unbroken stretches of points that have something, so that an experiment without a score leaves a gap.

        :param name: of a field.
        :param last: where to stop; default with the last point.
        """
        present = [getattr(point, name) not in (None, False) for point in self.points[:last]]
        runs = groupby(range(len(present)), key=present.__getitem__)
        return [list(run) for is_there, run in runs if is_there]

    @property
    def edge_labels(self) -> list[tuple[float, str, str]]:
        """Height, style and text of names and values at the right edge, pushed apart where they would overlap."""
        labels: list[tuple[float, str, str]] = []
        score = self.points[-1].score
        if score is not None:
            labels.append((self.y(score), f"now-text {self.tone}", f"this one {score:.3f}"))
        if self.baseline is not None:
            labels.append((self.y(self.baseline), "", f"baseline {self.baseline:.3f}"))
        if self.limit is not None:
            labels.append((self.y(self.limit[1]), "limit-text", f"{self.limit[0]} {self.limit[1]:.4g}"))
        labels.sort()
        ys = [label[0] for label in labels]
        for index in range(1, len(ys)):
            ys[index] = max(ys[index], ys[index - 1] + LABEL_GAP)
        overflow = ys[-1] - BOTTOM if ys else 0
        if overflow > 0:
            ys = [y - overflow for y in ys]
            for index in range(len(ys) - 2, -1, -1):
                ys[index] = min(ys[index], ys[index + 1] - LABEL_GAP)
        return [(y, style, text) for y, (_, style, text) in zip(ys, labels, strict=True)]


@dataclass(frozen=True, kw_only=True)
class ChangeChart:
    """A change as a dot with its interval around a line at zero, on a scale of its own.

    :param change: the change.
    :param tone: colour, as above.
    :param limit: the change that is still allowed, drawn as a dotted line.
    """

    change: Estimate
    tone: str
    limit: float | None = None

    width, height, edge = 210, 26, 8

    @property
    def reach(self) -> float:
        """The change at either end."""
        ends = (self.change.mean, self.change.low or 0.0, self.change.high or 0.0, self.limit or 0.0)
        return max(1e-9, *(abs(end) for end in ends)) * 1.1

    def x(self, value: float) -> float:
        """Where a change lies."""
        inside = min(max(value, -self.reach), self.reach)
        return round(self.width / 2 + (self.width / 2 - self.edge) * inside / self.reach, 1)


def short_date(text: str | None) -> str:
    """``23 Nov`` for an ISO date; ``""`` for what isn't one."""
    try:
        return f"{datetime.fromisoformat((text or '').replace('Z', '+00:00')):%d %b}".lstrip("0")
    except ValueError:
        return ""
