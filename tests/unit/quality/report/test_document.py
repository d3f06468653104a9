"""Every number of a report can be worked out again from its JSON: with SciPy, and nothing of the package."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from airflow_provider_arize_tasks.quality.conditions import read_conditions
from airflow_provider_arize_tasks.quality.gate import Found
from airflow_provider_arize_tasks.quality.history import Rules, past_of, replay
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.report.writing import render_all
from airflow_provider_arize_tasks.quality.rows import Evaluation, ExperimentRows, Row
from airflow_provider_arize_tasks.quality.scores import Dataset, ScoreBook

stats = pytest.importorskip("scipy.stats")
np = pytest.importorskip("numpy")
EXAMPLES = 40
TEXT = "an answer that must stay in the page"


def experiment(index: int, drop: float = 0.0) -> ExperimentRows:
    random = Random(index)
    rows = []
    for number in range(EXAMPLES):
        score = 0.7 + number / 200 - drop + random.gauss(0, 0.05)
        label = "good" if random.random() < 0.9 - drop else "bad"
        said = {"helpful": Evaluation(score=score), "correct": Evaluation(label=label)}
        rows.append(Row(example=f"ex-{number}", output=TEXT, evaluations=said))
    made = f"2026-11-{index + 1:02}T02:00:00.000Z"
    return ExperimentRows(
        id=f"id-{index}",
        name=f"night {index}",
        dataset_id="d",
        dataset_version_id="v",
        created_at=made,
        rows=tuple(rows),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "clusters"])
def report(request: pytest.FixtureRequest) -> dict[str, Any]:
    """JSON, page and Markdown of a night that dropped, after twelve of which one failed."""
    nights = [experiment(index, 0.3 if index == 6 else 0.0) for index in range(12)]
    candidate = experiment(12, 0.15)
    ids = [f"ex-{number}" for number in range(EXAMPLES)]
    clusters = {name: str(index // 4) for index, name in enumerate(ids)} if request.param else None
    dataset = Dataset(examples={"v": frozenset(ids)}, clusters=clusters)
    conditions = read_conditions(good_labels={"correct": "good"}, max_drop=0.01)
    book = ScoreBook(conditions, dataset)
    judged = replay(nights, Rules(pooled=7), book)
    check = judge_experiment(candidate, past_of(judged, candidate, 7), conditions, book=book)
    found = Found(
        check=check,
        experiment=None,
        task_id="t",
        book=book,
        judged=judged,
        older=tuple(reversed(nights)),
    )
    pages = render_all(found, origin={"DAG": "d"}, experiment_url=None, most=30)
    return {**pages, "document": json.loads(pages["json"])}


def levels_of(series: Any, groups: Any) -> tuple[Any, Any]:
    """Levels and the variance that the noise of the examples makes of each, for complete nights."""
    count, examples = series.shape
    left = series - series.mean(axis=0)
    values = left.mean(axis=1)
    residuals = left - values[:, None]
    sums = np.array([[row[groups == group].sum() for group in sorted(set(groups))] for row in residuals])
    number = sums.shape[1]
    return values, (sums**2).sum(axis=1) / examples**2 * number / (number - 1) * count / (count - 1)


@pytest.mark.parametrize("evaluator", ["helpful", "correct"])
def test_the_interval_of_the_change_follows_from_the_scores(report: dict[str, Any], evaluator: str) -> None:
    document = report["document"]
    scores, change = document["scores"][evaluator], document["evaluators"][evaluator]["change"]
    ids = sorted(scores[document["experiment"]["id"]])
    candidate = np.array([scores[document["experiment"]["id"]][each] for each in ids])
    matrix = {name: np.array([values[each] for each in ids]) for name, values in scores.items()}
    pool = np.array([matrix[one["id"]] for one in document["baseline"]])
    clusters = document["clusters"]
    groups = np.array([clusters[each] if clusters else each for each in ids])
    differences = candidate - pool.mean(axis=0)
    sums = [differences[groups == group] for group in sorted(set(groups))]
    if evaluator == "correct":
        sums += [np.array([1.0]), np.array([-1.0])]
    count = sum(map(len, sums))
    center = sum(each.sum() for each in sums) / count
    within = sum((each - center).sum() ** 2 for each in sums) / count**2 * len(sums) / (len(sums) - 1)
    assert change["mean"] == pytest.approx(differences.mean())
    assert change["within"] == pytest.approx(within)

    history = np.array([candidate, *(matrix[name] for name in document["history"])])
    values, noise = levels_of(history, groups)
    values, noise = values[1:31], noise[1:31]
    tail = (1 - change["confidence"]) / 2
    selected = stats.truncnorm(stats.norm.ppf(tail), math.inf)
    seen = max(0.0, values.var(ddof=1) / selected.var() - noise.mean())
    freedom = 4 + len(values) - 1
    scale = max(1.0, history.max()) - min(0.0, history.min())
    between = (4 * (0.02 * scale) ** 2 + (len(values) - 1) * seen) / freedom
    assert change["between"] == pytest.approx(between)
    variance = within + (1 + 1 / len(pool)) * between
    assert change["error"] == pytest.approx(math.sqrt(variance))
    bias = selected.mean() * math.sqrt(variance / (1 + 1 / len(pool)))
    quantile = stats.t.ppf(1 - tail, change["freedom"])
    assert change["low"] == pytest.approx(center + bias - quantile * change["error"])
    assert change["high"] == pytest.approx(center + bias + quantile * change["error"])
    assert change["detectable"] == pytest.approx((quantile + stats.norm.ppf(0.8)) * change["error"])


def test_counts_shares_and_the_verdict_follow_from_it_too(report: dict[str, Any]) -> None:
    document = report["document"]
    own = document["experiment"]["id"]
    for name, found in document["evaluators"].items():
        mine = document["scores"][name][own]
        pool = [document["scores"][name][one["id"]] for one in document["baseline"]]
        moves = [value - sum(night[each] for night in pool) / len(pool) for each, value in mine.items()]
        assert found["score"] == pytest.approx(sum(mine.values()) / len(mine))
        assert found["better"] == sum(1 for move in moves if move > 1e-12)
        assert found["worse"] == sum(1 for move in moves if move < -1e-12)
        assert found["coverage"] == len(mine) / document["expected"]["examples"]
        dropped = found["change"]["high"] < -document["conditions"]["max_drop"]["*"]
        assert (found["outcome"] == "score_dropped") is dropped
    assert document["outcome"] == "failed"
    assert document["experiments"]["id-6"]["accepted"] is False
    assert "id-6" not in document["history"]


def test_no_number_of_the_page_is_missing_in_the_json(report: dict[str, Any]) -> None:
    document = report["document"]
    for name, found in document["evaluators"].items():
        change = found["change"]
        for text in (
            f"{found['score']:.3f}",
            f"{found['baseline_score']:.3f}",
            f"{change['mean']:+.3f}",
            f"{change['low']:+.3f} to {change['high']:+.3f}",
            f"{found['better']} / {found['worse']} / {found['equal']}",
            f"{change['detectable']:.3f}",
        ):
            assert text in report["html"], (name, text)
        for point in document["points"][name]:
            assert f"{point['score']:.3f}" in report["html"]


def test_the_json_and_markdown_hold_no_text_of_the_examples(report: dict[str, Any]) -> None:
    assert TEXT in report["html"]
    assert TEXT not in report["json"]
    assert TEXT not in report["markdown"]
    assert len(report["markdown"]) < 4_000


def test_hostile_text_harms_no_format() -> None:
    evil = '</pre><script>x</script>\u202e\ud83d\x1b[31m\x00|`\n# x "><img src=x onerror=y>'
    said = {evil[:40]: Evaluation(score=0.5, label=evil, explanation=evil * 20_000)}
    rows = tuple(Row(example=f"{index}{evil}", output=evil * 20_000, evaluations=said) for index in range(12))
    one = ExperimentRows(id=f"1{evil}", name=evil * 100, created_at=evil, rows=rows)
    other = replace(
        one, id="2", rows=tuple(replace(row, evaluations={evil[:40]: Evaluation(score=0.1)}) for row in rows)
    )
    conditions = read_conditions()
    check = judge_experiment(other, [one], conditions)
    book = ScoreBook(conditions, Dataset())
    judged = replay([one], Rules(pooled=7), book)
    found = Found(check=check, experiment=None, task_id=None, book=book, judged=judged, older=(one,))
    pages = render_all(found, origin={"DAG": evil}, experiment_url="javascript:alert(1)/experiments/", most=30)
    assert "<script" not in pages["html"]
    assert "<img" not in pages["html"]
    assert "javascript:" not in pages["html"]
    for kind in ("html", "markdown"):
        pages[kind].encode()
        assert not set(pages[kind]) & {"\u202e", "\x1b", "\x00"}, kind
    assert len(pages["html"]) < 1_000_000
    lines = [line for line in pages["markdown"].splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1  # no text adds a column
    json.loads(pages["json"])
