"""Inline SVG: the scores of many experiments, and a change with its interval. Numbers in, markup out; text escaped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from airflow_provider_arize_tasks.client.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.quality.report.points import Point
    from airflow_provider_arize_tasks.quality.statistics import Estimate

WIDTH, HEIGHT = 960, 236
LEFT, RIGHT, TOP, BOTTOM = 46, 128, 12, 28
#: From this many points on, intervals are drawn as one band instead of bars.
BAND_FROM = 32
#: How many points at most get a date below the axis.
DATE_LABELS = 9
#: Labels at the right edge keep this distance, in pixels.
LABEL_GAP = 15


@dataclass(frozen=True)
class _Scale:
    """Places points and scores on the page."""

    count: int
    low: float
    high: float

    def x(self, index: int) -> float:
        width = WIDTH - LEFT - RIGHT
        return round(LEFT + width * ((index + 0.5) / self.count), 1)

    def y(self, score: float) -> float:
        inside = min(max(score, self.low), self.high)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (self.high - inside) / (self.high - self.low), 1)

    @property
    def step(self) -> float:
        return (WIDTH - LEFT - RIGHT) / self.count


def scores_chart(
    points: Sequence[Point],
    *,
    title: str,
    tone: str,
    baseline: float | None = None,
    limit: tuple[str, float] | None = None,
) -> Markup:
    """The scores of an evaluator, one by one; the last one is the candidate.

    :param points: oldest first.
    :param title: what is drawn, for screen readers.
    :param tone: ``"good"``, ``"bad"`` or ``"plain"``: colour of the last point.
    :param baseline: the baseline's mean, drawn as a dashed line.
    :param limit: name and value of a limit, drawn as a dotted line.
    """
    drawn = [point for point in points if point.score is not None]
    if not drawn:
        return Markup('<p class="soft">No score to draw.</p>')
    scale = _scale(points, [value for value in (baseline, limit[1] if limit else None) if value is not None])
    parts = [_shade(points, scale), _grid(scale), _dates(points, scale), _changes(points, scale)]
    parts += [_line(scale, baseline, "base"), _line(scale, limit[1] if limit else None, "limit")]
    parts += [_intervals(points, scale, tone), _trend(points, scale), _dots(points, scale, tone)]
    parts.append(_edge_labels(points, scale, tone, baseline, limit))
    return Markup(  # every text in the parts is escaped  # noqa: S704  # nosec B704
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def change_chart(change: Estimate, *, tone: str, limit: float | None = None) -> Markup:
    """A change as a dot with its interval around a line at zero, on a scale of its own.

    :param change: the change.
    :param tone: colour, as above.
    :param limit: the change that is still allowed, drawn as a dotted line.
    """
    ends = (change.mean, change.low or 0.0, change.high or 0.0, limit or 0.0)
    reach = max(1e-9, *(abs(end) for end in ends)) * 1.1
    width, height, edge = 210, 26, 8

    def x(value: float) -> float:
        inside = min(max(value, -reach), reach)
        return round(width / 2 + (width / 2 - edge) * inside / reach, 1)

    parts = [f'<line class="grid" x1="{edge}" y1="13" x2="{width - edge}" y2="13"/>']
    parts.append(f'<line class="base" x1="{x(0)}" y1="2" x2="{x(0)}" y2="{height - 2}"/>')
    if limit:
        parts.append(f'<line class="limit" x1="{x(limit)}" y1="2" x2="{x(limit)}" y2="{height - 2}"/>')
    if change.low is not None and change.high is not None:
        parts.append(f'<line class="bar now-bar {tone}" x1="{x(change.low)}" y1="13" x2="{x(change.high)}" y2="13"/>')
    parts.append(f'<circle class="now {tone}" cx="{x(change.mean)}" cy="13" r="5"/>')
    label = f"change {change.mean:+.3f}, drawn from {-reach:.3g} to {reach:.3g}"
    drawing = f'<svg class="forest" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
    return Markup(f"{drawing}<title>{label}</title>{''.join(parts)}</svg>")  # numbers only  # noqa: S704  # nosec B704


def short_date(text: str | None) -> str:
    """``23 Nov`` for an ISO date; ``""`` for what isn't one."""
    try:
        return f"{datetime.fromisoformat((text or '').replace('Z', '+00:00')):%d %b}".lstrip("0")
    except ValueError:
        return ""


