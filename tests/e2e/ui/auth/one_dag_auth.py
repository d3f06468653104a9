"""An auth manager under which the user ``reader`` may read one DAG, ``nobody`` none, and everybody else all.

Airflow's own simple auth manager knows roles, but no permissions DAG by DAG.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

READABLE = {"reader": {"support_daily"}, "nobody": set()}


class OneDagAuthManager(SimpleAuthManager):
    """See above."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        """Whether a user may do something with a DAG."""
        readable = READABLE.get(user.get_id())
        dag_id = getattr(details, "id", None)
        if readable is not None and (method != "GET" or (dag_id is not None and dag_id not in readable)):
            return False
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)

    def filter_authorized_dag_ids(self, *, dag_ids: set[str], user: Any, **more: Any) -> set[str]:
        """Those of some DAGs that a user may read."""
        readable = READABLE.get(user.get_id())
        return set(dag_ids) if readable is None else set(dag_ids) & readable
