"""``python -m dev.demo [--up]``: see ``make demo`` and ``make up``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import NoReturn

from dev.demo.show import Show
from dev.demo.table import Verdict, print_report


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demonstration.

    :return: exit status: 0 when every claim of the table held.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("--up", action="store_true", help="leave Airflow's UI running afterwards, until Ctrl-C")
    parser.add_argument("--days", type=int, default=7, help="days to backfill (default: 7)")
    parser.add_argument("--run-seconds", type=float, default=15.0, help="how long a run on Arize lasts (default: 15)")
    options = parser.parse_args()
    # TERM ends this the way Ctrl-C does: everything that was started is stopped.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with Show(days=options.days, run_seconds=options.run_seconds, browse=options.up) as show:
            show.play()
            verdict = print_report(show)
            if options.up:
                _stay(show)
            return 0 if verdict is Verdict.HELD else 1
    except KeyboardInterrupt:
        print("\nstopped")
        return 0 if options.up else 130


def _stay(show: Show) -> None:
    airflow, emulator = show.airflow, show.emulator
    print(f"\nAirflow   {airflow.url}   (no password: it listens on this machine only, and you are its administrator)")
    print(f"Arize     {emulator.url}   (the emulator; connection arize_default; runs last {show.run_seconds:g} s)")
    print("\nCtrl-C stops both.")
    while all(component["exit"] is None for component in airflow.ps().values()):
        time.sleep(2)
    print("a component of Airflow has ended by itself; its log is in", airflow.home)


if __name__ == "__main__":
    sys.exit(main())