def _scale(points: Sequence[Point], lines: Sequence[float]) -> _Scale:
    scores = [point.score for point in points if point.score is not None]
    ends = [end for point in points for end in (point.low, point.high) if end is not None]
    low, high = min([*scores, *ends, *lines]), max([*scores, *ends, *lines])
    pad = (high - low) * 0.08 or max(abs(high) * 0.1, 0.05)
    low, high = low - pad, high + pad
    if min([*scores, *lines]) >= 0 and max([*scores, *lines]) <= 1:  # shares and grades: nothing lies outside
        low, high = max(low, -0.02), min(high, 1.02)
    return _Scale(len(points), low, high)


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda candidate: abs(candidate - rough))
    return [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _grid(scale: _Scale) -> str:
    parts = []
    for tick in _ticks(scale.low, scale.high):
        y = scale.y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{tick:.4g}</text>')
    return "".join(parts)


def _shade(points: Sequence[Point], scale: _Scale) -> str:
    """A tint behind the points of the baseline."""
    parts = []
    for run in _runs([point.in_baseline for point in points]):
        start = scale.x(run[0]) - scale.step / 2
        size = f'width="{scale.x(run[-1]) + scale.step / 2 - start:.1f}" height="{HEIGHT - TOP - BOTTOM}"'
        parts.append(f'<rect class="shade" x="{start:.1f}" y="{TOP}" {size}/>')
    return "".join(parts)


def _dates(points: Sequence[Point], scale: _Scale) -> str:
    every = math.ceil(len(points) / DATE_LABELS)
    is_one_day = len(points) > 1 and len({short_date(point.created_at) for point in points}) == 1
    parts = []
    for index in range(len(points) - 1, -1, -every):
        label = _moment(points[index].created_at, is_one_day=is_one_day) or points[index].experiment[-10:]
        x = scale.x(index)
        parts.append(f'<text x="{x}" y="{HEIGHT - 8}" text-anchor="middle">{escape(printable(label, 20))}</text>')
    return "".join(parts)


def _moment(text: str | None, *, is_one_day: bool) -> str:
    """The date, or the time where everything happened on one day."""
    return (text or "")[11:16] if is_one_day else short_date(text)


def _line(scale: _Scale, value: float | None, name: str) -> str:
    if value is None:
        return ""
    y = scale.y(value)
    return f'<line class="{name}" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'


def _intervals(points: Sequence[Point], scale: _Scale, tone: str) -> str:
    last = len(points) - 1
    if len(points) >= BAND_FROM:
        return _band(points[:-1], scale) + _bar(points[last], last, scale, f"now-bar {tone}")
    bars = [_bar(point, index, scale, "") for index, point in enumerate(points[:-1])]
    return "".join(bars) + _bar(points[last], last, scale, f"now-bar {tone}")


def _bar(point: Point, index: int, scale: _Scale, extra: str) -> str:
    if point.low is None or point.high is None:
        return ""
    x = scale.x(index)
    return f'<line class="bar {extra}" x1="{x}" y1="{scale.y(point.low)}" x2="{x}" y2="{scale.y(point.high)}"/>'


def _band(points: Sequence[Point], scale: _Scale) -> str:
    parts = []
    for run in _runs([point.low is not None and point.high is not None for point in points]):
        upper = [f"{scale.x(index)},{scale.y(points[index].high or 0)}" for index in run]
        lower = [f"{scale.x(index)},{scale.y(points[index].low or 0)}" for index in reversed(run)]
        parts.append(f'<polygon class="band" points="{" ".join(upper + lower)}"/>')
    return "".join(parts)


def _trend(points: Sequence[Point], scale: _Scale) -> str:
    parts = []
    for run in _runs([point.score is not None for point in points]):
        corners = " ".join(f"{scale.x(index)},{scale.y(points[index].score or 0)}" for index in run)
        parts.append(f'<polyline class="trend" points="{corners}"/>')
    return "".join(parts)


def _runs(present: Sequence[bool]) -> list[list[int]]:
    """Indices of unbroken stretches, so that an experiment without a score leaves a gap."""
    found: list[list[int]] = [[]]
    for index, there in enumerate(present):
        if there:
            found[-1].append(index)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _dots(points: Sequence[Point], scale: _Scale, tone: str) -> str:
    radius = 3 if len(points) < BAND_FROM else 1.8
    parts = []
    for index, point in enumerate(points):
        if point.score is None:
            continue
        is_last = index == len(points) - 1
        look = f'class="now {tone}" r="6"' if is_last else f'class="{_look(point)}" r="{radius}"'
        x = scale.x(index)
        parts.append(
            f'<g class="point"><title>{escape(_tooltip(point))}</title>'
            f'<rect class="hit" x="{x - scale.step / 2:.1f}" y="{TOP}" width="{scale.step:.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM}"/><circle {look} cx="{x}" cy="{scale.y(point.score)}"/></g>'
        )
    return "".join(parts)


def _look(point: Point) -> str:
    """How a past experiment is drawn: filled where it counts, hollow where it does not."""
    return "dot" if point.is_accepted is not False else "dot blocked"


def _changes(points: Sequence[Point], scale: _Scale) -> str:
    """A line where the judge, the prompt or the dataset changed."""
    parts = []
    for index, point in enumerate(points):
        if index and point.changed:
            x = round(scale.x(index) - scale.step / 2, 1)
            parts.append(
                f"<g><title>changed here: {', '.join(point.changed)}</title>"
                f'<line class="changed" x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}"/>'
                f'<text class="changed-text" x="{x + 4}" y="{TOP + 10}">{", ".join(point.changed)}</text></g>'
            )
    return "".join(parts)


def _tooltip(point: Point) -> str:
    interval = "" if point.low is None or point.high is None else f" ({point.low:.3f} to {point.high:.3f})"
    verdict = "" if point.verdict is None else f", {point.verdict.replace('_', ' ')}"
    return f"{printable(point.experiment, 120)}: {point.score:.3f}{interval}, {point.scored} examples{verdict}"


def _edge_labels(
    points: Sequence[Point], scale: _Scale, tone: str, baseline: float | None, limit: tuple[str, float] | None
) -> str:
    """Names and values at the right edge, pushed apart where they would overlap."""
    labels: list[tuple[float, str, str]] = []
    score = points[-1].score
    if score is not None:
        labels.append((scale.y(score), f"now-text {tone}", f"this one {score:.3f}"))
    if baseline is not None:
        labels.append((scale.y(baseline), "", f"baseline {baseline:.3f}"))
    if limit is not None:
        labels.append((scale.y(limit[1]), "limit-text", f"{limit[0]} {limit[1]:.4g}"))
    labels.sort()
    ys = [label[0] for label in labels]
    for index in range(1, len(ys)):
        ys[index] = max(ys[index], ys[index - 1] + LABEL_GAP)
    overflow = ys[-1] - (HEIGHT - BOTTOM) if ys else 0
    if overflow > 0:
        ys = [y - overflow for y in ys]
        for index in range(len(ys) - 2, -1, -1):
            ys[index] = min(ys[index], ys[index + 1] - LABEL_GAP)
    return "".join(
        f'<text class="{name}" x="{WIDTH - RIGHT + 10}" y="{y + 4:.1f}">{escape(text)}</text>'
        for y, (_, name, text) in zip(ys, labels, strict=True)
    )
