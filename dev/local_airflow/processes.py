"""What the task processes of a local Airflow did: who ran where, and for how long each held a worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TaskProcess:
    """One process that executed or resumed a task.

    :param born: epoch seconds at which it was forked.
    :param ended: epoch seconds at which it ended; ``None`` while it runs, or when it was killed.
    :param cpu: processor seconds it took, its share of what it was forked from not included; ``None`` likewise.
    """

    pid: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    born: float
    ended: float | None
    cpu: float | None

    @property
    def seconds(self) -> float:
        """How long it lived; 0 when its end is not known."""
        return 0.0 if self.ended is None else self.ended - self.born


def read_processes(path: Path) -> list[TaskProcess]:
    """Read what the plugin wrote, oldest first.

    :param path: the plugin's file; it need not exist yet.
    """
    begun: list[dict[str, object]] = []
    ends: dict[object, list[dict[str, object]]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        record = json.loads(line)
        if record["event"] == "begin":
            begun.append(record)
        else:
            ends.setdefault(record["pid"], []).append(record)
    return [_process(record, ends.get(record["pid"], [])) for record in begun]


def _process(begin: dict[str, object], ends: list[dict[str, object]]) -> TaskProcess:
    # A process id can come back: the end that belongs to this beginning is the first one after it.
    later = [end for end in ends if float(str(end["at"])) >= float(str(begin["at"]))]
    fields = {name: begin[name] for name in ("pid", "dag_id", "run_id", "task_id", "map_index", "try_number", "born")}
    end = later[0] if later else {"at": None, "cpu": None}
    return TaskProcess(**fields, ended=end["at"], cpu=end["cpu"])  # type: ignore[arg-type]  # JSON, written next door
