"""``python -m airflow_provider_arize_tasks certify``: whether a server behaves as this provider assumes."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.certificate.assumptions import Finding, Verdict
from airflow_provider_arize_tasks.certificate.questions import ASSUMPTIONS, ask_all
from airflow_provider_arize_tasks.certificate.record import certificate
from airflow_provider_arize_tasks.certificate.session import (
    MOST_ANSWERS,
    MOST_JUDGEMENTS,
    SPANS,
    Account,
    ListeningClient,
    Session,
    clean_up,
)
from airflow_provider_arize_tasks.cli.arguments import seconds
from airflow_provider_arize_tasks.cli.connection import config_for
from airflow_provider_arize_tasks.client.api import ArizeApi
from airflow_provider_arize_tasks.client.errors import ArizeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESCRIPTION = """\
Ask an Arize account, one by one, everything that this provider and its emulator assume and the API's reference leaves
open. Creates tasks and experiments named certify-DATE-..., and deletes them at the end, also after Ctrl-C. What it
writes to --out holds no key, no name, no text of a span, and ids only as hashes.
"""
_EPILOG = """\
Exit status: 0 if all that could be asked holds, 1 if something differs, 2 for a mistake in the arguments or the
connection, 3 if the API could not be asked, 130 after Ctrl-C.
"""


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    parser = commands.add_parser(
        "certify",
        help="ask a real server what this provider assumes of it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--conn-id", help="Airflow connection to use (default: the environment's ARIZE_API_KEY, else arize_default)")
    add("--project", required=True, help="project whose spans are used: name or id")
    add("--space", help="space of the names (default: the connection's)")
    add("--dataset", help="dataset whose first example is used; without it nothing about experiments is asked")
    add("--integration", help="integration of an LLM provider that answers it")
    add("--evaluator", action="append", default=[], help="judge of spans; may be repeated (default: two of the space)")
    add("--out", type=Path, help="file to write the certificate to")
    add("--yes", action="store_true", help="do not ask before anything is spent")
    add("--patience", type=seconds, default=900.0, help="how long to wait for one run, such as 15m (the default)")
    add("--clean-up", action="store_true", help="only delete what certificates that were killed have left")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    :param arguments: as parsed.
    :return: the exit status.
    """
    if arguments.out is None and not arguments.clean_up:
        sys.stderr.write("certify: --out is missing: the file to write the certificate to\n")
        return 2
    account = Account(
        project=arguments.project,
        space=arguments.space,
        dataset=arguments.dataset,
        integration=arguments.integration,
        evaluators=tuple(arguments.evaluator),
        patience=arguments.patience,
    )
    try:
        with ListeningClient(config_for(arguments.conn_id)) as client:
            api = ArizeApi(client)
            if not arguments.clean_up:
                return _certify(api, account, arguments)
            sys.stdout.write(f"{clean_up(api, account)} left over, deleted\n")
            return 0
    except ArizeError as error:
        sys.stderr.write(f"certify: {error}\n")
        return 3 if error.retryable else 2
    except KeyboardInterrupt:
        sys.stderr.write("certify: stopped; what it had made is deleted\n")
        return 130


def _certify(api: ArizeApi, account: Account, arguments: argparse.Namespace) -> int:
    if not arguments.yes and not _agreed(api, account):
        sys.stderr.write("certify: nothing was asked\n")
        return 2
    session, findings = Session(api, account), []
    with _terminable():
        try:
            findings = list(ask_all(session, _tell))
        finally:
            clean_up(api, account)
    body = certificate(
        findings,
        base_url=api.config.base_url,
        release=__version__,
        date=datetime.now(timezone.utc).date().isoformat(),
    )
    arguments.out.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    counts = {verdict: sum(each.verdict is verdict for each in findings) for verdict in Verdict}
    sys.stdout.write(", ".join(f"{count} {verdict.value}" for verdict, count in counts.items()))
    sys.stdout.write(f"; written to {arguments.out}\n")
    return 1 if counts[Verdict.DIFFERS] else 0


def _agreed(api: ArizeApi, account: Account) -> bool:
    """Say what will be spent, and ask."""
    answers = f" and {MOST_ANSWERS} answers of a model" if account.dataset else ""
    sys.stderr.write(
        f"This asks {api.config.base_url} for at most {MOST_JUDGEMENTS} judgements{answers}, on {SPANS} spans of the "
        f"project{' and one example of the dataset' if account.dataset else ''}. Tasks and experiments that it makes "
        "are deleted at the end; labels on those spans stay, as the API can't take them away.\nGo on? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, tidily; and Ctrl-C does also where the shell had it ignored."""

    def stop(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _tell(found: Finding) -> None:
    more = f", assumed was: {ASSUMPTIONS[found.name].answer}" if found.verdict is Verdict.DIFFERS else ""
    sys.stderr.write(f"{found.verdict.value:>18}  {found.name}: {found.found}{more}\n")
