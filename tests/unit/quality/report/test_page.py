"""The HTML report: self-contained, escaped, and there whatever the data."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from random import Random

import pytest

from airflow_provider_arize_tasks.quality.conditions import Conditions, read_conditions
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.report.document import Report
from airflow_provider_arize_tasks.quality.report.page import render_page
from airflow_provider_arize_tasks.quality.report.points import points_of
from airflow_provider_arize_tasks.quality.report.table import summary_table
from airflow_provider_arize_tasks.quality.report.text import MAX_TEXT
from airflow_provider_arize_tasks.quality.rows import Evaluation, ExperimentRows, Row
from airflow_provider_arize_tasks.quality.scores import Dataset, ScoreBook

VOID = {"meta", "br", "line", "rect", "circle", "polyline", "polygon"}


class Document(HTMLParser):
    """Reads a page, checks that its tags nest, and remembers tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str, css: str) -> int:
        return sum(1 for name, attrs in self.tags if name == tag and css in (attrs.get("class") or "").split())


def night(
    index: int, *, examples: int = 30, drop: float = 0.0, text: str = "fine", score: bool = True
) -> ExperimentRows:
    random = Random(index)
    rows = tuple(
        Row(
            example=f"ex-{number}",
            output=f"{text} {number}",
            evaluations={
                "correctness": Evaluation(
                    score=0.8 - drop + random.gauss(0, 0.05) if score else None, label="good", explanation=text
                )
            },
        )
        for number in range(examples)
    )
    day = date(2026, 8, 1) + timedelta(days=index)
    return ExperimentRows(id=f"id-{index}", name=f"nightly-{day}", created_at=f"{day}T03:00:00.000Z", rows=rows)


def report(nights: list[ExperimentRows], conditions: Conditions | None = None, **kwargs: object) -> Report:
    conditions = conditions or read_conditions()
    baseline = list(reversed(nights[:-1]))[:7]
    check = judge_experiment(nights[-1], baseline, conditions)
    book = ScoreBook(conditions, Dataset())
    points = {
        evaluator.evaluator: points_of(nights, evaluator, book=book, baseline_ids=[one.id for one in baseline])
        for evaluator in check.measures
    }
    return Report(check=check, book=book, points=points, drawn=nights, **kwargs)  # type: ignore[arg-type]


def page_of(shown: Report) -> tuple[str, Document]:
    page = render_page(shown)
    return page, Document(page)


@pytest.mark.parametrize("count", [1, 2, 8, 31, 32, 90])
def test_every_night_is_drawn_and_dates_stay_apart(count: int) -> None:
    _, document = page_of(report([night(index) for index in range(count)]))
    assert document.count("g", "point") == count
    assert document.count("circle", "now") >= 1
    dates = [
        float(attrs["x"]) for tag, attrs in document.tags if tag == "text" and attrs.get("text-anchor") == "middle"
    ]
    assert 1 <= len(dates) <= 9
    gaps = [left - right for left, right in itertools.pairwise(dates)]
    assert all(gap >= 50 for gap in gaps)  # a date is about 45 wide


def test_ninety_nights_are_a_band_and_eight_are_bars() -> None:
    _, many = page_of(report([night(index) for index in range(90)]))
    _, few = page_of(report([night(index) for index in range(8)]))
    assert (many.count("polygon", "band"), few.count("polygon", "band")) == (1, 0)
    assert few.count("line", "bar") >= 8


