"""``python -m airflow_provider_arize_tasks.emulator``: start the emulator from the command line."""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.checked import checked
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.guard import is_loopback
from airflow_provider_arize_tasks.emulator.levels import LATEST, Level, parse_level
from airflow_provider_arize_tasks.emulator.seed import SpansFileError, load_spans, seed
from airflow_provider_arize_tasks.emulator.server import Server, serve
from airflow_provider_arize_tasks.emulator.weather import KINDS, Weather, bad_weather, skew
from airflow_provider_arize_tasks.emulator.world import Settings, World

if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST_PORT = 65_535
_OPEN_TO_ALL = (
    "warning: {} can be reached from other machines. Whoever reaches it can read what the emulator recorded, and reset"
    " it: /_emulator asks nobody for a key. Listen on 127.0.0.1, or keep the port behind a firewall."
)
#: Settings of every emulator of a test run, to see that nothing rests on one answer to what the reference leaves open.
SETTINGS_VARIABLE = "ARIZE_EMULATOR_SETTINGS"


def _level(text: str) -> str:
    try:
        parse_level(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, not {text!r}")
    return value


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"must be a whole number between 0 and {_HIGHEST_PORT}, not {text!r}")
    return int(text)


def _settings(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
        checked(Settings, given)
    except (ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"must be a JSON object of settings: {error}") from None
    except Refusal as refusal:
        raise argparse.ArgumentTypeError(refusal.detail) from None
    return dict(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_arize_tasks.emulator",
        description="A local Arize that speaks the tasks API, for tests, demonstrations and CI.",
    )
    add = parser.add_argument
    add("--port", type=_port, default=8899, help="port to listen on, 0 for a free one (default: 8899)")
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    add(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further host name that requests may be meant for, such as a compose service; may be repeated",
    )
    add("--api-key", help="the only API key to accept (default: any that isn't empty)")
    add(
        "--until-input-closes",
        action="store_true",
        help="end when standard input does, so that it never outlives the process that started it",
    )
    _add_behaviour(add)
    return parser


def _add_behaviour(add: Callable[..., Any]) -> None:
    add(
        "--api-level",
        type=_level,
        default=LATEST,
        metavar="X.YY",
        help=f"answer as the server did when that release of the arize SDK was new (default: {LATEST})",
    )
    add("--run-seconds", type=_seconds, default=2.0, help="how long a run lasts (default: 2)")
    add(
        "--seed-spans",
        default="3000",
        metavar="FILE|N",
        help="spans to begin with: a JSON file, or a number spread over the 30 days up to now (default: 3000)",
    )
    add("--weather", choices=KINDS, default="clear", help="bad: clocks, gateways, lists and networks misbehave")
    add("--weather-seed", type=int, default=0, metavar="N", help="which bad weather, the same for one N (default: 0)")
    add(
        "--settings",
        type=_settings,
        default=os.environ.get(SETTINGS_VARIABLE, "{}"),
        metavar="JSON",
        help=f"settings to begin with, as of the control path's configure (default: ${SETTINGS_VARIABLE})",
    )


def _seed(options: argparse.Namespace, world: World) -> None:
    world.settings = checked(Settings, {"run_seconds": options.run_seconds} | options.settings)
    world.weather = bad_weather(options.weather_seed) if options.weather == "bad" else Weather()
    skew(world.clock, world.weather)
    if options.seed_spans.isdigit():
        seed(world, spans=int(options.seed_spans))
        return
    seed(world, spans=0)
    load_spans(world, Path(options.seed_spans))


def main(arguments: list[str] | None = None) -> None:
    """Start the emulator and serve until interrupted.

    :param arguments: command line; ``sys.argv`` by default.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.seed_spans.isdigit() and not Path(options.seed_spans).is_file():
        parser.error(f"--seed-spans: no such file: {options.seed_spans}")
    world = World(level=Level(options.api_level))
    fill = functools.partial(_seed, options)
    try:
        server = Server(world, options.host, options.port, options.api_key, fill, options.allowed_host)
    except SpansFileError as error:
        parser.error(f"--seed-spans: {options.seed_spans} holds no spans: {error}")
    spans = sum(len(store) for store in world.spans.values())
    describe = f"API level {options.api_level}, runs last {options.run_seconds:g} s, {spans} spans"
    describe += f", {options.weather} weather with seed {options.weather_seed}" if options.weather != "clear" else ""
    if not is_loopback(options.host):
        sys.stderr.write(f"{_OPEN_TO_ALL.format(options.host)}\n")
    try:
        asyncio.run(serve(server, describe, until_input_closes=options.until_input_closes))
    except OSError as error:
        sys.exit(f"cannot listen on {options.host}:{options.port}: {error.strerror or error}")


if __name__ == "__main__":
    main()
