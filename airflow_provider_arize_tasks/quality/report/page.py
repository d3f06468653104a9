"""The HTML report of a check: one self-contained page, a pure function of data.

No script, no font, no image, nothing to fetch; a content security policy says so to the browser. Every text of the
experiment is escaped and shortened. Tooltips in the charts are the browser's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.quality.conditions import Conditions, Outcome, limit_of
from airflow_provider_arize_tasks.quality.report.chart import change_chart, scores_chart
from airflow_provider_arize_tasks.quality.report.style import STYLE
from airflow_provider_arize_tasks.quality.report.table import describe_baseline, describe_outcome
from airflow_provider_arize_tasks.quality.result import (
    EvaluatorCheck,
    ExperimentCheck,
    Finding,
    Regression,
    describe_measure,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.quality.history import Night
    from airflow_provider_arize_tasks.quality.rows import Row

#: Texts of examples are cut after this many characters.
MAX_TEXT = 4_000
#: Characters of an input shown while its example is folded.
MAX_TEASER = 90
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything the page shows.

    :param check: the result of the check.
    :param conditions: what was asked of the experiment.
    :param nights: per evaluator the scores of the nights to draw, oldest first, the candidate last.
    :param examples: columns of the dataset's examples, by example id; for the examples that got worse.
    :param origin: where the report comes from, such as ``{"DAG": "nightly", "run": "scheduled__..."}``.
    :param experiment_url: address of the experiment in the Arize UI, if known.
    """

    check: ExperimentCheck
    conditions: Conditions
    nights: Mapping[str, Sequence[Night]] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    experiment_url: str | None = None


def render_report(report: Report) -> str:
    """The report as an HTML document.

    :param report: what to show.
    """
    check = report.check
    title = f"{'Passed' if check.passed else 'Failed'}: {check.candidate.label}"
    sections = [_header(report), _findings(check), _overview(report)]
    sections += [_evaluator(report, evaluator) for evaluator in check.evaluators]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(sections)}{_footer(report)}</main></body></html>\n"
    )


def _header(report: Report) -> str:
    check, candidate = report.check, report.check.candidate
    verdict = _chip("Passed", "good", big=True) if check.passed else _chip("Failed", "bad", big=True)
    against = describe_baseline(check.baseline)
    facts = [escape(against[:1].upper() + against[1:])]
    facts.append(f"{len(candidate.rows)} examples, {candidate.errors} with an error")
    if candidate.created_at:
        facts.append(f"made {escape(candidate.created_at[:16].replace('T', ' '))} UTC")
    origin = " · ".join(f"{escape(name)} <code>{escape(value)}</code>" for name, value in report.origin.items())
    link = ""
    if report.experiment_url and report.experiment_url.startswith(("https://", "http://")):
        link = f'<a href="{escape(report.experiment_url)}" rel="noreferrer">Open the experiment in Arize</a>'
    return (
        f'<header><div class="row">{verdict}<span class="soft">Experiment quality check</span></div>'
        f"<h1>{escape(candidate.label)}</h1><p>{' · '.join(facts)}</p>"
        f'<p class="soft small">{origin}</p><p class="small">{link}</p></header>'
    )


def _findings(check: ExperimentCheck) -> str:
    notes = [_note(finding, "bad") for finding in check.failures]
    notes += [_note(finding, "warn") for finding in check.remarks]
    if not notes:
        notes = ['<div class="note good">Every condition holds, and no evaluator fell beyond the noise.</div>']
    return f'<section aria-label="Findings">{"".join(notes)}</section>'


def _note(finding: Finding, tone: str) -> str:
    return f'<div class="note {tone}">{escape(finding.message)}</div>'


def _overview(report: Report) -> str:
    checks = report.check.evaluators
    if not checks:
        return ""
    heads = ("Evaluator", "Score", "Baseline", "Change", "95", "Scored", "Errors", "")
    level = _level(report.check)
    cells = "".join(
        f'<th class="{"num" if head in ("Score", "Baseline", "Change", "Scored", "Errors") else ""}">'
        f"{escape(head if head != '95' else f'Change, {level} % interval')}</th>"
        for head in heads
    )
    reach = max([_reach(check) for check in checks] + [1e-9])
    rows = "".join(_overview_row(report, check, reach) for check in checks)
    return (
        f'<section class="card"><div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></section>"
    )


