"""One list of commands, called in two ways."""

from __future__ import annotations

import subprocess
import sys

import pytest
from airflow import __version__

from airflow_provider_arize_tasks.__main__ import main
from airflow_provider_arize_tasks.cli.commands import COMMANDS
from airflow_provider_arize_tasks.get_provider_info import get_provider_info

NAMES = [command.name for command in COMMANDS]
takes_commands = pytest.mark.skipif(
    tuple(map(int, __version__.split(".")[:2])) < (3, 2), reason="Airflow takes commands of providers from 3.2 on"
)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, timeout=100)


def test_coverage_and_emulator_are_there() -> None:
    assert {"coverage", "emulator"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_has_help_of_its_own_in_plain_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "--" in told.replace("--help", "")
    assert "``" not in told
    assert ":param" not in told


def test_list_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(command.help in " ".join(told.split()) for command in COMMANDS)
    assert "``" not in told


def test_a_command_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cover"])
    assert ended.value.code == 2
    assert "invalid choice: 'cover'" in capsys.readouterr().err


@takes_commands
@pytest.mark.slow
@pytest.mark.parametrize("name", ["coverage", "emulator"])
def test_airflow_has_them(name: str) -> None:
    assert get_provider_info()["cli"] == ["airflow_provider_arize_tasks.cli.airflow_commands.get_commands"]
    told = call("airflow", "arize", name, "--help")
    assert told.returncode == 0
    own = call("airflow_provider_arize_tasks", name, "--help").stdout
    assert own.splitlines()[-1] in told.stdout


@takes_commands
@pytest.mark.slow
def test_airflow_runs_them_and_passes_on_the_exit_status() -> None:
    ended = call("airflow", "arize", "coverage", "--task", "t", "--conn-id", "nowhere")
    assert ended.returncode == 2
    assert "nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr
