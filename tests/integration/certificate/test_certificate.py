"""The certificate against the emulator, as it is and turned round; what it keeps to itself; what it leaves behind."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.certificate.assumptions import Finding, Verdict
from airflow_provider_arize_tasks.certificate.page import page_with_table
from airflow_provider_arize_tasks.certificate.questions import ASSUMPTIONS, ask_all
from airflow_provider_arize_tasks.certificate.record import certificate, is_whole, table
from airflow_provider_arize_tasks.certificate.redact import redacted
from airflow_provider_arize_tasks.certificate.session import Account, ListeningClient, Session, clean_up
from airflow_provider_arize_tasks.cli import certify
from airflow_provider_arize_tasks.client.api import ArizeApi
from airflow_provider_arize_tasks.client.config import config_from_fields
from airflow_provider_arize_tasks.emulator.assumed import TURNABLE
from airflow_provider_arize_tasks.emulator.world import Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

ROOT = Path(__file__).parents[3]
KEY = "ak-planted-secret"
ACCOUNT = Account(
    project="demo-project",
    space="demo-space",
    dataset="demo-dataset",
    integration="demo-openai",
    evaluators=("correctness", "hallucination"),
)

#: How each assumption is turned round.
SETTINGS: dict[str, dict[str, Any]] = {
    "newest-first": {"oldest_first": True},
    "limit-after-labels": {"limit_applies": "before_labels"},
    "counts-once": {"counts": "per_evaluator"},
    "labels-readable-at-end": {"label_lag_seconds": 3.0},
    "evaluation-metadata-names-run": {"evaluation_metadata": False},
    "deleted-experiment-name-is-free": {"free_experiment_names": False},
    **{name: {"turned": [name]} for name in TURNABLE},
}
WEATHERS: dict[str, dict[str, Any]] = {
    "pages-hold-all-once": {"offset_cursors": True, "shifted_pages": 1.0},
    "created-at-is-the-date-clock": {"server_skew_seconds": 60.0},
}


class Client(ListeningClient):
    """A client whose process can be killed after a number of requests."""

    dies_after: int | None = None
    count = 0

    def _fetch(self, call: Any) -> Any:
        self.count += 1
        if self.dies_after is not None and self.count > self.dies_after:
            raise SystemExit  # no handler of the certificate's runs in a killed process: see kill_at
        response = super()._fetch(call)
        if self.count == self.dies_after:
            raise SystemExit
        return response


@pytest.fixture(autouse=True)
def _answers_as_assumed(emulator: EmulatorProcess) -> None:
    """Whatever ``ARIZE_EMULATOR_SETTINGS`` says: these tests are about the answers themselves."""
    open_questions = (
        "evaluator_filters",
        "group_labels",
        "limit_counts",
        *(each for one in SETTINGS.values() for each in one),
    )
    assumed = Settings()
    emulator.control.configure(**{name: getattr(assumed, name) for name in open_questions})


@pytest.fixture
def client(emulator: EmulatorProcess) -> Iterator[Client]:
    emulator.control.configure(run_seconds=0.05)
    config = config_from_fields(
        conn_id="test", password=KEY, host=emulator.url, port=None, schema=None, extra={"space": "demo-space"}
    )
    with Client(config) as client:
        yield client


def asked(client: Client, account: Account = ACCOUNT, soon: float = 1.0) -> list[Finding]:
    api = ArizeApi(client)
    try:
        return list(ask_all(Session(api, account, pause=0.03, soon=soon)))
    finally:
        clean_up(api, account)


def names(findings: list[Finding], verdict: Verdict) -> list[str]:
    return [each.name for each in findings if each.verdict is verdict]


def left_over(emulator: EmulatorProcess, client: Client) -> list[str]:
    tasks = [task.name or "" for task in ArizeApi(client).iter_tasks(name="certify-", space="demo-space")]
    return tasks + [each["name"] for each in emulator.control.experiments() if each["name"].startswith("certify-")]


def test_all_holds_on_the_emulator_and_nothing_is_left(emulator: EmulatorProcess, client: Client) -> None:
    findings = asked(client)
    assert names(findings, Verdict.HOLDS) == list(ASSUMPTIONS), findings
    assert left_over(emulator, client) == []


@pytest.mark.parametrize("name", ASSUMPTIONS)
def test_exactly_what_is_turned_round_differs(name: str, emulator: EmulatorProcess, client: Client) -> None:
    emulator.control.configure(**SETTINGS.get(name, {}))
    if name in WEATHERS:
        emulator.control.weather("clear", **WEATHERS[name])
    findings = asked(client)
    assert names(findings, Verdict.DIFFERS) == [name], [each for each in findings if each.verdict is not Verdict.HOLDS]


def test_each_assumption_has_a_way_to_be_turned_round() -> None:
    assert set(SETTINGS) | set(WEATHERS) == set(ASSUMPTIONS)


def test_each_assumption_is_named_where_it_is_relied_on() -> None:
    """By the comment ``Assumes "NAME"``, in provider or emulator; and no comment names another."""
    package = ROOT / "airflow_provider_arize_tasks"
    used = {
        found
        for path in package.rglob("*.py")
        if "certificate" not in path.parts
        for found in re.findall(r'# Assumes "([a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    }
    assert used == set(ASSUMPTIONS)


def test_without_a_dataset_experiments_are_not_asked_about(client: Client) -> None:
    findings = asked(client, Account(project="demo-project", space="demo-space"))
    assert names(findings, Verdict.NOT_ASKED) == [
        "experiment-name-clash-is-409",
        "scores-readable-at-end",
        "deleted-experiment-name-is-free",
    ]
    assert names(findings, Verdict.DIFFERS) == []


def test_what_fails_is_not_paid_for_twice(emulator: EmulatorProcess, client: Client) -> None:
    emulator.control.set_outcome("FAILED", reason="the judge has no key")
    findings = asked(client)
    triggers = [each for each in emulator.control.requests() if each["path"].endswith("/trigger")]
    assert len(triggers) <= 12
    assert "a run ended FAILED" in {each.found for each in findings if each.verdict is Verdict.NOT_ASKED}


SECRETS = ("planted span text", "my-secret-project-name", "sk-abc123", "alice@example.com", KEY)


def test_nothing_of_the_account_gets_into_the_file(emulator: EmulatorProcess, client: Client, tmp_path: Path) -> None:
    detail = f"cannot cancel run {' / '.join(SECRETS)} of VGFza1J1bjoxOmFiYw=="
    emulator.control.inject("status", method="POST", path="/cancel", status=400, detail=detail, times=None)
    emulator.control.inject("status", method="PATCH|POST", path="/v2/tasks$", status=409, detail=detail, skip=1)
    findings = asked(client)
    body = certificate(findings, base_url=client.config.base_url, release="1", date="2026-11-24")
    text = json.dumps(body)
    for secret in (
        *SECRETS,
        "VGFza1J1bjoxOmFiYw",
        "demo-project",
        "demo-dataset",
        "demo-openai",
        emulator.url,
        "alice",
    ):
        assert secret not in text
    assert "cannot cancel run" in text
    assert is_whole(body)


def test_a_changed_certificate_is_noticed() -> None:
    findings = [Finding(name=each.name, verdict=Verdict.HOLDS, found=each.answer) for each in ASSUMPTIONS.values()]
    body = certificate(findings, base_url="https://a", release="1", date="2026-11-24")
    assert is_whole(json.loads(json.dumps(body)))
    body["assumptions"][0]["verdict"] = "differs"
    assert not is_whole(body)
    assert not is_whole([])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, None),
        ("No data found between 2026-01-01T00:00:00Z and now", "no data found between … and …"),
        ("run 'alice' VGFza1J1bjoxOmFiYw== exists", "run … #c8a62f0b1f exists"),
    ],
)
def test_of_refusals_words_of_the_trade_remain(text: str | None, shown: str | None) -> None:
    found = redacted(text)
    assert (found and re.sub(r"#\w{10}", "#", found)) == (shown and re.sub(r"#\w{10}", "#", shown))


def test_the_page_tells_what_is_verified_and_what_assumed() -> None:
    page = ROOT / "docs" / "emulator.md"
    written = page.read_text(encoding="utf-8")
    assert written == page_with_table(page, ROOT / "docs" / "certificates"), (
        "run: python -m airflow_provider_arize_tasks.certificate.page"
    )
    assert "No certificate of a real server is in the repository yet" in table([])
    found = [
        Finding(name="newest-first", verdict=Verdict.HOLDS, found="newest first"),
        Finding(name="counts-once", verdict=Verdict.DIFFERS, found="4 of 2"),
        Finding(name="no-data-is-400", verdict=Verdict.NOT_ASKED, found="no spans"),
    ]
    shown = table([certificate(found, base_url="https://a", release="1", date="2026-12-01")])
    assert re.search(r"`newest-first` .* verified on 2026-12-01 \|", shown)
    assert re.search(r"`counts-once` .* differs on 2026-12-01: 4 of 2 \|", shown)
    assert re.search(r"`no-data-is-400` .* assumed \|", shown)


def kill_at(client: Client, step: int) -> bool:
    """Run a certificate in a process that is killed at a request; whether it got that far."""
    client.count, client.dies_after = 0, step
    try:
        list(ask_all(Session(ArizeApi(client), ACCOUNT, pause=0.03, soon=1.0)))
    except SystemExit:
        return True
    finally:
        client.dies_after = None
    return False


@pytest.mark.parametrize("phase", range(4))
def test_killed_at_any_step_it_leaves_nothing_that_clean_up_does_not_remove(
    phase: int, emulator: EmulatorProcess, client: Client
) -> None:
    emulator.control.configure(run_seconds=0.03)
    api, step = ArizeApi(client), 1 + phase
    task = api.create_evaluation_task(
        name="certify-me-not", task_type="TEMPLATE_EVALUATION", evaluators=[{"evaluator_id": "correctness"}],
        project="demo-project",
    )  # fmt: skip
    while kill_at(client, step):
        clean_up(api, ACCOUNT)
        assert left_over(emulator, client) == ["certify-me-not"], step
        step += 24
    assert step > 40
    assert api.get_task(task.id).name == "certify-me-not"


def command(emulator: EmulatorProcess, *arguments: str) -> subprocess.Popen[str]:
    host = emulator.url.removeprefix("http://")
    env = {"ARIZE_API_KEY": KEY, "ARIZE_API_HOST": host, "ARIZE_API_SCHEME": "http", "ARIZE_SPACE": "demo-space"}
    return subprocess.Popen(
        [sys.executable, "-m", "airflow_provider_arize_tasks", "certify", "--project", "demo-project", *arguments],
        env={**env, "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_deletes_what_it_made(
    number: int, emulator: EmulatorProcess, client: Client, tmp_path: Path
) -> None:
    emulator.control.configure(run_seconds=30)
    process = command(emulator, "--yes", "--out", str(tmp_path / "c.json"))
    ends = time.monotonic() + 100
    while not emulator.control.runs() and time.monotonic() < ends:
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert left_over(emulator, client) == []
    assert not (tmp_path / "c.json").exists()


@pytest.mark.timeout(400)
def test_nothing_is_spent_before_somebody_agrees(emulator: EmulatorProcess, tmp_path: Path) -> None:
    process = command(emulator, "--out", str(tmp_path / "c.json"))
    _, errors = process.communicate("n\n", timeout=200)
    assert process.returncode == 2
    assert "at most 16 judgements" in errors
    assert emulator.control.requests() == []


@pytest.mark.timeout(400)
def test_the_command_writes_a_whole_certificate(emulator: EmulatorProcess, client: Client, tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    process = command(emulator, "--yes", "--out", str(out))
    shown, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert "16 holds, 0 differs, 3 could not be asked" in shown
    assert is_whole(json.loads(out.read_text()))
    assert left_over(emulator, client) == []


@pytest.mark.timeout(400)
def test_clean_up_alone(emulator: EmulatorProcess, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    kill_at(client, 30)
    process = command(emulator, "--clean-up", "--dataset", "demo-dataset")
    shown, _ = process.communicate(timeout=200)
    assert re.fullmatch(r"[1-9]\d* left over, deleted\n", shown)
    assert left_over(emulator, client) == []


def test_a_mistake_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    parsed: argparse.Namespace = io.StringIO  # type: ignore[assignment]
    parser = __import__("argparse").ArgumentParser()
    certify.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["certify", "--project", "p"])
    assert parsed.run(parsed) == 2
    assert "--out is missing" in capsys.readouterr().err
