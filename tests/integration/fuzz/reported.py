"""What a server sent, as people and other programs get to see it: report, terminal, XCom, asset event."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.incoming import clean_text
from airflow_provider_arize_tasks.client.models import Experiment, ExperimentRun
from airflow_provider_arize_tasks.quality.conditions import read_conditions
from airflow_provider_arize_tasks.quality.gate import Found
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.report.table import summary_table
from airflow_provider_arize_tasks.quality.report.writing import asset_extra, render_all
from airflow_provider_arize_tasks.quality.rows import Evaluation, ExperimentRows, Row, read_row
from airflow_provider_arize_tasks.quality.scores import Dataset, ScoreBook
from airflow_provider_arize_tasks.terminal import standard_output

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Tags without an end.
VOID = {"meta", "br", "line", "rect", "circle", "polyline", "polygon"}
#: Tags that would fetch or run something, or lead somewhere.
ACTIVE = {"script", "img", "iframe", "object", "embed", "link", "base", "form", "image", "use", "foreignobject"}
FORBIDDEN = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\u2028", "\u2029"} - {"\n", "\t"}
CONDITIONS = read_conditions(max_drop=0.01, min_score=0.2, min_examples=2)


class Nested(HTMLParser):
    """Reads a page and checks that its tags nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def storable(value: Any) -> bool:
    """Whether every database can keep it as JSON."""
    if isinstance(value, str):
        return clean_text(value) == value
    if isinstance(value, dict):
        return all(storable(key) and storable(each) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return all(storable(each) for each in value)
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def is_plain(text: str) -> bool:
    """Whether a text of several lines does nothing to a terminal, a page or whoever reads it."""
    return clean_text(text) == text and not FORBIDDEN & set(text)


def night_before(rows: Sequence[Row], name: str) -> ExperimentRows:
    """A night on which every evaluator thought well of all these examples."""
    well = Evaluation(score=0.9, label="good", explanation="fine")
    before = [
        Row(example=row.example, output="well said", evaluations=dict.fromkeys(row.evaluations, well)) for row in rows
    ]
    return ExperimentRows(id=f"id of {name}", name=name, created_at="2026-11-01T00:00:00.000Z", rows=tuple(before))


def found_of(runs: Sequence[ExperimentRun]) -> Found:
    """A check of an experiment of these rows, named after what they say."""
    rows = tuple(read_row(run.raw) for run in runs)
    names = [text for row in rows for text in (row.output, row.error, row.example) if text] or ["nightly"]
    candidate = ExperimentRows(id=names[-1], name=names[0], created_at="2026-11-02T00:00:00.000Z", rows=rows)
    examples = {row.example: dict(run.raw) for row, run in zip(rows, runs, strict=True) if row.example}
    column = {example: str(columns.get("output")) for example, columns in examples.items()}
    nights = [night_before(rows, "the night before"), night_before(rows, names[-1])]
    check = judge_experiment(candidate, nights, CONDITIONS, slices=column)
    experiment = Experiment.read({"id": "an-id", "name": names[0]})
    return Found(
        check=check,
        experiment=experiment,
        task_id=None,
        book=ScoreBook(CONDITIONS, Dataset()),
        judged=(),
        older=tuple(nights),
        examples=examples,
    )


def check_report(runs: Sequence[ExperimentRun], secret: str) -> dict[str, str]:
    """The pages about an experiment of these rows, and all else that a check hands on, of which each is checked.

    :param runs: rows as the hook read them.
    :param secret: what must be in none of it.
    """
    found = found_of(runs)
    name = found.check.candidate.label
    url = "https://app.arize.com/organizations/o/experiments/e"
    pages = render_all(found, origin={"DAG": name, "run": name}, experiment_url=url, most=30, slice_by=name)
    for page in pages.values():
        assert secret not in page
        page.encode()
    nested = Nested(pages["html"])
    assert not ACTIVE & nested.tags
    assert not [one for one in nested.attributes if one.startswith("on")]
    assert is_plain(pages["html"])
    assert is_plain(pages["markdown"])
    assert "<" not in pages["markdown"].replace("\\<", "")
    assert storable(json.loads(pages["json"]))
    result = {**found.check.to_dict(), "task_id": None, "report": None, "report_url": None}
    for kept in (result, asset_extra(result)):
        assert storable(kept)
        json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()
    for console in (None, standard_output("always")):
        table = summary_table(found.check, console)
        assert secret not in table
        assert console or is_plain(table)
    return pages
