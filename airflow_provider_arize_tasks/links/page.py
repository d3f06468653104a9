"""Where the page of this provider is in Airflow; apart from the links, which need half of Airflow's SDK."""

from __future__ import annotations

from typing import Final

#: Where the page of this provider is, below the address of Airflow's API server.
PAGE_PREFIX: Final = "/arize-tasks"


def has_page(version: str) -> bool:
    """Whether an Airflow has the page of this provider: those that show pages of plugins in their UI.

    :param version: of Airflow.
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    return (major, minor) >= (3, 1)
