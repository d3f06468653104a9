"""The two sides of the comparison: the SDK in a process of its own, and our hook; each tells the same of a call."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeNameError,
    ArizeReplyError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.client.models import ArizeObject, Page, RunStatus, Task, TaskRun
from tests.conformance.environments import python_of

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

KEY = "conformance-key"
CONNECTION = "arize_conformance"
#: The SDK's methods and ours.
METHODS = {
    "list": "list_tasks",
    "get": "get_task",
    "create_evaluation_task": "create_evaluation_task",
    "create_run_experiment_task": "create_run_experiment_task",
    "update": "update_task",
    "delete": "delete_task",
    "trigger_run": "trigger_run",
    "list_runs": "list_runs",
    "get_run": "get_run",
    "cancel_run": "cancel_run",
    "wait_for_run": "wait_for_run",
}
#: Arguments whose values are enums, and keys of a run configuration that hold them.
ENUM_KEYS = {"task_type", "status", "experiment_type", "role", "input_variable_format"}


@dataclass
class Told:
    """What came of one call.

    :ivar result: the parsed object as plain JSON, ``None`` fields left out.
    :ivar error: kind of the error, and its status, if there was one.
    :ivar text: the error's text, for people only.
    :ivar requests: what went over the wire: method, path, query, body.
    """

    result: Any = None
    error: dict[str, Any] | None = None
    text: str = ""
    requests: list[tuple[str, str, list[list[str]], Any]] = field(default_factory=list)

    @property
    def changes(self) -> list[tuple[str, str, list[list[str]], Any]]:
        """The requests that change something."""
        return [request for request in self.requests if request[0] != "GET"]


class Side:
    """Plays a call against an emulator and records it."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator

    def call(self, method: str, args: dict[str, Any], *, plain: bool = False) -> Told:
        """Make one call of the tasks client.

        :param method: the SDK's name of the method.
        :param args: its arguments, enums in upper case, times as datetimes.
        :param plain: pass evaluators as the dictionaries they are, although the SDK wants models.
        """
        seen = self.emulator.control.requests()
        before = seen[-1]["number"] if seen else 0
        told = self.play(method, args, plain=plain)
        told.requests = [
            (item["method"], item["path"], sorted(item["query"]), item["body"])
            for item in self.emulator.control.requests(after=before)
        ]
        return told

    def play(self, method: str, args: dict[str, Any], *, plain: bool) -> Told:
        raise NotImplementedError


class SdkSide(Side):
    """A release of the SDK.

    :param emulator: a server of the release's own level.
    :param release: such as ``8.61.0``.
    """

    def __init__(self, emulator: EmulatorProcess, release: str) -> None:
        super().__init__(emulator)
        self.release = release
        self.is_upper = _number(release) >= (8, 40)
        self._process = subprocess.Popen(
            [python_of(release), Path(__file__).with_name("driver.py"), emulator.url.removeprefix("http://"), KEY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("ARIZE_")},
        )

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send the driver one line and read its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question, default=_encode) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver of arize {self.release} ended: {self._process.poll()}"
        return dict(json.loads(line))

    def play(self, method: str, args: dict[str, Any], *, plain: bool) -> Told:
        spelled = args if self.is_upper else {name: _lower(value, name) for name, value in args.items()}
        answer = self.ask({"method": method, "args": spelled, "plain": plain})
        error = answer.get("error") or {}
        return Told(sparse(answer.get("result")), _error(error), str(error.get("text", "")))

    def close(self) -> None:
        """End the driver."""
        self._process.terminate()
        self._process.communicate()


class HookSide(Side):
    """Our hook; a new one for each call, so that nothing is remembered from the call before.

    :param emulator: the server.
    :param enum_case: what the connection says about enums; ``None`` lets the hook find out.
    """

    def __init__(self, emulator: EmulatorProcess, enum_case: str | None) -> None:
        super().__init__(emulator)
        extra = {"enum_case": enum_case} if enum_case else {}
        connection = {"conn_type": "arize", "host": emulator.url, "password": KEY, "extra": extra}
        os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(connection)

    def play(self, method: str, args: dict[str, Any], *, plain: bool) -> Told:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with ArizeHook(CONNECTION) as hook:
            try:
                result = getattr(hook, METHODS[method])(**args)
            except ArizeApiError as error:
                return Told(error={"kind": "status", "status": error.status, "detail": error.detail})
            except ArizeNameError:
                return Told(error={"kind": "name"})
            except ArizeTransportError:
                return Told(error={"kind": "transport"})
            except ArizeReplyError:
                return Told(error={"kind": "reply"})
            except TimeoutError:
                return Told(error={"kind": "timeout"})
            except ValueError:
                return Told(error={"kind": "ValueError"})
        key = "task_runs" if method == "list_runs" else "tasks"
        return Told(result=sparse(fields_of(result, key)))


def fields_of(value: Any, key: str = "") -> Any:
    """One of our objects as plain JSON, read attribute by attribute; only fields it has no attribute for are as sent.

    :param value: the object.
    :param key: the name of the array, for a page.
    """
    if isinstance(value, Page):
        pagination = {"has_more": value.has_more, "next_cursor": value.next_cursor}
        return {key: [fields_of(item) for item in value.items], "pagination": pagination}
    if isinstance(value, ArizeObject):
        names = [name for name in type(value).model_fields if name not in ("type_text", "status_text")]
        plain = {name: fields_of(getattr(value, name)) for name in names}
        more = {name: item for name, item in value.to_dict().items() if name not in plain}
        return plain | _spelled(value) | more
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: fields_of(item) for name, item in value.items()}
    return [fields_of(item) for item in value] if isinstance(value, (list, tuple)) else value


def _spelled(value: Any) -> dict[str, Any]:
    """Type and status as the server spelled them, once it is sure that the enum says the same."""
    if isinstance(value, Task):
        assert value.type_text is not None
        assert value.type.value == value.type_text.upper()
        return {"type": value.type_text}
    if isinstance(value, TaskRun):
        assert value.status_text is not None
        assert value.status is RunStatus.UNKNOWN or value.status.value == value.status_text.upper()
        return {"status": value.status_text}
    return {}


def sparse(value: Any) -> Any:
    """Plain JSON without nulls, times as numbers; fields the SDK keeps in ``additional_properties`` are in place."""
    if isinstance(value, dict):
        merged = {**value, **(value.get("additional_properties") or {})}
        merged.pop("additional_properties", None)
        return {name: sparse(item) for name, item in merged.items() if item is not None}
    if isinstance(value, list):
        return [sparse(item) for item in value]
    if isinstance(value, str) and len(value) >= 19 and value[4:5] == "-" and value[10:11] == "T":
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    return value


def _encode(value: Any) -> Any:
    return {"$datetime": value.isoformat()} if isinstance(value, datetime) else str(value)


def _lower(value: Any, name: str) -> Any:
    if isinstance(value, dict) and name not in ("input_template", "tools", "schema"):
        return {key: _lower(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_lower(item, name) for item in value]
    return value.lower() if name in ENUM_KEYS and isinstance(value, str) else value


def _error(error: dict[str, Any]) -> dict[str, Any] | None:
    if not error:
        return None
    plain = {"kind": error["kind"]}
    if error["kind"] == "status":
        plain["status"] = error["status"]
        try:
            plain["detail"] = json.loads(error["body"]).get("detail")
        except (TypeError, ValueError):
            plain["detail"] = None
    return plain


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