def _overview_row(report: Report, check: EvaluatorCheck, reach: float) -> str:
    change, drawing = check.change, ""
    if change is not None:
        drop = limit_of(report.conditions.max_drop, check.evaluator)
        allowed = None if not drop else (drop if check.measure.lower_is_better else -drop)
        drawing = change_chart(change, tone=_tone(check), reach=reach, limit=allowed)
    direction = '<span class="soft small">, lower is better</span>' if check.measure.lower_is_better else ""
    return (
        f'<tr><td class="name"><strong>{escape(check.evaluator)}</strong><br><span class="soft small">'
        f"{escape(describe_measure(check.measure))}</span>{direction}</td>"
        f'<td class="num">{_number(None if check.score is None else check.score.mean)}</td>'
        f'<td class="num">{_number(check.baseline_score)}</td>'
        f'<td class="num">{"-" if change is None else f"{change.mean:+.3f}"}</td><td>{drawing}</td>'
        f'<td class="num">{check.coverage:.0%}</td><td class="num">{check.error_rate:.0%}</td>'
        f"<td>{_chip(describe_outcome(check), _tone(check))}</td></tr>"
    )


def _evaluator(report: Report, check: EvaluatorCheck) -> str:
    nights = report.nights.get(check.evaluator, ())
    lower = check.measure.lower_is_better
    name = "max_score" if lower else "min_score"
    bound = limit_of(report.conditions.max_score if lower else report.conditions.min_score, check.evaluator)
    title = f"{check.evaluator}: {describe_measure(check.measure)} per night"
    chart = scores_chart(
        nights,
        title=title,
        tone=_tone(check),
        baseline=check.baseline_score,
        limit=None if bound is None else (name, bound),
    )
    parts = [
        (
            f'<div class="row"><h2>{escape(check.evaluator)}</h2>{_chip(describe_outcome(check), _tone(check))}'
            f'<span class="soft small">{escape(_numbers_in_words(check))}</span></div>'
        ),
        f'<div class="scroll">{chart}</div>',
        f'<p class="soft small">{escape(_caption(nights, _level(report.check)))}</p>',
        _labels(check),
        _nights_table(nights),
        _regressions(report, check),
    ]
    return f'<section class="card">{"".join(parts)}</section>'


def _numbers_in_words(check: EvaluatorCheck) -> str:
    if check.change is None or check.change.low is None or check.change.high is None:
        return f"{check.scored} of {check.rows} examples scored"
    change = check.change
    return (
        f"change {change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}) over {change.examples} shared examples, "
        f"{check.scored} of {check.rows} examples scored"
    )


def _caption(nights: Sequence[Night], level: str) -> str:
    if not any(night.is_paired for night in nights):
        return f"The bar is the {level} % interval of the mean: there is nothing to compare with yet."
    alone = any(night.low is not None and not night.is_paired for night in nights)
    return (
        f"Each interval ({level} %) is that of the night's change against the baseline, paired by example: an interval "
        "that doesn't reach the dashed line is a change that noise does not explain. Tinted: the baseline's nights."
        f"{' A night with nothing to compare it with shows the interval of its mean.' if alone else ''}"
    )


def _labels(check: EvaluatorCheck) -> str:
    if not check.labels:
        return ""
    items = " ".join(
        _chip(f"{label} {share:.0%}", "good" if label in check.measure.good_labels else "")
        for label, share in list(check.labels.items())[:8]
    )
    return f'<h3>Labels</h3><div class="row">{items}</div>'