def test_everything_drawn_lies_inside_the_picture() -> None:
    conditions = read_conditions(min_score=0.2)
    _, document = page_of(report([night(index) for index in range(8)], conditions))
    for tag, attrs in document.tags:
        if tag in ("circle", "line", "text", "rect"):
            for name in ("x", "x1", "x2", "cx"):
                assert 0 <= float(attrs.get(name, 0)) <= 960
            for name in ("y", "y1", "y2", "cy"):
                assert 0 <= float(attrs.get(name, 0)) <= 240


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page, document = page_of(report([night(0), night(1)], experiment_url="https://app.arize.com/x"))
    names = {tag for tag, _ in document.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "image", "use"}
    assert {attrs["href"] for _, attrs in document.tags if "href" in attrs} == {"https://app.arize.com/x"}
    assert "url(" not in page
    assert "@import" not in page
    policy = next(attrs["content"] for _, attrs in document.tags if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not any(name.startswith("on") for _, attrs in document.tags for name in attrs)


def test_texts_of_the_experiment_are_escaped() -> None:
    evil = '</pre><script>alert("x")</script><img src=x onerror=y>'
    nights = [night(0), night(1, drop=0.4, text=evil)]
    shown = report(nights, examples={f"ex-{n}": {"question": evil} for n in range(30)}, origin={"DAG": evil})
    page, document = page_of(shown)
    assert "<script" not in page
    assert not {tag for tag, _ in document.tags} & {"script", "img"}
    assert 'alert("x")' in document.text


def test_names_of_the_experiment_are_escaped_too() -> None:
    evil = '"><img src=x onerror=y>'
    said = {f"e{evil}": Evaluation(score=0.5, label=evil, explanation=evil)}
    nights = [
        ExperimentRows(
            id=f"{index}{evil}",
            name=f"{index}{evil}",
            created_at=evil,
            rows=tuple(Row(example=f"{number}{evil}", evaluations=said) for number in range(12)),
        )
        for index in range(3)
    ]
    worse = {f"e{evil}": Evaluation(score=0.1, label=evil)}
    rows = tuple(replace(row, evaluations=worse, error=evil) for row in nights[2].rows)
    nights[2] = replace(nights[2], rows=rows)
    _, document = page_of(report(nights, read_conditions(max_error_rate=0.5, min_score={f"e{evil}": 0.4})))
    assert "img" not in {tag for tag, _ in document.tags}
    assert not any(name.startswith("on") for _, attrs in document.tags for name in attrs)
    assert evil in document.text


def test_the_baseline_keeps_its_spelling() -> None:
    _, document = page_of(report([replace(night(0), name="Nightly-QA-2026"), night(1)]))
    assert "Against Nightly-QA-2026" in document.text


def test_the_caption_says_which_interval_a_night_alone_has() -> None:
    _, two = page_of(report([night(0), night(1)]))
    assert "is that of the experiment's change against the baseline" in two.text
    _, one = page_of(report([night(0)]))
    assert "interval of the mean: there is nothing to compare with yet" in one.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", None, "ftp://x"])
def test_only_web_addresses_of_pages_become_links(url: str | None) -> None:
    _, document = page_of(report([night(0)], experiment_url=url))
    assert not any("href" in attrs for _, attrs in document.tags)


def test_light_and_dark_follow_the_reader() -> None:
    page, _ = page_of(report([night(0)]))
    assert "prefers-color-scheme: dark" in page
    assert "color-scheme: light dark" in page


def test_a_bad_night_says_so_with_its_worst_examples() -> None:
    nights = [*(night(index) for index in range(7)), night(7, drop=0.2, text="now vague")]
    examples = {f"ex-{number}": {"id": f"ex-{number}", "question": f"Question {number}?"} for number in range(30)}
    _, document = page_of(report(nights, examples=examples, origin={"run": "scheduled__1"}))
    assert document.count("span", "big") == 1
    assert "Failed" in document.text
    assert "correctness: mean score fell by" in document.text
    assert document.count("details", "example") >= 10
    assert "now vague" in document.text
    assert document.count("summary", "") or document.text
    assert "Question " in document.text
    assert "scheduled__1" in document.text


def test_long_texts_are_shortened() -> None:
    page, document = page_of(report([night(0), night(1, drop=0.3, text="x" * (MAX_TEXT + 500))]))
    assert "more characters" in document.text
    assert "x" * (MAX_TEXT + 1) not in page


def test_a_night_without_scores_leaves_a_gap() -> None:
    nights = [night(0), night(1), night(2, score=False), night(3), night(4)]
    _, document = page_of(report(nights))
    assert document.count("polyline", "trend") == 2
    assert document.count("g", "point") == 4


def test_experiments_of_one_day_are_told_apart_by_their_time() -> None:
    nights = [replace(night(index), created_at=f"2026-08-01T0{index}:30:00.000Z") for index in range(3)]
    _, document = page_of(report(nights))
    assert "00:30" in document.text
    assert "02:30" in document.text
    assert "1 Aug" not in document.text


def test_scores_that_are_all_alike_can_be_drawn() -> None:
    rows = tuple(Row(example=str(n), evaluations={"e": Evaluation(score=1.0)}) for n in range(12))
    nights = [ExperimentRows(id=str(n), rows=rows) for n in range(3)]
    page, _ = page_of(report(nights))
    assert "nan" not in page.lower().replace("nano", "")


def test_an_experiment_without_rows_has_a_page_too() -> None:
    _, document = page_of(report([ExperimentRows(id="e", name="nightly-1")]))
    assert "has no rows" in document.text


def test_the_table_of_the_log_holds_verdict_numbers_and_findings() -> None:
    nights = [*(night(index) for index in range(7)), night(7, drop=0.2)]
    table = summary_table(report(nights).check)
    lines = table.splitlines()
    assert lines[0] == (
        "FAILED: experiment nightly-2026-08-08 against the mean of 7 experiments, "
        "nightly-2026-08-01 to nightly-2026-08-07"
    )
    assert lines[2].split() == [
        "evaluator",
        "measure",
        "score",
        "baseline",
        "change",
        "interval",
        "of",
        "the",
        "change",
        "smallest",
        "drop",
        "seen",
        "scored",
        "outcome",
    ]
    assert lines[3].split()[:3] == ["correctness", "mean", "score"]
    assert lines[3].endswith("30/30   score dropped")
    assert lines[-1].startswith("failed  correctness: mean score fell by")
