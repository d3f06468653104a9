"""The control path, ``/_emulator/...``: sets the stage and tells what happened. It takes no authentication."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from aiohttp import web

from airflow_provider_arize_tasks.emulator import prompts, seed, views
from airflow_provider_arize_tasks.emulator.checked import checked
from airflow_provider_arize_tasks.emulator.common import Refusal, in_range, parse_time
from airflow_provider_arize_tasks.emulator.control_bodies import (
    MOST_SPANS,
    EndOfRun,
    ManyRuns,
    Outage,
    SpansToAdd,
    ToAdd,
)
from airflow_provider_arize_tasks.emulator.model import Outcome, Task
from airflow_provider_arize_tasks.emulator.requests import body_of, world_of
from airflow_provider_arize_tasks.emulator.rules import AnswerRule, OutcomeRule, QualityRule
from airflow_provider_arize_tasks.emulator.runs import end_now, forget_runs, start_many
from airflow_provider_arize_tasks.emulator.spans import Span, SpanStore, ledger
from airflow_provider_arize_tasks.emulator.traffic import TRAFFIC, Traffic
from airflow_provider_arize_tasks.emulator.weather import change_weather, settings_of, skew
from airflow_provider_arize_tasks.emulator.world import Settings, World, by_name_or_id

T = TypeVar("T")
_MOST_RULES = 10_000
_FURTHEST_MS = 20 * 365 * 24 * 60 * 60 * 1000
#: Closes the listening socket for a number of seconds; set by the server that holds one.
GO_AWAY = web.AppKey[Callable[[float], None]]("go_away")
#: Fills an empty world as the emulator was started.
SEED = web.AppKey[Callable[[World], None]]("seed")


def _traffic(request: web.Request) -> Traffic:
    return request.app[TRAFFIC]


def _done(**fields: Any) -> web.Response:
    return web.json_response({"ok": True, **fields})


async def status(request: web.Request) -> web.Response:
    """``GET /_emulator/status``: whether it is up, with its settings."""
    world = world_of(request)
    names = {
        "space": next(iter(world.spaces), None),
        "project": next(iter(world.projects), None),
        "dataset": next(iter(world.datasets), None),
    }
    return _done(
        api_level=world.level.text,
        now=world.clock.now_ms(),
        settings=asdict(world.settings),
        spans={project.name: len(world.spans[project.id]) for project in world.projects.values()},
        ids=names,
    )


async def reset(request: web.Request) -> web.Response:
    """``POST /_emulator/reset``: back to how it was started; ``{"spans": false}`` leaves the spans out.

    ``frozen_at`` is a time at which the clock then stands still, the time of seeding too.
    """
    body = await body_of(request, default={})
    world, traffic = world_of(request), _traffic(request)
    fresh = World(level=world.level)
    for name in World.__slots__:
        if name != "level":
            setattr(world, name, getattr(fresh, name))
    if body.get("frozen_at") is not None:
        world.clock.frozen_ms = _time(body["frozen_at"], "frozen_at")
    request.app[SEED](world)
    for effect in traffic.late:
        effect.cancel()
    if not body.get("spans", True):
        world.spans = {project: SpanStore() for project in world.spans}
    fields = type(traffic)()
    for name in type(traffic).__slots__:
        if name != "open_now":
            setattr(traffic, name, getattr(fields, name))
    return _done()


async def configure(request: web.Request) -> web.Response:
    """``POST /_emulator/configure``: change settings and the clock.

    ``clock_offset_seconds`` shifts the server's clock, ``advance_clock_seconds`` moves it from where it is now.
    """
    world, body = world_of(request), dict(await body_of(request))
    advance, offset = float(body.pop("advance_clock_seconds", 0)), body.pop("clock_offset_seconds", None)
    offset_ms = world.clock.offset_ms if offset is None else int(float(offset) * 1000)
    offset_ms += int(advance * 1000)
    if abs(offset_ms) > _FURTHEST_MS:
        raise Refusal(400, "the clock must stay within twenty years of the machine's")
    world.settings = checked(Settings, asdict(world.settings) | body)
    world.clock.offset_ms = offset_ms
    return _done(settings=asdict(world.settings))


async def add_spans(request: web.Request) -> web.Response:
    """``POST /_emulator/spans``: add spans at given times, or a number of them evenly over a range."""
    world, wanted = world_of(request), checked(SpansToAdd, await body_of(request))
    columns = dict(wanted.attributes)
    if wanted.arrives_after is not None:
        columns["arrives_after"] = wanted.arrives_after
    times = [_time(item, "times") for item in wanted.times or []]
    count, start, end = len(times), 0, 0
    if wanted.times is None:
        count, start, end = wanted.count or 0, _time(wanted.start, "start"), _time(wanted.end, "end")
    project = _project(world, wanted.project, create=True)
    if len(world.spans[project]) + count > MOST_SPANS:
        raise Refusal(400, f"a project holds at most {MOST_SPANS} spans")
    if wanted.times is None:
        added = seed.spread_spans(world, project, count, start, end, columns)
    else:
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


async def add(request: web.Request) -> web.Response:
    """``POST /_emulator/add``: add a space, project, dataset, evaluator, integration, prompt or a version of some."""
    world, body = world_of(request), await body_of(request)
    wanted = checked(ToAdd, body)
    kind, name = body.get("kind"), str(body.get("name"))
    if kind == "space":
        from airflow_provider_arize_tasks.emulator.model import Space

        organization = next(iter(world.spaces.values())).organization_id
        space = Space(**world.stamp("Space", name), organization_id=organization)
        world.spaces[space.id] = space
        return _done(id=space.id)
    space_id = by_name_or_id(world.spaces, body.get("space"), "space").id
    if kind == "project":
        return _done(id=seed.add_project(world, name, space_id).id)
    if kind == "dataset":
        return _done(id=seed.add_dataset(world, name, space_id, body.get("examples") or []).id)
    if kind == "dataset_version":
        dataset = by_name_or_id(world.datasets, body.get("dataset"), "dataset")
        return _done(id=seed.add_version(world, dataset, body.get("examples") or []).id)
    if kind == "integration":
        return _done(id=seed.add_integration(world, name, space_id, wanted.type, _created_at(body)).id)
    if kind == "prompt":
        return _done(id=prompts.add_prompt(world, name, space_id, body, _created_at(body)).id)
    return _done(id=_add_evaluator(world, kind, name, space_id, body))


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


async def change_prompt(request: web.Request) -> web.Response:
    """``POST /_emulator/prompts``: add a version to a prompt, or point a label to one of its versions.

    A version takes what it isn't given from the version before. ``label`` is moved to ``version_id``, by default to the
    version that is added or else the latest; ``remove`` takes the label away.
    """
    world, body = world_of(request), await body_of(request)
    prompt = by_name_or_id(world.prompts, body.get("prompt"), "prompt")
    version_id = str(body.get("version_id") or prompt.versions[-1].id)
    given = body.get("version")
    if given is not None:
        version_id = prompts.add_version(world, prompt, {**prompt.versions[-1].body, **given}, _created_at(body)).id
    if body.get("label") is not None:
        prompts.move_label(world, prompt, str(body["label"]), None if body.get("remove") else version_id)
    return _done(version_id=version_id)


async def set_outcome(request: web.Request) -> web.Response:
    """``POST /_emulator/outcomes``: stage how coming runs end."""
    _stage(world_of(request).outcomes, await _rule(request, OutcomeRule))
    return _done()


async def set_quality(request: web.Request) -> web.Response:
    """``POST /_emulator/quality``: stage how good experiments are in the eyes of an evaluator."""
    _stage(world_of(request).quality, await _rule(request, QualityRule))
    return _done()


async def set_answers(request: web.Request) -> web.Response:
    """``POST /_emulator/answers``: stage how the app fares in experiments."""
    _stage(world_of(request).answers, await _rule(request, AnswerRule))
    return _done()


async def _rule(request: web.Request, kind: type[T]) -> T:
    return checked(kind, await body_of(request))


def _stage(staged: list[T], rule: T) -> None:
    if len(staged) >= _MOST_RULES:
        raise Refusal(400, f"{_MOST_RULES} are staged already: clear them first")
    staged.append(rule)


async def clear_rules(request: web.Request) -> web.Response:
    """``DELETE`` of ``outcomes``, ``answers`` and ``quality``: forget what is staged there."""
    world = world_of(request)
    staged: dict[str, list[Any]] = {"outcomes": world.outcomes, "answers": world.answers, "quality": world.quality}
    staged[request.path.rpartition("/")[2]].clear()
    return _done()


async def inject(request: web.Request) -> web.Response:
    """``POST /_emulator/faults``: inject a fault."""
    fault = _traffic(request).faults.add(await body_of(request))
    return _done(id=fault.id)


async def clear_faults(request: web.Request) -> web.Response:
    """``DELETE /_emulator/faults``: clear faults and end an outage."""
    traffic = _traffic(request)
    traffic.faults.faults.clear()
    traffic.outage_until = 0.0
    return _done()


async def weather(request: web.Request) -> web.Response:
    """``POST /_emulator/weather``: what goes wrong by itself from now on; ``{}`` tells what is set."""
    world = world_of(request)
    given = await body_of(request, default={})
    if given:
        world.weather = change_weather(world.weather, given)
        skew(world.clock, world.weather)
    return _done(settings=settings_of(world.weather))


async def outage(request: web.Request) -> web.Response:
    """``POST /_emulator/outage``: nobody answers for a number of seconds.

    ``mode``: ``drop`` closes every connection of the API without an answer, ``status`` answers 503 (or ``status``),
    ``refuse`` closes the listening socket, so that connections are refused, on the control path too.
    """
    wanted, traffic = checked(Outage, await body_of(request)), _traffic(request)
    if wanted.mode == "refuse":
        request.app[GO_AWAY](wanted.seconds)
        return _done()
    traffic.outage_status = wanted.status if wanted.mode == "status" else None
    traffic.outage_until = time.monotonic() + wanted.seconds
    return _done()


async def counters(request: web.Request) -> web.Response:
    """``GET /_emulator/counters``: requests by operation and status, runs started by task, faults by kind."""
    world, traffic = world_of(request), _traffic(request)
    now = world.clock.now_ms()
    names = {task.id: task.name for task in world.tasks.values()}
    statuses: dict[str, int] = {}
    for run in world.runs.values():
        statuses[run.status(now)] = statuses.get(run.status(now), 0) + 1
    return _done(
        requests=dict(traffic.operations),
        total_requests=traffic.total,
        statuses=dict(traffic.statuses),
        open_now=traffic.open_now,
        open_most=traffic.open_most,
        runs_started=dict(world.runs_started),
        runs_started_by_name={names.get(key, key): value for key, value in world.runs_started.items()},
        runs_total=sum(world.runs_started.values()),
        runs_by_status=statuses,
        faults=dict(traffic.faults.struck),
        weather=dict(world.weather.struck),
    )


async def recorded(request: web.Request) -> web.Response:
    """``GET /_emulator/requests``: the recorded requests, oldest first; ``?after=N`` for those after number N."""
    after = int(request.query.get("after", 0))
    return web.json_response([item for item, _ in _traffic(request).requests if item["number"] > after])


async def forget_requests(request: web.Request) -> web.Response:
    """``DELETE /_emulator/requests``: forget recorded requests and counters."""
    _traffic(request).forget()
    return _done()


async def list_runs(request: web.Request) -> web.Response:
    """``GET /_emulator/runs``: every run of every task, oldest first, hidden ones too; ``?task=`` one task's."""
    world, now = world_of(request), world_of(request).clock.now_ms()
    wanted = request.query.get("task")
    chosen = [run for run in world.runs.values() if wanted is None or wanted in _names(world.tasks.get(run.task_id))]
    return web.json_response([views.run(world, run, now) | {"settings": run.settings} for run in chosen])