def _nights_table(nights: Sequence[Night]) -> str:
    if len(nights) < 2:
        return ""
    rows = "".join(
        f"<tr><td>{escape((night.created_at or '')[:10])}</td><td>{escape(night.experiment)}</td>"
        f'<td class="num">{_number(night.score)}</td><td class="num">{_span(night)}</td>'
        f'<td class="num">{night.scored}</td></tr>'
        for night in reversed(nights)
    )
    return (
        f"<details><summary>The numbers of {len(nights)} nights</summary><div class='scroll'><table><thead><tr>"
        '<th>Date</th><th>Experiment</th><th class="num">Score</th><th class="num">Interval</th>'
        f'<th class="num">Scored</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _regressions(report: Report, check: EvaluatorCheck) -> str:
    if not check.regressions:
        return ""
    shown = "".join(
        _regression(regression, check, report.examples.get(regression.example), is_open=index == 0 and not check.passed)
        for index, regression in enumerate(check.regressions)
    )
    count = len(check.regressions)
    heading = "The example that got worse" if count == 1 else f"The {count} examples that got worse most"
    return f"<h3>{heading}</h3>{shown}"


def _regression(
    regression: Regression, check: EvaluatorCheck, example: Mapping[str, Any] | None, *, is_open: bool
) -> str:
    now, before = regression.candidate_row, regression.baseline_row
    given = _input(example) if example else ""
    texts = [_text("Input", given, wide=True)] if given else []
    texts += [_text("Output before", before.output if before else None), _text("Output now", now.output or now.error)]
    texts += [_text("Judged before", _judgement(before, check)), _text("Judged now", _judgement(now, check))]
    return (
        f'<details class="example"{" open" if is_open else ""}><summary><code>{escape(regression.example)}</code> '
        f"&nbsp;{regression.baseline:.3f} → {regression.candidate:.3f} "
        f'<span class="down">{regression.change:+.3f}</span> <span class="soft small">{escape(_teaser(given))}</span>'
        f'</summary><div class="texts">{"".join(texts)}</div></details>'
    )


def _text(heading: str, text: str | None, *, wide: bool = False) -> str:
    body = f"<pre>{escape(_shortened(text))}</pre>" if text else '<p class="soft small">none</p>'
    return f"<div{' class=wide' if wide else ''}><h4>{heading}</h4>{body}</div>"


def _judgement(row: Row | None, check: EvaluatorCheck) -> str | None:
    said = row.evaluations.get(check.evaluator) if row else None
    if said is None:
        return None
    verdict = [said.label] if said.label else []
    if said.score is not None:
        verdict.append(f"{said.score:.4g}")
    return "\n".join(part for part in (" · ".join(verdict), said.explanation) if part) or None


def _input(example: Mapping[str, Any]) -> str:
    hidden = ("id", "created_at", "updated_at", "annotations")
    columns = {name: value for name, value in example.items() if name not in hidden and value not in (None, "")}
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in columns.values()]
    if len(texts) == 1:
        return texts[0]
    return "\n".join(f"{name}: {text}" for name, text in zip(columns, texts, strict=True))


def _teaser(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEASER else f"{line[:MAX_TEASER].rstrip()} …"


def _shortened(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n… {len(text) - MAX_TEXT} more characters"


def _footer(report: Report) -> str:
    check = report.check
    return (
        "<footer><p>A drop counts when it is larger than <code>max_drop</code> allows and the whole interval of the "
        "change lies on the worse side of zero: Student's t over the differences of the examples that both sides "
        f"scored, at {check.confidence * 100:.4g} % for all evaluators together. An example without a score is left "
        "out of the means and counts against coverage.</p></footer>"
    )


def _level(check: ExperimentCheck) -> str:
    levels = {evaluator.change.confidence for evaluator in check.evaluators if evaluator.change}
    return f"{max(levels, default=check.confidence) * 100:.3g}"


def _reach(check: EvaluatorCheck) -> float:
    change = check.change
    if change is None:
        return 0.0
    return max(abs(end) for end in (change.mean, change.low or 0.0, change.high or 0.0)) * 1.1


def _tone(check: EvaluatorCheck) -> str:
    if not check.passed:
        return "bad"
    if check.outcome in (Outcome.PASSED, Outcome.IMPROVED):
        return "good"
    return "warn"


def _chip(text: str, tone: str, *, big: bool = False) -> str:
    return f'<span class="chip {tone}{" big" if big else ""}">{escape(text)}</span>'


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(night: Night) -> str:
    return "-" if night.low is None or night.high is None else f"{night.low:.3f} to {night.high:.3f}"
