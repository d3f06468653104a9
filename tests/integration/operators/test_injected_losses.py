"""Each way to lose labels, staged: verification finds it to the span, and nothing else. The docs have the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from tests.integration.operators.test_verify_window import DAY, HOUR, START, TRACES, UTC, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[3] / "docs" / "data-windows.md"
HEAD = "| staged | lost | verification | coverage |"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A way to lose labels, or one that only looks like it.

    :param what: for the table.
    :param inject: stages it.
    :param lost: how many units of the window carry no label that should, by evaluator; ``None`` for a sampled task.
    :param max_spans: what the run was triggered with.
    """

    what: str
    inject: Callable[[Stage], Any]
    lost: dict[str, int] | None = field(default_factory=dict)
    max_spans: int | None = None


def late(stage: Stage) -> None:
    stage.spans(90)
    stage.task().run()
    stage.spans(10, arrives_after=10 * 3600)


def staged(**outcome: Any) -> Callable[[Stage], None]:
    def inject(stage: Stage) -> None:
        stage.spans()
        stage.task()
        stage.control.set_outcome(**outcome)
        stage.run()

    return inject


def truncated(*evaluators: str) -> Callable[[Stage], None]:
    def inject(stage: Stage) -> None:
        stage.spans(250)
        stage.task(*evaluators).run(max_spans=100)

    return inject


def truncated_traces(stage: Stage) -> None:
    stage.control.configure(limit_counts="spans")
    stage.spans(900)
    stage.task(TRACES).run(max_spans=300)


def evaluator_added(stage: Stage) -> None:
    stage.spans()
    stage.task("correctness").run()
    known = {each["name"]: each["id"] for each in stage._send("GET", "evaluators")["evaluators"]}
    # Made after the run: nobody has to have written down what the task had before.
    stage.control.advance_clock(60)
    space = stage._send("GET", "spaces")["spaces"][0]["id"]
    added = stage.control.add("evaluator", "later", space=space)
    both = [{"evaluator_id": known["correctness"]}, {"evaluator_id": added}]
    stage._send("PATCH", f"tasks/{stage.id}", {"evaluators": both})


def forgotten(stage: Stage) -> None:
    stage.spans()
    stage.task().run()
    stage.control.forget_runs("Proof", START, START + DAY)


def half_of_a_sample(stage: Stage) -> None:
    stage.spans(2000)
    stage.task(sampling_rate=0.1).run(end=START + 12 * HOUR)


def whole(stage: Stage) -> None:
    stage.spans()
    stage.task().run()


def sampled(stage: Stage) -> None:
    stage.spans(2000)
    stage.task(sampling_rate=0.1).run()


def filtered(*, by: str) -> Callable[[Stage], None]:
    def inject(stage: Stage) -> None:
        stage.spans(60, attributes={"kept": "one"})
        stage.spans(40, attributes={"kept": "two"})
        own = {"query_filter": "kept = 'one'"}
        if by == "task":
            stage.task(**own).run()
        else:
            stage.task({"evaluator_id": "correctness", **own}).run()

    return inject


LOSSES = (
    Loss(what="spans that arrive ten hours late, after the run", inject=late, lost={"correctness": 10}),
    Loss(what="every judgement fails (an expired judge key)", inject=staged(errors=100), lost={"correctness": 100}),
    Loss(what="every span is skipped (an unmapped column)", inject=staged(skipped=100), lost={"correctness": 100}),
    Loss(
        what="the run fails half-way", inject=staged(status="FAILED", labelled_fraction=0.5), lost={"correctness": 50}
    ),
    Loss(what="the run is cut short at `max_spans`", inject=truncated(), lost={"correctness": 150}, max_spans=100),
    Loss(
        what="likewise, with two evaluators",
        inject=truncated("correctness", "hallucination"),
        lost={"correctness": 150, "hallucination": 150},
        max_spans=100,
    ),
    Loss(what="likewise, of traces", inject=truncated_traces, lost={"trace-relevance": 200}, max_spans=300),
    Loss(what="an evaluator is added after the run", inject=evaluator_added, lost={"later": 100}),
    Loss(what="no run at all", inject=forgotten, lost={"correctness": 100}),
    Loss(what="half of the window of a task that samples 10 % is left out", inject=half_of_a_sample, lost=None),
    Loss(what="nothing", inject=whole),
    Loss(what="nothing: the task samples 10 %", inject=sampled),
    Loss(what="nothing: the task's filter leaves 40 spans out", inject=filtered(by="task")),
    Loss(what="nothing: the evaluator's filter leaves 40 spans out", inject=filtered(by="evaluator")),
)


@pytest.fixture
def stage(emulator, arize_connection):
    return Stage(emulator)


def row(loss: Loss, verified: dict[str, Any], state: str) -> str:
    missing = {name: each["missing"] for name, each in verified["evaluators"].items() if each["missing"]}
    if verified["complete"]:
        lost, found = "none", "complete"
    elif loss.lost is None:
        lost, found = "half of the sample", "found: the share does not fit the rate"
    else:
        lost = ", ".join(f"{number} of {name}" for name, number in loss.lost.items())
        found = "found, all of them" if missing == loss.lost else f"found {missing}"
    return f"| {loss.what} | {lost} | {found} | {state} |"


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.what)
def test_a_loss_is_found_and_nothing_else(stage: Stage, loss: Loss) -> None:
    loss.inject(stage)
    with ArizeHook() as hook:
        verified = hook.verify_window(stage.id, START, START + DAY)
        found = hook.read_coverage(stage.id, START, START + DAY, max_spans=loss.max_spans)
    (cell,) = found.coverage.cells(DAY, UTC, now=found.now)
    assert verified["complete"] is (loss.lost == {})
    if loss.lost:
        missing = {name: each["missing"] for name, each in verified["evaluators"].items() if each["missing"]}
        assert missing == loss.lost
        assert {name: len(ids) for name, ids in verified["missing_examples"].items()} == {
            name: min(10, number) for name, number in missing.items()
        }
    assert row(loss, verified, cell.state.value) in PAGE.read_text(encoding="utf-8")


def test_the_table_has_no_other_rows() -> None:
    table = PAGE.read_text(encoding="utf-8").partition(f"{HEAD}\n")[2].partition("\n\n")[0]
    assert len(table.splitlines()) - 1 == len(LOSSES)
