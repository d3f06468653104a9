"""One notation for a length of time, in every argument of every operator, of the hook and of the command line."""

from __future__ import annotations

import argparse
import inspect
import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.__main__ import main
from airflow_provider_arize_tasks.cli.commands import COMMANDS
from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from tests.integration.contract.cases import CLASSES, make, own_arguments
from tests.integration.covered_task import DAY, TODAY, CoveredTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

#: A day, as each notation has it.
NOTATIONS = (timedelta(days=1), 86_400, 86_400.0, "1d", "24h", "P1D", "day")
#: Digits alone are a date where a point in time may stand as well, so seconds as text are not among the above.
SECONDS_AS_TEXT = "86400"
WRONG = "two fortnights"


def takes_length(argument: inspect.Parameter) -> bool:
    return "timedelta" in str(argument.annotation)


OF_OPERATORS = [
    (name, argument.name)
    for name in sorted(CLASSES)
    for argument in own_arguments(name).values()
    if takes_length(argument)
]
OF_HOOK = [
    (name, argument.name)
    for name, method in inspect.getmembers(ArizeHook, inspect.isfunction)
    if not name.startswith("_")
    for argument in inspect.signature(method).parameters.values()
    if takes_length(argument)
]
#: What a range takes beside lengths.
POINTS = {"start", "end"}


def test_there_are_such_arguments() -> None:
    assert len(OF_OPERATORS) >= 15
    assert len(OF_HOOK) >= 8


@pytest.mark.parametrize(("name", "argument"), OF_OPERATORS)
def test_operators(name: str, argument: str) -> None:
    for notation in NOTATIONS if argument in POINTS else (*NOTATIONS, SECONDS_AS_TEXT):
        make(name, **{argument: notation})
    with pytest.raises(ValueError, match=argument):
        make(name, **{argument: WRONG})


@pytest.mark.parametrize("argument", ["poke_interval", "timeout"])
def test_a_sensor_hands_seconds_to_airflow(argument: str) -> None:
    for notation in (*NOTATIONS, SECONDS_AS_TEXT):
        value = getattr(make("ArizeTaskRunSensor", **{argument: notation}), argument)
        assert value in (86_400, DAY)


@pytest.fixture
def hook(arize_connection: str, arize_emulator: EmulatorProcess) -> Iterator[ArizeHook]:
    CoveredTask(arize_emulator)
    with ArizeHook(arize_connection) as hook:
        yield hook


def called(hook: ArizeHook, name: str, given: dict[str, Any]) -> object:
    wanted = inspect.signature(getattr(hook, name)).parameters
    least = {
        "task": "Answer quality",
        "project": "demo-project",
        "space": "demo-space",
        "start": TODAY - 3 * DAY,
        "start_time": TODAY - DAY,
        "end_time": TODAY,
        "data_start_time": TODAY - DAY,
        "data_end_time": TODAY,
    }
    found = getattr(hook, name)(**{key: value for key, value in (least | given).items() if key in wanted})
    if name == "read_coverage":
        return found.range, found.rules.settle
    if name == "verify_window":
        del found["audit"]  # holds when it was read
    return list(found) if name == "iter_spans" else found


@pytest.mark.parametrize(("name", "argument"), OF_HOOK)
def test_hook(hook: ArizeHook, name: str, argument: str) -> None:
    first = called(hook, name, {argument: NOTATIONS[0]})
    assert all(called(hook, name, {argument: notation}) == first for notation in NOTATIONS[1:])
    with pytest.raises(ArizeConfigError, match=rf"^{argument} "):
        called(hook, name, {argument: WRONG})


#: Options that are a length of time, by command.
OPTIONS = {
    "coverage": {"start", "end", "window", "settle", "give_up_after"},
    "verify": {"start", "end", "window", "settle", "give_up_after"},
    "check": {"wait_for_scores"},
    "certify": {"patience"},
}


def parser_of(command: str) -> argparse.ArgumentParser:
    commands = argparse.ArgumentParser().add_subparsers()
    next(each for each in COMMANDS if each.name == command).add_to(commands)
    return commands.choices[command]


def test_every_option_that_is_a_length_is_known() -> None:
    for command in COMMANDS:
        if command.name != "emulator":
            options = parser_of(command.name)._actions
            found = {each.dest for each in options if re.search(r"\b\d+(s|m|h|d)\b", each.help or "")}
            assert found == OPTIONS[command.name], command.name


@pytest.mark.parametrize("option", sorted(OPTIONS["coverage"]))
def test_options_of_coverage(
    option: str, arize_emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARIZE_API_KEY", "key")
    monkeypatch.setenv("ARIZE_API_HOST", arize_emulator.url)
    monkeypatch.setenv("ARIZE_SPACE", "demo-space")
    CoveredTask(arize_emulator)
    said = set()
    for notation in ("1d", "24h", "P1D", "day", *(() if option in POINTS else (SECONDS_AS_TEXT,))):
        assert main(["coverage", "--task", "Answer quality", "--json", f"--{option.replace('_', '-')}", notation]) == 0
        told = json.loads(capsys.readouterr().out)
        said.add(str([told[key] for key in ("start", "end", "window_seconds", "counts", "let_go")]))
    assert len(said) == 1
    try:
        status: object = main(["coverage", "--task", "Answer quality", f"--{option.replace('_', '-')}", WRONG])
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    assert re.search(option.replace("_", "[-_]"), capsys.readouterr().err)


def test_the_patience_of_certify(capsys: pytest.CaptureFixture[str]) -> None:
    parser = parser_of("certify")
    for notation in ("1d", "24h", "P1D", "day", SECONDS_AS_TEXT):
        assert parser.parse_args(["--project", "p", "--patience", notation]).patience == 86_400
    with pytest.raises(SystemExit):
        parser.parse_args(["--project", "p", "--patience", WRONG])
    assert "--patience" in capsys.readouterr().err


def test_waiting_for_scores_in_check(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator reads it, which the tests above show; the command hands it on as it is."""
    status = main(["check", "--experiment", "e", "--dataset", "d", "--wait-for-scores", WRONG])
    assert status == 3
    assert "wait_for_scores" in capsys.readouterr().err


def test_digits_alone_are_a_date_where_one_may_stand() -> None:
    from airflow_provider_arize_tasks.coverage.reading import range_of

    now = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
    assert range_of("20261122", None, reference=now).span.width == 2 * DAY
    with pytest.raises(ArizeConfigError, match="start is '2026', which is not an ISO 8601 date"):
        range_of("2026", None, reference=now)
