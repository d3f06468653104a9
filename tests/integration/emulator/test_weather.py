"""Bad weather: each of its parts alone, the mixture of all, and the same again for the same seed."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest
import requests

from airflow_provider_arize_tasks.emulator.control import EmulatorError
from airflow_provider_arize_tasks.emulator.process import running_emulator


def listed(api, task, **query):
    return [run["id"] for run in api.get(f"tasks/{task}/runs", **query)["task_runs"]]


def pages(api, task, limit=100):
    """Ids on each page, and what the pages cost in requests."""
    shown, query = [], {"limit": limit}
    while True:
        reply = api.get(f"tasks/{task}/runs", **query)
        shown.append([run["id"] for run in reply["task_runs"]])
        if not reply["pagination"]["has_more"]:
            return shown
        query["cursor"] = reply["pagination"]["next_cursor"]


def wait_for(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("skew", [-90, 90])
def test_the_server_s_clock_is_off(api, skew):
    api.control.weather(server_skew_seconds=skew)
    reply = api.send("POST", f"tasks/{api.task()}/trigger", json=api.day(1))
    created = datetime.fromisoformat(reply.json()["created_at"].replace("Z", "+00:00"))
    now = datetime.now(timezone.utc)
    assert abs((created - now).total_seconds() - skew) < 5
    assert abs((parsedate_to_datetime(reply.headers["Date"]) - now).total_seconds()) < 5


def test_the_gateway_s_clock_is_off(api):
    api.control.weather(gateway_skew_seconds=-60)
    reply = api.send("POST", f"tasks/{api.task()}/trigger", json=api.day(1))
    created = datetime.fromisoformat(reply.json()["created_at"].replace("Z", "+00:00"))
    assert 58 <= (created - parsedate_to_datetime(reply.headers["Date"])).total_seconds() <= 65


def test_clear_weather_sets_the_clock_right(api):
    api.control.weather("bad", server_skew_seconds=500)
    api.control.weather("clear")
    assert abs(api.control.status()["now"] / 1000 - time.time()) < 5


def test_answers_take_longer(api):
    api.control.weather(latency_seconds=0.2)
    before = time.monotonic()
    for _ in range(10):
        assert api.send("GET", "spaces").status_code == 200
    assert 0.4 < time.monotonic() - before < 5


def test_a_new_run_is_not_listed_at_first(api):
    task = api.task()
    api.control.weather(list_lags=1, list_lag_seconds=2)
    run = api.window(task)
    assert listed(api, task) == []
    assert api.run(run["id"])["id"] == run["id"]
    wait_for(lambda: listed(api, task) == [run["id"]])
    assert api.control.counters()["weather"] == {"list_lags": 1}


def test_a_run_that_arrives_between_two_pages_shifts_the_second(api):
    task = api.task()
    api.control.weather(offset_cursors=True)
    old = [run["id"] for run in [api.window(task, override_evaluations=True) for _ in range(4)]]
    first = api.get(f"tasks/{task}/runs", limit=2)
    new = api.window(task, override_evaluations=True)["id"]
    cursor = first["pagination"]["next_cursor"]
    seen = [run["id"] for run in first["task_runs"]] + listed(api, task, limit=2, cursor=cursor)
    assert seen == [old[3], old[2], old[2], old[1]]
    assert new not in seen


def test_a_page_shows_a_run_twice_and_hides_one(api):
    task = api.task()
    ids = [api.window(task, override_evaluations=True)["id"] for _ in range(6)][::-1]
    api.control.weather(shifted_pages=1)
    assert pages(api, task, limit=2) == [ids[:2], ids[1:3], ids[3:5]]
    api.control.weather("clear")
    assert [run for page in pages(api, task, limit=2) for run in page] == ids


def test_pages_are_as_small_as_the_server_likes(api):
    task = api.task()
    ids = [api.window(task, override_evaluations=True)["id"] for _ in range(5)][::-1]
    api.control.weather(page_size=2)
    assert pages(api, task) == [ids[:2], ids[2:4], ids[4:]]


@pytest.mark.parametrize("seed", range(6))
def test_a_trigger_takes_effect_after_its_client_has_left(api, seed):
    task = api.task()
    api.control.weather(late_triggers=1, late_seconds=1.5, silent_seconds=20, seed=seed)
    try:
        reply = api.session.post(f"{api.emulator.url}/v2/tasks/{task}/trigger", json=api.day(1), timeout=0.2)
        assert (reply.status_code, reply.headers["Content-Type"].split(";")[0]) == (504, "text/html")
    except (requests.ConnectionError, requests.ReadTimeout):
        pass
    assert api.control.runs() == []
    wait_for(lambda: len(api.control.runs()) == 1)
    run = api.ended(api.control.runs()[0])
    assert (run["status"], run["num_successes"]) == ("COMPLETED", 20)


@pytest.mark.parametrize("kind", ["status_late", "drop_late", "silent_late", "html_late"])
def test_a_late_effect_can_be_aimed(api, kind):
    task = api.task()
    api.control.inject(kind, method="POST", path="/trigger", status=504, seconds=0.1, late_seconds=0.4)
    try:
        assert api.send("POST", f"tasks/{task}/trigger", json=api.day(1)).status_code == 504
    except requests.ConnectionError:
        assert kind in ("drop_late", "silent_late")
    assert api.control.runs() == []
    wait_for(lambda: len(api.control.runs()) == 1)


def test_a_late_effect_does_not_outlive_a_reset(api):
    task = api.task()
    api.control.inject("drop_late", path="/trigger", late_seconds=0.3)
    with pytest.raises(requests.ConnectionError):
        api.send("POST", f"tasks/{task}/trigger", json=api.day(1))
    api.control.reset()
    api.control.add_spans(count=1, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    assert api.task() == task
    time.sleep(0.5)
    assert api.control.runs() == []


def test_gateway_pages_for_reads_and_for_writes(api):
    task = api.task()
    api.control.weather(gateway_pages=1)
    reads = [api.send("GET", "spaces") for _ in range(60)]
    writes = [api.send("POST", f"tasks/{task}/trigger", json=api.day(1)) for _ in range(40)]
    assert {reply.headers["Content-Type"].split(";")[0] for reply in reads + writes} == {"text/html"}
    assert {reply.status_code for reply in reads} == {401, 403, 404, 500, 502, 503, 504}
    assert {reply.status_code for reply in writes} == {500, 502, 503, 504}
    assert api.control.runs() == []


def test_timeouts_with_and_without_effect(api):
    task = api.task()
    api.control.weather(timeouts=1)
    replies = [api.send("POST", f"tasks/{task}/trigger", json=api.day(1)) for _ in range(20)]
    assert {reply.status_code for reply in replies} == {408, 425}
    assert 4 < len(api.control.runs()) < 16


def test_throttling(api):
    api.control.weather(throttled=0.5, retry_after_seconds=40)
    replies = [api.send("GET", "spaces") for _ in range(40)]
    throttled = [reply for reply in replies if reply.status_code == 429]
    assert 10 < len(throttled) < 30
    assert {reply.headers["Retry-After"] for reply in throttled} == {"40"}


def test_dropped_connections_with_and_without_effect(api):
    task = api.task()
    api.control.weather(dropped=1)
    for _ in range(20):
        with pytest.raises(requests.ConnectionError):
            api.send("POST", f"tasks/{task}/trigger", json=api.day(1))
    assert 4 < len(api.control.runs()) < 16


def met(api, seed):
    """What a fixed sequence of requests meets in bad weather."""
    api.control.reset()
    task = api.task()
    api.control.weather("bad", seed=seed, latency_seconds=0, silent_seconds=0.05)
    seen = []
    for _ in range(60):
        for method, path in (("GET", f"tasks/{task}/runs"), ("GET", "spaces"), ("POST", f"tasks/{task}/trigger")):
            try:
                seen.append(api.send(method, path, json=api.day(1) if method == "POST" else None).status_code)
            except requests.ConnectionError:
                seen.append(0)
    return seen, api.control.counters()["weather"]


def test_bad_weather_has_everything_and_is_the_same_for_the_same_seed(api):
    settings = api.control.weather("bad", seed=11)
    off = {"seed"}
    assert all(value for name, value in settings.items() if name not in off)
    assert settings != api.control.weather("bad", seed=12)
    first, struck = met(api, 11)
    assert {"late_triggers", "gateway_pages", "timeouts", "throttled", "dropped"} <= set(struck)
    assert 200 in first
    assert met(api, 11) == (first, struck)
    assert met(api, 12)[0] != first


def test_settings_add_up_until_the_weather_clears(api):
    api.control.weather("bad", seed=3, throttled=0)
    settings = api.control.weather(page_size=1)
    assert (settings["seed"], settings["throttled"], settings["page_size"]) == (3, 0, 1)
    assert settings["late_triggers"] > 0
    cleared = api.control.weather("clear")
    assert (cleared["late_triggers"], cleared["page_size"], cleared["server_skew_seconds"]) == (0, None, 0)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kind": "stormy"}, "kind"),
        ({"rain": 1}, "rain"),
        ({"dropped": 1.5}, "dropped"),
        ({"page_size": 0}, "page_size"),
        ({"latency_seconds": "long"}, "latency_seconds"),
        ({"struck": {}}, "struck"),
    ],
)
def test_what_is_not_weather_is_refused(api, settings, named):
    with pytest.raises(EmulatorError, match=f"400.*{named}"):
        api.control.weather(**settings)


def test_weather_from_the_command_line_outlives_a_reset():
    with running_emulator(seed_spans=0, weather="bad", weather_seed=5) as emulator:
        at_first = emulator.control.weather()
        assert at_first["seed"] == 5
        assert at_first["late_triggers"] > 0
        emulator.control.weather("clear")
        emulator.control.reset()
        assert emulator.control.weather() == at_first
        skew = emulator.control.status()["now"] / 1000 - time.time()
        assert abs(skew - at_first["server_skew_seconds"]) < 0.5
