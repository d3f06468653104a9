"""The report as a page and as Markdown: what the templates show, worked out from the report.

The page is self-contained: no script, no font, no image, nothing to fetch; a content security policy says so to the
browser. Jinja2 escapes every text; texts of examples are made visible and cut before.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.changed import what_changed
from airflow_provider_arize_tasks.quality.conditions import Outcome, Verdict, limit_of
from airflow_provider_arize_tasks.quality.report.chart import ChangeChart, ScoresChart
from airflow_provider_arize_tasks.quality.report.table import (
    describe_baseline,
    describe_outcome,
    number,
    numbers_of,
    span,
)
from airflow_provider_arize_tasks.quality.report.text import for_markdown, input_of, visible, word_changes
from airflow_provider_arize_tasks.quality.result import describe_measure

if TYPE_CHECKING:
    from jinja2 import Environment

    from airflow_provider_arize_tasks.quality.report.document import Report
    from airflow_provider_arize_tasks.quality.result import EvaluatorCheck, ExampleChange, ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import Row

#: Characters of an input shown while its example is folded.
MAX_TEASER = 90
#: Findings in Markdown, at most; the page has all of them.
MAX_NOTES = 8
_TEMPLATES = Path(__file__).parent / "templates"
_TITLES = {
    Verdict.PASSED: ("Passed", "good", "\u2705"),
    Verdict.FAILED: ("Failed", "bad", "\u274c"),
    Verdict.INCONCLUSIVE: ("Inconclusive", "warn", "\u2753"),
    Verdict.NOTHING_TO_COMPARE: ("Nothing to compare with", "", "\u26aa"),
}


@lru_cache(maxsize=2)
def _environment(*, escaping: bool) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_TEMPLATES)
    jinja = Environment(loader=loader, autoescape=escaping, undefined=StrictUndefined)  # noqa: S701  # Markdown: no  # nosec B701
    jinja.filters.update(line=printable, number=number)
    jinja.globals["span"] = span
    return jinja


def render_page(report: Report) -> str:
    """The report as an HTML document.

    :param report: what to show.
    """
    from markupsafe import Markup

    check = report.check
    css = Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))  # our own file  # noqa: S704  # nosec B704
    template = _environment(escaping=True).get_template("report.html")
    return template.render(
        css=css,
        verdict=_verdict(check),
        name=printable(check.candidate.label, 300),
        facts=_facts(check),
        origin=[(printable(key, 40), printable(value, 200)) for key, value in report.origin.items()],
        link=_link(report),
        notes=_notes(check),
        changed=what_changed(check.candidate, check.past),
        level=f"{check.level * 100:.3g}",
        overview=[_overview(check, one) for one in check.measures],
        evaluators=[_evaluator(report, one) for one in check.measures if one in check.evaluators or one.findings],
        slice_by=printable(report.slice_by or "", 60),
        conditions=_conditions(check),
        check=check,
        decided_by={name: by for name, (_, _, by) in report.verdicts.items()},
        is_clustered=any(one.change is not None and one.change.clusters is not None for one in check.measures),
    )


def render_markdown(report: Report) -> str:
    """The report in short, for a comment on a pull request.

    :param report: what to show.
    """
    check = report.check
    plain = [{key: for_markdown(value, 80) for key, value in _cells(one).items()} for one in check.measures]
    notes = [for_markdown(note["text"], 400) for note in _notes(check)]
    if len(notes) > MAX_NOTES:
        notes = [*notes[:MAX_NOTES], f"and {len(notes) - MAX_NOTES} more"]
    return (
        _environment(escaping=False)
        .get_template("report.md")
        .render(
            mark=_TITLES[check.verdict][2],
            verdict=_verdict(check),
            name=for_markdown(check.candidate.label),
            facts=[for_markdown(fact, 300) for fact in _facts(check)],
            notes=notes,
            changed=[for_markdown(line, 300) for line in what_changed(check.candidate, check.past)],
            level=f"{check.level * 100:.3g}",
            overview=plain,
            link=_link(report).replace(")", "%29").replace(" ", "%20"),
        )
    )


# -- the whole -----------------------------------------------------------------------------------------------------


def _verdict(check: ExperimentCheck) -> dict[str, str]:
    text, tone, _ = _TITLES[check.verdict]
    if check.verdict is Verdict.INCONCLUSIVE:
        text += ", let pass" if check.passed else ", not let pass"
    return {"text": text, "tone": tone}


def _link(report: Report) -> str:
    url = report.experiment_url or ""
    return url if url.startswith(("https://", "http://")) else ""


def _facts(check: ExperimentCheck) -> list[str]:
    candidate = check.candidate
    against = describe_baseline(check.past.pool)
    found = [against[:1].upper() + against[1:]]
    source = {"dataset": "of the dataset", "baseline": "of the baseline", "rows": ""}[check.expected.source]
    errors = f", {candidate.errors} with an error" if candidate.errors else ""
    found.append(f"{len(candidate.example_ids)} of {check.expected.count} examples {source}".rstrip() + errors)
    if check.past.reference:
        found.append(f"reference: {', '.join(printable(one.label, 80) for one in check.past.reference)}")
    if candidate.created_at:
        found.append(f"made {candidate.created_at[:16].replace('T', ' ')} UTC")
    return found


def _notes(check: ExperimentCheck) -> list[dict[str, str]]:
    found = [{"tone": "bad", "text": finding.message} for finding in check.failures]
    found += [{"tone": "warn", "text": finding.message} for finding in check.doubts]
    found += [{"tone": "", "text": finding.message} for finding in check.remarks]
    if not found:
        found = [{"tone": "good", "text": "Every condition holds, and no evaluator fell beyond the noise."}]
    return found


def _conditions(check: ExperimentCheck) -> list[tuple[str, str]]:
    given = check.conditions.to_dict()
    return [(name, visible(_words(value), 300)) for name, value in given.items() if value not in ({}, [], None)]


def _words(value: Any) -> str:
    if isinstance(value, dict):
        only = value.get("*") if len(value) == 1 else None
        return f"{only:g}" if isinstance(only, float) else ", ".join(f"{key}: {each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# -- one evaluator -------------------------------------------------------------------------------------------------


def _cells(one: EvaluatorCheck) -> dict[str, str]:
    return {
        **numbers_of(one),
        "name": printable(one.evaluator, 80),
        "measure": printable(describe_measure(one.measure), 120),
        "moves": f"{one.better} / {one.worse} / {one.equal}" if one.change is not None else "-",
        "scored": f"{one.scored} of {one.expected}",
        "errors": f"{one.errors}",
        "outcome": describe_outcome(one),
    }


def _overview(check: ExperimentCheck, one: EvaluatorCheck) -> dict[str, Any]:
    drawing = None
    if one.change is not None:
        drop = limit_of(check.conditions.max_drop, one.evaluator)
        allowed = None if not drop else (drop if one.measure.lower_is_better else -drop)
        drawing = ChangeChart(change=one.change, tone=_tone(one), limit=allowed)
    return {**_cells(one), "lower": one.measure.lower_is_better, "drawing": drawing, "tone": _tone(one)}


def _evaluator(report: Report, one: EvaluatorCheck) -> dict[str, Any]:
    check, points = report.check, report.points.get(one.evaluator, ())
    lower = one.measure.lower_is_better
    bound = limit_of(check.conditions.max_score if lower else check.conditions.min_score, one.evaluator)
    limit = None if bound is None else ("max_score" if lower else "min_score", bound)
    chart = ScoresChart(
        points=points,
        title=printable(f"{one.evaluator}: {describe_measure(one.measure)} by experiment", 300),
        tone=_tone(one),
        baseline=one.baseline_score,
        limit=limit,
    )
    folded = one.passed and not one.is_inconclusive
    return {
        **_cells(one),
        "tone": _tone(one),
        "words": _numbers_in_words(one),
        "chart": chart,
        "labels": _labels(one),
        "slices": _slices(one),
        "examples_note": _examples_note(one, folded=folded),
        "worse": [_example(report, one, each, folded=folded) for each in one.regressions],
        "better": [_example(report, one, each, folded=folded) for each in one.improvements],
        "folded": folded,
    }


def _numbers_in_words(one: EvaluatorCheck) -> str:
    scored = f"{one.scored} of {one.expected} examples scored"
    change = one.change
    if change is None or change.low is None or change.high is None:
        return scored
    return (
        f"change {change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}) over {change.examples} shared examples, "
        f"{scored}"
    )


def _labels(one: EvaluatorCheck) -> list[tuple[str, str]]:
    return [
        (f"{printable(label, 80)} {share:.0%}", "good" if label in one.measure.good_labels else "")
        for label, share in list(one.labels.items())[:8]
    ]


def _slices(one: EvaluatorCheck) -> list[dict[str, Any]]:
    found = []
    for each in one.slices:
        change = each.change
        worse = change.is_above_zero if one.measure.lower_is_better else change.is_below_zero
        better = change.is_below_zero if one.measure.lower_is_better else change.is_above_zero
        found.append(
            {
                "value": printable(each.value, 120),
                "examples": change.examples,
                "change": f"{change.mean:+.3f}",
                "interval": span(change.low, change.high, sign="+"),
                "tone": "down" if worse and not one.passed else "up" if better and not one.passed else "",
            }
        )
    return found


def _examples_note(one: EvaluatorCheck, *, folded: bool) -> str:
    if not one.regressions and not one.improvements:
        return ""
    if folded and one.outcome is not Outcome.IMPROVED:
        return "Examples that changed most; together they are no more than noise"
    return "Examples that changed most"


def _example(report: Report, one: EvaluatorCheck, change: ExampleChange, *, folded: bool) -> dict[str, Any]:
    now, before = change.candidate_row, change.baseline_row
    given = input_of(report.examples.get(change.example, {}))
    old = visible((before.output if before else None) or "")
    new = visible((now.output or now.error if now else None) or "")
    is_worse = (change.change > 0) == one.measure.lower_is_better
    digest = hashlib.sha256(f"{one.evaluator}\n{change.example}".encode("utf-8", "replace")).hexdigest()[:10]
    return {
        "id": printable(change.example, 80),
        "anchor": f"example-{digest}",
        "before": f"{change.baseline:.3f}",
        "now": f"{change.candidate:.3f}",
        "change": f"{change.change:+.3f}",
        "tone": "" if folded else "down" if is_worse else "up",
        "teaser": printable(given, MAX_TEASER),
        "input": visible(given) if given else "",
        "words": word_changes(old, new) if old != new else [],
        "output_before": old,
        "output_now": new,
        "judged_before": _judgement(before, one),
        "judged_now": _judgement(now, one),
    }


def _judgement(row: Row | None, one: EvaluatorCheck) -> str:
    said = row.evaluations.get(one.evaluator) if row else None
    if said is None:
        return ""
    verdict = [said.label] if said.label else []
    if said.score is not None:
        verdict.append(f"{said.score:.4g}")
    return visible("\n".join(part for part in (" \u00b7 ".join(verdict), said.explanation) if part))


def _tone(one: EvaluatorCheck) -> str:
    if not one.passed:
        return "bad"
    if one.is_inconclusive:
        return "warn"
    return "good" if one.outcome in (Outcome.PASSED, Outcome.IMPROVED) else ""
