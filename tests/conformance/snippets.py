"""The snippets of the SDK's page about ``client.tasks``, as a user types them, with ``client = ArizeHook()``.

Each runs in the world that :data:`PRELUDE` prepares; names such as ``Evaluator`` stand for the class that a release of
the SDK has for it, or for a plain dict. After each, ``check`` must be true.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Releases whose own objects are passed in.
RELEASES = ("8.28.0", "8.45.0", "8.61.0")


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A snippet.

    :param name: of the test.
    :param sentence: what the page says it does.
    :param code: the snippet.
    :param check: an expression about what it left.
    :param since: first API level that knows all of it.
    """

    name: str
    sentence: str
    code: str
    check: str
    since: tuple[int, int] = (8, 23)


#: What the page's reader has already: ids, and a client.
PRELUDE = """
from datetime import datetime, timezone
from airflow_provider_arize_tasks.hooks.arize import ArizeHook

client = ArizeHook()
evaluator_id = client.resolve_evaluator("correctness", "demo-space")
integration_id = client.list_ai_integrations("demo-space").items[0].id
experiment_id = client.resolve_experiment("baseline", "demo-dataset", "demo-space")
"""

SNIPPETS = (
    Snippet(
        name="create_on_a_project",
        sentence="A project-based task evaluates incoming spans, continuously or on demand.",
        code="""
task = client.tasks.create_evaluation_task(
    name="Relevance Monitor",
    task_type="template_evaluation",
    project="demo-project",
    space="demo-space",
    evaluators=[Evaluator(evaluator_id=evaluator_id)],
    sampling_rate=0.5,
    is_continuous=True,
)
print(task.id, task.name)
""",
        check="task.type == 'template_evaluation' and task.is_continuous"
        " and task.evaluators[0].evaluator_id == evaluator_id",
    ),
    Snippet(
        name="create_on_a_dataset",
        sentence="A dataset-based task evaluates examples of experiments; at least one experiment id is required.",
        code="""
task = client.tasks.create_evaluation_task(
    name="Experiment Scorer",
    task_type="template_evaluation",
    dataset="demo-dataset",
    space="demo-space",
    experiment_ids=[experiment_id],
    evaluators=[Evaluator(evaluator_id=evaluator_id)],
)
""",
        check="list(task.experiment_ids) == [experiment_id] and task.dataset_id",
    ),
    Snippet(
        name="column_mappings_and_filters",
        sentence="Each evaluator may have its own column mappings and filter; the task may have one too.",
        code="""
task = client.tasks.create_evaluation_task(
    name="Filtered Monitor",
    task_type="template_evaluation",
    project="demo-project",
    space="demo-space",
    query_filter="status_code = 'OK'",
    evaluators=[
        Evaluator(
            evaluator_id=evaluator_id,
            query_filter="latency_ms > 0",
            column_mappings={"input": "attributes.input.value", "output": "attributes.output.value"},
        )
    ],
)
""",
        check="task.query_filter == \"status_code = 'OK'\" and task.evaluators[0].column_mappings['input']"
        " == 'attributes.input.value' and task.evaluators[0].query_filter == 'latency_ms > 0'",
    ),
    Snippet(
        name="create_run_experiment_with_an_object",
        sentence="The server drives the calls of a run-experiment task; its configuration may be an object.",
        code="""
task = client.tasks.create_run_experiment_task(
    name="Nightly Generation",
    dataset="demo-dataset",
    space="demo-space",
    run_configuration=Configuration(
        experiment_type="llm_generation",
        ai_integration_id=integration_id,
        model_name="gpt-4o",
        messages=[Message(role="user", content="Answer: {{input}}")],
        input_variable_format="mustache",
    ),
)
""",
        check="task.type == 'run_experiment'"
        " and task.run_configuration['messages'][0]['content'] == 'Answer: {{input}}'"
        " and task.run_configuration['model_name'] == 'gpt-4o'",
    ),
    Snippet(
        name="create_run_experiment_with_a_dict",
        sentence="The configuration may be a plain dict.",
        code="""
experiment_task = client.tasks.create_run_experiment_task(
    name="Nightly Judging",
    dataset="demo-dataset",
    space="demo-space",
    run_configuration={
        "experiment_type": "template_evaluation",
        "ai_integration_id": integration_id,
        "template": "Is {{output}} polite?",
        "provide_explanation": True,
    },
)
""",
        check="experiment_task.run_configuration['template'] == 'Is {{output}} polite?'",
    ),
    Snippet(
        name="list",
        sentence="List tasks; the response has them as `.tasks`, and its pagination.",
        code="""
resp = client.tasks.list(
    space="demo-space",  # optional
    limit=50,
)

for task in resp.tasks:
    print(task.id, task.name)
""",
        check="len(resp.tasks) == 5 and not resp.pagination.has_more and resp.to_dict()['tasks'] and resp.to_json()",
    ),
    Snippet(
        name="list_by_type",
        sentence="Filter by task type.",
        code="""
resp = client.tasks.list(
    space="demo-space",
    task_type="run_experiment",
)
""",
        check="{task.name for task in resp.tasks} == {'Nightly Generation', 'Nightly Judging'}",
    ),
    Snippet(
        name="list_by_type_as_an_enum",
        sentence="The type may be a member of the SDK's enum.",
        code="""
resp = client.tasks.list(space="demo-space", task_type=TYPE_OF_EXPERIMENTS)
""",
        check="len(resp.tasks) == 2",
    ),
    Snippet(
        name="get",
        sentence="Get a task by name (with its space) or by id.",
        code="""
task = client.tasks.get(task="Relevance Monitor", space="demo-space")
same = client.tasks.get(task=task.id)
print(task)
""",
        check="same.id == task.id and same.name == 'Relevance Monitor'",
    ),
    Snippet(
        name="update",
        sentence="Update what is given; what is left out stays.",
        code="""
task = client.tasks.update(
    task="Filtered Monitor",
    space="demo-space",
    name="Renamed Monitor",
    sampling_rate=0.25,
)
""",
        check="(task.name, task.sampling_rate, task.query_filter) == ('Renamed Monitor', 0.25, \"status_code = 'OK'\")",
    ),
    Snippet(
        name="update_clears_a_filter",
        sentence="`None` clears a filter.",
        code="""
task = client.tasks.update(task="Renamed Monitor", space="demo-space", query_filter=None)
""",
        check="not task.query_filter and task.sampling_rate == 0.25",
    ),
    Snippet(
        name="update_evaluators",
        sentence="Evaluators are replaced as a whole.",
        code="""
task = client.tasks.update(
    task="Renamed Monitor",
    space="demo-space",
    evaluators=[Evaluator(evaluator_id=evaluator_id)],
)
""",
        check="len(task.evaluators) == 1 and not task.evaluators[0].column_mappings",
    ),
    Snippet(
        name="update_a_configuration_that_was_read",
        sentence="A configuration that was read can be sent back.",
        code="""
task = client.tasks.get(task="Nightly Generation", space="demo-space")
task = client.tasks.update(task=task.id, run_configuration=task.run_configuration)
""",
        check="task.run_configuration['messages'][0]['content'] == 'Answer: {{input}}'",
    ),
    Snippet(
        name="trigger_over_a_window",
        sentence="Trigger a run over a window of data.",
        code="""
run = client.tasks.trigger_run(
    task="Relevance Monitor",
    space="demo-space",
    data_start_time=datetime(2026, 3, 1, tzinfo=timezone.utc),
    data_end_time=datetime(2026, 3, 2, tzinfo=timezone.utc),
    max_spans=1000,
)
print(run.id, run.status)
""",
        check="run.status == 'pending' and run.status == 'PENDING' and str(run.status) == 'PENDING'",
    ),
    Snippet(
        name="get_run",
        sentence="Get a run by its id.",
        code="""
run = client.tasks.get_run(run_id=run.id)
""",
        check="run.task_id and run.status in ('PENDING', 'RUNNING', 'COMPLETED')",
    ),
    Snippet(
        name="wait_for_run",
        sentence="Wait until a run has ended; a TimeoutError if it has not in time.",
        code="""
run = client.tasks.wait_for_run(
    run_id=run.id,
    poll_interval=0.1,
    timeout=60.0,
)
""",
        check="run.status == 'completed' and run.num_successes and run.num_errors == 0",
    ),
    Snippet(
        name="trigger_as_an_experiment",
        sentence="Trigger a run-experiment task with a name for the experiment.",
        code="""
run = client.tasks.trigger_run(
    task="Nightly Judging",
    space="demo-space",
    experiment_name="nightly-1",
    max_examples=5,
    tracing_metadata={"origin": "airflow"},
)
""",
        check="run.task_id == experiment_task.id and run.status == 'PENDING'",
    ),
    Snippet(
        name="trigger_and_wait",
        sentence="Trigger, wait, and look at the status.",
        code="""
run = client.tasks.trigger_run(task="Nightly Judging", space="demo-space", experiment_name="nightly-2", max_examples=2)
run = client.tasks.wait_for_run(run_id=run.id, poll_interval=0.1, timeout=60)

if run.status == "completed":
    outcome = f"{run.num_successes} evaluated"
elif run.status == "failed":
    outcome = "failed"
else:
    outcome = f"ended as {run.status}"
""",
        check="outcome == '2 evaluated' and run.experiment_id",
    ),
    Snippet(
        name="trigger_and_wait_for_a_failure",
        sentence="A run that failed is told by its status, not by an exception.",
        code="""
fail_the_next_run()
run = client.tasks.trigger_run(task="Nightly Judging", space="demo-space", experiment_name="nightly-3", max_examples=2)
run = client.tasks.wait_for_run(run_id=run.id, poll_interval=0.1, timeout=60)

if run.status == "completed":
    outcome = "completed"
elif run.status == "failed":
    outcome = "failed"
""",
        check="outcome == 'failed' and run.status == 'FAILED'",
    ),
    Snippet(
        name="list_runs",
        sentence="List a task's runs; the response has them as `.task_runs`.",
        code="""
resp = client.tasks.list_runs(task="Nightly Judging", space="demo-space", limit=2)

for run in resp.task_runs:
    print(run.id, run.status, run.created_at)
""",
        check="len(resp.task_runs) == 2 and resp.pagination.has_more and resp.pagination.next_cursor",
    ),
    Snippet(
        name="list_runs_by_status",
        sentence="Filter runs by status.",
        code="""
resp = client.tasks.list_runs(task="Nightly Judging", space="demo-space", status="failed")
""",
        check="[str(run.status) for run in resp.task_runs] == ['FAILED']",
    ),
    Snippet(
        name="cancel_run",
        sentence="Cancel a run that is pending or running.",
        code="""
make_runs_long()
run = client.tasks.trigger_run(task="Nightly Judging", space="demo-space", experiment_name="nightly-4")
run = client.tasks.cancel_run(run_id=run.id)
""",
        check="run.status == 'cancelled'",
    ),
    Snippet(
        name="wait_gives_up",
        sentence="Waiting ends with a TimeoutError; the run goes on.",
        code="""
run = client.tasks.trigger_run(task="Nightly Judging", space="demo-space", experiment_name="nightly-5")
try:
    client.tasks.wait_for_run(run_id=run.id, poll_interval=0.05, timeout=0.2)
    outcome = "ended"
except TimeoutError:
    outcome = "gave up"
""",
        check="outcome == 'gave up' and client.tasks.get_run(run_id=run.id).status in ('pending', 'running')",
    ),
    Snippet(
        name="delete",
        sentence="Delete a task with its configuration and runs.",
        code="""
client.tasks.delete(task="Experiment Scorer", space="demo-space")
""",
        check="'Experiment Scorer' not in [task.name for task in client.tasks.list(space='demo-space').tasks]",
    ),
    Snippet(
        name="query_filters",
        sentence="Tasks of traces and sessions have named filters and an expression.",
        code="""
task = client.tasks.create_evaluation_task(
    name="Trace Monitor",
    task_type="template_evaluation",
    project="demo-project",
    space="demo-space",
    query_filters=Filters(
        filters=[Filter(id="A", filter="status_code = 'OK'"), Filter(id="B", filter="latency_ms > 0")],
        expression="A AND B",
    ),
    evaluators=[
        Evaluator(
            evaluator_id=client.resolve_evaluator("trace-relevance", "demo-space"),
            query_mappings=[
                Mapping(variable_name="output", query_ids=["A"], attribute_path="attributes.output.value")
            ],
        )
    ],
)
""",
        check="task.query_filters['expression'] == 'A AND B' and task.evaluators[0].query_mappings",
        since=(8, 51),
    ),
)
