"""The control path, ``/_emulator/...``: sets the stage and tells what happened. It takes no authentication."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator import api_prompts as prompts
from airflow_provider_arize_tasks.emulator import seed, views
from airflow_provider_arize_tasks.emulator.checked import MOST_SPANS, ManyRuns, Outage, SpansToAdd, ToAdd, checked
from airflow_provider_arize_tasks.emulator.common import Refusal, in_range, parse_time
from airflow_provider_arize_tasks.emulator.requests import Call, Routes
from airflow_provider_arize_tasks.emulator.rules import AnswerRule, OutcomeRule, QualityRule
from airflow_provider_arize_tasks.emulator.runs import end_now, forget_runs, start_many
from airflow_provider_arize_tasks.emulator.spans import Span, SpanStore, ledger
from airflow_provider_arize_tasks.emulator.traffic import TRAFFIC, Traffic
from airflow_provider_arize_tasks.emulator.weather import change_weather, settings_of, skew
from airflow_provider_arize_tasks.emulator.world import Outcome, Settings, Space, Task, World, by_name_or_id

_MOST_RULES = 10_000
_FURTHEST_MS = 20 * 365 * 24 * 60 * 60 * 1000
#: What can be staged: the list of the world that keeps it, and the last part of the path -> what each rule says.
_RULES: dict[str, type[Any]] = {"outcomes": OutcomeRule, "answers": AnswerRule, "quality": QualityRule}
#: Closes the listening socket for a number of seconds; set by the server that holds one.
GO_AWAY = web.AppKey[Callable[[float], None]]("go_away")
#: Fills an empty world as the emulator was started.
SEED = web.AppKey[Callable[[World], None]]("seed")
ROUTES = Routes(nothing={"ok": True})


def _traffic(call: Call) -> Traffic:
    return call.request.app[TRAFFIC]


def _done(**fields: Any) -> dict[str, Any]:
    return {"ok": True, **fields}


@ROUTES.on("GET /_emulator/status")
def status(call: Call) -> dict[str, Any]:
    """Whether it is up, with its settings."""
    world = call.world
    tables: dict[str, dict[str, Any]] = {"space": world.spaces, "project": world.projects, "dataset": world.datasets}
    return _done(
        api_level=world.level.text,
        now=call.now,
        settings=asdict(world.settings),
        spans={project.name: len(world.spans[project.id]) for project in world.projects.values()},
        ids={name: next(iter(table), None) for name, table in tables.items()},
    )


@ROUTES.on("POST /_emulator/reset")
def reset(call: Call) -> None:
    """Back to how it was started; ``{"spans": false}`` leaves the spans out.

    ``frozen_at`` is a time at which the clock then stands still, the time of seeding too.
    """
    world, traffic, body = call.world, _traffic(call), call.json(default={})
    _renew(world, World(), but="level")
    if body.get("frozen_at") is not None:
        world.clock.frozen_ms = _time(body["frozen_at"], "frozen_at")
    call.request.app[SEED](world)
    for effect in traffic.late:
        effect.cancel()
    if not body.get("spans", True):
        world.spans = {project: SpanStore() for project in world.spans}
    _renew(traffic, Traffic(), but="open_now")


def _renew(used: Any, fresh: Any, *, but: str) -> None:
    """Make an object what a fresh one is, but for one of its fields."""
    for name in type(used).__slots__:
        if name != but:
            setattr(used, name, getattr(fresh, name))


@ROUTES.on("POST /_emulator/configure")
def configure(call: Call) -> dict[str, Any]:
    """Change settings and the clock.

    ``clock_offset_seconds`` shifts the server's clock, ``advance_clock_seconds`` moves it from where it is now.
    """
    world, body = call.world, dict(call.json())
    advance, offset = float(body.pop("advance_clock_seconds", 0)), body.pop("clock_offset_seconds", None)
    offset_ms = world.clock.offset_ms if offset is None else int(float(offset) * 1000)
    offset_ms += int(advance * 1000)
    if abs(offset_ms) > _FURTHEST_MS:
        raise Refusal(400, "the clock must stay within twenty years of the machine's")
    world.settings = checked(Settings, asdict(world.settings) | body)
    world.clock.offset_ms = offset_ms
    return _done(settings=asdict(world.settings))


@ROUTES.on("POST /_emulator/spans")
def add_spans(call: Call) -> dict[str, Any]:
    """Add spans at given times, or a number of them evenly over a range."""
    world, wanted = call.world, checked(SpansToAdd, call.json())
    columns = dict(wanted.attributes)
    if wanted.arrives_after is not None:
        columns["arrives_after"] = wanted.arrives_after
    if wanted.times is None:
        times = seed.spread(_time(wanted.start, "start"), _time(wanted.end, "end"), wanted.count or 0)
    else:
        times = [_time(item, "times") for item in wanted.times]
    project = _project(world, wanted.project, create=True)
    if len(world.spans[project]) + len(times) > MOST_SPANS:
        raise Refusal(400, f"a project holds at most {MOST_SPANS} spans")
    added = seed.add_spans(world, project, [(time_ms, dict(columns)) for time_ms in times])
    return _done(added=len(added), span_ids=[span.id for span in added])


def _time(value: Any, where: str) -> int:
    return in_range(int(value), where) if isinstance(value, (int, float)) else parse_time(value, where)


def _project(world: World, wanted: str | None, *, create: bool = False) -> str:
    try:
        return by_name_or_id(world.projects, wanted, "project").id
    except Refusal:
        if not create or wanted is None:
            raise
        return seed.add_project(world, wanted, next(iter(world.spaces))).id


@ROUTES.on("POST /_emulator/add")
def add(call: Call) -> dict[str, Any]:
    """Add a space, project, dataset, evaluator, integration, prompt or a version of some."""
    body = call.json()
    return _done(id=_add(call.world, checked(ToAdd, body), body, str(body.get("name"))))


def _add(world: World, wanted: ToAdd, body: dict[str, Any], name: str) -> str:
    kind = body.get("kind")
    if kind == "space":
        organization = next(iter(world.spaces.values())).organization_id
        space = Space(**world.stamp("Space", name), organization_id=organization)
        world.spaces[space.id] = space
        return space.id
    space_id = by_name_or_id(world.spaces, wanted.space, "space").id
    if kind == "project":
        return seed.add_project(world, name, space_id).id
    if kind == "dataset":
        return seed.add_dataset(world, name, space_id, wanted.examples or []).id
    if kind == "dataset_version":
        dataset = by_name_or_id(world.datasets, wanted.dataset, "dataset")
        return seed.add_version(world, dataset, wanted.examples or []).id
    if kind == "integration":
        return seed.add_integration(world, name, space_id, wanted.type, _created_at(body)).id
    if kind == "prompt":
        return prompts.add_prompt(world, name, space_id, body, _created_at(body)).id
    return _add_evaluator(world, kind, name, space_id, body)


def _add_evaluator(world: World, kind: Any, name: str, space_id: str, body: dict[str, Any]) -> str:
    llm = next(item.id for item in world.integrations.values() if item.type == "LLM")
    granularity = body.get("granularity") or "SPAN"
    config = body.get("config") or seed.template_config(name, llm, body.get("choices"), granularity)
    if kind == "evaluator":
        return seed.add_evaluator(world, name, space_id, config).id
    if kind == "evaluator_version":
        evaluator = by_name_or_id(world.evaluators, body.get("evaluator"), "evaluator")
        config = body.get("config") or evaluator.versions[-1].config
        return seed.add_evaluator_version(world, evaluator, config, _created_at(body)).id
    kinds = "space, project, dataset, dataset_version, evaluator, evaluator_version, integration or prompt"
    raise Refusal(400, f"kind: must be {kinds}")


def _created_at(body: dict[str, Any]) -> int | None:
    return None if body.get("created_at") is None else _time(body["created_at"], "created_at")


@ROUTES.on("POST /_emulator/prompts")
def change_prompt(call: Call) -> dict[str, Any]:
    """Add a version to a prompt, or point a label to one of its versions.

    A version takes what it isn't given from the version before. ``label`` is moved to ``version_id``, by default to the
    version that is added or else the latest; ``remove`` takes the label away.
    """
    world, body = call.world, call.json()
    prompt = by_name_or_id(world.prompts, body.get("prompt"), "prompt")
    version_id = str(body.get("version_id") or prompt.versions[-1].id)
    given = body.get("version")
    if given is not None:
        version_id = prompts.add_version(world, prompt, {**prompt.versions[-1].body, **given}, _created_at(body)).id
    if body.get("label") is not None:
        prompts.move_label(world, prompt, str(body["label"]), None if body.get("remove") else version_id)
    return _done(version_id=version_id)


def _staged(call: Call) -> tuple[str, list[Any]]:
    name = call.request.path.rpartition("/")[2]
    return name, getattr(call.world, name)


@ROUTES.on(*(f"POST /_emulator/{name}" for name in _RULES))
def stage(call: Call) -> None:
    """Stage how coming runs end, how the app fares in experiments, or how good an evaluator finds them."""
    name, staged = _staged(call)
    rule = checked(_RULES[name], call.json())
    if len(staged) >= _MOST_RULES:
        raise Refusal(400, f"{_MOST_RULES} are staged already: clear them first")
    staged.append(rule)


@ROUTES.on(*(f"DELETE /_emulator/{name}" for name in _RULES))
def clear_rules(call: Call) -> None:
    """Forget what is staged there."""
    _staged(call)[1].clear()


@ROUTES.on("POST /_emulator/faults")
def inject(call: Call) -> dict[str, Any]:
    """Inject a fault."""
    return _done(id=_traffic(call).faults.add(call.json()).id)


@ROUTES.on("DELETE /_emulator/faults")
def clear_faults(call: Call) -> None:
    """Clear faults and end an outage."""
    _traffic(call).faults.faults.clear()
    _traffic(call).outage_until = 0.0


@ROUTES.on("POST /_emulator/weather")
def weather(call: Call) -> dict[str, Any]:
    """What goes wrong by itself from now on; ``{}`` tells what is set."""
    world, given = call.world, call.json(default={})
    if given:
        world.weather = change_weather(world.weather, given)
        skew(world.clock, world.weather)
    return _done(settings=settings_of(world.weather))


@ROUTES.on("POST /_emulator/outage")
def outage(call: Call) -> None:
    """Nobody answers for a number of seconds.

    ``mode``: ``drop`` closes every connection of the API without an answer, ``status`` answers 503 (or ``status``),
    ``refuse`` closes the listening socket, so that connections are refused, on the control path too.
    """
    wanted, traffic = checked(Outage, call.json()), _traffic(call)
    if wanted.mode == "refuse":
        call.request.app[GO_AWAY](wanted.seconds)
        return
    traffic.outage_status = wanted.status if wanted.mode == "status" else None
    traffic.outage_until = time.monotonic() + wanted.seconds


@ROUTES.on("GET /_emulator/counters")
def counters(call: Call) -> dict[str, Any]:
    """Requests by operation and status, runs started by task, faults by kind."""
    world, traffic, now = call.world, _traffic(call), call.now
    names = {task.id: task.name for task in world.tasks.values()}
    return _done(
        requests=dict(traffic.operations),
        total_requests=traffic.total,
        statuses=dict(traffic.statuses),
        open_now=traffic.open_now,
        open_most=traffic.open_most,
        runs_started=dict(world.runs_started),
        runs_started_by_name={names.get(key, key): value for key, value in world.runs_started.items()},
        runs_total=sum(world.runs_started.values()),
        runs_by_status=dict(Counter(run.status(now) for run in world.runs.values())),
        faults=dict(traffic.faults.struck),
        weather=dict(world.weather.struck),
    )


@ROUTES.on("GET /_emulator/requests")
def recorded(call: Call) -> list[Any]:
    """The recorded requests, oldest first; ``?after=N`` for those after number N."""
    after = int(call.request.query.get("after", 0))
    return [item for item, _ in _traffic(call).requests if item["number"] > after]


@ROUTES.on("DELETE /_emulator/requests")
def forget_requests(call: Call) -> None:
    """Forget recorded requests and counters."""
    _traffic(call).forget()


@ROUTES.on("GET /_emulator/runs")
def list_runs(call: Call) -> list[Any]:
    """Every run of every task, oldest first, hidden ones too; ``?task=`` one task's."""
    world, now, wanted = call.world, call.now, call.request.query.get("task")
    tasks = {task.id for task in world.tasks.values() if wanted in (None, task.id, task.name)}
    chosen = [run for run in world.runs.values() if run.task_id in tasks]
    return [views.run(world, run, now) | {"settings": run.settings} for run in chosen]


