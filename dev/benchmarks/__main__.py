"""Run the benchmarks: ``python -m dev.benchmarks [names] [--quick]``."""

from __future__ import annotations

import argparse
import importlib

#: In the order in which they run. The last two start a real Airflow on PostgreSQL.
NAMES = ("footprint", "reading", "waiting", "growth", "triggerer", "backfill")


def main() -> None:
    """Run those asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m dev.benchmarks")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help=f"any of: {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, to see that everything runs")
    arguments = parser.parse_args()
    for name in arguments.names or NAMES:
        importlib.import_module(f"dev.benchmarks.{name}").main(quick=arguments.quick)


if __name__ == "__main__":
    main()
