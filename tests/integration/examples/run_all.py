"""Runs every example DAG once, in a bare Airflow, as a newcomer would by hand; prints what became of them as JSON."""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def dags_of(folder: Path) -> Iterator[Any]:
    """All DAGs of a folder's ``arize_*`` files and of the first steps, in order."""
    context = _dag_context()
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith(("arize_", "howto_first")):
            continue
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        # What Airflow's own parser does, to find the DAGs that no name holds.
        context.autoregistered_dags.clear()
        context.current_autoregister_module_name = file.stem
        spec.loader.exec_module(module)
        found = [each[0] if isinstance(each, tuple) else each for each in context.autoregistered_dags]
        yield from sorted(found, key=lambda dag: str(dag.dag_id))


def _dag_context() -> Any:
    try:
        from airflow.sdk.definitions._internal.contextmanager import DagContext
    except ImportError:
        from airflow.models.dag import DagContext  # type: ignore[no-redef]
    return DagContext


def main(folder: str, wanted: list[str]) -> None:
    """Run them; those named, or all."""
    ended: dict[str, Any] = {}
    for dag in dags_of(Path(folder)):
        if wanted and dag.dag_id not in wanted:
            continue
        try:
            run = dag.test()
            instances = {f"{ti.task_id}[{ti.map_index}]": str(ti.state) for ti in run.get_task_instances()}
            names = [str(ti.rendered_map_index) for ti in run.get_task_instances() if ti.map_index >= 0]
            ended[dag.dag_id] = {
                "state": str(getattr(run.state, "value", run.state)),
                "tasks": instances,
                "names": names,
            }
        except Exception:  # noqa: BLE001 - whatever it is, the other DAGs are run as well
            ended[dag.dag_id] = {"state": "raised", "tasks": {}, "error": traceback.format_exc()}
    Path("ended.json").write_text(json.dumps(ended))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