@ROUTES.on("POST /_emulator/runs")
def start_runs(call: Call) -> dict[str, Any]:
    """Start many runs of a task that evaluate nothing, for load tests."""
    wanted = checked(ManyRuns, call.json())
    task = by_name_or_id(call.world.tasks, wanted.task, "task")
    started = start_many(call.world, task, wanted.count, wanted.run_seconds)
    return _done(run_ids=[run.id for run in started])


@ROUTES.on("POST /_emulator/runs/{run_id}")
def change_run(call: Call) -> None:
    """End a run at once with the given status, reason and counts."""
    outcome, run = checked(Outcome, call.json()), call.world.runs.get(call.path("run_id"))
    if run is None:
        raise Refusal(404, "no such run")
    end_now(run, call.now, outcome)


@ROUTES.on("POST /_emulator/forget_runs")
def forget_task_runs(call: Call) -> dict[str, Any]:
    """Forget a task's runs over a range, with their labels."""
    body = call.json()
    task = by_name_or_id(call.world.tasks, body.get("task"), "task")
    start, end = _time(body.get("start"), "start"), _time(body.get("end"), "end")
    return _done(run_ids=forget_runs(call.world, task, start, end))


@ROUTES.on("GET /_emulator/ledger")
def read_ledger(call: Call) -> dict[str, Any]:
    """How often the spans of a project were labelled; by range, task or evaluators."""
    world, query = call.world, call.request.query
    wanted_task = query.get("task")
    task = by_name_or_id(world.tasks, wanted_task, "task") if wanted_task else None
    project = task.body.get("project_id") if task is not None else None
    project_id = str(project or _project(world, query.get("project")))
    start, end = (parse_time(query[name], name) if name in query else None for name in ("start", "end"))
    spans = world.spans[project_id].between(start, end)
    evaluators = [by_name_or_id(world.evaluators, name, "evaluator").id for name in query.getall("evaluator", [])]
    evaluators = evaluators or (task.evaluator_ids if task is not None else _evaluators_of(world, project_id, spans))
    if not evaluators:
        raise Refusal(400, "the project has no evaluation task and no labels: nothing that the ledger could count")
    only = _current_versions(call, task, evaluators) if query.get("current") == "true" else None
    return ledger(spans, evaluators, details=query.get("details") == "true", only=only)


def _current_versions(call: Call, task: Task | None, evaluators: list[str]) -> dict[str, str]:
    """The version of each evaluator that judges now: the task's pin, else the latest."""
    table, pins = call.world.evaluators, task.pins if task is not None else {}
    return {name: table[name].version_for(pins.get(name), call.now).id for name in evaluators if name in table}


def _evaluators_of(world: World, project_id: str, spans: list[Span]) -> list[str]:
    """The evaluators attached to a project's tasks, and those that labelled its spans."""
    tasks = [task for task in world.tasks.values() if task.body.get("project_id") == project_id]
    attached = [name for task in tasks for name in task.evaluator_ids]
    return list(dict.fromkeys([*attached, *(name for span in spans for name in span.labels)]))


@ROUTES.on("GET /_emulator/experiments")
def list_experiments(call: Call) -> list[Any]:
    """Every experiment with its rows, scores, and the runs that scored each row."""
    return [asdict(item) for item in call.world.experiments.values()]
