"""Airflow's ``mask_secret``, wherever this Airflow keeps it.

``common-compat`` knows from 1.21 on, but on Python 3.10 the newest there is is 1.20.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

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
