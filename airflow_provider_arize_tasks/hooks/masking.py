"""Airflow's ``mask_secret``, wherever this Airflow keeps it.

``common-compat`` knows from 1.21 on, but on Python 3.10 the newest there is is 1.20.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Airflow 3.1 and later, 3.0, 2.
_HOMES = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


def mask_secret(secret: str) -> None:
    """Keep a secret out of the logs from now on.

    :param secret: replaced by ``***`` in what this process logs.
    :raises ImportError: this Airflow masks nothing, which none that is supported does.
    """
    for home in _HOMES:
        with suppress(ImportError, AttributeError):
            import_module(home).mask_secret(secret)
            return
    raise ImportError(f"no mask_secret in any of {', '.join(_HOMES)}")


def unmasked_secrets(secrets: Iterable[str]) -> list[str]:
    """A warning if secrets are too short to be masked, which Airflow leaves in the logs as they are.

    :param secrets: of a connection.
    """
    from airflow.providers.common.compat.sdk import conf

    shortest = conf.getint("logging", "min_length_masked_secret", fallback=5)
    if not any(0 < len(secret) < shortest for secret in secrets):
        return []
    warning = (
        f"the API key (or another secret of this connection) has fewer than {shortest} characters: Airflow does not "
        "mask it, so it may show in logs. Arize's own keys are longer; is it complete?"
    )
    return [warning]


async def mask_secrets_on_loop(secrets: Iterable[str]) -> None:
    """The same for several, on the event loop of a triggerer: Airflow 3 tells its supervisor, and must not block on it.

    :param secrets: replaced by ``***`` in what the triggerer logs.
    :raises ImportError: this Airflow masks nothing, which none that is supported does.
    """
    try:
        from airflow.sdk.log import amask_secret  # Airflow 3.3.2 and later
    except ImportError:
        # Not asyncio.to_thread: on Airflow 3 masking asks the triggerer's supervisor, over streams of this event loop.
        # asgiref brings that request back here; from a plain thread it would be sent on a loop of its own, answers
        # would get mixed up, and the triggerer would die of it with everybody's triggers.
        from asgiref.sync import sync_to_async

        for secret in secrets:
            await sync_to_async(mask_secret)(secret)
        return
    for secret in secrets:
        await amask_secret(secret)