def _names(task: Task | None) -> tuple[str, ...]:
    return (task.id, task.name) if task is not None else ()


async def start_runs(request: web.Request) -> web.Response:
    """``POST /_emulator/runs``: start many runs of a task that evaluate nothing, for load tests."""
    world, wanted = world_of(request), checked(ManyRuns, await body_of(request))
    task = by_name_or_id(world.tasks, wanted.task, "task")
    started = start_many(world, task, wanted.count, wanted.run_seconds)
    return _done(run_ids=[run.id for run in started])


async def change_run(request: web.Request) -> web.Response:
    """``POST /_emulator/runs/{run_id}``: end a run at once with the given status, reason and counts."""
    world, end = world_of(request), checked(EndOfRun, await body_of(request))
    run = world.runs.get(request.match_info["run_id"])
    if run is None:
        raise Refusal(404, "no such run")
    end_now(run, world.clock.now_ms(), Outcome(**asdict(end)))
    return _done()


async def forget_task_runs(request: web.Request) -> web.Response:
    """``POST /_emulator/forget_runs``: forget a task's runs over a range, with their labels."""
    world, body = world_of(request), await body_of(request)
    task = by_name_or_id(world.tasks, body.get("task"), "task")
    gone = forget_runs(world, task, _time(body.get("start"), "start"), _time(body.get("end"), "end"))
    return _done(run_ids=gone)


