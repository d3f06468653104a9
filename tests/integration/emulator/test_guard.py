"""Who may talk to the emulator, what it keeps of what it is sent, and that nothing it is sent breaks it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.emulator.control_routes import ROUTES
from airflow_provider_arize_tasks.emulator.filters import parse_filter
from airflow_provider_arize_tasks.emulator.guard import is_loopback
from airflow_provider_arize_tasks.emulator.process import running_emulator
from airflow_provider_arize_tasks.emulator.traffic import MOST_BYTES_OF_A_BODY, NOT_RECORDED


def ask(emulator, method="GET", path="/_emulator/requests", body=None, **headers):
    """A request with exactly these headers, ``{port}`` filled in."""
    address = urlsplit(emulator.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    given = {"Host": f"127.0.0.1:{address.port}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    for name, value in given.items():
        if value is not None:
            connection.putheader(name, value.format(port=address.port))
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "LOCALHOST", "127.0.0.1:{port}", "127.1.2.3", "[::1]:{port}", "localhost."]
)
def test_names_of_this_machine_are_answered(emulator, host):
    assert ask(emulator, Host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "", None,
     "[::2]", "10.0.0.1", "127.0.0.1@evil.example", "2130706433"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/_emulator/requests", "/v2/spaces"])
def test_a_name_that_was_pointed_at_it_is_refused(emulator, host, path):
    status, text = ask(emulator, path=path, Host=host, Authorization="Bearer a-key")
    assert status in (400, 403)  # without a Host, HTTP itself is broken
    assert "demo" not in text
    assert emulator.control.requests() == []


def test_a_name_can_be_allowed():
    with running_emulator(seed_spans=0, allowed_host="emulator") as emulator:
        assert ask(emulator, Host="emulator:8899")[0] == 200
        assert ask(emulator, Host="other:8899")[0] == 403


def test_the_address_a_request_arrives_at_is_its_own_and_it_warns_where_others_can_reach_it():
    command = [sys.executable, "-m", "airflow_provider_arize_tasks.emulator", "--port", "0", "--seed-spans", "0"]
    process = subprocess.Popen(
        [*command, "--host", "0.0.0.0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert "ready at http://0.0.0.0:" in process.stdout.readline()
    finally:
        process.terminate()
        warned = process.communicate(timeout=10)[1]
    assert "0.0.0.0 can be reached from other machines" in warned


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "LocalHost."])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "127.evil.example", "::", "10.0.0.1", "local", "", "127.0.0.1.evil"])
def test_no_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{port}"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/_emulator/reset"), ("GET", "/_emulator/requests")])
def test_a_web_page_can_neither_reset_it_nor_read_what_it_recorded(emulator, api, headers, method, path):
    api.task("kept")
    before = emulator.control.requests()
    status, text = ask(emulator, method, path, b"{}", Content_Type="application/json", **headers)
    assert status == 403
    assert "kept" not in text
    assert emulator.control.requests() == before
    assert api.id("tasks", "kept")


def test_its_own_pages_and_a_link_that_somebody_follows_are_answered(emulator):
    assert ask(emulator, Origin="http://127.0.0.1:{port}")[0] == 200
    assert ask(emulator, Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate")[0] == 200
    assert ask(emulator, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    posted = ask(emulator, "POST", "/_emulator/reset", b"{}", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert posted[0] == 403


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/plain;json"])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=lambda route: route.path)
def test_every_control_post_wants_json(emulator, route, content_type):
    status, text = ask(emulator, "POST", route.path.replace("{run_id}", "x"), b"{}", Content_Type=content_type)
    assert (status, "Content-Type must be application/json" in text) == (400, True)
    status, text = ask(emulator, "POST", route.path.replace("{run_id}", "x"), Content_Type=content_type)
    assert (status, "Content-Type must be application/json" in text) == (400, True)


def test_what_is_recorded_of_headers(api):
    api.send("GET", "spaces", headers={"X-Team-Token": "secret", "Cookie": "secret", "User-Agent": "me/1"})
    (record,) = api.control.requests()
    assert "secret" not in json.dumps(record)
    assert "a-key" not in json.dumps(record)
    assert record["headers"]["X-Team-Token"] == record["headers"]["Cookie"] == NOT_RECORDED
    assert record["headers"]["User-Agent"] == "me/1"
    assert not any(name.lower() == "authorization" for name in record["headers"])


def test_no_body_of_a_refused_request_is_recorded(api):
    body = api.body("a task", evaluators=())
    api.refused("POST", "tasks", 400, body)
    api.session.headers["Authorization"] = ""
    api.refused("POST", "tasks", 401, body)
    api.session.headers["Authorization"] = "Bearer a-key"
    api.control.inject("status", status=503)
    api.send("POST", "tasks", json=body)  # a fault that was staged is no refusal
    bodies = [record["body"] for record in api.control.requests() if record["method"] == "POST"]
    assert bodies == [None, None, body]


def test_what_is_recorded_is_bounded(api):
    api.send("POST", "tasks", json={"name": "x" * MOST_BYTES_OF_A_BODY})
    api.control.inject("status", times=None)
    api.send("POST", "tasks", json={"name": "x" * MOST_BYTES_OF_A_BODY})
    assert api.control.requests()[-1]["body"].endswith("bytes, not recorded)")
    reply = api.send("POST", "tasks", data=b" " * (17 * 1024 * 1024), headers={"Content-Type": "application/json"})
    assert reply.status_code in (413, 500)  # the staged fault comes before the body is read
    api.control.clear_faults()
    reply = api.send("POST", "tasks", data=b" " * (17 * 1024 * 1024), headers={"Content-Type": "application/json"})
    assert reply.status_code == 413
    for number in range(30):
        api.send("GET", f"nothing/{number}")
    assert api.control.counters()["requests"]["GET (no such endpoint)"] == 30


def test_spans_are_bounded(api):
    reply = api.session.post(
        f"{api.emulator.url}/_emulator/spans",
        json={"count": 10**12, "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
    )
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("pattern", "matches", "other"),
    [
        ("a%", ["a", "ab", "a\nb"], ["", "ba"]),
        ("%a", ["a", "ba"], ["ab"]),
        ("%a%", ["a", "bab"], ["", "b"]),
        ("a_c", ["abc", "a.c"], ["ac", "abbc"]),
        ("a%a", ["aa", "aba"], ["a"]),
        ("%ab%bc%", ["abbc", "xabybcz"], ["abc", "bcab"]),
        ("a%_b", ["axb", "axxb"], ["ab"]),
        ("%", ["", "anything"], []),
        ("a.c", ["a.c"], ["abc"]),
    ],
)
def test_like(pattern, matches, other):
    passes = parse_filter(f"name LIKE '{pattern}'")
    assert all(passes({"name": text}) for text in matches)
    assert not any(passes({"name": text}) for text in other)


@given(st.text(alphabet="ab%_", max_size=12), st.text(alphabet="ab", max_size=12))
def test_like_is_what_a_regular_expression_would_say(pattern, text):
    import re

    wanted = re.fullmatch(re.escape(pattern).replace("%", ".*").replace("_", "."), text) is not None
    assert parse_filter(f"name LIKE '{pattern}'")({"name": text}) is wanted


def test_a_pattern_made_to_be_slow_is_not():
    passes = parse_filter(f"name LIKE '{'%a' * 400}%b'")
    before = time.monotonic()
    assert not passes({"name": "a" * 20_000})
    assert time.monotonic() - before < 1


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "NOT " * 5000 + "a = 1",
        "a = " + "9" * 5000,
        f"a LIKE '{'x' * 1001}'",
        "'" * 5001,
        "a = '" + "\\" * 5001,
    ],
)
def test_a_filter_made_to_break_it_is_refused(api, text):
    body = api.body("t", query_filter=text)
    assert "query_filter" in api.refused("POST", "tasks", 400, body)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"NaN",
        b'{"name": Infinity}',
        b"\xff\xfe",
        b"9" * 5000,
        b'"\\ud800"',
        b"[]",
        b"null",
    ],
)
@pytest.mark.parametrize("path", ["/v2/tasks", "/_emulator/reset", "/_emulator/configure", "/_emulator/weather"])
def test_a_body_made_to_break_it_is_refused(emulator, raw, path):
    status, _ = ask(emulator, "POST", path, raw, Content_Type="application/json", Authorization="Bearer k")
    assert status in (200, 400, 422)
    assert status != 200 or path.startswith("/_emulator")


def test_headers_and_cursors_made_to_break_it(api):
    assert ask(api.emulator, path="/v2/spaces", Authorization="Bearer \xe4\xff")[0] == 200
    for cursor in ("YWZ0ZXI6LTU=", "YWZ0ZXI6" + "OTk5" * 2000, "YWZ0ZXI6\ud800"):
        if cursor.isprintable():
            api.refused("GET", "spaces", 400, cursor=cursor)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["x" * 5000, "\ud800", "-"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "advance_clock_seconds", "answers", "app_errors", "arrives_after", "attributes", "choices",
    "clock_offset_seconds", "cluster_by", "config", "count", "counts", "created_at", "dataset", "detail", "end",
    "errors", "evaluator", "examples", "experiment", "frozen_at", "granularity", "headers", "icc", "judge_errors",
    "kind", "label", "late_seconds", "latency_seconds", "max_spans", "mean", "method", "missing", "mode", "mood",
    "name", "page_size", "path", "probability", "project", "prompt", "reason", "remove", "run_seconds", "seconds",
    "seed", "set", "skip", "skipped", "slide", "space", "spans", "spread", "start", "status", "successes", "task",
    "times", "vanished", "version", "version_id",
]  # fmt: skip
KINDS = ["space", "project", "dataset", "dataset_version", "evaluator", "evaluator_version", "prompt", "status", "bad"]
VALUES = (
    JSON | st.sampled_from(KINDS) | st.sampled_from(["2026-03-01T00:00:00Z", "0001-01-01T00:00:00+14:00", 0, 1, 1e308])
)


CONTROL_REQUESTS = given(
    route=st.sampled_from([route for route in ROUTES if route.path != "/_emulator/outage"]),
    body=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5) | JSON,
)


def survives(emulator, route, body):
    path, raw = route.path.replace("{run_id}", "x"), json.dumps(body).encode()
    status, text = ask(emulator, route.method, path, raw, Content_Type="application/json")
    assert status < 500, text
    for read in ("status", "runs", "experiments", "counters"):
        assert ask(emulator, path=f"/_emulator/{read}")[0] == 200
    emulator.control.clear_faults()
    emulator.control.weather("clear")
    for read in ("spaces", "projects", "datasets", "evaluators", "prompts", "experiments", "tasks"):
        status, text = ask(emulator, path=f"/v2/{read}", Authorization="Bearer k")
        assert status == 200, text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@CONTROL_REQUESTS
def test_no_control_request_ends_in_a_server_error(emulator_process, route, body):
    survives(emulator_process, route, body)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@CONTROL_REQUESTS
def test_none_of_many_control_requests_ends_in_a_server_error(emulator_process, route, body):
    survives(emulator_process, route, body)
