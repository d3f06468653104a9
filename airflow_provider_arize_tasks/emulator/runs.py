"""The life of a run: started by a trigger, ended by the clock or a cancel, its effects applied when it ends.

Nothing runs in the background: whenever a request comes in, :func:`settle` applies the effects of the runs whose time
is up, in order. Ten thousand waiting runs so cost nothing between requests. What a run will evaluate is chosen when it
is triggered, so two runs over the same window at the same time label its spans twice, as the ledger then shows.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import Refusal, iso, make_id
from airflow_provider_arize_tasks.emulator.filters import parse_filter
from airflow_provider_arize_tasks.emulator.rules import CANCELLED_BY_USER, AnswerRule, OutcomeRule
from airflow_provider_arize_tasks.emulator.scores import JUDGE_FAILED, JUDGED, Judge, make_judge, run_example
from airflow_provider_arize_tasks.emulator.selection import select_spans
from airflow_provider_arize_tasks.emulator.spans import Label, Span
from airflow_provider_arize_tasks.emulator.world import (
    CANCELLED,
    COMPLETED,
    FAILED,
    RUN_EXPERIMENT,
    Experiment,
    ExperimentRow,
    Outcome,
    Run,
    Task,
    World,
    find,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALREADY_LABELLED = (
    "All matching data already has evaluation labels from a previous run; re-trigger the task with"
    " override_evaluations enabled to re-evaluate it."
)
_NO_ANSWER = "The model did not answer: staged by the emulator"


def start_evaluation(world: World, task: Task, body: Mapping[str, Any], now: int, window: tuple[int, int]) -> Run:
    """Start a run of a project's evaluation task over a window.

    :param world: the state.
    :param task: the task.
    :param body: the trigger body, already validated.
    :param now: milliseconds since the epoch.
    :param window: first and after-last millisecond.
    :raises Refusal: 400 where the window holds no span, or the task's filter lets none of them through.
    """
    seen_until = now - int(world.settings.index_lag_seconds * 1000)
    spans = [s for s in world.spans[task.body["project_id"]].between(*window) if s.ingested_ms <= seen_until]
    limit = body.get("max_spans") or world.settings.max_spans
    override = bool(body.get("override_evaluations"))
    selection = select_spans(world, task, spans, override=override, max_spans=limit)
    if not selection.passed:
        # Assumes "no-data-is-400", which a certificate asks about.
        raise Refusal(400, f"No data found between {iso(window[0])} and {iso(window[1])}")
    is_done = selection.matched > 0 and not selection.units
    # Assumes "second-trigger-runs-again", which a certificate asks about.
    run = _new_run(world, task, now, selection.units, is_done=is_done)
    run.window = window
    run.settings = {"max_spans": limit, "override_evaluations": override}
    return run


def start_scoring(world: World, task: Task, body: Mapping[str, Any], experiments: list[Experiment], now: int) -> Run:
    """Start a run of a dataset's evaluation task over experiments.

    :param world: the state.
    :param task: the task.
    :param body: the trigger body, already validated.
    :param experiments: the experiments whose rows it scores.
    :param now: milliseconds since the epoch.
    """
    override = bool(body.get("override_evaluations"))
    rows = [(experiment, row) for experiment in experiments for row in experiment.rows]
    work = []
    for experiment, row in rows:
        left = tuple(name for name in task.evaluator_ids if override or not row.labelled_by.get(name))
        if left:
            work.append(((experiment, row), left))
    limit = body.get("max_spans") or world.settings.max_spans
    run = _new_run(world, task, now, work[:limit], is_done=bool(rows) and not work)
    run.settings = {"override_evaluations": override, "experiment_ids": [item.id for item in experiments]}
    return run


def start_experiment(world: World, task: Task, body: Mapping[str, Any], now: int) -> Run:
    """Start a run of a run-experiment task; its experiment shows once the run is RUNNING.

    :param world: the state.
    :param task: the task.
    :param body: the trigger body, already validated.
    :param now: milliseconds since the epoch.
    :raises Refusal: 409 for a name that is taken, 404 and 422 for what the body names and does not exist or fit.
    """
    version = world.version_of(find(world.datasets, task.body["dataset_id"], "dataset"), body.get("dataset_version_id"))
    name, examples = body["experiment_name"], version.examples
    if world.experiment_name_taken(version.dataset_id, name):
        # Assumes "experiment-name-clash-is-409", which a certificate asks about.
        raise Refusal(409, f"an experiment named {name!r} already exists in this dataset")
    for task_id in body.get("evaluation_task_ids") or []:
        if find(world.tasks, task_id, "evaluation task").type == RUN_EXPERIMENT:
            raise Refusal(422, f"evaluation_task_ids: task {task_id} is not an evaluation task")
    wanted = body.get("example_ids")
    if wanted is not None:
        unknown = set(wanted) - {example["id"] for example in examples}
        if unknown:
            raise Refusal(422, f"example_ids: not in this version of the dataset: {', '.join(sorted(unknown))}")
        examples = [example for example in examples if example["id"] in set(wanted)]
    chosen = list(filter(parse_filter(body.get("query_filter")), examples))[: body.get("max_examples")]
    run = _new_run(world, task, now, chosen, name)
    experiment = Experiment(
        **world.stamp("Experiment", name, run.starts_ms),
        space_id=task.space_id,
        dataset_id=version.dataset_id,
        dataset_version_id=version.id,
        integration_id=task.body["run_configuration"].get("integration_id"),
    )
    world.experiments[experiment.id] = experiment
    run.experiment_id = experiment.id
    run.settings = dict(body)
    return run


def _new_run(
    world: World, task: Task, now: int, work: list[Any], experiment_name: str | None = None, *, is_done: bool = False
) -> Run:
    """A run with its times and its end; ``is_done`` says that all it could label is labelled already."""
    rule = _take_rule(world, task, experiment_name)
    settings = world.settings
    seconds = settings.run_seconds if rule.run_seconds is None else rule.run_seconds
    pending = settings.pending_seconds if rule.pending_seconds is None else rule.pending_seconds
    pending = min(seconds, seconds / 10 if pending is None else pending)
    hidden = settings.hidden_seconds if rule.hidden_seconds is None else rule.hidden_seconds
    hidden = max(hidden, world.weather.list_lag())
    run = Run(
        **world.stamp("TaskRun", "", now),
        task_id=task.id,
        starts_ms=now + int(pending * 1000),
        ends_ms=now + int(seconds * 1000),
        outcome=_outcome(world, rule, work, is_done=is_done),
        work=work,
        visible_ms=now + int(hidden * 1000),
        versions={
            name: world.evaluators[name].version_for(pinned, now).id
            for name, pinned in task.pins.items()
            if name in world.evaluators
        },
    )
    world.runs[run.id] = run
    task.runs.append(run)
    task.last_run_ms = now
    world.runs_started[task.id] += 1
    heapq.heappush(world.due, (run.ends_ms, run.number, run.id))
    return run


def _take_rule(world: World, task: Task, experiment_name: str | None) -> OutcomeRule:
    for rule in world.outcomes:
        if rule.matches(task, experiment_name):
            if rule.times is not None:
                rule.times -= 1
            return rule
    return OutcomeRule()


def _count(world: World, work: Sequence[Any]) -> int:
    """How many items a piece of work counts for."""
    # Assumes "counts-once", which a certificate asks about.
    if world.settings.counts == "items" or not work or not isinstance(work[0], tuple):
        return len(work)
    if world.settings.counts == "per_evaluator":
        return sum(len(evaluators) for _, evaluators in work)
    return sum(len(spans) if isinstance(spans[0], Span) else 1 for spans, _ in work)


def _outcome(world: World, rule: OutcomeRule, work: list[Any], *, is_done: bool) -> Outcome:
    """The end a rule stages; trims the work to what will be done."""
    if is_done and rule.status == COMPLETED and rule.successes is None:
        # Assumes "labelled-run-is-cancelled", which a certificate asks about.
        return Outcome(status=CANCELLED, reason=ALREADY_LABELLED)
    outcome = Outcome(status=rule.status, reason=rule.failure_reason)
    if rule.status in (FAILED, CANCELLED):
        del work[int(len(work) * rule.labelled_fraction) :]
    total = len(work)
    errors = min(rule.errors, total)
    skipped = min(rule.skipped, total - errors)
    done = work[: total - errors - skipped]
    outcome.successes, outcome.errors, outcome.skipped = _count(world, done), errors, skipped
    if rule.successes is not None:
        outcome.successes, outcome.errors, outcome.skipped = rule.successes, rule.errors, rule.skipped
        outcome.is_staged = True
    return outcome


def cancel(world: World, run: Run, now: int) -> None:
    """Cancel a run; what it had done by then stays.

    :raises Refusal: 400 for a run that has ended.
    """
    if run.is_over(now):
        # Assumes "cancel-of-ended-run-is-400", which a certificate asks about.
        raise Refusal(400, f"cannot cancel a run with status '{run.status(now).lower()}'")
    share = 0.0 if now < run.starts_ms else (now - run.starts_ms) / max(1, run.ends_ms - run.starts_ms)
    del run.work[int(len(run.work) * share) :]
    run.outcome = Outcome(status=CANCELLED, reason=CANCELLED_BY_USER, successes=_count(world, run.work))
    was_running = now >= run.starts_ms
    run.ends_ms = now
    if run.experiment_id and not was_running:
        world.experiments.pop(run.experiment_id, None)
        run.experiment_id = None
    _finish(world, run)


def end_now(run: Run, now: int, outcome: Outcome) -> None:
    """End a run at once as the control path asks, without the effects of its remaining work."""
    run.work.clear()
    run.outcome = outcome
    run.ends_ms = min(now, run.ends_ms)
    run.starts_ms = min(run.starts_ms, run.ends_ms)
    run.settled = True


def settle(world: World, now: int) -> None:
    """Apply the effects of all runs that have ended by now, in the order of their ends."""
    while world.due and world.due[0][0] <= now:
        _, _, run_id = heapq.heappop(world.due)
        run = world.runs.get(run_id)
        if run is not None and run.is_over(now) and not run.settled:
            _finish(world, run)


def _finish(world: World, run: Run) -> None:
    run.settled = True
    task = world.tasks.get(run.task_id)
    if run.experiment_id is not None and task is not None:
        _write_rows(world, run, task)
        if run.outcome.status == COMPLETED:
            _chain(world, run)
    elif run.window is not None:
        _label_spans(world, run)
    else:
        # Assumes "scores-readable-at-end", which a certificate asks about.
        _score_rows(world, run)
    run.work = []


def _label_spans(world: World, run: Run) -> None:
    undone = run.outcome.errors + run.outcome.skipped
    only_first = world.settings.group_labels == "first"
    shown = {name: Label(run.id, run.task_id, version, run.ends_ms) for name, version in run.versions.items()}
    hidden = {name: label._replace(is_shown=False) for name, label in shown.items()} if only_first else shown
    for spans, evaluators in run.work[: max(0, len(run.work) - undone)]:
        for position, span in enumerate(spans):
            for name in evaluators:
                label = (hidden if position else shown).get(name)
                if label is not None:
                    span.labels.setdefault(name, []).append(label)


def _write_rows(world: World, run: Run, task: Task) -> None:
    experiment = world.experiments.get(run.experiment_id or "")
    if experiment is None:
        return
    config = task.body["run_configuration"]
    agent = world.integrations.get(config.get("integration_id") or "")
    staged = run.outcome.errors
    rules = [rule for rule in world.answers if rule.holds_for(experiment.name)]
    rule = rules[-1] if rules else AnswerRule()
    for position, example in enumerate(run.work):
        text, good = run_example(config, example, agent)
        is_counted = position < len(run.work) - staged and not run.outcome.is_staged
        fate = rule.fate(experiment.name, example["id"])
        if position >= len(run.work) - staged or fate == "app_errors":
            text, good = _NO_ANSWER, False
        if is_counted and (fate == "vanished" or not good):
            run.outcome.errors += fate != "vanished"
            run.outcome.successes = max(0, run.outcome.successes - 1)
        if fate == "vanished":
            continue
        experiment.rows.append(
            ExperimentRow(
                id=make_id("ExperimentRun", experiment.number * 100_000 + position),
                example_id=example["id"],
                output=text if good else None,
                error=None if good else text,
            )
        )
    experiment.updated_ms = run.ends_ms


def _score_rows(world: World, run: Run) -> None:
    judged, skipped, failed = 0, run.outcome.skipped, run.outcome.errors
    judges: dict[tuple[str, str], Judge] = {}

    def judge_for(experiment: Experiment, name: str) -> Judge:
        key = (experiment.id, name)
        if key not in judges:
            judges[key] = make_judge(world, experiment, world.evaluators[name], run.versions[name])
        return judges[key]

    for (experiment, row), evaluators in run.work[: max(0, len(run.work) - skipped - failed)]:
        done = [
            judge_for(experiment, name).score(row, run)
            for name in evaluators
            if name in world.evaluators and name in run.versions
        ]
        judged += JUDGED in done
        failed += JUDGE_FAILED in done and JUDGED not in done
        skipped += JUDGED not in done and JUDGE_FAILED not in done
        experiment.updated_ms = run.ends_ms
    if run.outcome.status == COMPLETED and world.settings.counts == "items" and not run.outcome.is_staged:
        run.outcome.successes, run.outcome.errors, run.outcome.skipped = judged, failed, skipped


def _chain(world: World, run: Run) -> None:
    """Trigger the evaluation tasks that the server was asked to run after the experiment."""
    for task_id in run.settings.get("evaluation_task_ids") or []:
        task = world.tasks.get(task_id)
        experiment = world.experiments.get(run.experiment_id or "")
        if task is None or experiment is None:
            continue
        start_scoring(world, task, {}, [experiment], run.ends_ms)


def experiments_of(world: World, task: Task, ids: Sequence[str] | None, now: int) -> list[Experiment]:
    """The experiments a dataset's evaluation run is to score.

    :param ids: as triggered; the task's own by default.
    :raises Refusal: 404 for an unknown one, 422 for one of another dataset.
    """
    found = []
    for experiment_id in ids if ids is not None else task.body.get("experiment_ids") or []:
        experiment = find(world.experiments, experiment_id, "experiment")
        if experiment.created_ms > now:
            raise Refusal(404, f"experiment {experiment_id} not found")
        if experiment.dataset_id != task.body.get("dataset_id"):
            raise Refusal(422, f"experiment {experiment_id} does not belong to the task's dataset")
        found.append(experiment)
    return found


def start_many(world: World, task: Task, count: int, run_seconds: float) -> list[Run]:
    """Start runs that evaluate nothing, for load tests.

    :param world: the state.
    :param task: the task.
    :param count: how many.
    :param run_seconds: how long each lasts.
    """
    now = world.clock.now_ms()
    started = []
    for _ in range(count):
        run = _new_run(world, task, now, [])
        run.ends_ms = now + int(run_seconds * 1000)
        heapq.heappush(world.due, (run.ends_ms, run.number, run.id))
        started.append(run)
    return started


def forget_runs(world: World, task: Task, start_ms: int, end_ms: int) -> list[str]:
    """Forget the runs of a task whose window touches a range, with the labels they gave.

    :param world: the state.
    :param task: the task.
    :param start_ms: first millisecond of the range.
    :param end_ms: the millisecond after its last.
    :return: ids of the forgotten runs.
    """
    gone = {run.id for run in task.runs if run.window and run.window[0] < end_ms and run.window[1] > start_ms}
    task.runs[:] = [run for run in task.runs if run.id not in gone]
    for run_id in gone:
        del world.runs[run_id]
    for span in world.spans[task.body["project_id"]].between(None, None):
        span.labels = {
            evaluator: kept
            for evaluator, labels in span.labels.items()
            if (kept := [label for label in labels if label.run_id not in gone])
        }
    return sorted(gone)