async def read_ledger(request: web.Request) -> web.Response:
    """``GET /_emulator/ledger``: how often the spans of a project were labelled; by range, task or evaluators."""
    world, query = world_of(request), request.query
    wanted_task = query.get("task")
    task = by_name_or_id(world.tasks, wanted_task, "task") if wanted_task else None
    project = task.body.get("project_id") if task is not None else None
    project_id = str(project or _project(world, query.get("project")))
    start = parse_time(query["start"], "start") if "start" in query else None
    end = parse_time(query["end"], "end") if "end" in query else None
    spans = world.spans[project_id].between(start, end)
    evaluators = [by_name_or_id(world.evaluators, name, "evaluator").id for name in query.getall("evaluator", [])]
    evaluators = evaluators or (task.evaluator_ids if task is not None else _evaluators_of(world, project_id, spans))
    if not evaluators:
        raise Refusal(400, "the project has no evaluation task and no labels: nothing that the ledger could count")
    only = _current_versions(world, task, evaluators) if query.get("current") == "true" else None
    return web.json_response(ledger(spans, evaluators, details=query.get("details") == "true", only=only))


def _current_versions(world: World, task: Task | None, evaluators: list[str]) -> dict[str, str]:
    """The version of each evaluator that judges now: the task's pin, else the latest."""
    now, pins = world.clock.now_ms(), task.pins if task is not None else {}
    known = [name for name in evaluators if name in world.evaluators]
    return {name: world.evaluators[name].version_for(pins.get(name), now).id for name in known}


