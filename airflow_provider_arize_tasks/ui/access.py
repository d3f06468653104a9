"""Who may see what: Airflow's own permissions, asked DAG by DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Access:
    """What one user may do.

    The page shows task instances and XComs of a DAG, so all three permissions are asked for, as Airflow's own pages do.

    :param user: as Airflow's ``get_user`` gives it.
    """

    def __init__(self, user: Any) -> None:
        from airflow.api_fastapi.app import get_auth_manager

        self._user = user
        self._manager: Any = get_auth_manager()

    def readable(self, dag_ids: Iterable[str]) -> frozenset[str]:
        """Those of some DAGs that the user may read.

        :param dag_ids: any.
        """
        return frozenset(dag_id for dag_id in dag_ids if self.may_read(dag_id))

    def may_read(self, dag_id: str) -> bool:
        """Whether the user may read a DAG, its task instances and their XComs.

        :param dag_id: of the DAG; one that does not exist is asked for as well, so that the answer tells nothing.
        """
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

        entities = (None, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)
        return all(self._may("GET", dag_id, entity) for entity in entities)

    def may_run(self, dag_id: str) -> bool:
        """Whether the user may start runs of a DAG, and so may have Arize asked with its connection.

        :param dag_id: of the DAG.
        """
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

        return self.may_read(dag_id) and self._may("POST", dag_id, DagAccessEntity.RUN)

    def _may(self, method: str, dag_id: str, entity: Any) -> bool:
        details = _details(dag_id)
        return bool(
            self._manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=self._user)
        )


def _details(dag_id: str) -> Any:
    """A DAG as auth managers want it, with its team where Airflow knows of teams."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
    from airflow.models.dag import DagModel

    team_of = getattr(DagModel, "get_team_name", None)
    if team_of is None:
        return DagDetails(id=dag_id)
    return DagDetails(id=dag_id, team_name=team_of(dag_id))
