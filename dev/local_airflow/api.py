"""A small client of Airflow's own REST API, for tests, demo and benchmarks."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: What a call meets when the API server is not there, too slow, or cut off in the middle of its reply.
UNANSWERED = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.JSONDecodeError,
)
#: States from which neither a task instance nor a DAG run moves on by itself.
FINAL = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class ApiError(RuntimeError):
    """Airflow refused a request."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _text(moment: datetime | str | None) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else moment


class AirflowApi:
    """Airflow's REST API as a signed-in administrator.

    :param url: address of the API server.
    :param patience: seconds of connection errors and 5xx replies to put up with: an API server on a busy machine, or
        one that was killed and comes again, is waited for as a person would.
    :param answer: seconds for one answer; :param pause: seconds between a call and its repetition.
    """

    def __init__(self, url: str, *, patience: float = 300, answer: float = 90, pause: float = 1) -> None:
        self.url = url
        self.patience = patience
        self.answer = answer
        self.pause = pause
        self.session = requests.Session()
        self.token: str | None = None

    # ------------------------------------------------------------------ plain calls

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call of ``/api/v2``, repeated while the API server is not there, busy or restarting.

        A call whose answer was lost may arrive twice.

        :param path: below ``/api/v2/``; :param body: JSON.
        :raises ApiError: for any other refusal, and when all patience has passed.
        """
        until = time.monotonic() + self.patience
        last = ""
        while True:
            try:
                reply = self._send(method, path, body, query)
            except UNANSWERED as error:
                last = str(error)
            else:
                if reply.status_code == 401:
                    self.token = None
                if reply.status_code < 500 and reply.status_code != 401:
                    return self._read(reply, f"{method} {path}")
                last = f"{reply.status_code} {reply.text[:800]}"
            if time.monotonic() >= until:
                what = f"no good answer from {self.url} for {self.patience:g} s"
                raise ApiError(f"{method} {path}: {what}; last: {last}", 0)
            time.sleep(self.pause)

    def _send(self, method: str, path: str, body: Any, query: dict[str, Any]) -> requests.Response:
        """Sign in if need be, and send once."""
        if self.token is None:
            signed_in = self.session.get(f"{self.url}/auth/token", timeout=self.answer)
            if not signed_in.ok:
                return signed_in
            self.token = signed_in.json()["access_token"]
        return self.session.request(
            method,
            f"{self.url}/api/v2/{path}",
            json=body,
            params={name: value for name, value in query.items() if value is not None},
            headers={"authorization": f"Bearer {self.token}"},
            timeout=self.answer,
        )

    @staticmethod
    def _read(reply: requests.Response, what: str) -> Any:
        if not reply.ok:
            raise ApiError(f"{what}: {reply.status_code} {reply.text[:800]}", reply.status_code)
        return reply.json() if reply.content else None

    def is_up(self) -> bool:
        """Whether the API server answers."""
        try:
            return self.session.get(f"{self.url}/auth/token", timeout=5).ok
        except requests.RequestException:
            return False

    def warm(self) -> None:
        """Make the API server build its execution API now: the first call of a cold one takes seconds and can time
        out under a task without retries.
        """
        with contextlib.suppress(requests.RequestException):
            # An unauthorised call is enough: the application is built before anybody looks at the token.
            self.session.get(f"{self.url}/execution/variables/warm", timeout=60)

    # ------------------------------------------------------------------ DAGs and runs

    def unpause(self, dag_id: str, *, paused: bool = False) -> None:
        """Unpause (or pause) a DAG and check that it took."""
        for _ in range(5):
            if self.call("PATCH", f"dags/{dag_id}", {"is_paused": paused})["is_paused"] is paused:
                return
        raise ApiError(f"{dag_id} would not be {'paused' if paused else 'unpaused'}", 0)

    def trigger(
        self,
        dag_id: str,
        run_id: str | None = None,
        *,
        logical_date: datetime | str | None = None,
        interval: tuple[datetime | str, datetime | str] | None = None,
        conf: dict[str, Any] | None = None,
    ) -> str:
        """Trigger a DAG run.

        :param run_id: chosen by Airflow when absent; :param logical_date: absent for a run without one;
        :param interval: explicit data interval; :param conf: the run's ``conf``.
        :return: the run id.
        """
        body: dict[str, Any] = {"logical_date": _text(logical_date), "conf": conf or {}}
        if run_id is not None:
            body["dag_run_id"] = run_id
        if interval is not None:
            body |= {"data_interval_start": _text(interval[0]), "data_interval_end": _text(interval[1])}
        try:
            return str(self.call("POST", f"dags/{dag_id}/dagRuns", body)["dag_run_id"])
        except ApiError as error:
            # An answer can get lost after the run was created; the repetition then meets its own run.
            if error.status == 409 and run_id is not None and self.run(dag_id, run_id):
                return run_id
            raise

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One DAG run."""
        reply: dict[str, Any] = self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")
        return reply

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a DAG, oldest first."""
        return self._pages(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="id")

    def _pages(self, path: str, key: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", path, limit=100, offset=len(found), **query)
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a DAG run ``success`` or ``failed``, as the UI's button does."""
        self.call("PATCH", f"dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    # ------------------------------------------------------------------ task instances

    def task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """One task instance."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        reply: dict[str, Any] = self.call("GET", path if map_index < 0 else f"{path}/{map_index}")
        return reply

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run."""
        return self._pages(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def tries(self, dag_id: str, run_id: str, task_id: str) -> list[dict[str, Any]]:
        """Every attempt of a task instance, the current one included."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/tries"
        found: list[dict[str, Any]] = self.call("GET", path)["task_instances"]
        return found

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task instance ``success`` or ``failed``."""
        self.call("PATCH", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_ids: Iterable[str] | None = None) -> None:
        """Clear task instances of a run (all when ``task_ids`` is absent), whatever their state."""
        body: dict[str, Any] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "reset_dag_runs": True,
            "include_downstream": False,
        }
        if task_ids is not None:
            body["task_ids"] = list(task_ids)
        self.call("POST", f"dags/{dag_id}/clearTaskInstances", body)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """An XCom value, or ``None`` when there is none."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        try:
            return self.call("GET", path, map_index=map_index, deserialize=True)["value"]
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1, map_index: int = -1) -> str:
        """The log of one attempt as text: event, then the other fields of each line."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        try:
            content = self.call("GET", path, full_content=True, map_index=map_index)["content"]
        except ApiError as error:
            if error.status == 404:
                return ""
            raise
        lines = [content] if isinstance(content, str) else content
        return "\n".join(line if isinstance(line, str) else _log_line(line) for line in lines)

    def links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """The extra links of a task instance."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        found: dict[str, str | None] = self.call("GET", path, map_index=map_index)["extra_links"]
        return found

    # ------------------------------------------------------------------ backfills

    def backfill(self, dag_id: str, start: datetime | str, end: datetime | str, **options: Any) -> dict[str, Any]:
        """Create a backfill on a live Airflow (PostgreSQL; SQLite refuses with a scheduler running).

        :param options: ``max_active_runs``, ``reprocess_behavior``, ``dag_run_conf``, ``run_backwards``.
        """
        body = {"dag_id": dag_id, "from_date": _text(start), "to_date": _text(end), "max_active_runs": 10, **options}
        reply: dict[str, Any] = self.call("POST", "backfills", body)
        return reply

    # ------------------------------------------------------------------ waiting

    def wait_for(self, what: str, check: Callable[[], Any], limit: float = 120, every: float = 0.3) -> Any:
        """Ask ``check`` until it answers with something true.

        :param what: for the message; :param check: asked after ``every`` seconds, then ever more rarely, but once a
            second at least, so that many who wait don't keep the API server from its work; :param limit: seconds.
        :raises TimeoutError: when ``limit`` has passed.
        """
        until = time.monotonic() + limit
        while not (answer := check()):
            if time.monotonic() > until:
                raise TimeoutError(f"waited {limit} s for {what}")
            time.sleep(every)
            every = max(every, min(1.0, every * 1.2))
        return answer

    def wait_for_task(
        self, dag_id: str, run_id: str, task_id: str, states: Iterable[str] = FINAL, limit: float = 120
    ) -> dict[str, Any]:
        """Wait until a task instance is in one of ``states``."""
        wanted = frozenset(states)

        def look() -> dict[str, Any] | None:
            found = self.task(dag_id, run_id, task_id)
            return found if found["state"] in wanted else None

        answer: dict[str, Any] = self.wait_for(f"{dag_id}/{run_id}/{task_id} to be {sorted(wanted)}", look, limit)
        return answer

    def wait_for_run(self, dag_id: str, run_id: str, limit: float = 180) -> str:
        """Wait until a DAG run has ended; returns its state."""

        def look() -> str | None:
            state = str(self.run(dag_id, run_id)["state"])
            return state if state in FINAL else None

        return str(self.wait_for(f"{dag_id}/{run_id} to end", look, limit))


def _log_line(line: dict[str, Any]) -> str:
    """One line of a structured log: time, event, what else there is; the errors behind it on lines of their own."""
    errors = line.get("error_detail") or []
    skip = {"event", "timestamp", "error_detail"}
    rest = {name: value for name, value in line.items() if name not in skip and value is not None}
    text = f"{line.get('timestamp') or ''} {line.get('event', '')} {rest}".strip()
    return "\n".join([text, *(f"    {error.get('exc_type')}: {error.get('exc_value')}" for error in errors)])