def _evaluators_of(world: World, project_id: str, spans: list[Span]) -> list[str]:
    """The evaluators attached to a project's tasks, and those that labelled its spans."""
    attached = [
        e for task in world.tasks.values() if task.body.get("project_id") == project_id for e in task.evaluator_ids
    ]
    return list(dict.fromkeys([*attached, *(name for span in spans for name in span.labels)]))


async def list_experiments(request: web.Request) -> web.Response:
    """``GET /_emulator/experiments``: every experiment with its rows, scores, and the runs that scored each row."""
    world = world_of(request)
    return web.json_response([asdict(item) for item in world.experiments.values()])


ROUTES = [
    web.get("/_emulator/status", status),
    web.post("/_emulator/reset", reset),
    web.post("/_emulator/configure", configure),
    web.post("/_emulator/spans", add_spans),
    web.post("/_emulator/add", add),
    web.post("/_emulator/prompts", change_prompt),
    web.post("/_emulator/outcomes", set_outcome),
    web.delete("/_emulator/outcomes", clear_rules),
    web.post("/_emulator/answers", set_answers),
    web.delete("/_emulator/answers", clear_rules),
    web.post("/_emulator/quality", set_quality),
    web.delete("/_emulator/quality", clear_rules),
    web.post("/_emulator/faults", inject),
    web.delete("/_emulator/faults", clear_faults),
    web.post("/_emulator/outage", outage),
    web.post("/_emulator/weather", weather),
    web.get("/_emulator/counters", counters),
    web.get("/_emulator/requests", recorded),
    web.delete("/_emulator/requests", forget_requests),
    web.get("/_emulator/runs", list_runs),
    web.post("/_emulator/runs", start_runs),
    web.post("/_emulator/runs/{run_id}", change_run),
    web.post("/_emulator/forget_runs", forget_task_runs),
    web.get("/_emulator/ledger", read_ledger),
    web.get("/_emulator/experiments", list_experiments),
]
